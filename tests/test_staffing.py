"""HR's changes of one person and of one department."""

from dataclasses import replace

import pytest

from survey import staffing
from survey.models import Department, Leadership, Person
from survey.staffing import StaffRefusal
from tests.cast import Company


def test_people_are_found_by_all_words_without_case_and_accents(company: Company) -> None:
    for words in ("álvarez", "ALVAREZ alice", "alice@mirror"):
        assert [found.name for found in staffing.search(words, 10)] == ["Alice Álvarez"]
    assert staffing.search("alvarez bob", 10) == staffing.search("  ", 10) == []
    assert len(staffing.search("mirror.example", 7)) == 7


def test_a_change_of_what_was_not_seen_is_refused(company: Company) -> None:
    charlie = company.charlie
    before = staffing.standing_of(charlie)
    seen = staffing.fingerprint((charlie.email, before))
    staffing.change_person(charlie, replace(before, name="C"), charlie.email, seen, company.hanna)
    with pytest.raises(StaffRefusal, match="Somebody else has changed this"):
        staffing.change_person(charlie, replace(before, name="D"), charlie.email, seen, company.hanna)
    assert Person.get_by_id(charlie.id).name == "C"


def test_what_cannot_be_changes_nothing_at_all(company: Company) -> None:
    charlie = company.charlie
    before = staffing.standing_of(charlie)
    seen = staffing.fingerprint((charlie.email, before))
    with pytest.raises(StaffRefusal, match="belongs to somebody else"):
        staffing.change_person(charlie, replace(before, name="D"), company.bob.email, seen, company.hanna)
    assert staffing.standing_of(charlie) == before


def test_whoever_has_just_left_hr_changes_nobody(company: Company) -> None:
    """Of two who take each other's role away at once, the second still has the page open and is read as HR."""
    hugo = Person.create(email="hugo@mirror.example", name="Hugo", language="es", role="hr")
    seen = {one.id: staffing.standing_of(one) for one in (company.hanna, hugo)}

    def take_role_away(person: Person, by: Person) -> None:
        shown = staffing.fingerprint((person.email, seen[person.id]))
        staffing.change_person(person, replace(seen[person.id], role=""), person.email, shown, by)

    take_role_away(hugo, by=company.hanna)
    with pytest.raises(StaffRefusal, match="You no longer work for HR"):
        take_role_away(company.hanna, by=hugo)
    assert Person.get_by_id(company.hanna.id).role == "hr"


def test_the_facts_of_a_department_are_stored_whole(company: Company) -> None:
    finance = company.departments["Finance"]
    facts = staffing.facts_of(finance)
    assert (facts.name, facts.division, facts.active, facts.leads) == ("Finance", "", True, (company.alice.email,))
    after = replace(facts, name="Money", division="sales", leads=(company.bob.email,))
    staffing.change_department(finance, after, staffing.fingerprint(facts))
    assert staffing.facts_of(Department.get_by_id(finance.id)) == after


def test_a_division_cannot_hold_what_holds_it(company: Company) -> None:
    finance, it = company.departments["Finance"], company.departments["IT"]
    Department.update(parent=finance).where(Department.id == it.id).execute()
    facts = staffing.facts_of(finance)
    with pytest.raises(StaffRefusal, match="cannot belong to itself"):
        staffing.change_department(finance, replace(facts, division="it", leads=()), staffing.fingerprint(facts))
    assert Leadership.select().where(Leadership.department == finance).count() == 1


def test_unknown_and_inactive_addresses_are_named(company: Company) -> None:
    Person.update(active=False).where(Person.id == company.bob.id).execute()
    asked = [company.alice.email, company.bob.email, "x@x.example"]
    assert staffing.unknown_addresses(asked) == [company.bob.email, "x@x.example"]
