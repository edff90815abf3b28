"""Departments and people: who works where, who leads what, who may sign in."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from peewee import Query, fn

from survey.models import HR_ROLES, Department, Leadership, Person, ServiceLink
from survey.moments import once_a_moment
from survey.prepared import prepared
from survey.settings import is_address
from survey.sheets import slug

EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+")


D = TypeVar("D", Department, "Named")


def grant(role: str, email: str, language: str) -> Person:
    """Give a role to the person with this e-mail, who is added when unknown. Raises ValueError for a bad address."""
    email = email.strip().lower()
    if not EMAIL.fullmatch(email) or not is_address(email):
        raise ValueError(f'"{email}" is no e-mail address.')
    person, _ = Person.get_or_create(email=email, defaults={"name": email, "language": language})
    Person.update(role=role, active=True).where(Person.id == person.id).execute()
    return Person.get_by_id(person.id)


def who_may_sign_in(email: str) -> Person | None:
    """The active person with this e-mail who has a role or leads a department."""
    person = Person.get_or_none(Person.email == email.strip().lower(), Person.active)
    return person if person and (person.role or leads_of(person)) else None


def leads_of(person: Person) -> list[Department]:
    """The departments that a person leads, by name."""
    return list(
        Department.select()
        .join(Leadership, on=(Leadership.department == Department.id))
        .where(Leadership.person == person)
        .order_by(Department.name)
    )


def hr_people() -> list[int]:
    """Who is told what HR should know, by id."""
    return [person.id for person in Person.select(Person.id).where(Person.active, Person.role.in_(HR_ROLES))]


def works_for_hr(person_id: int) -> bool:
    """Whether somebody does now, whatever was read before."""
    return Person.select().where(Person.id == person_id, Person.active, Person.role.in_(HR_ROLES)).exists()


def used() -> frozenset[int]:
    """The departments that somebody uses, by id, and so is asked about."""
    query = ServiceLink.select(ServiceLink.provider).where(ServiceLink.weight > 0)
    return frozenset(provider for (provider,) in query.distinct().tuples())


def hold(people: Iterable[int]) -> None:
    """Keep others from changing these people, by id, until the transaction ends.

    Whoever holds several holds them in the same order, so that no two wait for each other.
    """
    for person in sorted(set(people)):
        Person.update(active=Person.active).where(Person.id == person).execute()


def use_sign_in(person_id: int, sign_ins: int) -> Person | None:
    """Count one sign-in of an active person who has signed in `sign_ins` times so far; None when that is not so.

    The conditional UPDATE makes a link work once, however often it is posted.
    """
    unused = (Person.id == person_id) & (Person.sign_ins == sign_ins) & Person.active
    used = Person.update(sign_ins=Person.sign_ins + 1).where(unused).execute()
    return Person.get_by_id(person_id) if used else None


def end_sessions(person_id: int) -> None:
    """Whoever holds a session of this person must sign in again."""
    Person.update(sessions=Person.sessions + 1).where(Person.id == person_id).execute()


@dataclass(frozen=True)
class DirectoryEntry:
    """One department as HR sees it."""

    department: Department
    people: int  # active
    leads: tuple[str, ...]  # names
    uses: tuple[tuple[str, float], ...]  # (provider's name, weight), the heaviest first
    division: str  # name; empty: none


class Named(NamedTuple):
    """A department as respondents are asked about it."""

    id: int
    name: str
    parent_id: int | None = None


def departments(also: Iterable[int] = ()) -> list[Department]:
    """All active departments, by name, and of the others those in `also`, by id: old figures keep their names.

    Divisions that only hold other departments, and no people, are left out.
    """
    also = list(also)
    known = Department.active | Department.id.in_(also)
    return _without_divisions(list(Department.select().where(known).order_by(Department.name)), also)


@once_a_moment
def active() -> dict[int, Named]:
    """{id: department} of the active ones, by name, without those that only hold others. For pages that all open."""
    query = Department.select(Department.id, Department.name, Department.parent).where(Department.active)
    found = [Named(*row) for row in query.order_by(Department.name).tuples()]
    return {department.id: department for department in _without_divisions(found)}


def named(wanted: Iterable[int]) -> list[Named]:
    """The departments with these ids in their order, whether they are active or not."""
    known = active()
    wanted = list(wanted)
    if missing := [department for department in wanted if department not in known]:
        known = known | {row[0]: Named(*row) for row in _names.raw(missing)}
    return [known[department] for department in wanted]


@prepared
def _names(wanted: Sequence[int]) -> Query:
    columns = Department.id, Department.name, Department.parent
    return Department.select(*columns).where(Department.id.in_(wanted)).tuples()


def _without_divisions(found: list[D], also: Sequence[int] = ()) -> list[D]:
    """Without those that only hold other departments, unless they are in `also`."""
    divisions = {department.parent_id for department in found if department.parent_id} - set(also)
    if not divisions:
        return found
    works_there = Person.select().where(Person.department == Department.id, Person.active)
    query = Department.select(Department.id).where(Department.id.in_(divisions), fn.EXISTS(works_there))
    empty = divisions - {department for (department,) in query.tuples()}
    return [department for department in found if department.id not in empty]


def departments_below(divisions: Iterable[int]) -> dict[int, list[Department]]:
    """{division, by id: the active departments in it, at whatever depth, by name}; without those that are empty."""
    found = list(Department.select().where(Department.active).order_by(Department.name))
    parents = {department.id: department.parent_id for department in found}
    below: dict[int, list[Department]] = defaultdict(list)
    wanted = set(divisions)
    for department in found:
        for division in wanted.intersection(_above(department.id, parents)):
            below[division].append(department)
    return below


def _above(department: int, parents: dict[int, int | None]) -> list[int]:
    """The divisions that a department belongs to, the nearest first."""
    found: list[int] = []
    while (division := parents.get(found[-1] if found else department)) is not None and division not in found:
        found.append(division)
    return found


def find_department(name: str) -> Department | None:
    """The active department of this name or key, whatever its case and accents."""
    return Department.get_or_none(Department.key == slug(name), Department.active)


def directory() -> list[DirectoryEntry]:
    """Every active department with its people, leads and providers."""
    members = Person.select(Person.department, fn.COUNT(Person.id)).where(Person.active).group_by(Person.department)
    people = dict(members.tuples())
    leads: dict[int, list[str]] = defaultdict(list)
    leading = Leadership.select(Leadership.department, Person.name).join(Person).where(Person.active)
    for department, name in leading.order_by(Person.name).tuples():
        leads[department].append(name)
    uses: dict[int, list[tuple[str, float]]] = defaultdict(list)
    links = ServiceLink.select(ServiceLink.client, Department.name, ServiceLink.weight).join(
        Department, on=(ServiceLink.provider == Department.id)
    )
    for client, name, weight in links.order_by(ServiceLink.weight.desc(), Department.name).tuples():
        uses[client].append((name, weight))
    names = dict(Department.select(Department.id, Department.name).tuples())
    return [
        DirectoryEntry(
            found,
            people.get(found.id, 0),
            tuple(leads[found.id]),
            tuple(uses[found.id]),
            names.get(found.parent_id, ""),
        )
        for found in departments()
    ]


def closed_departments() -> list[Department]:
    """Departments that are no more, by name."""
    return list(Department.select().where(~Department.active).order_by(Department.name))


def without_department() -> int:
    """How many active people have no department; those with a role are let in without one."""
    return Person.select().where(Person.active, Person.department.is_null(), Person.role == "").count()


def departments_without_lead() -> list[Department]:
    query = Leadership.select(Leadership.department).join(Person).where(Person.active)
    led = {department for (department,) in query.tuples()}
    return [department for department in departments() if department.id not in led]
