"""HR's changes of one person or one department: whole, and only of what HR has seen."""

import hashlib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from survey import people, standings
from survey.models import Bounce, Department, Leadership, Person, database
from survey.refusal import Refusal, _l
from survey.roster import above, refused_power
from survey.standings import Change, Standing

CHANGED_MEANWHILE = _l("Somebody else has changed this meanwhile. Nothing of yours is stored yet.")
NOT_YOURS = _l("You no longer work for HR here, so nothing of yours is stored.")
TAKEN = _l("%(email)s belongs to somebody else.")
ADDRESS_OF_ADMINISTRATOR = _l("Only an administrator changes the address of an administrator.")
SAME_NAME = _l("There is a department of this name already.")
STILL_PEOPLE = _l("People still work in this department; move them to another one first.")
OWN_DIVISION = _l("A department cannot belong to itself.")


class StaffRefusal(Refusal):
    """A change is not made; `field` is where the page says so."""

    def __init__(self, field: str, text: str, /, **values: object) -> None:
        super().__init__(text, **values)
        self.field = field


# --- People --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A person among those that were looked for."""

    id: int
    name: str
    email: str
    department: str  # name; empty: none
    active: bool


def search(words: str, most: int) -> list[Found]:
    """The first `most` people, by name, whose name or address holds all of the words, whatever their accents."""
    wanted = _plain(words).split()
    if not wanted:
        return []
    query = (
        Person.select(Person.id, Person.name, Person.email, Department.name, Person.active)
        .left_outer_join(Department, on=(Person.department == Department.id))
        .order_by(Person.name, Person.id)
    )
    found = []
    for person, name, email, department, active in query.tuples().iterator():
        text = _plain(f"{name} {email}")
        if all(word in text for word in wanted):
            found.append(Found(person, name, email, department or "", bool(active)))
            if len(found) == most:
                break
    return found


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def standing_of(person: Person) -> Standing:
    return standings.everybody(Person.id == person.id)[person.email]


def fingerprint(shown: object) -> str:
    """A short sign of what a form showed, to notice when somebody else has changed it meanwhile."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:32]


def change_person(person: Person, after: Standing, email: str, seen: str, by: Person) -> None:
    """Store what a form says of a person. `seen`: the fingerprint of the address and standing that it showed.

    Raises StaffRefusal.
    """
    with database.atomic():
        people.hold([person.id, by.id])  # two who take each other's role away do so one after the other
        if not people.works_for_hr(by.id):
            raise StaffRefusal("", NOT_YOURS)
        person = Person.get_by_id(person.id)
        before = standing_of(person)
        if fingerprint((person.email, before)) != seen:
            raise StaffRefusal("", CHANGED_MEANWHILE)
        change = Change(person.email, before, after)
        if refused := refused_power(change, by):
            raise StaffRefusal("role" if before.role != after.role else "active", refused, email=person.email)
        standings.store([change])
        if email != person.email:
            _change_address(person, email, by)


def _change_address(person: Person, email: str, by: Person) -> None:
    """A mail that was refused says nothing of the new address."""
    if person.role == "admin" and by.role != "admin":
        raise StaffRefusal("email", ADDRESS_OF_ADMINISTRATOR)
    if Person.get_or_none(Person.email == email):
        raise StaffRefusal("email", TAKEN, email=email)
    Person.update(email=email).where(Person.id == person.id).execute()
    if person.id != by.id:
        people.end_sessions(person.id)  # of whoever had the old address
    Bounce.delete().where(Bounce.person == person).execute()


# --- Departments ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DepartmentFacts:
    """What HR keeps about a department."""

    name: str
    division: str  # key; empty: none
    active: bool
    leads: tuple[str, ...]  # addresses, in order


def facts_of(department: Department) -> DepartmentFacts:
    leads = Person.select(Person.email).join(Leadership).where(Leadership.department == department)
    division = Department.get_or_none(Department.id == department.parent_id)
    return DepartmentFacts(
        name=department.name,
        division=division.key if division else "",
        active=department.active,
        leads=tuple(sorted(email for (email,) in leads.tuples())),
    )


def leads_of(department: Department) -> list[Person]:
    """Its leads, by name."""
    return list(Person.select().join(Leadership).where(Leadership.department == department).order_by(Person.name))


def add_department(key: str, after: DepartmentFacts) -> Department:
    """Raises StaffRefusal when there is one of this key."""
    with database.atomic():
        if Department.get_or_none(Department.key == key):
            raise StaffRefusal("name", SAME_NAME)
        department = Department.create(key=key, name=after.name)
        _store(department, after)
    return department


def change_department(department: Department, after: DepartmentFacts, seen: str) -> None:
    """Store what a form says of a department. `seen`: the fingerprint of the facts that it showed.

    Raises StaffRefusal.
    """
    with database.atomic():
        Department.update(active=Department.active).where(Department.id == department.id).execute()
        department = Department.get_by_id(department.id)
        if fingerprint(facts_of(department)) != seen:
            raise StaffRefusal("", CHANGED_MEANWHILE)
        _store(department, after)


def _store(department: Department, after: DepartmentFacts) -> None:
    keys = {found.key: found for found in Department.select()}
    tree = {found.key: _key_of(found.parent_id, keys.values()) for found in keys.values()}
    if department.key in above(department.key, tree | {department.key: after.division}):
        raise StaffRefusal("division", OWN_DIVISION)
    people = Person.select().where(Person.department == department, Person.active)
    if not after.active and people.exists():
        raise StaffRefusal("active", STILL_PEOPLE)
    parent = keys[after.division].id if after.division else None
    Department.update(name=after.name, parent=parent, active=after.active).where(
        Department.id == department.id
    ).execute()
    Leadership.delete().where(Leadership.department == department).execute()
    for person in Person.select().where(Person.email.in_(list(after.leads))):
        Leadership.create(person=person, department=department)


def _key_of(department: int | None, known: Collection[Department]) -> str:
    return next((found.key for found in known if found.id == department), "")


def unknown_addresses(emails: Collection[str]) -> list[str]:
    """Those that no active person has."""
    query = Person.select(Person.email).where(Person.email.in_(list(emails)), Person.active)
    known = {email for (email,) in query.tuples()}
    return [email for email in emails if email not in known]
