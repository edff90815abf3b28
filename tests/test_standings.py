"""What HR keeps about each person, and many changes at once."""

from dataclasses import replace

from survey.models import Person
from survey.people import leads_of
from survey.standings import Change, Standing, everybody, store
from tests.cast import Company

NEW = Standing("Nora", "it", "en", "", True, ("finance", "it"))


def test_everybody_stands_as_the_tables_say(company: Company) -> None:
    found = everybody()
    assert len(found) == Person.select().count()
    assert found[company.alice.email] == Standing("Alice Álvarez", "finance", "es", "", True, ("finance",))
    assert found[company.hanna.email] == Standing("Hanna Hansen", "", "en", "hr", True, ())
    assert everybody(Person.id == company.bob.id).keys() == {company.bob.email}


def test_what_is_stored_is_what_stands_afterwards(company: Company) -> None:
    before = everybody()
    alice, bob = before[company.alice.email], before[company.bob.email]
    changes = [
        Change("nora@mirror.example", None, NEW),
        Change(company.alice.email, alice, replace(alice, department="sales", leads=())),
        Change(company.bob.email, bob, replace(bob, active=False)),
    ]
    store(changes)
    after = everybody()
    assert {change.email: change.after for change in changes} == {
        change.email: after.pop(change.email) for change in changes
    }
    assert after == {email: standing for email, standing in before.items() if email in after}
    assert leads_of(company.alice) == []


def test_a_department_of_a_thousand_moves_in_a_few_statements(company: Company, caplog) -> None:
    Person.insert_many([{"email": f"n{i}@x.example", "name": "N", "language": "es"} for i in range(1200)]).execute()
    found = everybody(Person.name == "N")
    caplog.set_level("DEBUG", logger="peewee")
    store(Change(email, standing, replace(standing, department="it")) for email, standing in found.items())
    assert sum(record.name == "peewee" for record in caplog.records) < 10
    assert Person.select().where(Person.department == company.departments["IT"]).count() == 1208


def test_a_change_names_what_differs(company: Company) -> None:
    change = Change("nora@mirror.example", replace(NEW, active=False), NEW)
    assert list(change.differences()) == [("active", False, True)]
    assert not change.turns_out
    assert Change("x", NEW, replace(NEW, active=False)).turns_out
    assert {field for field, _, _ in Change("x", None, NEW).differences()} >= {"name", "department", "leads"}
