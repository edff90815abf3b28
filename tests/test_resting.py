"""A wave is put off until those whom its pulse asked last have rested."""

from datetime import date, timedelta

import pytest

from survey import replanning, resting
from survey.measure.cadence import Why
from survey.models import Invitation, Pulse, Wave
from survey.pulses import add_pulse, coming, store_blackout
from survey.waves import close_due, open_due
from tests.cast import DAY, OPENS, SIZES, Company, K

REST = 14  # days
FIRST = date(2026, 3, 2)  # the day of OPENS
EVERYBODY = sum(SIZES.values())


@pytest.fixture
def fortnightly(company: Company) -> Pulse:
    """The only pulse that runs."""
    Pulse.update(state="paused").execute()
    return add_pulse("fortnightly", "fortnightly", FIRST, "Europe/Madrid")


def tick(day: int) -> list[int]:
    """How many people are asked by what opens on this day, at the opening hour of winter and of summer."""
    opened = []
    for now in (OPENS + day * DAY - 3600, OPENS + day * DAY):
        close_due(now)
        opened += open_due(now, K, REST)
    return [Invitation.select().where(Invitation.wave == wave).count() for wave in opened]


def put_off(pulse: Pulse, days: int) -> None:
    assert resting.move(Wave.get(Wave.pulse == pulse), pulse, FIRST + timedelta(days=days))


def test_a_pulse_that_a_holiday_put_off_waits_as_long_the_next_time(fortnightly: Pulse) -> None:
    put_off(fortnightly, 1)
    asked = [(day, people) for day in range(31) for people in tick(day)]
    assert asked == [(1, EVERYBODY), (15, EVERYBODY), (29, EVERYBODY)]


def test_a_wave_that_waits_for_the_rest_opens_on_a_working_day_and_says_why(fortnightly: Pulse) -> None:
    """Put off from Monday to Friday; a fortnight later that Friday is a day off, so it waits for Monday."""
    store_blackout(fortnightly, date(2026, 3, 20), date(2026, 3, 20))
    put_off(fortnightly, 4)
    now = OPENS + 4 * DAY
    assert [wave.local_date for wave in open_due(now, K, REST)] == [date(2026, 3, 6)]
    following = coming(fortnightly, 1, now)[0]
    assert (following.own_day, following.day, following.why) == (date(2026, 3, 16), date(2026, 3, 23), Why.REST)


def test_a_wave_that_was_planned_anew_still_waits_for_the_rest(fortnightly: Pulse) -> None:
    """Days off put it back on its own day, when those asked last have rested thirteen days of fourteen."""
    put_off(fortnightly, 1)
    assert tick(1) == [EVERYBODY]
    replanning.add_blackout(fortnightly, date(2026, 12, 24), date(2026, 12, 31), OPENS + 2 * DAY)
    assert coming(fortnightly, 1, OPENS + 2 * DAY)[0].day == FIRST + timedelta(days=14)
    assert [tick(14), tick(15)] == [[], [EVERYBODY]]


def test_a_wave_that_was_moved_since_it_was_read_is_not_moved_again(fortnightly: Pulse) -> None:
    stale = Wave.get(Wave.pulse == fortnightly)
    put_off(fortnightly, 1)
    assert not resting.move(stale, fortnightly, FIRST + timedelta(days=2))
    assert Wave.get_by_id(stale.id).local_date == FIRST + timedelta(days=1)
