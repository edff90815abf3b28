"""When a pulse repeats, opens, reminds and closes: local dates and wall times to instants."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, TypeGuard


class CadenceError(ValueError):
    """A cadence cannot be used; the message says what was found and what was expected."""


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


@dataclass(frozen=True)
class Schedule:
    """The instants (UTC seconds) of one occurrence."""

    opens_at: int
    reminders_at: tuple[int, ...]
    closes_at: int


def read_cadence(key: str, table: Mapping[str, Any]) -> Cadence:
    """The cadence that a TOML table describes; raises CadenceError naming the entry that is wrong."""
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
    try:
        opens, closes = (time.fromisoformat(table[entry]) for entry in ("opens", "closes"))
        if opens.tzinfo or closes.tzinfo:
            raise ValueError("A wall time has no offset of its own; the pulse has the zone.")
    except (KeyError, TypeError, ValueError):
        raise CadenceError(f'{key}: opens and closes must be wall times like "09:00".') from None
    return Cadence(key, months, days, opens, closes, closes_after_days, tuple(reminders))


def _is_whole(value: Any, least: int) -> TypeGuard[int]:
    """Whether a TOML value is a whole number of at least `least` (true and false are numbers to Python only)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def occurrence(cadence: Cadence, first: date, number: int) -> date:
    """The local date of occurrence `number` (0 is `first`).

    Months keep the day of the month; where the month is too short, its last day: 31 January, 30 April, 31 July …
    """
    if cadence.days:
        return first + timedelta(days=cadence.days * number)
    months = first.year * 12 + first.month - 1 + cadence.months * number
    year, month = divmod(months, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))


def schedule(cadence: Cadence, day: date, zone: tzinfo) -> Schedule:
    """When the occurrence of local date `day` opens, reminds (at the opening hour) and closes."""

    def at(days: int, clock: time) -> int:
        return instant(datetime.combine(day + timedelta(days=days), clock), zone)

    return Schedule(
        opens_at=at(0, cadence.opens),
        reminders_at=tuple(at(days, cadence.opens) for days in cadence.remind_after_days),
        closes_at=at(cadence.closes_after_days, cadence.closes),
    )


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
    return datetime.fromtimestamp(second, UTC).astimezone(zone)
