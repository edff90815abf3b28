"""A pulse before it is added: its waves, and how many people their mails would go to."""

from datetime import date

import pytest

from survey import forecast as forecasting
from survey.audience import find_audience
from survey.forecast import Draft, as_if_added, forecast
from survey.models import Person, Pulse, Wave, database
from survey.pulses import PulseError
from tests.cast import DAY, OPENS, Company
from tests.web.pages import everything

NOW = OPENS - 40 * DAY
DRAFT = Draft("clima", "five-practices", "monthly", date(2026, 2, 2), "Europe/Madrid")


def asked(draft: Draft, rest_days: int, now: int = NOW) -> list[tuple[int, int]]:
    return [(wave.invited, wave.left_out) for wave in forecast(draft, now, rest_days).waves]


def test_a_forecast_leaves_nothing_behind(company: Company) -> None:
    before = everything()
    found = forecast(DRAFT, NOW, 14)
    assert [wave.coming.day for wave in found.waves] == [date(2026, month, 2) for month in (2, 3, 4, 5)]
    assert everything() == before


def test_while_people_are_looked_for_others_may_write(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a transaction SQLite would keep them waiting, which in a large company takes seconds."""
    inside = []

    def watched(name: str) -> None:
        find = getattr(forecasting, name)
        monkeypatch.setattr(forecasting, name, lambda *given: inside.append(database.in_transaction()) or find(*given))

    for name in ("find_audience", "find_everybody", "readers", "company_readers"):
        watched(name)
    forecast(DRAFT, NOW, 14)
    assert (len(inside), any(inside)) == (13, False)


def test_another_pulses_turn_is_foretold_as_it_comes(company: Company) -> None:
    """A pulse that has never asked goes before one that has; and one that has asked rests afterwards."""
    company.released_wave()
    late = Draft("clima", "five-practices", "weekly", date(2026, 5, 25), "Europe/Madrid")
    foretold = forecast(late, OPENS + 20 * DAY, 14).waves[0]
    assert (foretold.invited, foretold.left_out) == (59, 0)
    audience = find_audience(Wave.get(Wave.pulse == late.add()), 14)
    assert (len(audience.people), audience.left_out) == (59, 0)


def test_what_is_foretold_is_what_happens(company: Company) -> None:
    foretold = forecast(DRAFT, NOW, 14)
    pulse = DRAFT.add()
    planned = Wave.get(Wave.pulse == pulse)
    assert planned.opens_at == foretold.waves[0].coming.schedule.opens_at
    assert (pulse.cadence, pulse.timezone) == (foretold.pulse.cadence, foretold.pulse.timezone)


def test_everybody_is_counted_who_works_somewhere_and_is_active(company: Company) -> None:
    Person.update(active=False).where(Person.id == company.charlie.id).execute()
    assert asked(DRAFT, 0) == [(58, 0)] * 4
    assert forecast(DRAFT, NOW, 0).waves[0].summaries == 2


def test_only_chosen_departments_are_counted(company: Company) -> None:
    legal = Draft(
        "clima", "five-practices", "monthly", date(2026, 2, 2), "Europe/Madrid", (company.departments["Legal"],)
    )
    assert asked(legal, 0) == [(4, 0)] * 4


def test_who_is_asked_in_one_wave_rests_in_the_next(company: Company) -> None:
    weekly = Draft("clima", "five-practices", "weekly", date(2026, 5, 4), "Europe/Madrid")
    assert asked(weekly, 7) == [(59, 0)] * 4
    assert asked(weekly, 8) == [(59, 0), (0, 59), (59, 0), (0, 59)]


def test_who_has_been_asked_by_another_wave_rests(company: Company) -> None:
    company.open_wave()
    late = Draft("clima", "five-practices", "monthly", date(2026, 3, 10), "Europe/Madrid")
    assert asked(late, 14, OPENS + DAY)[0] == (0, 59)
    assert asked(late, 7, OPENS + DAY)[0] == (59, 0)


def test_a_first_day_that_has_passed_is_refused(company: Company) -> None:
    with pytest.raises(PulseError, match="the opening hour has passed"):
        forecast(DRAFT, OPENS, 14)


def test_a_pulse_is_there_only_while_one_looks(company: Company) -> None:
    with as_if_added(DRAFT) as pulse:
        assert Pulse.get_by_id(pulse.id).key == "clima"
    assert Pulse.get_or_none(Pulse.key == "clima") is None
