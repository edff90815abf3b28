"""Departments and people: who is listed, who leads, who may sign in."""

import pytest

from survey import people
from survey.models import Department, Leadership, Person
from tests.cast import Company


def test_a_division_without_people_of_its_own_is_not_listed_among_the_departments(company: Company) -> None:
    market = Department.create(key="market", name="Market")
    Department.update(parent=market).where(Department.key == "sales").execute()
    assert "market" not in [department.key for department in people.departments()]
    assert "market" in [department.key for department in people.departments(also=[market.id])]
    Person.update(department=market).where(Person.id == company.hanna.id).execute()
    assert "market" in [department.key for department in people.departments()]


def test_who_has_a_role_or_leads_may_sign_in_while_active(company: Company) -> None:
    for person, may in ((company.hanna, True), (company.alice, True), (company.charlie, False)):
        assert bool(people.who_may_sign_in(f" {person.email.upper()}")) is may
    Person.update(active=False).execute()
    assert people.who_may_sign_in(company.hanna.email) is None


def test_a_sign_in_is_used_once(company: Company) -> None:
    used = [people.use_sign_in(company.hanna.id, 0) for _ in range(2)]
    assert [person and person.sign_ins for person in used] == [1, None]


def test_a_role_is_granted_to_known_and_unknown_people(company: Company) -> None:
    assert people.grant("hr", " Charlie@Mirror.example ", "es").id == company.charlie.id
    assert people.grant("admin", "new@mirror.example", "en").language == "en"
    with pytest.raises(ValueError, match='"nobody" is no e-mail address'):
        people.grant("hr", "nobody", "es")


def test_the_directory_shows_active_people_leads_and_providers_by_weight(company: Company) -> None:
    Person.update(active=False).where(Person.id == company.bob.id).execute()
    found = {entry.department.key: entry for entry in people.directory()}
    assert (found["it"].people, found["it"].leads) == (7, ())
    assert (found["finance"].leads, len(found["finance"].uses)) == (("Alice Álvarez",), 4)


def test_who_has_no_department_or_no_lead_is_counted(company: Company) -> None:
    assert people.without_department() == 0  # Hanna and Adam have a role
    Person.create(email="x@mirror.example", name="X", language="es")
    assert people.without_department() == 1
    Leadership.delete().execute()
    assert len(people.departments_without_lead()) == 5
