"""Changing what comes: pause, resume, shift, move, skip, days off; what was stays as it was."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from survey import outbox
from survey.measure.cadence import Why
from survey.models import SKIPPED, Blackout, Message, Pulse, Reminder, Wave
from survey.pulses import PulseError, add_pulse, coming, plan_next, planned_wave
from survey.replanning import (
    add_blackout,
    move,
    own_day_of_next,
    pause,
    remove_blackout,
    resume,
    set_holidays,
    shift,
    skip,
)
from survey.settings import Settings
from survey.waves import close_due, open_due, open_now, open_wave, remind_due
from survey.workdays import CalendarUnknown
from tests.cast import DAY, OPENS, Company, K

BEFORE = OPENS - 10 * DAY
MARCH, JUNE, SEPTEMBER = date(2026, 3, 2), date(2026, 6, 2), date(2026, 9, 2)


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def planned(pulse: Pulse) -> Wave:
    wave = planned_wave(pulse)
    assert wave
    return wave


def days(pulse: Pulse, count: int = 3, now: int = BEFORE) -> list[str]:
    return [str(found.day) for found in coming(Pulse.get_by_id(pulse.id), count, now)]


def story(pulse: Pulse) -> list[tuple[int, str, str]]:
    waves = Wave.select().where(Wave.pulse == pulse).order_by(Wave.occurrence)
    return [(wave.occurrence, f"{wave.local_date:%m-%d}", wave.cancel_reason or wave.state) for wave in waves]


def refused(deed: Callable[..., Any], *values: Any) -> str:
    """What is said, after seeing that nothing has changed."""

    def everything() -> list[Any]:
        return [list(table.select().tuples()) for table in (Pulse, Wave, Reminder, Blackout)]

    before = everything()
    with pytest.raises(PulseError) as refusal:
        deed(*values)
    assert everything() == before
    return str(refusal.value)


@pytest.fixture
def pulse(company: Company) -> Pulse:
    return company.pulse


@pytest.fixture
def weekly(settings: Settings) -> Pulse:
    """Mondays from 2 March 2026 on, in Madrid."""
    return add_pulse("weekly", "weekly", MARCH, "Europe/Madrid")


# Pausing and resuming


def test_a_paused_pulse_opens_nothing_and_misses_nothing(pulse: Pulse) -> None:
    pause(pulse)
    assert open_due(OPENS, K) == open_due(OPENS + 200 * DAY, K) == []
    assert (story(pulse), Message.select().count()) == ([], 0)


def test_a_wave_that_was_due_when_the_pulse_was_paused_does_not_open_any_more(pulse: Pulse) -> None:
    due = planned(pulse)  # another process has just read it
    pause(pulse)
    assert not open_wave(due, OPENS, K)


def test_a_pulse_that_another_process_still_thinks_active_is_not_planned(pulse: Pulse) -> None:
    seen = Pulse.get_by_id(pulse.id)
    pause(pulse)
    assert seen.state == "active"
    assert plan_next(seen) is None
    assert planned_wave(seen) is None


def test_resuming_goes_on_with_the_next_wave_and_tells_nobody_of_the_missed(weekly: Pulse) -> None:
    open_due(OPENS, K)
    pause(weekly)
    close_due(OPENS + 5 * DAY)
    resume(weekly, OPENS + 31 * DAY)  # Thursday 2 April
    assert story(weekly) == [(0, "03-02", "closed"), (5, "04-06", "planned")]
    assert open_due(OPENS + 31 * DAY, K) == []
    assert Message.select().where(Message.kind == outbox.MISSED).count() == 0


@pytest.mark.parametrize(("now", "expected"), [(OPENS - 1, "03-02"), (OPENS, "06-02")])
def test_a_wave_that_fell_into_the_pause_is_not_opened_late(pulse: Pulse, now: int, expected: str) -> None:
    pause(pulse)
    resume(pulse, now)
    assert f"{planned(pulse).local_date:%m-%d}" == expected


def test_an_open_wave_goes_on_through_a_pause(company: Company) -> None:
    wave = company.open_wave()
    pause(company.pulse)
    assert remind_due(OPENS + 4 * DAY) == 1
    assert [closed.id for closed in close_due(wave.closes_at)] == [wave.id]
    assert Wave.select().count() == 1


def test_a_resumed_pulse_opens_nothing_over_its_open_wave(settings: Settings) -> None:
    pulse = add_pulse("weekly", "weekly", MARCH, "Europe/Madrid")
    open_now(pulse, OPENS - 3 * DAY, K)  # on Friday 27 February, until Tuesday 3 March
    pause(pulse)
    Pulse.update(first_occurrence=1).where(Pulse.id == pulse.id).execute()  # its next wave falls on 2 March
    resume(pulse, OPENS - 2 * DAY)
    assert story(pulse)[-1] == (2, "03-09", "planned")


def test_pausing_and_resuming_twice_is_refused(pulse: Pulse) -> None:
    assert refused(resume, pulse, BEFORE) == '"quarterly" is not paused.'
    pause(pulse)
    assert refused(pause, pulse) == '"quarterly" is paused; resume it first.'


def test_the_plan_of_a_paused_pulse_shows_what_would_come(weekly: Pulse) -> None:
    pause(weekly)
    assert days(weekly, 2, OPENS + 3 * DAY) == ["2026-03-09", "2026-03-16"]


# Shifting


def test_all_coming_waves_are_shifted_and_the_past_is_not(company: Company) -> None:
    company.close_wave(company.open_wave())
    shift(company.pulse, day("06-15"), OPENS + 30 * DAY)
    assert story(company.pulse) == [(0, "03-02", "closed"), (1, "06-15", "planned")]
    assert days(company.pulse) == ["2026-06-15", "2026-09-15", "2026-12-15"]


def test_a_shifted_wave_opens_at_its_new_moment_with_its_reminders(pulse: Pulse) -> None:
    shift(pulse, day("03-05"), BEFORE)
    assert open_due(OPENS + 3 * DAY - 1, K) == []
    (opened,) = open_due(OPENS + 3 * DAY, K)
    assert opened.occurrence == 0
    due = [reminder.due_at for reminder in Reminder.select().where(Reminder.wave == opened)]
    assert due == [OPENS + 7 * DAY, OPENS + 12 * DAY]


def test_a_shift_by_days_counts_from_the_cadences_own_day(pulse: Pulse) -> None:
    set_holidays(pulse, "ES", BEFORE)
    shift(pulse, day("05-01"), BEFORE)  # a Friday and a holiday
    assert days(pulse, 1) == ["2026-05-04"]
    assert own_day_of_next(Pulse.get_by_id(pulse.id)) == day("05-01")


def test_a_shift_of_a_paused_pulse_counts_when_it_is_resumed(pulse: Pulse) -> None:
    pause(pulse)
    shift(pulse, day("03-20"), BEFORE)
    assert planned_wave(pulse) is None
    resume(pulse, BEFORE)
    assert days(pulse, 2) == ["2026-03-20", "2026-06-20"]


def test_a_shift_of_a_cadence_by_weekday_finds_the_next_such_day(settings: Settings) -> None:
    pulse = add_pulse("tuesdays", "first-tuesday", MARCH, "Europe/Madrid")
    shift(pulse, day("03-10"), BEFORE)
    assert days(pulse, 2) == ["2026-04-07", "2026-05-05"]


def test_nothing_is_shifted_into_the_past(pulse: Pulse) -> None:
    assert "On 2026-02-27 the opening hour has passed" in refused(shift, pulse, day("02-27"), OPENS - 3 * DAY)
    shift(pulse, day("02-27"), OPENS - 3 * DAY - 1)


def test_nothing_is_shifted_over_an_open_wave(company: Company) -> None:
    company.open_wave()  # until 16 March, 18:00
    now = OPENS + DAY
    assert (
        refused(shift, company.pulse, day("03-16"), now) == "A wave is open until 2026-03-16; choose a day after that."
    )
    shift(company.pulse, day("03-17"), now)


def test_a_wave_has_its_day_for_itself_after_a_skip(weekly: Pulse) -> None:
    skip(weekly, planned(weekly).id, BEFORE)
    shift(weekly, MARCH, BEFORE)  # on the day of the wave that was skipped
    assert story(weekly) == [(0, "03-02", "skipped"), (1, "03-03", "planned")]
    assert coming(Pulse.get_by_id(weekly.id), 1, BEFORE)[0].why is Why.TAKEN


@pytest.mark.parametrize("year", [1, 1999, 2101, 9999])
def test_a_year_that_is_a_slip_of_the_pen_is_refused(pulse: Pulse, year: int) -> None:
    assert "is not between the years 2000 and 2100" in refused(shift, pulse, date(year, 1, 2), BEFORE)
    assert "is not between the years 2000 and 2100" in refused(move, pulse, planned(pulse).id, date(year, 1, 2), BEFORE)


# Moving the next wave


def test_only_the_next_wave_is_moved(pulse: Pulse) -> None:
    move(pulse, planned(pulse).id, day("03-12"), BEFORE)
    assert days(pulse) == ["2026-03-12", "2026-06-02", "2026-09-02"]
    assert coming(pulse, 1, BEFORE)[0].why is Why.CHOSEN
    (opened,) = open_due(OPENS + 10 * DAY, K)
    assert (opened.occurrence, opened.closes_at) == (0, OPENS + 24 * DAY + 9 * 3600)


def test_a_chosen_day_may_be_a_day_off_and_holidays_do_not_move_it(pulse: Pulse) -> None:
    set_holidays(pulse, "ES-MD", BEFORE)
    move(pulse, planned(pulse).id, day("03-07"), BEFORE)  # a Saturday
    add_blackout(pulse, day("03-07"), day("03-11"), BEFORE)
    assert days(pulse, 1) == ["2026-03-07"]
    assert [reminder.due_at for reminder in Reminder.select()] == [OPENS + 10 * DAY, OPENS + 14 * DAY]


def test_a_wave_is_moved_up_to_the_eve_of_the_eve_of_the_next(weekly: Pulse) -> None:
    said = refused(move, weekly, planned(weekly).id, day("03-08"), BEFORE)
    assert said.startswith("The wave after it opens on 2026-03-09; choose a day before 2026-03-08, or shift all")
    move(weekly, planned(weekly).id, day("03-07"), BEFORE)
    assert planned(weekly).closes_at < OPENS + 7 * DAY


def test_nothing_is_moved_over_an_open_wave_or_into_the_past(company: Company) -> None:
    company.open_wave()
    wave = planned(company.pulse)
    assert "until 2026-03-16" in refused(move, company.pulse, wave.id, day("03-16"), OPENS + DAY)
    assert "the opening hour has passed" in refused(move, company.pulse, wave.id, day("03-03"), OPENS + DAY)
    move(company.pulse, wave.id, day("03-17"), OPENS + DAY)
    assert story(company.pulse) == [(0, "03-02", "open"), (1, "03-17", "planned")]


def test_no_two_waves_on_one_day(pulse: Pulse) -> None:
    skip(pulse, planned(pulse).id, BEFORE)
    said = refused(move, pulse, planned(pulse).id, MARCH, BEFORE)
    assert said == "There is a wave on 2026-03-02 already, perhaps one that was skipped; choose another day."
    move(pulse, planned(pulse).id, day("03-03"), BEFORE)


def test_a_wave_that_opened_meanwhile_is_not_moved(company: Company) -> None:
    opened = company.open_wave()
    assert refused(move, company.pulse, opened.id, day("03-20"), OPENS).startswith("This wave is not planned any more")


def test_a_paused_pulse_has_no_wave_to_move_or_skip(pulse: Pulse) -> None:
    wave = planned(pulse)
    pause(pulse)
    assert "is paused" in refused(move, pulse, wave.id, day("03-20"), BEFORE)
    assert "is paused" in refused(skip, pulse, wave.id, BEFORE)


# Skipping


def test_the_next_wave_is_skipped_and_the_ones_after_it_stay(pulse: Pulse) -> None:
    skip(pulse, planned(pulse).id, BEFORE)
    assert story(pulse) == [(0, "03-02", "skipped"), (1, "06-02", "planned")]
    assert Wave.get(Wave.cancel_reason == SKIPPED).cancelled_at == BEFORE
    assert open_due(OPENS, K) == []
    assert Message.select().count() == 0


def test_pressing_skip_twice_skips_once(pulse: Pulse) -> None:
    wave = planned(pulse)
    skip(pulse, wave.id, BEFORE)
    assert refused(skip, pulse, wave.id, BEFORE).startswith("This wave is not planned any more")


# Days off


def test_new_holidays_move_the_planned_wave_and_their_end_moves_it_back(pulse: Pulse) -> None:
    shift(pulse, day("05-01"), BEFORE)
    set_holidays(pulse, "es-md", BEFORE)
    assert days(pulse, 2) == ["2026-05-04", "2026-08-03"]  # 2 May is Madrid's, 1 August a Saturday
    set_holidays(pulse, " ", BEFORE)
    assert days(pulse, 2) == ["2026-05-01", "2026-08-01"]


def test_a_calendar_that_there_is_not_changes_nothing(pulse: Pulse) -> None:
    with pytest.raises(CalendarUnknown, match="ES-MD, CL, US-CA"):
        set_holidays(pulse, "Madrid", BEFORE)
    assert Pulse.get().holidays == ""


def test_a_blackout_moves_the_planned_wave_with_its_reminders(pulse: Pulse) -> None:
    add_blackout(pulse, MARCH, day("03-04"), BEFORE)
    wave = planned(pulse)
    assert (wave.occurrence, wave.local_date, wave.opens_at) == (0, day("03-05"), OPENS + 3 * DAY)
    assert [reminder.due_at for reminder in Reminder.select()] == [OPENS + 7 * DAY, OPENS + 12 * DAY]
    assert remove_blackout(pulse, MARCH, day("03-04"), BEFORE)
    assert planned(pulse).opens_at == OPENS


def test_a_blackout_that_there_is_not_cannot_be_removed(pulse: Pulse) -> None:
    assert not remove_blackout(pulse, MARCH, MARCH, BEFORE)


def test_the_same_blackout_twice_is_one(pulse: Pulse) -> None:
    for _ in range(2):
        add_blackout(pulse, MARCH, MARCH, BEFORE)
    assert Blackout.select().count() == 1


def test_a_blackout_lasts_a_year_at_most_and_ends_after_it_begins(pulse: Pulse) -> None:
    assert "comes before the first" in refused(add_blackout, pulse, JUNE, MARCH, BEFORE)
    assert "is more than a year" in refused(add_blackout, pulse, MARCH, MARCH + timedelta(days=366), BEFORE)
    add_blackout(pulse, MARCH, MARCH + timedelta(days=365), BEFORE)


def test_a_wave_left_out_by_a_blackout_comes_back_with_its_number(weekly: Pulse) -> None:
    add_blackout(weekly, MARCH, day("03-08"), BEFORE)
    assert story(weekly) == [(1, "03-09", "planned")]
    remove_blackout(weekly, MARCH, day("03-08"), BEFORE)
    assert story(weekly) == [(0, "03-02", "planned")]


def test_days_off_that_end_early_pull_no_wave_into_the_past(pulse: Pulse) -> None:
    add_blackout(pulse, MARCH, day("03-06"), BEFORE)
    remove_blackout(pulse, MARCH, day("03-06"), OPENS + DAY)
    (first, *_) = coming(pulse, 1, OPENS + DAY)
    assert (str(first.day), first.number, first.why) == ("2026-03-09", 0, Why.PAST)


def test_a_wave_that_is_due_stays_due_when_other_days_become_free(pulse: Pulse) -> None:
    add_blackout(pulse, JUNE, JUNE, OPENS + 60)
    assert len(open_due(OPENS + 120, K)) == 1


def test_an_open_wave_keeps_its_reminders_whatever_is_off_now(company: Company) -> None:
    company.open_wave()
    before = list(Reminder.select().tuples())
    add_blackout(company.pulse, day("03-05"), day("03-12"), OPENS + DAY)
    assert list(Reminder.select().where(Reminder.wave == 1).tuples()) == before[:2]


# The past


def test_what_was_is_never_touched(company: Company) -> None:
    pulse = company.pulse
    company.close_wave(company.open_wave())
    skip(pulse, planned(pulse).id, BEFORE)
    company.open_wave()
    now = planned(pulse).opens_at - 30 * DAY
    past = list(Wave.select().where(Wave.state != "planned").order_by(Wave.id).tuples())
    pause(pulse)
    shift(pulse, day("12-14"), now)
    resume(pulse, now)
    set_holidays(pulse, "ES-MD", now)
    add_blackout(pulse, MARCH, day("12-18"), now)
    move(pulse, planned(pulse).id, day("12-23"), now)
    assert list(Wave.select().where(Wave.state != "planned").order_by(Wave.id).tuples()) == past
    assert [number for number, *_ in story(pulse)] == [0, 1, 2, 3]
