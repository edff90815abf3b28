"""Pulses: which cadences there are, adding a pulse, and the days of its coming waves."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
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


@dataclass(frozen=True)
class Stored:
    """What is stored of a pulse, and what its coming waves follow from."""

    pulse: Pulse
    planned: Wave | None
    reminders_at: tuple[int, ...]  # of the planned wave
    others: tuple[tuple[int, date], ...]  # number and day of each wave that opened or was cancelled
    blackouts: tuple[DayRange, ...]  # in order

    @property
    def timetable(self) -> Timetable:
        return _timetable(self.pulse, self.blackouts, (day for _, day in self.others))

    @property
    def next_number(self) -> int:
        return 1 + max((number for number, _ in self.others), default=-1)


def stored(pulses: Sequence[Pulse]) -> dict[int, Stored]:
    """What is stored of each pulse, by its id. Four queries, whatever the number of pulses."""
    ids = [pulse.id for pulse in pulses]
    planned = {wave.pulse_id: wave for wave in Wave.select().where(Wave.pulse.in_(ids), Wave.state == "planned")}
    reminders: dict[int, list[int]] = defaultdict(list)
    due = Reminder.select(Reminder.wave, Reminder.due_at).where(Reminder.wave.in_([one.id for one in planned.values()]))
    for wave, due_at in due.order_by(Reminder.sequence).tuples():
        reminders[wave].append(due_at)
    others: dict[int, list[tuple[int, date]]] = defaultdict(list)
    over = Wave.select(Wave.pulse, Wave.occurrence, Wave.local_date)
    for pulse, *other in over.where(Wave.pulse.in_(ids), Wave.state != "planned").tuples():
        others[pulse].append(tuple(other))
    off: dict[int, list[DayRange]] = defaultdict(list)
    ranges = Blackout.select(Blackout.pulse, Blackout.starts_on, Blackout.ends_on).where(Blackout.pulse.in_(ids))
    for pulse, *days in ranges.order_by(Blackout.starts_on, Blackout.ends_on).tuples():
        off[pulse].append(tuple(days))
    return {
        pulse.id: Stored(
            pulse=pulse,
            planned=(wave := planned.get(pulse.id)),
            reminders_at=tuple(reminders[wave.id]) if wave else (),
            others=tuple(others[pulse.id]),
            blackouts=tuple(off[pulse.id]),
        )
        for pulse in pulses
    }


def timetable(pulse: Pulse) -> Timetable:
    """When the pulse's waves open, as its cadence, its days off and the days of its other waves have it."""
    others = Wave.select(Wave.local_date).where(Wave.pulse == pulse, Wave.state != "planned").tuples()
    return _timetable(pulse, blackouts(pulse), (day for (day,) in others))


def _timetable(pulse: Pulse, blackouts: Iterable[DayRange], taken: Iterable[date]) -> Timetable:
    return Timetable(
        cadence=load_cadence(pulse.cadence),
        first=pulse.first_date,
        first_number=pulse.first_occurrence,
        zone=ZoneInfo(pulse.timezone),
        off=_days_off(pulse, blackouts),
        taken=frozenset(taken),
    )


def days_off(pulse: Pulse) -> DaysOff:
    """The days on which the pulse asks nobody."""
    return _days_off(pulse, blackouts(pulse))


def _days_off(pulse: Pulse, blackouts: Iterable[DayRange]) -> DaysOff:
    return DaysOff(partial(is_holiday, pulse.holidays) if pulse.holidays else None, tuple(blackouts))


def coming(pulse: Pulse, count: int, now: int) -> list[Occurrence]:
    """The pulse's next `count` waves: the planned one and those after it; of a paused pulse, as if it ran on now."""
    return coming_of(stored([pulse])[pulse.id], count, now)


def coming_of(found: Stored, count: int, now: int) -> list[Occurrence]:
    """The same without a query."""
    plan, wave, since = found.timetable, found.planned, found.next_number
    if wave is None:
        return list(islice((one for one in plan.ahead(since) if one.schedule.opens_at > now), count))
    first = _as_planned(plan, wave, found.reminders_at, since, now)
    return [first, *islice(plan.ahead(wave.occurrence + 1), count - 1)]


def _as_planned(plan: Timetable, wave: Wave, reminders_at: tuple[int, ...], since: int, now: int) -> Occurrence:
    """A planned wave as it is stored, whatever its cadence would say today."""
    as_stored = Schedule(
        opens_at=wave.opens_at,
        reminders_at=reminders_at,
        closes_at=wave.closes_at,
        summary_at=_summary_at(wave, wave.closes_at, plan.zone, plan.off),
    )
    own_day = plan.own_day(wave.occurrence)
    why = plan.why_moved(own_day, wave.local_date)
    if why and wave.day_chosen:
        why = Why.CHOSEN
    elif why is Why.PAST and plan.on(wave.occurrence, own_day).opens_at > now:
        why = Why.REST
    left_out = plan.left_out_before(wave.occurrence, since)
    return Occurrence(wave.occurrence, wave.local_date, as_stored, own_day, why, left_out)


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
    return _summary_at(wave, closed_at, ZoneInfo(wave.pulse.timezone), days_off(wave.pulse))


def _summary_at(wave: Wave, closed_at: int, zone: tzinfo, off: DaysOff) -> int:
    return summary_after(closed_at, wave.summary_after_days, local(wave.opens_at, zone).time(), zone, off)


def planned_wave(pulse: Pulse) -> Wave | None:
    return Wave.get_or_none(Wave.pulse == pulse, Wave.state == "planned")


def next_number(pulse: Pulse) -> int:
    """The number of the occurrence after the last wave that opened or was cancelled."""
    last = Wave.select(fn.MAX(Wave.occurrence)).where(Wave.pulse == pulse, Wave.state != "planned").scalar()
    return 0 if last is None else last + 1
