"""Files of people: all or nothing, and as often as one likes."""

import re
from pathlib import Path

import pytest

from survey.models import Department, Leadership, Person
from survey.people import grant, leads_of, who_may_sign_in
from survey.roster import import_people
from survey.settings import Settings
from survey.sheets import ImportRefused

PEOPLE = """email,name,department,language,leads,role
alice@mirror.example,Alice,Finance,en,Finance,
bob@mirror.example,Bob,Atención al Cliente,es,,hr
carla@mirror.example,Carla,Atención al Cliente,,,
"""


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    return tmp_path


def take_people(folder: Path, text: str = PEOPLE, **options: bool) -> dict[str, int]:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return {what: n for what, n in import_people(path, "es", **options).counts.items() if n}


def people_faults(folder: Path, *lines: str) -> tuple[str, ...]:
    with pytest.raises(ImportRefused) as refused:
        take_people(folder, "\n".join(["email,name,department,language,leads,role", *lines]))
    assert Person.select().count() == Department.select().count() == 0
    return refused.value.faults


def person(name: str) -> Person:
    return Person.get(Person.email == f"{name}@mirror.example")


def test_people_are_added_with_their_departments_and_leads(folder: Path) -> None:
    assert take_people(folder) == {"departments added": 2, "people added": 3}
    assert [department.name for department in leads_of(person("alice"))] == ["Finance"]
    assert (person("bob").role, person("bob").department.key) == ("hr", "atencion-al-cliente")


def test_a_person_without_a_language_gets_the_companys(folder: Path) -> None:
    take_people(folder)
    assert (person("alice").language, person("carla").language) == ("en", "es")


def test_importing_the_same_people_again_changes_nothing(folder: Path) -> None:
    take_people(folder)
    assert take_people(folder) == {"people unchanged": 3}


def test_an_email_is_known_whatever_its_case(folder: Path) -> None:
    take_people(folder)
    assert take_people(folder, "email,name,department\nALICE@Mirror.Example,Alicia,Finance\n") == {"people changed": 1}
    assert person("alice").name == "Alicia"


def test_columns_that_are_missing_leave_role_leads_and_language_alone(folder: Path) -> None:
    take_people(folder)
    take_people(folder, "email,name,department\nalice@mirror.example,Alice,Finance\nbob@mirror.example,Bob,Finance\n")
    assert (person("bob").role, person("alice").language, len(leads_of(person("alice")))) == ("hr", "en", 1)


def test_an_empty_cell_takes_role_and_leads_away_and_says_so(folder: Path) -> None:
    take_people(folder)
    path = folder / "people.csv"
    path.write_text(PEOPLE.replace(",hr", ",").replace("en,Finance", "en,"), encoding="utf-8")
    assert "bob@mirror.example no longer has the role hr, as the file says." in import_people(path, "es").notices
    assert (person("bob").role, leads_of(person("alice"))) == ("", [])


def test_a_line_break_in_a_name_becomes_a_blank(folder: Path) -> None:
    take_people(folder, 'email,name,department\nalice@mirror.example,"Alice\r\nBcc: x","Finance\r\nand more"\n')
    assert (person("alice").name, Department.get().name) == ("Alice Bcc: x", "Finance and more")


def test_several_departments_to_lead_are_quoted_in_a_file_of_semicolons(folder: Path) -> None:
    take_people(
        folder,
        "email;name;department;leads\n"
        'alice@mirror.example;Alice;Finance;"Finance; Logistics"\n'
        "bob@mirror.example;Bob;Logistics;\n",
    )
    assert [department.key for department in leads_of(person("alice"))] == ["finance", "logistics"]


def test_a_rehearsal_tells_the_same_and_changes_nothing(folder: Path) -> None:
    assert take_people(folder, rehearse=True) == {"departments added": 2, "people added": 3}
    assert Person.select().count() == Department.select().count() == Leadership.select().count() == 0


def test_only_a_complete_file_turns_out_those_it_does_not_list(folder: Path) -> None:
    take_people(folder)
    shorter = "email,name,department\nalice@mirror.example,Alice,Finance\n"
    assert take_people(folder, shorter) == {"people unchanged": 1}
    assert take_people(folder, shorter, complete=True) == {"people unchanged": 1, "people made inactive": 2}
    assert (person("alice").active, person("bob").active) == (True, False)


def test_someone_let_in_by_hand_stays_when_a_complete_file_does_not_list_them(folder: Path) -> None:
    grant("admin", "Root@mirror.example", "en")
    take_people(folder, complete=True)
    assert who_may_sign_in("root@MIRROR.example") is not None


def test_a_person_who_comes_back_is_active_again(folder: Path) -> None:
    take_people(folder)
    Person.update(active=False).execute()
    assert take_people(folder) == {"people changed": 3}
    assert person("carla").active


def test_the_same_person_in_two_departments_is_refused_by_line(folder: Path) -> None:
    faults = people_faults(folder, "a@x.example,A,Finance,,,", "A@x.example,A,Sales,,,")
    assert faults == ('people.csv, line 3, column "email": "a@x.example" is in "finance" on line 2; keep one of them.',)


def test_every_fault_is_named_by_line_and_column(folder: Path) -> None:
    faults = people_faults(folder, "nobody,A,Finance,fr,,", "b@x.example,,…,es,,boss", "c@x.example,C,Finance,en,,HR")
    assert faults == (
        'people.csv, line 2, column "email": "nobody" is no e-mail address.',
        'people.csv, line 2, column "language": "fr" is not offered; write es or en.',
        'people.csv, line 3, column "name": is empty.',
        'people.csv, line 3, column "department": "…" names no department.',
        'people.csv, line 3, column "role": "boss" is unknown; write hr, admin or nothing.',
    )


def test_a_lead_of_a_department_that_nobody_has_heard_of_is_refused(folder: Path) -> None:
    faults = people_faults(folder, "a@x.example,A,Finance,,Magic,")
    assert faults == (
        'people.csv, line 2, column "leads": "magic" is no department of this file or of an earlier one.',
    )


def test_a_file_with_a_header_alone_is_refused(folder: Path) -> None:
    assert people_faults(folder) == ("people.csv: has no people in it.",)


def test_columns_that_nothing_reads_are_told(folder: Path) -> None:
    path = folder / "people.csv"
    path.write_text("email,name,department,salary\na@x.example,A,Finance,9\n", encoding="utf-8")
    assert import_people(path, "es").notices == ['Columns that are not read: "salary".']


# --- Divisions -----------------------------------------------------------------------------------------------------


def parent_of(key: str) -> str | None:
    parent = Department.get(Department.key == key).parent
    return parent and parent.key


DIVIDED = "email,name,department,division\na@x.example,Ann,Sales,Market\nb@x.example,Ben,IT,\n"


def test_a_division_is_a_department_that_others_belong_to(folder: Path) -> None:
    take_people(folder, DIVIDED)
    assert [parent_of(key) for key in ("sales", "it", "market")] == ["market", None, None]


def test_without_the_column_divisions_stay_as_they_are(folder: Path) -> None:
    take_people(folder, DIVIDED)
    take_people(folder, "email,name,department\na@x.example,Ann,Sales\n")
    assert parent_of("sales") == "market"


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("a@x.example,Ann,Sales,Market\nb@x.example,Ben,Sales,Staff\n", 'line 3, column "division": "sales" is in'),
        ("a@x.example,Ann,Sales,Sales\n", 'line 2, column "division": "sales" would be a division of itself'),
        ("a@x.example,Ann,A,B\nb@x.example,Ben,B,A\n", 'line 2, column "division": "a" would be a division of itself'),
    ],
)
def test_a_division_that_contradicts_itself_is_refused(folder: Path, rows: str, fault: str) -> None:
    with pytest.raises(ImportRefused, match=re.escape(fault)):
        take_people(folder, f"email,name,department,division\n{rows}")
    assert Department.select().count() == 0
