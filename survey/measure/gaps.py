"""Inside against outside: the cultural gap of a department on an item."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from survey.measure.disclosure import Change, as_change, whole
from survey.measure.statistics import KEPT, Difference, Estimate, difference

ALIGNED_WITHIN = 5.0  # points; a gap that surely is smaller than this is none


class State(StrEnum):
    ALIGNED = "aligned"
    FACADE = "façade"  # better outside than at home: candil de la calle, oscuridad de la casa
    INWARD = "inward"  # better at home than outside
    NOT_ENOUGH = "not enough answers"


@dataclass(frozen=True)
class Gap:
    """inside − outside on one item; `difference` is missing when one side has too few answers."""

    state: State
    difference: Change | None = None


@lru_cache(maxsize=KEPT)
def gap(inside: Estimate | None, outside: Estimate | None) -> Gap:
    """The gap between two estimates in points, either of which may be missing.

    SE is √(SE²in + SE²out), with Welch's degrees of freedom, at 95 %.
    By hand: inside 55 (SE 2, df 60), outside 70 (SE 1, df 400): −15, SE 2.24, interval −19.4 to −10.6: façade.
    """
    if inside is None or outside is None:
        return Gap(State.NOT_ENOUGH)
    found = difference(inside, outside)
    return Gap(state(found), as_change(found, whole(inside.mean) - whole(outside.mean)))


def state(found: Difference) -> State:
    """Aligned when the whole interval lies within ±5 (even if it excludes 0), else by the side of 0 it lies on."""
    if found.interval.lies_within(ALIGNED_WITHIN):
        return State.ALIGNED
    if found.interval.high < 0:
        return State.FACADE
    if found.interval.low > 0:
        return State.INWARD
    return State.NOT_ENOUGH
