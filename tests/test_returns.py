"""What those who answer get back: from the departments they work with, from releases, and never a figure."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest

from survey import commitments, returns
from survey.commitments import LATEST, Draft
from survey.measure.scale import ITEMS
from survey.models import Commitment, Department, ServiceLink, Wave
from survey.responses import Answer
from survey.returns import SinceLastTime
from tests.cast import Company

TODAY = date(2026, 6, 3)  # the second wave is open
DRAFT = Draft("diligence", "We answer within two days.", TODAY + timedelta(days=30))


@pytest.fixture
def first(company: Company) -> Wave:
    """The release before the wave that is open."""
    return company.released_wave()


@pytest.fixture
def wave(company: Company, first: Wave) -> Wave:
    return company.open_wave()


def promise(company: Company, wave: Wave, name: str, text: str, made_on: date = TODAY) -> Commitment:
    due_on = made_on + timedelta(days=30)
    return commitments.make(wave, company.departments[name], replace(DRAFT, text=text, due_on=due_on), made_on)


def ids(company: Company, *names: str) -> tuple[int, ...]:
    return tuple(company.departments[name].id for name in names)


def told(company: Company, wave: Wave, *asked: str, client: str = "Sales", today: date = TODAY) -> SinceLastTime:
    return returns.since_last_time(wave, company.departments[client].id, ids(company, *asked), today)


def words(company: Company, *asked: str, client: str = "Sales") -> list[str]:
    found = returns.you_said_we_did(company.departments[client].id, ids(company, *asked), TODAY)
    return [row.commitment.text for row in found]


def only_uses(company: Company, client: str, *providers: str) -> None:
    of_client = ServiceLink.client == company.departments[client]
    ServiceLink.delete().where(of_client, ServiceLink.provider.not_in(ids(company, *providers))).execute()


# --- After sending -------------------------------------------------------------------------------------------------


def test_the_latest_commitments_come_first_and_five_are_enough(company: Company, first: Wave) -> None:
    for number in range(LATEST + 2):
        promise(company, first, "Finance", f"Promise {number}", TODAY - timedelta(days=number))
    assert words(company) == [f"Promise {number}" for number in range(LATEST)]


def test_only_departments_that_ones_own_works_with_or_that_were_asked_about(company: Company, first: Wave) -> None:
    for name in ("Finance", "IT", "Logistics", "Sales"):
        promise(company, first, name, name)
    only_uses(company, "Sales", "Finance", "Logistics")
    ServiceLink.update(weight=0).where(ServiceLink.provider == company.departments["Logistics"]).execute()
    assert words(company) == ["Finance"]
    assert sorted(words(company, "IT")) == ["Finance", "IT"]


def test_what_was_dropped_is_not_told(company: Company, first: Wave) -> None:
    commitments.drop(promise(company, first, "Finance", "Dropped"), "No budget.", TODAY)
    promise(company, first, "IT", "Open")
    assert words(company) == ["Open"]


def test_whoever_has_been_forgotten_still_reads_about_those_asked_about(company: Company, first: Wave) -> None:
    promise(company, first, "Finance", "Finance")
    assert returns.you_said_we_did(None, (), TODAY) == []
    assert len(returns.you_said_we_did(None, ids(company, "Finance"), TODAY)) == 1


# --- Before the first question -------------------------------------------------------------------------------------


def test_in_the_first_wave_there_was_no_last_time(company: Company) -> None:
    assert told(company, company.open_wave(), "Finance") == SinceLastTime(is_first=True)


def test_nothing_reported_is_said_as_that(company: Company, wave: Wave) -> None:
    assert told(company, wave, "Finance") == SinceLastTime()


def test_what_was_done_comes_before_what_is_promised(company: Company, first: Wave, wave: Wave) -> None:
    done = promise(company, first, "Finance", "Done", TODAY - timedelta(days=20))
    promise(company, first, "IT", "Promised later")
    assert told(company, wave).commitment.commitment.text == "Promised later"
    commitments.finish(done, TODAY - timedelta(days=10))
    assert told(company, wave).commitment.commitment.text == "Done"


def test_what_was_done_before_last_time_is_no_news(company: Company, first: Wave, wave: Wave) -> None:
    commitments.finish(promise(company, first, "Finance", "Old", first.local_date), first.local_date)
    assert told(company, wave).commitment.commitment.text == "Old"
    Commitment.update(ended_on=first.local_date - timedelta(days=1)).execute()
    assert told(company, wave) == SinceLastTime()


def test_a_promise_that_is_late_is_no_news(company: Company, first: Wave, wave: Wave) -> None:
    made = promise(company, first, "Finance", "Late", TODAY - timedelta(days=30))
    assert told(company, wave, today=made.due_on).commitment
    assert told(company, wave, today=made.due_on + timedelta(days=1)) == SinceLastTime()


def test_what_others_have_done_is_no_news(company: Company, first: Wave, wave: Wave) -> None:
    commitments.finish(promise(company, first, "IT", "Done"), TODAY)
    only_uses(company, "Sales", "Finance")
    assert told(company, wave, "Finance") == SinceLastTime()


# --- A real change -------------------------------------------------------------------------------------------------


def two_releases(company: Company, before: int, after: int, people: int = 20) -> Wave:
    """Of two releases `people` of Sales rate Finance; the wave after them is open."""

    def release(score: int) -> Wave:
        wave = company.open_wave()
        spread = iter([0, 0, 1] * 20)

        def about(provider: int) -> Answer:
            own = score + next(spread) if provider == company.departments["Finance"].id else 3
            return Answer(provider, dict.fromkeys(ITEMS, own))

        company.rate(wave, "Sales", people, about)
        return company.close_wave(wave)

    company.ask_only_about("Finance", "IT")
    for score in (before, after):
        company.once(("rated", score, people), partial(release, score))
    return company.open_wave()


@pytest.mark.parametrize(
    ("before", "after", "people", "expected"),
    [
        (2, 4, 20, "Finance"),
        (2, 4, 10, "Finance"),
        (2, 4, 9, None),  # too few to be shown exactly
        (4, 2, 20, None),  # worse
        (3, 3, 20, None),  # as it was
    ],
)
def test_only_a_real_rise_is_told(company: Company, before: int, after: int, people: int, expected: str | None) -> None:
    wave = two_releases(company, before, after, people)
    found = told(company, wave, "Finance", "IT", client="Logistics")
    assert (found.risen.name if found.risen else None) == expected


def test_a_rise_of_a_department_not_asked_about_is_not_told(company: Company) -> None:
    wave = two_releases(company, 2, 4)
    assert told(company, wave, "IT", client="Logistics") == SinceLastTime()


def test_nothing_of_the_wave_that_is_open_is_told(company: Company) -> None:
    wave = two_releases(company, 2, 2)
    company.answer(wave, lambda provider: Answer(provider, dict.fromkeys(ITEMS, 5)))
    assert told(company, wave, "Finance") == SinceLastTime()


def test_a_commitment_comes_before_a_rise(company: Company) -> None:
    wave = two_releases(company, 2, 4)
    before = Wave.select().where(Wave.state == "closed").order_by(Wave.id.desc()).get()
    made = commitments.make(before, Department.get(Department.key == "it"), DRAFT, TODAY)
    found = told(company, wave, "Finance", "IT", today=TODAY)
    assert (found.commitment.commitment.id, found.risen) == (made.id, None)
