"""Changing a pulse's coming waves: pause and resume, shift, move, skip, days off. What was is never touched.

A wave that opened, closed or was cancelled keeps its day and its number; only the planned wave is planned anew. Each
change is one transaction that holds the planned wave first and then the pulse, the order in which opening a wave takes
them, so that a wave either opens as it was planned or not at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from survey.measure.cadence import Occurrence, Timetable, local
from survey.models import RUNNING, SKIPPED, Blackout, Pulse, Reminder, Wave, database
from survey.pulses import (
    PulseError,
    check_day,
    hold,
    next_number,
    plan_next,
    planned_wave,
    store,
    store_blackout,
    timetable,
)
from survey.refusal import _l
from survey.workdays import find_calendar

PAUSED = _l('"%(pulse)s" is paused; resume it first.')
RUNS = _l('"%(pulse)s" is not paused.')
GONE = _l("This wave is not planned any more; look at the plan again.")
IN_THE_PAST = _l("On %(day)s the opening hour has passed; choose a later day.")
OVER_OPEN_WAVE = _l("A wave is open until %(day)s; choose a day after that.")
HAS_A_WAVE = _l("There is a wave on %(day)s already, perhaps one that was skipped; choose another day.")
OVER_NEXT_WAVE = _l("The wave after it opens on %(day)s; choose a day before %(last)s, or shift all coming waves.")


@contextmanager
def _alone(pulse: Pulse) -> Iterator[Pulse]:
    """The pulse as it stands, in a transaction in which nobody else opens, plans or changes its waves."""
    planned = (Wave.pulse == pulse) & (Wave.state == "planned")
    with database.atomic():
        is_held = False
        while not is_held:
            with database.atomic() as attempt:
                held = {wave.id for wave in Wave.update(state="planned").where(planned).returning(Wave.id).execute()}
                pulse = hold(pulse)
                is_held = held == {wave.id for wave in Wave.select(Wave.id).where(planned)}
                if not is_held:  # while we waited for the pulse, another wave was planned, which somebody may hold
                    attempt.rollback()
        yield pulse


# --- All coming waves ----------------------------------------------------------------------------------------------


def pause(pulse: Pulse) -> None:
    """Open no wave until the pulse is resumed. An open wave goes on. Raises PulseError.

    The planned wave is forgotten, and with it a day that was chosen for it.
    """
    with _alone(pulse) as pulse:
        _refuse_if(pulse.state == "paused", PAUSED, pulse)
        _forget_planned(pulse)
        Pulse.update(state="paused").where(Pulse.id == pulse.id).execute()


def resume(pulse: Pulse, now: int) -> Wave:
    """Go on with the next wave that opens after now; those of the pause are neither opened nor told as missed."""
    with _alone(pulse) as pulse:
        _refuse_if(pulse.state == "active", RUNS, pulse)
        Pulse.update(state="active").where(Pulse.id == pulse.id).execute()
        running = _open_wave(pulse)
        earliest = max(now, running.closes_at) if running else now
        return store(pulse, _next_after(timetable(pulse), next_number(pulse), earliest))


def shift(pulse: Pulse, day: date, now: int) -> None:
    """Let the next wave fall on `day`, and all later ones count from there. Raises PulseError."""
    with _alone(pulse) as pulse:
        check_day(day)
        planned = planned_wave(pulse)
        number = planned.occurrence if planned else next_number(pulse)
        Pulse.update(first_date=day, first_occurrence=number).where(Pulse.id == pulse.id).execute()
        pulse = Pulse.get_by_id(pulse.id)
        found = next(timetable(pulse).ahead(number))
        _refuse_day(pulse, found, now)
        if pulse.state == "active":
            store(pulse, found)


def own_day_of_next(pulse: Pulse) -> date:
    """The day that the cadence gives to the pulse's next wave: a shift by days counts from it."""
    planned = planned_wave(pulse)
    return timetable(pulse).own_day(planned.occurrence if planned else next_number(pulse))


# --- The next wave -------------------------------------------------------------------------------------------------


def move(pulse: Pulse, wave_id: int, day: date, now: int) -> None:
    """Open the planned wave on `day`, which may be a day off; later waves stay where they are. Raises PulseError."""
    with _alone(pulse) as pulse:
        wave = _planned(pulse, wave_id)
        check_day(day)
        plan = timetable(pulse)
        if day > plan.last_day(wave.occurrence):
            following = plan.own_day(wave.occurrence + 1)
            raise PulseError(OVER_NEXT_WAVE, day=following, last=following - timedelta(days=1))
        found = _on(plan, wave.occurrence, day)
        _refuse_day(pulse, found, now)
        store(pulse, found, day_chosen=True)


def skip(pulse: Pulse, wave_id: int, now: int) -> None:
    """Leave the planned wave out, and plan the one after it. Raises PulseError."""
    with _alone(pulse) as pulse:
        wave = _planned(pulse, wave_id)
        cancelled = {"state": "cancelled", "cancel_reason": SKIPPED, "cancelled_at": now}
        Wave.update(cancelled).where(Wave.id == wave.id).execute()
        plan_next(pulse)


# --- Days off ------------------------------------------------------------------------------------------------------


def set_holidays(pulse: Pulse, code: str, now: int) -> None:
    """Let the public holidays of a country or region be days off; "" means nobody's. Raises CalendarUnknown."""
    code = find_calendar(code) if code.strip() else ""
    with _alone(pulse) as pulse:
        Pulse.update(holidays=code).where(Pulse.id == pulse.id).execute()
        _plan_anew(Pulse.get_by_id(pulse.id), now)


def add_blackout(pulse: Pulse, starts_on: date, ends_on: date, now: int) -> None:
    """Neither open nor remind from `starts_on` to `ends_on`, both included. Raises PulseError."""
    with _alone(pulse) as pulse:
        store_blackout(pulse, starts_on, ends_on)
        _plan_anew(pulse, now)


def remove_blackout(pulse: Pulse, starts_on: date, ends_on: date, now: int) -> bool:
    """Take days off back; False when there are none from `starts_on` to `ends_on`."""
    with _alone(pulse) as pulse:
        there = (Blackout.pulse == pulse) & (Blackout.starts_on == starts_on) & (Blackout.ends_on == ends_on)
        removed = Blackout.delete().where(there).execute()
        _plan_anew(pulse, now)
    return bool(removed)


def _plan_anew(pulse: Pulse, now: int) -> None:
    """Plan the planned wave as the days off now have it: never into the past, and never off a day that was chosen."""
    wave = planned_wave(pulse)
    if wave is None:
        return
    plan = timetable(pulse)
    if wave.day_chosen:
        store(pulse, _on(plan, wave.occurrence, wave.local_date), day_chosen=True)
        return
    found = _next_after(plan, next_number(pulse), now)
    if found.number <= wave.occurrence or plan.day(wave.occurrence) is None:
        store(pulse, found)
    # Otherwise its own day is over, so the wave stays where it is.


# --- What they share -----------------------------------------------------------------------------------------------


def _planned(pulse: Pulse, wave_id: int) -> Wave:
    """The planned wave, if it is the one that was asked for: a button pressed twice must not hit the one after."""
    _refuse_if(pulse.state == "paused", PAUSED, pulse)
    wave = planned_wave(pulse)
    if wave is None or wave.id != wave_id:
        raise PulseError(GONE)
    return wave


def _on(plan: Timetable, number: int, day: date) -> Occurrence:
    return Occurrence(number, day, plan.on(number, day), plan.own_day(number))


def _next_after(plan: Timetable, number: int, second: int) -> Occurrence:
    return next(found for found in plan.ahead(number) if found.schedule.opens_at > second)


def _open_wave(pulse: Pulse) -> Wave | None:
    return Wave.get_or_none(Wave.pulse == pulse, Wave.state.in_(RUNNING))


def _forget_planned(pulse: Pulse) -> None:
    if wave := planned_wave(pulse):
        Reminder.delete().where(Reminder.wave == wave).execute()
        wave.delete_instance()


def _refuse_if(wrong: bool, text: str, pulse: Pulse) -> None:
    if wrong:
        raise PulseError(text, pulse=pulse.key)


def _refuse_day(pulse: Pulse, found: Occurrence, now: int) -> None:
    """Never into the past, never over an open wave, never two waves on one day."""
    if found.schedule.opens_at <= now:
        raise PulseError(IN_THE_PAST, day=found.day)
    running = _open_wave(pulse)
    if running and found.schedule.opens_at <= running.closes_at:
        raise PulseError(OVER_OPEN_WAVE, day=local(running.closes_at, ZoneInfo(pulse.timezone)).date())
    if Wave.select().where(Wave.pulse == pulse, Wave.state != "planned", Wave.local_date == found.day).exists():
        raise PulseError(HAS_A_WAVE, day=found.day)
