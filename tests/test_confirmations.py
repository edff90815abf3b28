"""Where a claim stands: who could confirm it, who is asked, and what they said, by k or not at all."""

from datetime import date

import pytest

from survey import commitments, confirmations
from survey.commitments import Draft
from survey.confirmations import Stage
from survey.measure.noticing import Majority
from survey.models import Commitment, NoticeTally, Person, Wave
from tests.cast import Company, K
from tests.test_notices import Done, done, released, say

__all__ = ["done", "released"]  # fixtures

TODAY = date(2026, 6, 1)


def stage(commitment: Commitment) -> Stage | None:
    rows = commitments.of_providers([commitment.provider_id], TODAY)[commitment.provider_id]
    (found,) = [row.confirmation for row in rows if row.commitment == commitment]
    return found.stage if found else None


def test_what_is_not_done_claims_nothing(company: Company, released: Wave) -> None:
    finance = company.departments["Finance"]
    made = commitments.make(released, finance, Draft("promises", "Soon.", TODAY), TODAY)
    assert stage(made) is None
    commitments.drop(made, "No budget.", TODAY)
    assert stage(made) is None


def test_a_claim_that_names_nobody_can_be_confirmed_by_nobody(company: Company, done: Done) -> None:
    kept = done("Finance")
    assert stage(kept) is Stage.NOBODY
    company.released_wave()
    assert stage(kept) is Stage.NOBODY


def test_a_claim_waits_is_asked_and_is_confirmed(company: Company, done: Done) -> None:
    kept = done("Finance", "Sales")
    assert stage(kept) is Stage.WAITING
    wave = company.open_wave()
    assert stage(kept) is Stage.ASKED
    say(company, wave, "Sales", [True] * 8 + [False] * 4, kept)
    assert stage(kept) is Stage.ASKED  # nothing of an open wave shows
    company.close_wave(wave)
    assert stage(kept) is Stage.CONFIRMED
    (row,) = commitments.of_providers([kept.provider_id], TODAY)[kept.provider_id]
    assert row.confirmation
    assert row.confirmation.asked_on == wave.local_date
    assert row.confirmation.hearing
    assert (row.confirmation.hearing.share, row.confirmation.hearing.people) == (67, (10, 19))


@pytest.mark.parametrize(
    ("noticed", "not_yet", "expected"),
    [(K - 1, 0, Stage.TOO_FEW), (K, 0, Stage.CONFIRMED), (3, 2, Stage.NOT_CONFIRMED), (0, K, Stage.NOT_CONFIRMED)],
)
def test_most_of_k_who_could_say_confirm_it(
    company: Company, done: Done, noticed: int, not_yet: int, expected: Stage
) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    say(company, wave, "Sales", [True] * noticed + [False] * not_yet, kept)
    company.close_wave(wave)
    assert stage(kept) is expected


def test_who_cannot_say_is_not_counted(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    say(company, wave, "Sales", [True] * (K - 1), kept)
    company.answer(wave)  # the others answer all else
    company.close_wave(wave)
    assert stage(kept) is Stage.TOO_FEW


def test_a_wave_that_could_not_ask_is_told(company: Company, done: Done) -> None:
    kept = done("Finance", "IT")
    Person.update(active=False).where(Person.department == company.departments["IT"]).execute()
    company.released_wave()
    assert stage(kept) is Stage.PASSED_OVER


def test_a_tally_is_read_by_the_k_of_its_wave(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    say(company, wave, "Sales", [True] * 6, kept)
    company.close_wave(wave)
    Wave.update(min_group=8).where(Wave.id == wave.id).execute()
    assert stage(kept) is Stage.TOO_FEW
    assert confirmations.heard() == (0, 0)


def test_all_that_was_heard_is_counted(company: Company, done: Done) -> None:
    first, second, third = done("Finance", "Sales"), done("IT", "Logistics"), done("Sales", "Finance")
    wave = company.open_wave()
    say(company, wave, "Sales", [True] * 12, first)
    say(company, wave, "Logistics", [False] * 6, second)
    say(company, wave, "Finance", [True] * (K - 1), third)
    company.close_wave(wave)
    assert confirmations.heard() == (2, 1)


def test_it_takes_as_many_queries_for_many_as_for_one(company: Company, done: Done, caplog) -> None:
    done("Finance", "Sales", text="Asked")
    company.released_wave()
    found = []
    for number in range(3):
        done("Finance", "Sales", text=f"Waits {number}")
        caplog.set_level("DEBUG", logger="peewee")
        caplog.clear()
        commitments.of_providers([company.departments["Finance"].id], TODAY)
        found.append(sum(record.name == "peewee" for record in caplog.records))
    assert found == [found[0]] * 3


def test_few_answers_are_told_in_words_alone(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    say(company, wave, "Sales", [True] * 8 + [False], kept)
    company.close_wave(wave)
    (row,) = commitments.of_providers([kept.provider_id], TODAY)[kept.provider_id]
    assert row.confirmation
    assert row.confirmation.hearing
    told = row.confirmation.hearing
    assert (told.majority, told.share, told.interval, told.people) == (Majority.NOTICED, None, None, (5, 9))
    assert NoticeTally.get().noticed == 8
