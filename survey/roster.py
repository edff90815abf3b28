"""Files of people: who works where, who leads what. What a file would change is known before anything is stored."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from survey import standings
from survey.models import Department, Person, database
from survey.people import EMAIL
from survey.refusal import OneOf, _l
from survey.rehearsals import ImportSummary, notice_of_unread
from survey.settings import find_language, is_address, languages
from survey.sheets import Faults, Row, Sheet, slug
from survey.standings import Change, Standing

ROLES = ("", "hr", "admin")
PEOPLE_COLUMNS = ("email", "name", "department", "language", "leads", "role", "division")
LONGEST_EMAIL = 254
LONGEST_NAME = 200
LONGEST_DEPARTMENT = 80

NO_PEOPLE = _l("has no people in it.")
NO_ADDRESS = _l('"%(email)s" is no e-mail address.')
NO_NAME = _l("is empty.")
TOO_LONG = _l("the name (200), the department or the division (80 characters) is too long.")
NO_DEPARTMENT = _l('"%(name)s" names no department.')
NO_LANGUAGE = _l('"%(language)s" is not offered; write %(offered)s.')
NO_ROLE = _l('"%(role)s" is unknown; write hr, admin or nothing.')
IN_ANOTHER = _l('"%(email)s" is in "%(department)s" on line %(line)s; keep one of them.')
REPEATED = _l('"%(email)s" stands on line %(line)s as well; keep one of them.')
LEADS_NOTHING = _l('"%(key)s" is no department of this file or of an earlier one.')
TWO_DIVISIONS = _l('"%(department)s" is in another division on line %(line)s.')
OWN_DIVISION = _l('"%(department)s" would be a division of itself.')
ADMINISTRATORS = _l("%(email)s: only an administrator gives the role admin, takes it away, or turns out who has it.")
YOURSELF = _l("%(email)s is you: somebody else has to take your access away.")


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


@dataclass(frozen=True)
class Roster:
    """A people file, read and in itself without fault."""

    file_name: str
    entries: tuple[Entry, ...]
    names: dict[str, str]  # {key: name} of every department and division in it
    ignored: tuple[str, ...]  # columns that nothing reads


@dataclass(frozen=True)
class Plan:
    """What a people file would change."""

    changes: tuple[Change, ...]
    departments: tuple[str, ...]  # keys of those that it adds, or makes active again
    divisions: dict[str, tuple[str, str]]  # {department: (old division, new)}, by key; empty: none
    names: dict[str, str]  # {key: name} of every department
    unchanged: int  # people
    ignored: tuple[str, ...]

    @property
    def added(self) -> list[Change]:
        return [change for change in self.changes if change.is_new]

    @property
    def changed(self) -> list[Change]:
        return [change for change in self.changes if not change.is_new and not change.turns_out]

    @property
    def turned_out(self) -> list[Change]:
        return [change for change in self.changes if change.turns_out]

    @property
    def changes_something(self) -> bool:
        return bool(self.changes or self.departments or self.divisions)

    @cached_property
    def digest(self) -> str:
        """The same plan has the same digest, so that what is stored is what somebody saw."""
        told = repr((self.changes, self.departments, sorted(self.divisions.items())))
        return hashlib.sha256(told.encode()).hexdigest()


# --- Reading -------------------------------------------------------------------------------------------------------


def read_roster(path: Path, file_name: str = "") -> Roster:
    """Read `email,name,department,language,leads,role,division`; raises sheets.ImportRefused.

    `file_name` is what faults call the file, when that is not the name of `path`.
    """
    faults = Faults(file_name or path.name)
    sheet = Sheet(path, faults)
    sheet.require("email", "name", "department")
    names: dict[str, str] = {}
    entries = [entry for row in sheet if (entry := _read_person(row, sheet, faults, names))]
    _refuse_repeats(entries, faults)
    if not entries and not faults.count:
        faults.add(None, None, NO_PEOPLE)
    faults.refuse_if_any()
    ignored = tuple(column for column in sheet.columns if column not in PEOPLE_COLUMNS)
    return Roster(faults.file_name, tuple(entries), names, ignored)


def _read_person(row: Row, sheet: Sheet, faults: Faults, names: dict[str, str]) -> Entry | None:
    """The row as an entry, or None after its faults were added; `names` learns the departments' names."""
    before = faults.count
    email = row["email"].lower()
    if not EMAIL.fullmatch(email) or not is_address(email) or len(email) > LONGEST_EMAIL:
        faults.add(row.line, "email", NO_ADDRESS, email=row["email"])
    if not row["name"]:
        faults.add(row.line, "name", NO_NAME)
    if len(row["name"]) > LONGEST_NAME or max(len(row["department"]), len(row["division"])) > LONGEST_DEPARTMENT:
        faults.add(row.line, None, TOO_LONG)
    department = slug(row["department"])
    if not department:
        faults.add(row.line, "department", NO_DEPARTMENT, name=row["department"])
    language = find_language(row["language"])
    if row["language"] and language is None:
        faults.add(row.line, "language", NO_LANGUAGE, language=row["language"], offered=OneOf(languages()))
    if (role := row["role"].lower()) not in ROLES:
        faults.add(row.line, "role", NO_ROLE, role=role)
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
        language=language,
        leads=_keys(row["leads"]) if "leads" in sheet.columns else None,
        role=role if "role" in sheet.columns else None,
        division=slug(row["division"]) if "division" in sheet.columns else None,
    )


def _keys(text: str) -> tuple[str, ...]:
    """The departments that "Finance; IT" names."""
    return tuple(sorted({key for part in text.split(";") if (key := slug(part))}))


def _refuse_repeats(entries: Iterable[Entry], faults: Faults) -> None:
    first: dict[str, Entry] = {}
    for entry in entries:
        earlier = first.setdefault(entry.email, entry)
        if earlier is entry:
            continue
        if earlier.department != entry.department:
            known = {"department": earlier.department, "line": earlier.line}
            faults.add(entry.line, "email", IN_ANOTHER, email=entry.email, **known)
        else:
            faults.add(entry.line, "email", REPEATED, email=entry.email, line=earlier.line)


# --- Planning ------------------------------------------------------------------------------------------------------


def plan(roster: Roster, language: str, *, complete: bool = False, by: Person | None = None) -> Plan:
    """What taking the roster in would change. Raises sheets.ImportRefused.

    Known people (by e-mail, without case) are brought up to date; new ones without a language get `language`.
    `complete`: whoever is not in the file is made inactive. `by`: who asks for it; None may do everything.
    """
    faults = Faults(roster.file_name)
    known = {department.key: department for department in Department.select()}
    for entry in roster.entries:
        for key in entry.leads or ():
            if key not in roster.names and key not in known:
                faults.add(entry.line, "leads", LEADS_NOTHING, key=key)
    present = standings.everybody()
    changes = [_change(entry, present.get(entry.email), language) for entry in roster.entries]
    changes = [change for change in changes if change.before != change.after]
    unchanged = len(roster.entries) - len(changes)
    if complete:
        changes += _turned_out(roster, present)
    if by is not None:
        _refuse_powers(changes, by, faults)
    divisions = _divisions(roster.entries, known, faults)
    faults.refuse_if_any()
    return Plan(
        changes=tuple(changes),
        departments=tuple(key for key in roster.names if key not in known or not known[key].active),
        divisions=divisions,
        names={key: department.name for key, department in known.items()}
        | {key: name for key, name in roster.names.items() if key not in known},
        unchanged=unchanged,
        ignored=roster.ignored,
    )


def _change(entry: Entry, present: Standing | None, language: str) -> Change:
    """What the entry says, and as it was where the file has no such column."""
    was = present or Standing(entry.name, entry.department, language, "", True, ())
    after = Standing(
        name=entry.name,
        department=entry.department,
        language=entry.language or was.language,
        role=was.role if entry.role is None else entry.role,
        active=True,
        leads=was.leads if entry.leads is None else entry.leads,
    )
    return Change(entry.email, present, after, entry.line)


def _turned_out(roster: Roster, present: dict[str, Standing]) -> list[Change]:
    """People without a department were let in by hand, so a file of employees does not turn them out."""
    listed = {entry.email for entry in roster.entries}
    return [
        Change(email, standing, replace(standing, active=False))
        for email, standing in sorted(present.items())
        if standing.active and standing.department and email not in listed
    ]


def _refuse_powers(changes: Iterable[Change], by: Person, faults: Faults) -> None:
    """HR neither makes nor unmakes administrators, and nobody takes their own access away by a slip."""
    for change in changes:
        if refused := refused_power(change, by):
            faults.add(change.line, "role" if change.line else None, refused, email=change.email)


def refused_power(change: Change, by: Person) -> str:
    """Why `by` may not make this change; an empty text when they may."""
    before = (change.before.role, change.before.active) if change.before else ("", True)
    after = (change.after.role, change.after.active)
    if before == after:
        return ""
    if by.role != "admin" and "admin" in (before[0], after[0]):
        return ADMINISTRATORS
    return YOURSELF if change.email == by.email else ""


def _divisions(entries: Iterable[Entry], known: dict[str, Department], faults: Faults) -> dict[str, tuple[str, str]]:
    """The divisions that change; faults where the file contradicts itself."""
    wanted: dict[str, str] = {}
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.division is None:
            continue
        if wanted.setdefault(entry.department, entry.division) != entry.division:
            where = lines[entry.department]
            faults.add(entry.line, "division", TWO_DIVISIONS, department=entry.department, line=where)
        lines.setdefault(entry.department, entry.line)
    keys = {department.id: department.key for department in known.values()}
    present = {department.key: keys.get(department.parent_id, "") for department in known.values()}
    tree = present | wanted
    for department, line in lines.items():
        if department in above(department, tree):
            faults.add(line, "division", OWN_DIVISION, department=department)
    changed = {key: (present.get(key, ""), division) for key, division in wanted.items()}
    return {key: (old, new) for key, (old, new) in changed.items() if old != new}


def above(department: str, tree: dict[str, str]) -> list[str]:
    """The divisions above a department, the nearest first; a circle ends where it closes."""
    found: list[str] = []
    while (division := tree.get(found[-1] if found else department, "")) and division not in found:
        found.append(division)
    return found


# --- Storing -------------------------------------------------------------------------------------------------------


def carry_out(found: Plan) -> None:
    """Store all of a plan, inside a transaction of the caller."""
    present = {department.key for department in Department.select()}
    for key in found.departments:
        if key in present:
            Department.update(active=True).where(Department.key == key).execute()
        else:
            Department.create(key=key, name=found.names[key])
    ids = dict(Department.select(Department.key, Department.id).tuples())
    for key, (_, division) in found.divisions.items():
        Department.update(parent=ids.get(division)).where(Department.key == key).execute()
    standings.store(found.changes)


def import_people(path: Path, language: str, *, complete: bool = False, rehearse: bool = False) -> ImportSummary:
    """Take a people file in; all of it, or nothing when there is a fault. `rehearse`: only say what would change.

    Raises sheets.ImportRefused.
    """
    roster = read_roster(path)
    with database.atomic():
        found = plan(roster, language, complete=complete)
        if not rehearse:
            carry_out(found)
    return _summary(found, complete)


def _summary(found: Plan, complete: bool) -> ImportSummary:
    summary = ImportSummary()
    summary.counts["departments added"] = len(found.departments)
    if found.divisions:
        summary.counts["departments moved to a division"] = len(found.divisions)
    summary.counts["people added"] = len(found.added)
    summary.counts["people changed"] = len(found.changed)
    summary.counts["people unchanged"] = found.unchanged
    if complete:
        summary.counts["people made inactive"] = len(found.turned_out)
    summary.notices += [
        f"{change.email} no longer has the role {change.before.role}, as the file says."
        for change in found.changed
        if change.before and change.before.role and not change.after.role
    ]
    summary.notices += notice_of_unread(found.ignored)
    return summary
