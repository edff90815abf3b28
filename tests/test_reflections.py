"""The three mirrors: what is shown of them, and to whom."""

import pytest

from survey.measure.sight import Pride, Sight
from survey.mirrors import accept, keep_lead_view
from survey.models import Person, Wave
from survey.reflections import LeadReflection, Reflection, lead_reflections, reflections
from survey.responses import Answer
from tests.cast import Company
from tests.test_mirrors import links

VIEWS = {"self": {"overall": 5}, "prediction": {"overall": 4}}


def closed(company: Company, about: str, clients: str, raters: int, members: int) -> Wave:
    """`raters` people of `clients` give `about` a 2 all in all; `members` of its own say VIEWS, and its lead does."""
    company.ask_only_about("Sales", "IT", "Finance")
    wave = company.open_wave()
    for found in links(company, wave, about)[:members]:
        accept(found, VIEWS)
    department = company.departments[about]
    keep_lead_view(company.alice, wave, department, VIEWS)
    twos = Answer(department.id, {"overall": 2})
    company.rate(wave, clients, raters, lambda provider: twos if provider == department.id else Answer(provider, {}))
    return company.close_wave(wave)


def mirrors_of(company: Company, members: int, clients: str = "Logistics", raters: int = 15) -> list[Reflection]:
    sales = company.departments["Sales"].id
    return reflections(closed(company, "Sales", clients, raters, members), [sales]).get(sales, [])


def test_three_mirrors_with_their_differences(company: Company) -> None:
    (found,) = mirrors_of(company, members=12)
    assert found.self_view is not None
    assert found.prediction is not None
    assert (found.clients.mean, found.prediction.mean, found.self_view.mean) == (25, 75, 100)
    assert found.blindness is not None
    assert found.complacency is not None
    assert (found.blindness.points, found.sight) == (50, Sight.BLIND)
    assert (found.complacency.points, found.pride) == (25, Pride.COMPLACENT)
    low, high = found.blindness.interval
    assert low < 50 < high


def test_nine_members_give_figures_but_no_difference(company: Company) -> None:
    (found,) = mirrors_of(company, members=9)
    assert found.self_view is not None
    assert found.self_view.approximate
    assert (found.blindness, found.complacency) == (None, None)
    assert (found.sight, found.pride) == (Sight.UNSURE, Pride.UNSURE)


def test_four_members_are_shown_nowhere(company: Company) -> None:
    assert mirrors_of(company, members=4) == []


def test_where_clients_publish_nothing_there_is_no_mirror(company: Company) -> None:
    assert mirrors_of(company, members=12, clients="Legal", raters=4) == []


def lead_look(company: Company, person: Person, raters: int = 15) -> list[LeadReflection]:
    finance = company.departments["Finance"].id
    wave = closed(company, "Finance", "Logistics", raters, members=0)
    return lead_reflections(person, wave, [finance]).get(finance, [])


def test_a_lead_reads_what_they_expected_beside_what_clients_say(company: Company) -> None:
    (found,) = lead_look(company, company.alice)
    assert (found.self_view, found.prediction, found.clients.mean, found.complacency) == (100, 75, 25, 25)
    assert found.blindness is not None
    assert (found.blindness.points, found.sight) == (50, Sight.BLIND)


def test_beside_nine_clients_a_leads_view_has_no_difference(company: Company) -> None:
    (found,) = lead_look(company, company.alice, raters=9)
    assert (found.clients.approximate, found.blindness, found.sight) == (True, None, Sight.UNSURE)


@pytest.mark.parametrize("name", ["bob", "hanna", "adam", "charlie"])
def test_nobody_else_reads_a_leads_view(company: Company, name: str) -> None:
    assert lead_look(company, getattr(company, name)) == []
