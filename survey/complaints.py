"""How soon departments answer complaints: working days from the release that shows them to the first reply.

Only complaints that can be answered count, which are those whose writers took a receipt. A reply's day is the
department's own deed. When anybody wrote is known to nobody, before the release or after it.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from survey import receipts, releases
from survey.measure.cadence import DaysOff, local
from survey.measure.disclosure import whole
from survey.models import Department, Wave, database
from survey.people import departments
from survey.pulses import days_off
from survey.tallies import MOST_SUMS, Memory, digests


class Answers(NamedTuple):
    """What has become of a department's complaints in one wave."""

    days: tuple[int, ...]  # working days until the first reply, of those that have one, the fewest first
    waiting: int  # complaints without a reply


_remembered: Memory[dict[int, Answers]] = Memory(MOST_SUMS)


@dataclass(frozen=True)
class Clock:
    """The complaints of one release, about one department or all, at some moment."""

    days: tuple[int, ...]  # working days until the first reply, of those that have one, the fewest first
    waiting: int  # complaints without a reply
    waited: int  # working days since the release

    @property
    def answered(self) -> int:
        return len(self.days)

    @property
    def total(self) -> int:
        return self.answered + self.waiting

    @property
    def half(self) -> int | None:
        """The median: the fewest working days within which at least half of all were answered.

        What waits counts as longer than whatever was answered, so there is none while more than half wait. By hand:
        of 1, 2, 9 and two that wait it is 9; of 1, 2 and three that wait there is none.
        """
        place = (self.total + 1) // 2 - 1
        return self.days[place] if place < self.answered else None

    def in_time(self, within: int) -> int:
        """How many had a reply within so many working days, the last one included."""
        return bisect_right(self.days, within)

    def percent_in_time(self, within: int) -> int:
        """The same in whole percent of all, those that wait included."""
        return whole(100 * self.in_time(within) / self.total)

    def is_open(self, within: int) -> bool:
        """Whether what waits can still have a reply in time."""
        return self.waiting > 0 and self.waited <= within


@dataclass(frozen=True)
class Clocks:
    """`company` and each department's list have an entry for each of `waves`, the latest first.

    None stands where no complaint could be answered.
    """

    waves: tuple[Wave, ...]
    company: tuple[Clock | None, ...]
    departments: tuple[tuple[Department, tuple[Clock | None, ...]], ...]  # by name; those that ever had a complaint

    def of(self, department: int) -> tuple[tuple[Wave, Clock], ...]:
        """The waves in which a department had complaints, the latest first."""
        found = next((clocks for owner, clocks in self.departments if owner.id == department), ())
        return tuple((wave, clock) for wave, clock in zip(self.waves, found, strict=False) if clock)

    def now_of(self, department: int) -> Clock | None:
        """A department's complaints in the latest of the waves."""
        return next((clock for wave, clock in self.of(department) if wave == self.waves[0]), None)


def clocks_until(wave: Wave, released: Iterable[Wave], now: int, count: int, only: Collection[int] = ()) -> Clocks:
    """How soon complaints were answered in `wave` and in up to `count` of the `released` waves, it included.

    `only` are the departments to tell about, by id; without any, all. Six queries at most.
    """
    several = [found for found in released if found.pulse_id == wave.pulse_id and found.occurrence <= wave.occurrence]
    waves = tuple(sorted(several, key=lambda found: -found.occurrence)[:count])
    found = clocks(waves, now)
    told = {provider for _, provider in found if not only or provider in only}
    return Clocks(
        waves,
        tuple(_whole([clock for (of, _), clock in found.items() if of == one.id]) for one in waves),
        tuple(
            (department, tuple(found.get((one.id, department.id)) for one in waves))
            for department in departments(also=told)
            if department.id in told
        ),
    )


def clocks(waves: Sequence[Wave], now: int) -> dict[tuple[int, int], Clock]:
    """{(wave, provider): its clock} of released waves of one pulse; without those where nothing can be answered."""
    if not waves:
        return {}
    off, released_on = days_off(waves[0].pulse), _released_on(waves)
    today = local(now, ZoneInfo(waves[0].pulse.timezone)).date()
    passed = off.working_days_from(min(released_on.values()), max(today, *released_on.values()))
    return {
        (wave, provider): Clock(answers.days, answers.waiting, max(0, passed.get(today, 0) - passed[released_on[wave]]))
        for wave, found in _answers(waves, off).items()
        for provider, answers in found.items()
    }


def _released_on(waves: Iterable[Wave]) -> dict[int, date]:
    """{wave: the local day of its release}, by id."""
    return {wave.id: local(wave.closed_at, ZoneInfo(wave.pulse.timezone)).date() for wave in waves}


def _answers(waves: Sequence[Wave], off: DaysOff) -> dict[int, dict[int, Answers]]:
    """{wave: {provider: what has become of its complaints}}, by id. Two queries; four when somebody has replied since.

    After the release no complaint comes and no reply is taken back. So what was read is remembered until somebody
    writes one more reply, or the days that count are others; by the database as well, as no digest holds comments.
    """
    pulse, written = waves[0].pulse, receipts.written()  # before what it counts, which may only be newer
    common = (written, pulse.timezone, pulse.holidays, off.blackouts, database.obj)
    released = digests(waves)
    known = {wave.id: _remembered.get(released.get(wave.id), *common) for wave in waves}
    unknown = [wave for wave in waves if known[wave.id] is None]
    fresh = _read(unknown, off) if unknown else {}
    for wave in fresh:
        _remembered.keep(fresh[wave], released.get(wave), *common)
    return {wave: fresh[wave] if found is None else found for wave, found in known.items()}


def _read(waves: Sequence[Wave], off: DaysOff) -> dict[int, dict[int, Answers]]:
    """The same, read from the database."""
    released_on, heard = _released_on(waves), releases.heard(waves)
    replies = [found for found in receipts.first_replies(released_on) if (found.wave, found.provider) in heard]
    named = [*released_on.values(), *(found.day for found in replies if found.day)]
    passed = off.working_days_from(min(named), max(named))

    days: dict[tuple[int, int], list[int]] = defaultdict(list)
    waiting = Counter[tuple[int, int]]()
    for wave, provider, day, complaints in replies:
        if day:
            days[wave, provider] += [max(0, passed[day] - passed[released_on[wave]])] * complaints
        else:
            waiting[wave, provider] += complaints
    found: dict[int, dict[int, Answers]] = {wave.id: {} for wave in waves}
    for wave, provider in dict.fromkeys((*days, *waiting)):
        found[wave][provider] = Answers(tuple(sorted(days[wave, provider])), waiting[wave, provider])
    return found


def _whole(found: Sequence[Clock]) -> Clock | None:
    """The clocks of one wave together."""
    if not found:
        return None
    days = sorted(days for clock in found for days in clock.days)
    return Clock(tuple(days), sum(clock.waiting for clock in found), found[0].waited)
