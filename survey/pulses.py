"""Pulses: which cadences there are, adding a pulse, and the days of its coming waves."""

import tomllib
from collections.abc import Iterable
from datetime import date
from functools import partial
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peewee import fn

from survey import asking
from survey.measure.cadence import (
    Cadence,
    CadenceError,
    DaysOff,
    Occurrence,
    Schedule,
    Timetable,
    Why,
    local,
    read_cadence,
)
from survey.measure.cadence import summary_at as summary_after
from survey.models import Blackout, Department, Pulse, PulseDepartment, Reminder, Wave, database
from survey.questionnaire import DEFAULT
from survey.refusal import Refusal, _l
from survey.settings import folder
from survey.sheets import slug
from survey.workdays import find_calendar, is_holiday

LONGEST_BLACKOUT_DAYS = 366
MONTH_DAYS = 30  # about, to compare cadences
YEARS = range(2000, 2101)  # a day outside is a slip of the pen; so far reach the calendars of public holidays

NO_SUCH_DAY = _l("%(day)s is not between the years 2000 and 2100.")
BACKWARDS = _l("The last day, %(last)s, comes before the first, %(first)s.")
TOO_LONG = _l("From %(first)s to %(last)s is more than a year; pause the pulse instead.")

DayRange = tuple[date, date]  # first and last day, both included


class PulseError(Refusal):
    """A pulse cannot be added or changed; the message says why and what to do."""


# --- Adding --------------------------------------------------------------------------------------------------------


def cadences() -> list[str]:
    return sorted(path.stem for path in (folder("schedules") / "cadences").glob("*.toml"))


def load_cadence(key: str) -> Cadence:
    """The cadence of this key; raises CadenceError when it is missing or cannot be used."""
    path = folder("schedules") / "cadences" / f"{key}.toml"
    if key not in cadences():
        raise CadenceError(f'There is no cadence "{key}"; choose from {", ".join(cadences())}.')
    return read_cadence(key, tomllib.loads(path.read_text(encoding="utf-8")))


def cadences_by_step() -> dict[str, Cadence]:
    """All cadences by key, from the most to the least frequent; of two alike first the one that needs no weekday."""
    found = {key: load_cadence(key) for key in cadences()}
    steps = {key: (one.months * MONTH_DAYS + one.days, one.on is not None) for key, one in found.items()}
    return {key: found[key] for key in sorted(found, key=lambda key: steps[key])}


def add_pulse(
    key: str,
    cadence: str,
    first: date,
    timezone: str,
    questionnaire: str = DEFAULT,
    departments: Iterable[Department] = (),
    holidays: str = "",
    blackouts: Iterable[DayRange] = (),
) -> Pulse:
    """Add a pulse and plan its first wave. No `departments` means all, no `holidays` that weekends count as well.

    Raises PulseError, QuestionnaireError or CalendarUnknown.
    """
    if slug(key) != key or len(key) > 80:
        raise PulseError(
            f'"{key}" cannot be a key; write small letters, digits and hyphens, like "{slug(key) or "pulse"}".'
        )
    if Pulse.get_or_none(Pulse.key == key):
        raise PulseError(f'There is a pulse "{key}" already; choose another key.')
    asking.check(questionnaire)
    try:
        load_cadence(cadence)
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        if isinstance(error, CadenceError):
            raise PulseError(str(error)) from error
        raise PulseError(f'"{timezone}" is no time zone; write a name like Europe/Madrid.') from error
    check_day(first)
    with database.atomic():
        pulse = Pulse.create(
            key=key,
            cadence=cadence,
            first_date=first,
            timezone=timezone,
            questionnaire=questionnaire,
            holidays=find_calendar(holidays) if holidays else "",
        )
        for department in departments:
            PulseDepartment.create(pulse=pulse, department=department)
        for starts_on, ends_on in blackouts:
            store_blackout(pulse, starts_on, ends_on)
        plan_next(pulse)
    return pulse


def check_day(day: date) -> date:
    """The day itself, when waves can be planned on it. Raises PulseError."""
    if day.year not in YEARS:
        raise PulseError(NO_SUCH_DAY, day=f"{day}")
    return day


def store_blackout(pulse: Pulse, starts_on: date, ends_on: date) -> None:
    """Add a range of days off; once is enough. Raises PulseError."""
    check_day(starts_on)
    check_day(ends_on)
    if ends_on < starts_on:
        raise PulseError(BACKWARDS, first=starts_on, last=ends_on)
    if (ends_on - starts_on).days >= LONGEST_BLACKOUT_DAYS:
        raise PulseError(TOO_LONG, first=starts_on, last=ends_on)
    Blackout.insert(pulse=pulse, starts_on=starts_on, ends_on=ends_on).on_conflict_ignore().execute()


def blackouts(pulse: Pulse) -> list[DayRange]:
    """The pulse's own days off, in order."""
    query = Blackout.select(Blackout.starts_on, Blackout.ends_on).where(Blackout.pulse == pulse)
    return list(query.order_by(Blackout.starts_on, Blackout.ends_on).tuples())


# --- Planning ------------------------------------------------------------------------------------------------------


def timetable(pulse: Pulse) -> Timetable:
    """When the pulse's waves open, as its cadence, its days off and the days of its other waves have it."""
    others = Wave.select(Wave.local_date).where(Wave.pulse == pulse, Wave.state != "planned").tuples()
    return Timetable(
        cadence=load_cadence(pulse.cadence),
        first=pulse.first_date,
        first_number=pulse.first_occurrence,
        zone=ZoneInfo(pulse.timezone),
        off=days_off(pulse),
        taken=frozenset(day for (day,) in others),
    )


def days_off(pulse: Pulse) -> DaysOff:
    """The days on which the pulse asks nobody."""
    return DaysOff(partial(is_holiday, pulse.holidays) if pulse.holidays else None, tuple(blackouts(pulse)))


def coming(pulse: Pulse, count: int, now: int) -> list[Occurrence]:
    """The pulse's next `count` waves: the planned one and those after it; of a paused pulse, as if it ran on now."""
    plan, wave, since = timetable(pulse), planned_wave(pulse), next_number(pulse)
    if wave is None:
        return list(islice((found for found in plan.ahead(since) if found.schedule.opens_at > now), count))
    return [_as_planned(plan, wave, since, now), *islice(plan.ahead(wave.occurrence + 1), count - 1)]


def _as_planned(plan: Timetable, wave: Wave, since: int, now: int) -> Occurrence:
    """A planned wave as it is stored, whatever its cadence would say today."""
    reminders = Reminder.select(Reminder.due_at).where(Reminder.wave == wave).order_by(Reminder.sequence).tuples()
    stored = Schedule(
        opens_at=wave.opens_at,
        reminders_at=tuple(due_at for (due_at,) in reminders),
        closes_at=wave.closes_at,
        summary_at=summary_at(wave, wave.closes_at),
    )
    own_day = plan.own_day(wave.occurrence)
    why = plan.why_moved(own_day, wave.local_date)
    if why and wave.day_chosen:
        why = Why.CHOSEN
    elif why is Why.PAST and plan.on(wave.occurrence, own_day).opens_at > now:
        why = Why.REST
    left_out = plan.left_out_before(wave.occurrence, since)
    return Occurrence(wave.occurrence, wave.local_date, stored, own_day, why, left_out)


def plan_next(pulse: Pulse) -> Wave | None:
    """Store the occurrence after the pulse's last wave as a planned wave.

    None when one is planned already, or the pulse is paused: then a wave is planned when it runs on.
    """
    if planned_wave(pulse):
        return None
    with database.atomic():
        pulse = hold(pulse)
        if pulse.state == "paused" or planned_wave(pulse):
            return None
        return store(pulse, next(timetable(pulse).ahead(next_number(pulse))))


def hold(pulse: Pulse) -> Pulse:
    """The pulse as it stands; until the transaction ends, nobody else plans or changes its waves."""
    Pulse.update(state=Pulse.state).where(Pulse.id == pulse.id).execute()
    return Pulse.get_by_id(pulse.id)


def store(pulse: Pulse, found: Occurrence, *, day_chosen: bool = False) -> Wave:
    """Write `found` down as the pulse's planned wave, in place of what was planned before."""
    values = {
        "occurrence": found.number,
        "local_date": found.day,
        "opens_at": found.schedule.opens_at,
        "closes_at": found.schedule.closes_at,
        "summary_after_days": load_cadence(pulse.cadence).summary_after_days,
        "day_chosen": day_chosen,
    }
    planned = (Wave.pulse == pulse) & (Wave.state == "planned")
    if not Wave.update(values).where(planned).execute():
        Wave.create(pulse=pulse, **values)
    wave = Wave.get(planned)
    store_reminders(wave, found.schedule)
    return wave


def store_reminders(wave: Wave, planned: Schedule) -> None:
    """Write down when `wave` reminds, in place of what was planned before."""
    Reminder.delete().where(Reminder.wave == wave).execute()
    for sequence, due_at in enumerate(planned.reminders_at, start=1):
        Reminder.create(wave=wave, sequence=sequence, due_at=due_at)


def schedule_on(pulse: Pulse, day: date, number: int) -> Schedule:
    """The instants of occurrence `number`, if it opens on the local date `day`."""
    return timetable(pulse).on(number, day)


def summary_at(wave: Wave, closed_at: int) -> int:
    """When the summaries leave of a wave that closes at `closed_at`: so many days later as was planned with it."""
    zone = ZoneInfo(wave.pulse.timezone)
    opens = local(wave.opens_at, zone).time()
    return summary_after(closed_at, wave.summary_after_days, opens, zone, days_off(wave.pulse))


def planned_wave(pulse: Pulse) -> Wave | None:
    return Wave.get_or_none(Wave.pulse == pulse, Wave.state == "planned")


def next_number(pulse: Pulse) -> int:
    """The number of the occurrence after the last wave that opened or was cancelled."""
    last = Wave.select(fn.MAX(Wave.occurrence)).where(Wave.pulse == pulse, Wave.state != "planned").scalar()
    return 0 if last is None else last + 1
