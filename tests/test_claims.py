"""Claimed against confirmed: what was promised after each wave, and what became of it."""

from datetime import date, timedelta

from survey import claims, commitments
from survey.claims import Record
from survey.commitments import Draft
from survey.models import Wave
from tests.cast import Company
from tests.test_notices import Done, done, released, say

__all__ = ["done", "released"]  # fixtures

TODAY = date(2026, 8, 2)


def test_a_record_tells_what_was_promised_done_in_time_and_confirmed(company: Company, done: Done) -> None:
    first, second = done("Finance", "Sales"), done("Finance", "Logistics")
    done("Finance", ended_on=date(2026, 8, 2))  # it was due on the first
    finance = company.departments["Finance"]
    wave = company.open_wave()
    say(company, wave, "Sales", [True] * 6, first)
    say(company, wave, "Logistics", [False] * 6, second)
    company.close_wave(wave)
    commitments.make(Wave.get_by_id(wave.id), finance, Draft("promises", "Next.", TODAY), TODAY)
    rows = commitments.of_providers([finance.id], TODAY)
    assert [(row[0].id, row[1]) for row in claims.by_wave(rows)[finance.id]] == [
        (wave.id, Record(promised=1, done=0, in_time=0, heard=0, confirmed=0)),
        (first.wave_id, Record(promised=3, done=3, in_time=2, heard=2, confirmed=1)),
    ]
    assert claims.company() == Record(promised=4, done=3, in_time=2, heard=2, confirmed=1)


def test_what_is_done_on_its_day_is_in_time(released: Wave, company: Company) -> None:
    finance = company.departments["Finance"]
    for days in (0, 1):
        made = commitments.make(released, finance, Draft("promises", f"{days} later.", TODAY), TODAY)
        commitments.finish(made, TODAY + timedelta(days=days))
    assert (claims.company().done, claims.company().in_time) == (2, 1)


def test_a_provider_that_promised_nothing_has_no_record(company: Company, released: Wave) -> None:
    finance, it = company.departments["Finance"], company.departments["IT"]
    commitments.make(released, it, Draft("promises", "Soon.", TODAY), TODAY)
    rows = commitments.of_providers([finance.id, it.id], TODAY)
    assert {provider: len(found) for provider, found in claims.by_wave(rows).items()} == {finance.id: 0, it.id: 1}


def test_before_anything_is_promised_all_is_nothing(company: Company) -> None:
    assert claims.company() == Record(0, 0, 0, 0, 0)
    assert claims.by_wave({}) == {}
