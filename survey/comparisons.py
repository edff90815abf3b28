"""Departments, waves, inside and outside set against each other: which differences are more than chance.

Everything is a sum of published tallies, so a comparison tells nothing that they do not.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

from survey import releases, tallies
from survey.measure.disclosure import SIGNIFICANT, Change, Figure, change, figure, shown_probability
from survey.measure.gaps import State
from survey.measure.statistics import holm
from survey.models import Department, Wave
from survey.releases import GapRow, OutsideFigure


class Verdict(StrEnum):
    """What a comparison says. REAL and ALIKE are sure; CHANCE would be real if nothing else had been compared."""

    REAL = "real"  # too large to be chance, whatever else is compared
    ALIKE = "alike"  # inside and outside are almost certainly within 5 points of each other
    CHANCE = "chance"  # among so many comparisons one so large may well be chance
    NONE = "none"  # no difference that these answers can show
    NOT_ENOUGH = "not enough answers"


@dataclass(frozen=True)
class Side:
    """One side of a comparison: how a department serves in a wave, or what customers say of it by then."""

    department: Department
    wave: Wave
    outside: bool = False


@dataclass(frozen=True)
class Comparison:
    """a − b on one item. `p` is corrected for all that is compared at once; both are missing with too few answers."""

    item: str
    a: Side
    b: Side
    a_figure: Figure | OutsideFigure | None
    b_figure: Figure | OutsideFigure | None
    difference: Change | None
    p: float | None
    verdict: Verdict
    hardly_any: bool = False  # customers have rated it on this, yet too few for a figure

    @property
    def higher(self) -> Side:
        """The side that stands higher; `a` when both stand alike. Rounded to a whole point, a real one may be 0."""
        found = self.difference
        return self.b if found and (found.points < 0 or found.interval[1] < 0) else self.a

    @property
    def lower(self) -> Side:
        return self.a if self.higher is self.b else self.b


@dataclass(frozen=True)
class Comparisons:
    """Real differences first, the largest of them on top; `family`: how many were compared at once."""

    rows: tuple[Comparison, ...]
    family: int

    @property
    def real(self) -> int:
        return sum(row.verdict is Verdict.REAL for row in self.rows)


def between(sides: Sequence[Side], items: Sequence[str]) -> Comparisons:
    """Every side against every other one, inside, on each item. One query."""
    return inside(combinations(sides, 2), items)


def inside(pairs: Iterable[tuple[Side, Side]], items: Sequence[str]) -> Comparisons:
    """Each pair on each item, inside. One query."""
    pairs = list(pairs)
    waves = {side.wave.id: side.wave for pair in pairs for side in pair}
    found = tallies.sums(waves.values(), items)

    def counts(side: Side, item: str) -> tuple[int, ...]:
        return found.get((side.wave.id, side.department.id, item), (0,) * 5)

    def shown(side: Side, item: str) -> Figure | None:
        return figure(counts(side, item), side.wave.min_group)

    def compared(item: str, a: Side, b: Side) -> Comparison:
        difference = change(counts(a, item), counts(b, item), max(a.wave.min_group, b.wave.min_group))
        return Comparison(item, a, b, shown(a, item), shown(b, item), difference, None, Verdict.NOT_ENOUGH)

    return _corrected(compared(item, a, b) for a, b in pairs for item in items)


def with_outside(wave: Wave, departments: Sequence[Department], items: Sequence[str]) -> Comparisons:
    """Inside against outside of each department, on each item that it has at least one of them of."""
    rows = releases.gaps(wave, {department.id for department in departments})
    too_few = releases.customers_beside([wave])[0].too_few
    return _corrected(_of_gap(wave, row, too_few) for row in rows if row.item in items)


def extremes(wave: Wave, departments: Sequence[Department], item: str) -> Comparisons:
    """The best against the worst of these departments, corrected for all the pairs that they were picked from."""
    everything = between([Side(department, wave) for department in departments], [item])
    widest = max(everything.rows, key=lambda row: abs(row.difference.points) if row.difference else -1, default=None)
    found = widest if widest and widest.difference else None
    return Comparisons((found,) if found else (), everything.family)


def _of_gap(wave: Wave, row: GapRow, too_few: Collection[tuple[int, str]]) -> Comparison:
    sides = Side(row.department, wave), Side(row.department, wave, outside=True)
    alike = row.gap.state is State.ALIGNED
    verdict = Verdict.ALIKE if alike else Verdict.NOT_ENOUGH
    hardly_any = (row.department.id, row.item) in too_few
    return Comparison(row.item, *sides, row.inside, row.outside, row.gap.difference, None, verdict, hardly_any)


def _corrected(rows: Iterable[Comparison]) -> Comparisons:
    """The rows with p corrected by Holm for all of them, and with what they say."""
    rows = list(rows)
    corrected = holm({place: row.difference.p for place, row in enumerate(rows) if row.difference})
    judged = [_judged(row, corrected.get(place)) for place, row in enumerate(rows)]
    return Comparisons(tuple(sorted(judged, key=_order)), len(corrected))


def _judged(row: Comparison, p: float | None) -> Comparison:
    if row.difference is None or p is None:
        return row
    return replace(row, p=shown_probability(p), verdict=_verdict(row, row.difference, p))


def _verdict(row: Comparison, difference: Change, p: float) -> Verdict:
    if row.verdict is Verdict.ALIKE:
        return Verdict.ALIKE
    if p < SIGNIFICANT:
        return Verdict.REAL
    return Verdict.CHANCE if difference.is_real else Verdict.NONE


def _order(row: Comparison) -> tuple[int, int]:
    size = abs(row.difference.points) if row.difference else 0
    return list(Verdict).index(row.verdict), -size
