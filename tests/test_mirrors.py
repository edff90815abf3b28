"""What members and leads say of their own department: stored without a name, once, and counted at closing."""

import json

import pytest

from survey import releases, waves
from survey.mirrors import Outcome, accept, glass, keep_lead_view, lead_hindrances, lead_views, waiting_for
from survey.models import (
    Department,
    Hindrance,
    Invitation,
    Leadership,
    LeadView,
    Mirrored,
    OwnView,
    OwnViewTally,
    Person,
    ServiceLink,
    Wave,
)
from tests.cast import Company, K, asked_by

VIEWS = {"self": {"overall": 4}, "prediction": {"overall": 5}}
NOT_SENT = (
    {},
    {"self": {}},
    {"self": {"overall": 0}},
    {"self": {"overall": 6}},
    {"x": {"overall": 3}},
    {"self": {"missing": 1}},
)


@pytest.fixture
def wave(company: Company) -> Wave:
    return company.open_wave()


def link(wave: Wave, person: Person) -> str:
    return Invitation.get(Invitation.wave == wave, Invitation.person == person).id


def links(company: Company, wave: Wave, department: str) -> list[str]:
    """The invitations of a department's members who do not lead it."""
    leads = Leadership.select(Leadership.person)
    query = Invitation.select(Invitation.id).join(Person)
    own = (Invitation.wave == wave) & (Person.department == company.departments[department]) & Person.id.not_in(leads)
    return [found for (found,) in query.where(own).order_by(Person.id).tuples()]


def test_a_member_is_asked_about_their_own_department(company: Company, wave: Wave) -> None:
    asked = glass(asked_by(link(wave, company.charlie)))
    assert asked is not None
    assert (asked.department.name, asked.lead, asked.language, asked.is_open) == ("Sales", False, "en", True)


def test_a_lead_is_told_apart(company: Company, wave: Wave) -> None:
    asked = glass(asked_by(link(wave, company.alice)))
    assert asked is not None
    assert asked.lead


@pytest.mark.parametrize("gone", ["unused", "dissolved", "forgotten"])
def test_nobody_is_asked_about_what_nobody_rates(company: Company, wave: Wave, gone: str) -> None:
    sales, found = company.departments["Sales"], link(wave, company.charlie)
    if gone == "unused":
        ServiceLink.update(weight=0).where(ServiceLink.provider == sales).execute()
    elif gone == "dissolved":
        Department.update(active=False).where(Department.id == sales.id).execute()
    else:
        Invitation.update(person=None).where(Invitation.id == found).execute()
    assert glass(asked_by(found)) is None
    assert accept(found, VIEWS) is Outcome.NOT_ASKED
    assert not OwnView.select().exists()


def test_a_view_is_stored_once_and_names_nobody(company: Company, wave: Wave) -> None:
    found = link(wave, company.charlie)
    assert [accept(found, VIEWS), accept(found, VIEWS)] == [Outcome.STORED, Outcome.ALREADY]
    (row,) = OwnView.select().dicts()
    assert set(row) == {"id", "wave", "department", "answers"}
    assert json.loads(row["answers"]) == VIEWS


def test_it_says_nothing_of_whether_the_person_has_answered(company: Company, wave: Wave) -> None:
    accept(link(wave, company.charlie), VIEWS)
    assert not Invitation.select().where(Invitation.answered).exists()


def test_a_lead_speaks_through_their_own_page_alone(company: Company, wave: Wave) -> None:
    assert accept(link(wave, company.alice), VIEWS) is Outcome.NOT_ASKED
    assert not OwnView.select().exists()


def test_after_closing_nothing_is_taken(company: Company, wave: Wave) -> None:
    first, second = links(company, wave, "Sales")[:2]
    accept(first, VIEWS)
    company.close_wave(wave)
    assert [accept(first, VIEWS), accept(second, VIEWS)] == [Outcome.CLOSED, Outcome.CLOSED]
    assert not Mirrored.select().exists()
    assert keep_lead_view(company.alice, wave, company.departments["Finance"], VIEWS) is Outcome.CLOSED


@pytest.mark.parametrize("views", NOT_SENT)
def test_what_no_page_sends_is_refused(company: Company, wave: Wave, views: dict[str, dict[str, int]]) -> None:
    with pytest.raises(ValueError, match=r"is said|found"):
        accept(link(wave, company.charlie), views)
    assert not Mirrored.select().exists()


@pytest.mark.parametrize(("members", "tallies"), [(K - 1, 0), (K, 2)])
def test_fewer_than_k_views_are_not_kept(company: Company, wave: Wave, members: int, tallies: int) -> None:
    for found in links(company, wave, "Sales")[:members]:
        accept(found, VIEWS)
    company.close_wave(wave)
    assert OwnViewTally.select().count() == tallies
    assert not OwnView.select().exists()


def test_each_item_needs_k_views_of_its_own(company: Company, wave: Wave) -> None:
    for place, found in enumerate(links(company, wave, "Sales")[:K]):
        accept(found, VIEWS if place else {"self": {"overall": 4}})
    company.close_wave(wave)
    (tally,) = OwnViewTally.select()
    assert (tally.view, tally.item, tally.n4) == ("self", "overall", K)


def test_a_cancelled_wave_keeps_nothing(company: Company, wave: Wave) -> None:
    accept(link(wave, company.charlie), VIEWS)
    keep_lead_view(company.alice, wave, company.departments["Finance"], VIEWS)
    waves.cancel_wave(wave, wave.opens_at + 60)
    assert not OwnView.select().exists()
    assert not LeadView.select().exists()


def test_a_leads_last_word_counts(company: Company, wave: Wave) -> None:
    finance = company.departments["Finance"]
    assert lead_views(company.alice, wave, finance) == {}
    keep_lead_view(company.alice, wave, finance, VIEWS)
    keep_lead_view(company.alice, wave, finance, {"self": {"overall": 2}})
    assert lead_views(company.alice, wave, finance) == {"self": {"overall": 2}}
    assert lead_views(company.bob, wave, finance) == {}


def test_what_hinders_is_kept_with_or_without_a_view(company: Company, wave: Wave) -> None:
    finance = company.departments["Finance"]
    assert lead_hindrances(company.alice, wave, finance) == set()
    keep_lead_view(company.alice, wave, finance, VIEWS, ["resources", "people", "people"])
    assert lead_hindrances(company.alice, wave, finance) == {"resources", "people"}
    keep_lead_view(company.alice, wave, finance, {}, ["nothing"])
    assert lead_hindrances(company.alice, wave, finance) == {"nothing"}
    assert lead_views(company.alice, wave, finance) == VIEWS
    keep_lead_view(company.alice, wave, finance, VIEWS)
    assert not Hindrance.select().exists()


def test_what_hinders_one_lead_leaves_the_other_ones_words(company: Company, wave: Wave) -> None:
    finance, it = company.departments["Finance"], company.departments["IT"]
    for person, department in ((company.alice, finance), (company.bob, finance), (company.alice, it)):
        keep_lead_view(person, wave, department, {}, ["resources"])
    keep_lead_view(company.alice, wave, finance, {}, ["culture"])
    assert lead_hindrances(company.bob, wave, finance) == lead_hindrances(company.alice, wave, it) == {"resources"}


@pytest.mark.parametrize("reasons", [["weather"], ["nothing", "resources"], ["attitude"]])
def test_a_reason_that_no_page_sends_is_refused(company: Company, wave: Wave, reasons: list[str]) -> None:
    with pytest.raises(ValueError, match="What hinders"):
        keep_lead_view(company.alice, wave, company.departments["Finance"], VIEWS, reasons)
    assert not LeadView.select().exists()


def test_after_closing_no_reason_is_taken(company: Company, wave: Wave) -> None:
    company.close_wave(wave)
    said = keep_lead_view(company.alice, wave, company.departments["Finance"], {}, ["resources"])
    assert said is Outcome.CLOSED
    assert not Hindrance.select().exists()


def test_leads_are_asked_while_a_wave_is_open(company: Company, wave: Wave) -> None:
    finance = company.departments["Finance"]
    assert waiting_for([finance]) == [wave]
    assert waiting_for([]) == []
    ServiceLink.delete().where(ServiceLink.provider == finance).execute()
    assert waiting_for([finance]) == []
    company.close_wave(wave)
    assert waiting_for([company.departments["IT"]]) == []


def test_what_members_said_is_part_of_what_the_digest_proves(company: Company, wave: Wave) -> None:
    for found in links(company, wave, "Sales")[:K]:
        accept(found, VIEWS)
    company.close_wave(wave)
    assert releases.altered() == []
    OwnViewTally.update(n1=OwnViewTally.n1 + 1).execute()
    assert [found.id for found in releases.altered()] == [wave.id]
