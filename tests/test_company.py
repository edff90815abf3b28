"""What HR learns about the company after a wave."""

from datetime import date

import pytest

from survey import releases
from survey.company import CompanySummary, company_summary
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Bounce, Department, Leadership, Person, ServiceLink, Wave
from survey.responses import Answer
from tests.cast import Company
from tests.test_releases import about_sales, at_random, customers_say


def summary_of(wave: Wave) -> CompanySummary:
    return company_summary(Wave.get_by_id(wave.id))


def test_its_lines_are_the_companys_inside_and_outside(company: Company) -> None:
    customers_say(company, "Sales", 95, date(2026, 2, 1))
    wave = company.released_wave(at_random(1))
    found, gaps = summary_of(wave), releases.all_gaps(wave).company
    assert [(line.item, line.figure, line.gap) for line in found.lines] == [
        (item, gaps[item].inside, gaps[item]) for item in SHOWN_ITEMS
    ]
    assert found.overall is not None
    assert found.overall.gap is not None
    assert found.overall.gap.outside is not None


def test_after_a_first_wave_there_is_nothing_to_compare(company: Company) -> None:
    found = summary_of(company.released_wave(at_random(1)))
    assert (found.changes.found, found.changes.compared, found.turnout_before) == ((), 0, None)


def test_changes_are_those_of_departments_that_chance_does_not_explain(company: Company) -> None:
    about_sales(company, ("Finance", 10, 2))
    found = summary_of(about_sales(company, ("Finance", 10, 4)))
    assert {change.department.name for change in found.changes.found} == {"Sales"}
    assert [line.change for line in found.lines] == [None] * len(SHOWN_ITEMS)


def test_below_the_threshold_there_are_no_figures_but_the_turnout(company: Company) -> None:
    found = summary_of(about_sales(company, ("Finance", 4, 4)))
    assert (found.lines, found.changes.found, found.facades) == ((), (), ())
    assert found.turnout.answered == 4


def test_of_fewer_people_than_the_threshold_no_turnout_is_told(company: Company) -> None:
    Person.update(active=False).where(Person.department != company.departments["Legal"]).execute()
    wave = company.released_wave()
    assert (summary_of(wave).turnout.invited, summary_of(wave).lines) == (0, ())


def test_turnout_stands_beside_that_of_the_wave_before(company: Company) -> None:
    first = company.open_wave()
    company.answer(first, share=0.5)
    company.close_wave(first)
    found = summary_of(company.released_wave())
    assert found.turnout_before is not None
    assert (found.turnout.percent, found.turnout_before.percent) == (100, 51)


def test_the_widest_facades_come_first(company: Company) -> None:
    for name, points in (("Sales", 60), ("IT", 95)):
        customers_say(company, name, points, date(2026, 2, 1))
    found = summary_of(company.released_wave(lambda provider: Answer(provider, {"overall": 2})))
    assert [row.department.name for row in found.facades] == ["IT", "Sales"]


@pytest.mark.parametrize("left", [False, True])
def test_departments_without_a_lead_are_named(company: Company, left: bool) -> None:
    wave = company.released_wave()
    if left:
        Person.update(active=False).where(Person.id == company.bob.id).execute()
    assert summary_of(wave).without_lead == (("IT",) if left else ()) + ("Legal", "Logistics", "Sales")
    for name in ("Legal", "Logistics"):
        Leadership.create(person=company.alice, department=company.departments[name])
    ServiceLink.delete().where(ServiceLink.provider == company.departments["Sales"]).execute()
    assert summary_of(wave).without_lead == (("IT",) if left else ())


def test_whom_no_mail_reaches_is_named_while_the_address_is_the_refused_one(company: Company) -> None:
    wave = company.released_wave()
    for person, address in ((company.charlie, company.charlie.email), (company.bob, "bob@old.example")):
        Bounce.create(person=person, email=address, reply="550 unknown")
    assert summary_of(wave).unreached == ("Charlie Clark",)


def test_a_division_that_only_holds_departments_needs_no_lead(company: Company) -> None:
    Department.create(key="services", name="Services")
    Department.update(parent=Department.get(key="services")).where(Department.key == "it").execute()
    assert "Services" not in summary_of(company.released_wave()).without_lead
