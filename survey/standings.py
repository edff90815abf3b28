"""What HR keeps about each person, before and after a change; many changes are stored in few statements."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from peewee import chunked

from survey.models import Department, Leadership, Person

CHUNK = 500  # people in one statement


@dataclass(frozen=True)
class Standing:
    """One person in the company. Departments are named by their keys."""

    name: str
    department: str  # empty: none
    language: str
    role: str
    active: bool
    leads: tuple[str, ...]  # in order of the keys


COLUMNS = ("name", "department", "language", "role", "active")  # of Person; what a person leads stands elsewhere


@dataclass(frozen=True)
class Change:
    """What becomes of the person with this address."""

    email: str
    before: Standing | None  # None: the person is new
    after: Standing
    line: int | None = None  # of the file that says so

    @property
    def is_new(self) -> bool:
        return self.before is None

    @property
    def turns_out(self) -> bool:
        """Whether the person is made inactive."""
        return self.before is not None and self.before.active and not self.after.active

    def differences(self) -> Iterator[tuple[str, object, object]]:
        """(field, old, new) of all that differs; a new person has no old ones."""
        for field in (*COLUMNS, "leads"):
            old, new = getattr(self.before, field, None), getattr(self.after, field)
            if old != new:
                yield field, old, new


def everybody(*where: object) -> dict[str, Standing]:
    """{address: standing} of all people, or of those whom a condition chooses. Two queries."""
    led: dict[int, list[str]] = defaultdict(list)
    leading = Leadership.select(Leadership.person, Department.key).join(Department).order_by(Department.key)
    for person, key in leading.tuples():
        led[person].append(key)
    query = Person.select(
        Person.id, Person.email, Person.name, Department.key, Person.language, Person.role, Person.active
    ).left_outer_join(Department, on=(Person.department == Department.id))
    rows = (query.where(*where) if where else query).tuples()
    return {
        email: Standing(name, department or "", language, role, bool(active), tuple(led.get(person, ())))
        for person, email, name, department, language, role, active in rows
    }


def store(changes: Iterable[Change]) -> None:
    """Write changes down, inside a transaction of the caller. Their departments must be there."""
    changes = list(changes)
    keys = dict(Department.select(Department.key, Department.id).tuples())
    new = [_row(change, keys) for change in changes if change.is_new]
    for rows in chunked(new, CHUNK):
        Person.insert_many(rows).execute()
    for values, emails in _alike(changes).items():
        columns = {column: _value(column, value, keys) for column, value in values}
        for chunk in chunked(emails, CHUNK):
            Person.update(columns).where(Person.email.in_(chunk)).execute()
    _store_leads(changes, keys)


def _row(change: Change, keys: dict[str, int]) -> dict[str, object]:
    columns = {column: _value(column, getattr(change.after, column), keys) for column in COLUMNS}
    return {"email": change.email, **columns}


def _value(column: str, value: object, keys: dict[str, int]) -> object:
    return keys.get(str(value)) if column == "department" else value


def _alike(changes: Iterable[Change]) -> dict[tuple[tuple[str, object], ...], list[str]]:
    """{what changes: whose}: those who move to one department move together."""
    found = defaultdict(list)
    for change in changes:
        values = tuple((field, new) for field, _, new in change.differences() if field != "leads")
        if values and not change.is_new:
            found[values].append(change.email)
    return found


def _store_leads(changes: Iterable[Change], keys: dict[str, int]) -> None:
    wanted = {
        change.email: change.after.leads
        for change in changes
        if change.after.leads != (change.before.leads if change.before else ())
    }
    for emails in chunked(wanted, CHUNK):
        people = dict(Person.select(Person.email, Person.id).where(Person.email.in_(emails)).tuples())
        Leadership.delete().where(Leadership.person.in_(list(people.values()))).execute()
        rows = [(people[email], keys[key]) for email in emails for key in wanted[email]]
        if rows:
            Leadership.insert_many(rows, [Leadership.person, Leadership.department]).execute()
