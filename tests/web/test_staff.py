"""People and departments as HR sees and keeps them."""

import pytest
import time_machine

from survey.models import Bounce, Department, Leadership, Person
from survey.people import leads_of
from tests.cast import OPENS
from tests.web.pages import STRANGE, everything, filled, tables


@pytest.fixture(autouse=True)
def clock():
    """One moment: the keys of forms change by the second."""
    with time_machine.travel(OPENS, tick=False) as clock:
        yield clock


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


def test_people_are_listed_by_department_never_by_name_but_leads(hanna, company):
    page = hanna.get("/hr/people").text
    shown = {row[0]: row[1:3] for row in tables(page)[0]}
    assert shown["Finance"] == ["12", "Alice Álvarez"]
    assert shown["Legal"] == ["4", "nobody"]
    assert "Charlie" not in page


# --- Finding and changing one person -------------------------------------------------------------------------------


def address(person: Person) -> str:
    return f"/hr/people/{person.id}"


def sent(client, page: str, **changed: str) -> dict[str, str]:
    """What a browser would post from a page, with some fields changed; None leaves one out."""
    fields = filled(client.get(page).text) | changed
    return {name: value for name, value in fields.items() if value is not None}


def test_people_are_found_by_name_or_address_without_accents(hanna, company):
    page = hanna.get("/hr/people?q=ALVAREZ alice").text
    assert f'<a href="{address(company.alice)}">Alice Álvarez</a>' in page
    assert "bob@mirror.example" in hanna.get("/hr/people?q=bob@").text
    assert "Nobody has this name" in hanna.get("/hr/people?q=nobody").text
    assert 'id="found"' not in hanna.get("/hr/people?q= ").text


def test_a_search_shows_the_first_fifty(hanna, company):
    rows = [{"email": f"same{n}@x.example", "name": f"Same {n:03}", "language": "es"} for n in range(60)]
    Person.insert_many(rows).execute()
    page = hanna.get("/hr/people?q=same").text
    assert (page.count("@x.example"), "These are the first 50" in page) == (50, True)


def test_a_person_moves_to_another_department_and_gets_another_address(hanna, company):
    Bounce.create(person=company.bob, email=company.bob.email, reply="550 no such user")
    assert "550 no such user" in hanna.get(address(company.bob)).text
    changed = {"department": "sales", "language": "es", "email": " Robert@Mirror.example", "name": "Robert\r\nBrown"}
    answer = hanna.post(address(company.bob), data=sent(hanna, address(company.bob), **changed))
    assert answer.location == address(company.bob)
    bob = Person.get_by_id(company.bob.id)
    assert (bob.name, bob.email, bob.department.key, bob.language) == (
        "Robert Brown",
        "robert@mirror.example",
        "sales",
        "es",
    )
    assert (Bounce.select().count(), Leadership.select().where(Leadership.person == bob).count()) == (0, 1)


def test_a_person_is_made_inactive(hanna, company):
    hanna.post(address(company.charlie), data=sent(hanna, address(company.charlie), active=None))
    assert not Person.get_by_id(company.charlie.id).active
    assert "inactive" in hanna.get("/hr/people?q=charlie").text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": " "}, "Write a name."),
        ({"name": "x" * 201}, "A name has at most 200 characters."),
        ({"email": "nobody"}, "This is no e-mail address."),
        ({"email": "alice@mirror.example"}, "alice@mirror.example belongs to somebody else."),
        ({"department": "magic"}, "Choose something from the list."),
        ({"language": "xx"}, "Choose something from the list."),
        ({"role": "admin"}, "Choose something from the list."),
    ],
)
def test_a_fault_is_shown_at_its_field_and_nothing_is_stored(hanna, company, changed, said):
    data = sent(hanna, address(company.charlie), **{"name": STRANGE, **changed})
    before = everything()
    answer = hanna.post(address(company.charlie), data=data)
    assert (answer.status_code, answer.text.count('aria-invalid="true"')) == (422, 1)
    assert said in answer.text
    assert "<script>alert" not in answer.text
    assert everything() == before


def test_hr_gives_the_role_of_hr_but_no_other_and_keeps_its_own(hanna, company):
    hanna.post(address(company.charlie), data=sent(hanna, address(company.charlie), role="hr"))
    assert Person.get_by_id(company.charlie.id).role == "hr"
    for person, changed in (
        (company.adam, {"role": ""}),
        (company.adam, {"active": None}),
        (company.adam, {"email": "hanna2@mirror.example"}),
        (company.hanna, {"role": ""}),
        (company.hanna, {"active": None}),
    ):
        before = everything()
        answer = hanna.post(address(person), data=sent(hanna, address(person), **changed))
        assert (answer.status_code, answer.text.count('class="fault"')) == (422, 1), changed
        assert everything() == before


def test_an_administrator_makes_administrators(company, sign_in):
    adam = sign_in(company.adam)
    adam.post(address(company.charlie), data=sent(adam, address(company.charlie), role="admin"))
    assert Person.get_by_id(company.charlie.id).role == "admin"


def test_who_saves_after_somebody_else_is_told_and_may_then_save_again(hanna, company):
    mine = sent(hanna, address(company.charlie), name="Mine")
    hanna.post(address(company.charlie), data=sent(hanna, address(company.charlie), name="Theirs"))
    answer = hanna.post(address(company.charlie), data=mine)
    assert answer.status_code == 422
    assert "Somebody else has changed this meanwhile." in answer.text
    assert Person.get_by_id(company.charlie.id).name == "Theirs"
    assert hanna.post(address(company.charlie), data=filled(answer.text)).status_code == 302
    assert Person.get_by_id(company.charlie.id).name == "Mine"


def test_nowhere_is_it_shown_whether_somebody_answered(wave, hanna, company):
    pages = ["/hr/people", "/hr/people?q=charlie", address(company.charlie), "/hr/people/departments/sales"]
    before = [hanna.get(page).text for page in pages]
    company.answer(wave)
    assert [hanna.get(page).text for page in pages] == before


def test_a_person_or_department_that_there_is_not_is_not_found(hanna):
    for page in ("/hr/people/99999", "/hr/people/99999999999999", "/hr/people/departments/magic"):
        assert hanna.get(page).status_code == 404, page


# --- Departments ---------------------------------------------------------------------------------------------------

FINANCE = "/hr/people/departments/finance"


def test_a_department_is_renamed_and_keeps_its_key(hanna, company):
    Department.create(key="market", name="Market")
    hanna.post(FINANCE, data=sent(hanna, FINANCE, name="Money", division="market"))
    finance = Department.get(Department.key == "finance")
    assert (finance.name, finance.parent.key, finance.active) == ("Money", "market", True)
    assert "Market" in hanna.get("/hr/people").text


def test_leads_are_added_and_taken_away(hanna, company):
    fields = sent(hanna, FINANCE, leads=["\0"], more_leads="BOB@mirror.example, charlie@mirror.example")
    assert hanna.post(FINANCE, data=fields).status_code == 302
    leads = {
        lead.person_id for lead in Leadership.select().where(Leadership.department == company.departments["Finance"])
    }
    assert leads == {company.bob.id, company.charlie.id}
    assert len(leads_of(company.bob)) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"more_leads": "alice@mirror.example magic@x.example"},
            "Nobody who is active has the address magic@x.example.",
        ),
        ({"active": None}, "People still work in this department"),
        ({"name": ""}, "Write a name."),
        ({"division": "magic"}, "Choose something from the list."),
        ({"division": "it"}, "A department cannot belong to itself."),
    ],
)
def test_a_department_that_cannot_be_is_refused_at_its_field(hanna, company, changed, said):
    Department.update(parent=company.departments["Finance"]).where(Department.key == "it").execute()
    data = sent(hanna, FINANCE, **changed)
    before = everything()
    answer = hanna.post(FINANCE, data=data)
    assert (answer.status_code, answer.text.count('aria-invalid="true"')) == (422, 1)
    assert said in answer.text
    assert everything() == before


def test_a_department_without_people_is_closed_and_opened_again(hanna, company):
    Person.update(active=False).where(Person.department == company.departments["Legal"]).execute()
    legal = "/hr/people/departments/legal"
    hanna.post(legal, data=sent(hanna, legal, active=None))
    page = hanna.get("/hr/people").text
    assert "No longer active:" in page
    assert "Legal" not in {row[0] for row in tables(page)[0]}
    hanna.post(legal, data=sent(hanna, legal, active="y"))
    assert "Legal" in {row[0] for row in tables(hanna.get("/hr/people").text)[0]}


def test_a_department_is_added_and_its_links_come_next(hanna, company):
    new = "/hr/people/departments/new"
    answer = hanna.post(new, data=sent(hanna, new, name="Atención al Cliente", more_leads="bob@mirror.example"))
    assert answer.location == "/hr/people/links?client=atencion-al-cliente"
    assert "/hr/people/departments/new" in hanna.get("/hr/people").text
    for name, said in (("FINANCE", "There is a department of this name already."), ("…", "Write a name with letters")):
        before = everything()
        answer = hanna.post(new, data=sent(hanna, new, name=name))
        assert answer.status_code == 422
        assert said in answer.text
        assert everything() == before


def test_who_changes_a_department_after_somebody_else_is_told(hanna, company):
    mine = sent(hanna, FINANCE, name="Mine")
    hanna.post(FINANCE, data=sent(hanna, FINANCE, name="Theirs"))
    answer = hanna.post(FINANCE, data=mine)
    assert "Somebody else has changed this meanwhile." in answer.text
    assert Department.get(Department.key == "finance").name == "Theirs"
