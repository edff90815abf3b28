"""When a pulse repeats, opens, reminds and closes: local dates and wall times to instants."""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import Enum
from itertools import accumulate, count, takewhile
from typing import Any, TypeGuard

ENTRIES = {"step", "on", "opens", "closes", "closes_after_days", "remind_after_days", "summary_after_days"}
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}  # a fifth one is not in every month
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SATURDAY = 5
DAY = timedelta(days=1)


class CadenceError(ValueError):
    """A cadence cannot be used; the message says what was found and what was expected."""


@dataclass(frozen=True)
class Weekday:
    """A day of the month such as the first Tuesday."""

    ordinal: int  # 0 is the month's first … 3 its fourth, -1 its last
    weekday: int  # 0 is Monday

    def of(self, year: int, month: int) -> date:
        days = (date(year, month, day + 1) for day in range(monthrange(year, month)[1]))
        return [day for day in days if day.weekday() == self.weekday][self.ordinal]


@dataclass(frozen=True)
class Cadence:
    """How often a pulse runs. Exactly one of `months` and `days` is not 0; wall times are local to the pulse."""

    key: str
    months: int
    days: int
    opens: time
    closes: time
    closes_after_days: int
    remind_after_days: tuple[int, ...]
    on: Weekday | None = None  # of the month; none: the day of the month that the pulse began on
    summary_after_days: int = 0  # after the wave has closed; 0 means at once


@dataclass(frozen=True)
class Schedule:
    """The instants (UTC seconds) of one occurrence."""

    opens_at: int
    reminders_at: tuple[int, ...]
    closes_at: int
    summary_at: int  # when the leads' summaries leave


# --- Reading -------------------------------------------------------------------------------------------------------


def read_cadence(key: str, table: Mapping[str, Any]) -> Cadence:
    """The cadence that a TOML table describes; raises CadenceError naming the entry that is wrong."""
    if unknown := sorted(set(table) - ENTRIES):
        raise CadenceError(f"{key}: {unknown[0]} is no entry of a cadence; there are {', '.join(sorted(ENTRIES))}.")
    step = table.get("step")
    days, months = (step.get("days", 0), step.get("months", 0)) if isinstance(step, Mapping) else (0, 0)
    if bool(days) == bool(months) or not all(_is_whole(n, 0) for n in (days, months)):
        raise CadenceError(f"{key}: step must be {{ days = … }} or {{ months = … }}, a whole number above 0.")
    closes_after_days, reminders = table.get("closes_after_days"), table.get("remind_after_days", [])
    if not _is_whole(closes_after_days, 1):
        raise CadenceError(f"{key}: closes_after_days must be a whole number of at least 1.")
    if not isinstance(reminders, list) or not all(_is_whole(day, 1) and day < closes_after_days for day in reminders):
        raise CadenceError(f"{key}: remind_after_days must be whole numbers from 1, before closes_after_days.")
    if sorted(set(reminders)) != reminders:
        raise CadenceError(f"{key}: remind_after_days must rise.")
    if closes_after_days >= (days or 28 * months):
        raise CadenceError(f"{key}: a wave must close before the next one opens.")
    summary_after_days = table.get("summary_after_days", 0)
    if not _is_whole(summary_after_days, 0):
        raise CadenceError(f"{key}: summary_after_days must be a whole number; 0 means as soon as the wave has closed.")
    on = _read_weekday(key, table["on"], months) if "on" in table else None
    opens, closes = _read_clocks(key, table)
    return Cadence(key, months, days, opens, closes, closes_after_days, tuple(reminders), on, summary_after_days)


def _read_weekday(key: str, text: Any, months: int) -> Weekday:
    ordinal, _, weekday = text.lower().partition(" ") if isinstance(text, str) else ("", "", "")
    if ordinal not in ORDINALS or weekday not in WEEKDAYS:
        raise CadenceError(
            f'{key}: on must be like "first tuesday" or "last friday": '
            f"{', '.join(ORDINALS)}, and a day of the week in English."
        )
    if not months:
        raise CadenceError(f"{key}: on is about months; with step = {{ days = … }} the first date sets the weekday.")
    return Weekday(ORDINALS[ordinal], WEEKDAYS.index(weekday))


def _read_clocks(key: str, table: Mapping[str, Any]) -> tuple[time, time]:
    try:
        opens, closes = (time.fromisoformat(table[entry]) for entry in ("opens", "closes"))
        if opens.tzinfo or closes.tzinfo:
            raise ValueError("A wall time has no offset of its own; the pulse has the zone.")
    except (KeyError, TypeError, ValueError):
        raise CadenceError(f'{key}: opens and closes must be wall times like "09:00".') from None
    return opens, closes


def _is_whole(value: Any, least: int) -> TypeGuard[int]:
    """Whether a TOML value is a whole number of at least `least` (true and false are numbers to Python only)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


# --- Days ----------------------------------------------------------------------------------------------------------


def occurrence(cadence: Cadence, first: date, number: int) -> date:
    """The local date of occurrence `number`; 0 is `first`, or the first day of the cadence after it.

    Months keep the day of the month; where the month is too short, its last day: 31 January, 30 April, 31 July …
    Of "the first Tuesday" number 0 is the first one that is not before `first`.
    """
    if cadence.days:
        return first + timedelta(days=cadence.days * number)
    if cadence.on is None:
        year, month = _month(first, cadence.months * number)
        return date(year, month, min(first.day, monthrange(year, month)[1]))
    is_over = cadence.on.of(first.year, first.month) < first
    return cadence.on.of(*_month(first, cadence.months * number + is_over))


def _month(day: date, later: int) -> tuple[int, int]:
    """(year, month) so many months after that of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + later, 12)
    return year, month + 1


class Why(Enum):
    """Why a wave opens on another day than its cadence says."""

    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    BLACKOUT = "blackout"
    TAKEN = "taken"  # another wave of the pulse has that day
    CHOSEN = "chosen"  # somebody chose another day
    PAST = "past"  # the day had passed when it became free
    REST = "rest"  # those asked in the wave before it would not have rested


@dataclass(frozen=True)
class DaysOff:
    """The days on which a pulse neither opens nor reminds."""

    is_holiday: Callable[[date], bool] | None = None  # none: weekends and holidays are days like any other
    blackouts: tuple[tuple[date, date], ...] = ()  # first and last day, both included

    def why(self, day: date) -> Why | None:
        """Why the day is off; None when it is not."""
        if any(first <= day <= last for first, last in self.blackouts):
            return Why.BLACKOUT
        if self.is_holiday is None:
            return None
        if self.is_holiday(day):
            return Why.HOLIDAY
        return Why.WEEKEND if day.weekday() >= SATURDAY else None

    def next_working_day(self, day: date) -> date:
        """`day` itself when it is not off, else the next Monday to Friday that is not."""
        if self.why(day) is None:
            return day
        while self.why(day) or day.weekday() >= SATURDAY:
            day += DAY
        return day

    def is_working_day(self, day: date) -> bool:
        """Whether it is a Monday to Friday that is not off."""
        return day.weekday() < SATURDAY and self.why(day) is None

    def working_days(self, start: date, end: date) -> int:
        """How many working days come after `start`, up to and including `end`; 0 when none does.

        From a Friday to the next Monday it is 1, and to the Sunday before 0.
        """
        return self.working_days_from(start, end).get(end, 0)

    def working_days_from(self, first: date, last: date) -> dict[date, int]:
        """{day: how many working days come after `first`, up to and including it}, of each day from `first` to `last`.

        Counted once for many questions: between two of these days lie as many as their numbers differ by.
        """
        days = [first + DAY * passed for passed in range((last - first).days + 1)]
        return dict(zip(days, accumulate(map(self.is_working_day, days[1:]), initial=0), strict=False))

    def working_days_before(self, day: date, number: int) -> date:
        """The working day that comes so many before `day`: three before a Friday is the Tuesday."""
        while number:
            day -= DAY
            number -= self.is_working_day(day)
        return day


EVERY_DAY = DaysOff()


@dataclass(frozen=True)
class Occurrence:
    """One coming run of a pulse."""

    number: int  # 0 is the pulse's first
    day: date  # local, on which it opens
    schedule: Schedule
    own_day: date  # what the cadence says; `day`, unless it is moved
    why: Why | None = None  # it is moved
    left_out: tuple[date, ...] = ()  # the cadence's days just before it, on which nobody is asked


@dataclass(frozen=True)
class Timetable:
    """All that decides when a pulse's waves open.

    An opening that falls on a day off moves to the next working day, and the wave's reminders and its closing with it.
    It moves inside its own stretch of days only, from its day to two days before the cadence's next one, so that two
    waves never meet and the numbers never drift. A wave that finds no working day there is left out.
    """

    cadence: Cadence
    first: date
    first_number: int  # of the occurrence that falls on `first`
    zone: tzinfo
    off: DaysOff = EVERY_DAY
    taken: frozenset[date] = frozenset()  # days that other waves have

    def own_day(self, number: int) -> date:
        """The day that the cadence gives to an occurrence."""
        return occurrence(self.cadence, self.first, number - self.first_number)

    def last_day(self, number: int) -> date:
        """The last day on which an occurrence can open: it is open for a day at least, and closed before the next."""
        return self.own_day(number + 1) - 2 * DAY

    def day(self, number: int) -> date | None:
        """The day on which an occurrence opens; None when it is left out."""
        found = self.off.next_working_day(self.own_day(number))
        while found in self.taken:
            found = self.off.next_working_day(found + DAY)
        return found if found <= self.last_day(number) else None

    def on(self, number: int, day: date) -> Schedule:
        """The instants of an occurrence that opens on `day`."""
        return schedule(self.cadence, day, self.zone, self.off, until=self.own_day(number + 1))

    def ahead(self, number: int) -> Iterator[Occurrence]:
        """Every occurrence from `number` on that is not left out, without end."""
        for coming in count(number):
            if day := self.day(coming):
                own_day, before = self.own_day(coming), self.left_out_before(coming, number)
                yield Occurrence(coming, day, self.on(coming, day), own_day, self.why_moved(own_day, day), before)

    def left_out_before(self, number: int, since: int) -> tuple[date, ...]:
        """The cadence's days just before an occurrence, from number `since` on, on which nobody is asked."""
        left_out = takewhile(lambda earlier: self.day(earlier) is None, range(number - 1, since - 1, -1))
        return tuple(reversed([self.own_day(earlier) for earlier in left_out]))

    def why_moved(self, own_day: date, day: date) -> Why | None:
        if own_day == day:
            return None
        return Why.TAKEN if own_day in self.taken else self.off.why(own_day) or Why.PAST


# --- Instants ------------------------------------------------------------------------------------------------------


def schedule(
    cadence: Cadence, day: date, zone: tzinfo, off: DaysOff = EVERY_DAY, *, until: date = date.max
) -> Schedule:
    """When the occurrence that opens on the local date `day` opens, reminds, closes and sums up.

    Reminders leave at the opening hour. One that falls on a day off leaves on the next working day; one that would then
    leave after the closing, or together with another, is left out. The wave closes on the day before `until` at the
    latest, a day off or not: closing needs nobody at work.
    """
    reminders = [off.next_working_day(day + timedelta(days=days)) for days in cadence.remind_after_days]
    closes_on = min(day + timedelta(days=cadence.closes_after_days), until - DAY)
    opens_at, closes_at = _at(day, cadence.opens, zone), _at(closes_on, cadence.closes, zone)
    reminders_at = sorted({_at(remind_on, cadence.opens, zone) for remind_on in reminders})
    return Schedule(
        opens_at=opens_at,
        reminders_at=tuple(reminder for reminder in reminders_at if reminder < closes_at),
        closes_at=closes_at,
        summary_at=summary_at(closes_at, cadence.summary_after_days, cadence.opens, zone, off),
    )


def summary_at(closed_at: int, after_days: int, clock: time, zone: tzinfo, off: DaysOff) -> int:
    """When the summaries of a wave leave that closed at `closed_at`: at once, or so many days later at `clock`."""
    if not after_days:
        return closed_at
    day = local(closed_at, zone).date() + timedelta(days=after_days)
    return _at(off.next_working_day(day), clock, zone)


def _at(day: date, clock: time, zone: tzinfo) -> int:
    return instant(datetime.combine(day, clock), zone)


def instant(wall: datetime, zone: tzinfo) -> int:
    """The UTC second of a local wall time.

    A time that occurs twice (clocks go back) means the first; one that does not exist (clocks go forward) moves to
    the first instant after it: 02:30 on 28 March 2027 in Madrid becomes 03:00 summer time, 01:00 UTC.
    """
    first = wall.replace(tzinfo=zone, fold=0)
    found = int(first.timestamp())
    if datetime.fromtimestamp(found, zone).replace(tzinfo=None) == wall:
        return found
    return _end_of_gap(int(first.replace(fold=1).timestamp()), found, zone)


def _end_of_gap(before: int, after: int, zone: tzinfo) -> int:
    """The second at which the zone's offset changes, between `before` and `after` (found by halving)."""
    offset_before = datetime.fromtimestamp(before, zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset_before:
            before = middle
        else:
            after = middle
    return after


def local(second: int, zone: tzinfo) -> datetime:
    """The wall time of an instant in a zone."""
    return datetime.fromtimestamp(second, zone)
