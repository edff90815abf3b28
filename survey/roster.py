"""Files of people: who works where, who leads what."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peewee import chunked

from survey.models import Department, Leadership, Person
from survey.people import EMAIL
from survey.rehearsals import ImportSummary, ignored_columns, rehearsal
from survey.settings import LANGUAGES, is_address
from survey.sheets import Faults, Row, Sheet, slug

ROLES = ("", "hr", "admin")
PEOPLE_COLUMNS = ("email", "name", "department", "language", "leads", "role", "division")


@dataclass(frozen=True)
class Entry:
    """One line of a people file; None where the file has no such column."""

    line: int
    email: str
    name: str
    department: str  # key
    language: str | None
    leads: tuple[str, ...] | None  # keys
    role: str | None
    division: str | None  # key; empty: the department belongs to none


def import_people(path: Path, language: str, *, complete: bool = False, rehearse: bool = False) -> ImportSummary:
    """Take in `email,name,department,language,leads,role,division`; all of it, or nothing when there is a fault.

    Known people (by e-mail, without case) are brought up to date. `complete`: whoever is not in the file is made
    inactive. `rehearse`: say what would change, and change nothing. Raises sheets.ImportRefused.
    """
    faults = Faults(path.name)
    sheet = Sheet(path, faults)
    sheet.require("email", "name", "department")
    names: dict[str, str] = {}
    entries = [entry for row in sheet if (entry := _read_person(row, sheet, faults, names))]
    _refuse_repeats(entries, faults)
    if not entries and not faults.count:
        faults.add(None, None, "has no people in it.")
    summary = ImportSummary()
    with rehearsal(rehearse):
        known = {department.key: department for department in Department.select()}
        for entry in entries:
            for key in entry.leads or ():
                if key not in names and key not in known:
                    faults.add(entry.line, "leads", f'"{key}" is no department of this file or of an earlier one.')
        faults.refuse_if_any()
        parents = _read_divisions(entries, known, faults)
        faults.refuse_if_any()
        known |= _add_departments(names, known, summary)
        _set_divisions(parents, known, summary)
        _store_people(entries, known, language, summary)
        if complete:
            _make_others_inactive(entries, summary)
    summary.notices += ignored_columns(sheet, PEOPLE_COLUMNS)
    return summary


def _read_person(row: Row, sheet: Sheet, faults: Faults, names: dict[str, str]) -> Entry | None:
    """The row as an entry, or None after its faults were added; `names` learns the departments' names."""
    before = faults.count
    email = row["email"].lower()
    if not EMAIL.fullmatch(email) or not is_address(email) or len(email) > 254:
        faults.add(row.line, "email", f'"{row["email"]}" is no e-mail address.')
    if not row["name"]:
        faults.add(row.line, "name", "is empty.")
    if len(row["name"]) > 200 or max(len(row["department"]), len(row["division"])) > 80:
        faults.add(row.line, None, "the name (200), the department or the division (80 characters) is too long.")
    department = slug(row["department"])
    if not department:
        faults.add(row.line, "department", f'"{row["department"]}" names no department.')
    if (language := row["language"].lower()) and language not in LANGUAGES:
        faults.add(row.line, "language", f'"{language}" is not offered; write es or en.')
    if (role := row["role"].lower()) not in ROLES:
        faults.add(row.line, "role", f'"{role}" is unknown; write hr, admin or nothing.')
    if faults.count > before:
        return None
    for column in ("department", "division"):
        if key := slug(row[column]):
            names.setdefault(key, " ".join(row[column].split()))
    return Entry(
        line=row.line,
        email=email,
        name=" ".join(row["name"].split()),
        department=department,
        language=language or None,
        leads=tuple(slug(part) for part in row["leads"].split(";") if slug(part)) if "leads" in sheet.columns else None,
        role=role if "role" in sheet.columns else None,
        division=slug(row["division"]) if "division" in sheet.columns else None,
    )


def _refuse_repeats(entries: list[Entry], faults: Faults) -> None:
    first: dict[str, Entry] = {}
    for entry in entries:
        earlier = first.setdefault(entry.email, entry)
        if earlier is entry:
            continue
        where = f"line {earlier.line}"
        if earlier.department != entry.department:
            faults.add(
                entry.line, "email", f'"{entry.email}" is in "{earlier.department}" on {where}; keep one of them.'
            )
        else:
            faults.add(entry.line, "email", f'"{entry.email}" stands on {where} as well; keep one of them.')


def _add_departments(
    names: dict[str, str], known: dict[str, Department], summary: ImportSummary
) -> dict[str, Department]:
    added = {key: Department.create(key=key, name=name) for key, name in names.items() if key not in known}
    summary.counts["departments added"] = len(added)
    return added


def _read_divisions(entries: list[Entry], known: dict[str, Department], faults: Faults) -> dict[str, str]:
    """{department: its division, or an empty text}, by key, as the file says; faults where it contradicts itself."""
    parents: dict[str, str] = {}
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.division is None:
            continue
        if parents.setdefault(entry.department, entry.division) != entry.division:
            where = f"line {lines[entry.department]}"
            faults.add(entry.line, "division", f'"{entry.department}" is in another division on {where}.')
        lines.setdefault(entry.department, entry.line)
    keys = {department.id: department.key for department in known.values()}
    tree = {department.key: keys.get(department.parent_id, "") for department in known.values()} | parents
    for department, line in lines.items():
        if department in _above(department, tree):
            faults.add(line, "division", f'"{department}" would be a division of itself.')
    return parents


def _above(department: str, tree: dict[str, str]) -> list[str]:
    """The divisions above a department, the nearest first; a circle ends where it closes."""
    found: list[str] = []
    while (division := tree.get(found[-1] if found else department, "")) and division not in found:
        found.append(division)
    return found


def _set_divisions(parents: dict[str, str], departments: dict[str, Department], summary: ImportSummary) -> None:
    for key, division in parents.items():
        parent = departments[division].id if division else None
        if departments[key].parent_id != parent:
            Department.update(parent=parent).where(Department.key == key).execute()
            summary.counts["departments moved to a division"] += 1


def _store_people(
    entries: list[Entry], departments: dict[str, Department], language: str, summary: ImportSummary
) -> None:
    known = {person.email: person for person in Person.select()}
    leads: dict[int, set[int]] = {}
    for person, department in Leadership.select(Leadership.person, Leadership.department).tuples():
        leads.setdefault(person, set()).add(department)
    for entry in entries:
        wanted: dict[str, Any] = {
            "name": entry.name,
            "department": departments[entry.department].id,
            "active": True,
        }
        if entry.language:
            wanted["language"] = entry.language
        if entry.role is not None:
            wanted["role"] = entry.role
        person = known.get(entry.email)
        if person is None:
            person = Person.create(email=entry.email, **{"language": language, **wanted})
            changed, outcome = True, "people added"
        else:
            changed = _change(person, wanted, summary)
            outcome = "people changed"
        if entry.leads is not None:
            changed |= _set_leads(person, {departments[key].id for key in entry.leads}, leads.get(person.id, set()))
        summary.counts[outcome if changed else "people unchanged"] += 1


def _change(person: Person, wanted: dict[str, Any], summary: ImportSummary) -> bool:
    """Bring a known person up to date; whether anything differed."""
    if person.role and wanted.get("role") == "":
        summary.notices.append(f"{person.email} no longer has the role {person.role}, as the file says.")
    present = {**person.__data__}
    if all(present[column] == value for column, value in wanted.items()):
        return False
    Person.update(wanted).where(Person.id == person.id).execute()
    return True


def _set_leads(person: Person, wanted: set[int], present: set[int]) -> bool:
    for department in wanted - present:
        Leadership.create(person=person, department=department)
    for department in present - wanted:
        Leadership.delete().where(Leadership.person == person, Leadership.department == department).execute()
    return wanted != present


def _make_others_inactive(entries: list[Entry], summary: ImportSummary) -> None:
    """People without a department were let in by hand, so a file of employees does not turn them out."""
    listed = {entry.email for entry in entries}
    others = [
        person.id
        for person in Person.select().where(Person.active, Person.department.is_null(False))
        if person.email not in listed
    ]
    for chunk in chunked(others, 500):
        Person.update(active=False).where(Person.id.in_(chunk)).execute()
    summary.counts["people made inactive"] = len(others)
