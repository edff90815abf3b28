"""What may be shown about groups of people, and how exactly.

Small groups are merged, never blanked out: a blank beside a total can be computed. Only the number of people
decides, never what they said, so the pattern of what is shown says nothing about the answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from survey.measure.statistics import (
    FAVOURABLE,
    KEPT,
    Difference,
    Estimate,
    Interval,
    difference,
    estimate_from_counts,
)

Group = TypeVar("Group", int, str)

EXACT_FROM = 10  # answers; below, a mean is only shown to the nearest 5 points and nothing more
COMMENTS_FROM = 10  # raters; below, a provider's comments are not shown
SIGNIFICANT = 0.05  # p below which an interval of 95 % excludes 0
SMALLEST = 3  # people; k is never set lower
BANDS = (5, 10, 20, 50, 100)  # lower ends of the bands in which numbers of people are told


@dataclass(frozen=True)
class Merged(Generic[Group]):
    """Which groups stand alone, in order, and which are only shown together."""

    alone: tuple[Group, ...]
    together: tuple[Group, ...]


def merge(people: Mapping[Group, int], k: int) -> Merged[Group] | None:
    """Which groups may stand alone when none of fewer than `k` people may; None when all together are too few.

    Groups of fewer than k are put together; while those are fewer than k and another group is left, the smallest
    one (ties: the lower key) joins them. Groups without anybody are left out.

    >>> merge({"finance": 12, "it": 6, "legal": 2}, 5)
    Merged(alone=('finance',), together=('it', 'legal'))
    """
    counted = {group: n for group, n in people.items() if n > 0}
    if sum(counted.values()) < k:
        return None
    alone = sorted((group for group, n in counted.items() if n >= k), key=lambda group: (counted[group], group))
    together = [group for group, n in counted.items() if n < k]
    while together and sum(counted[group] for group in together) < k:
        together.append(alone.pop(0))
    return Merged(tuple(sorted(alone)), tuple(sorted(together)))


def band(n: int) -> tuple[int, int | None]:
    """The band of people that `n` lies in, as its first and last number; the last band has no end.

    >>> band(7), band(10), band(250)
    ((5, 9), (10, 19), (100, None))

    Where k is set to 3 or 4, the first band ends at 4. Raises ValueError for fewer than 3, which are never told.
    """
    if n < SMALLEST:
        raise ValueError(f"A group of {n} is never told of.")
    if n < BANDS[0]:
        return (SMALLEST, BANDS[0] - 1)
    lower = max(start for start in BANDS if start <= n)
    later = [start for start in BANDS if start > n]
    return (lower, later[0] - 1 if later else None)


@dataclass(frozen=True)
class Figure:
    """What is shown of a tally: nothing here is more exact than a reader may know.

    `mean` is in whole points, or to the nearest 5 when `approximate`; then there is no interval, no share and no
    distribution, and it is never 0 or 100, which would say that all gave the same answer. `favourable` and
    `distribution` (scores 1 … 5, 100 together) are in whole percent.
    """

    people: tuple[int, int | None]
    mean: int
    approximate: bool
    interval: tuple[int, int] | None = None
    favourable: int | None = None
    distribution: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Change:
    """A difference of two figures in whole points; `p` as it comes from Welch's test, not corrected."""

    points: int
    interval: tuple[int, int]
    p: float

    @property
    def is_real(self) -> bool:
        """Whether the interval excludes 0 (p below 0.05): more than these answers' noise would give."""
        return self.p < SIGNIFICANT


def figure(counts: Sequence[int], k: int) -> Figure | None:
    """What may be shown of the answers of score 1 … 5; None with fewer than `k`."""
    return _figure(tuple(counts), k)


@lru_cache(maxsize=KEPT)
def _figure(counts: tuple[int, ...], k: int) -> Figure | None:
    n = sum(counts)
    if n < k or (estimate := estimate_from_counts(counts)) is None:
        return None
    if n < EXACT_FROM:
        return Figure(people=band(n), mean=min(95, max(5, 5 * whole(estimate.mean / 5))), approximate=True)
    distribution = percentages(counts)
    return Figure(
        people=band(n),
        mean=whole(estimate.mean),
        approximate=False,
        interval=whole_interval(estimate.interval()),
        favourable=sum(distribution[score - 1] for score in FAVOURABLE),
        distribution=distribution,
    )


def exact_estimate(counts: Sequence[int], k: int) -> Estimate | None:
    """The estimate behind a figure that may be shown with its interval; None when it may not be."""
    return estimate_from_counts(counts) if sum(counts) >= max(k, EXACT_FROM) else None


def change(now: Sequence[int], before: Sequence[int], k: int) -> Change | None:
    """What changed between two tallies; None unless both may be shown exactly."""
    return _change(tuple(now), tuple(before), k)


@lru_cache(maxsize=KEPT)
def _change(now: tuple[int, ...], before: tuple[int, ...], k: int) -> Change | None:
    estimates = exact_estimate(now, k), exact_estimate(before, k)
    if estimates[0] is None or estimates[1] is None:
        return None
    return as_change(difference(estimates[0], estimates[1]), whole(estimates[0].mean) - whole(estimates[1].mean))


def as_change(found: Difference, shown_points: int) -> Change:
    """`found` as it is shown: the points are those that a reader gets by subtracting the two figures."""
    return Change(shown_points, whole_interval(found.interval), found.p)


def shown_probability(p: float) -> float:
    """A probability to the nearest thousandth, 0.001 at least, and never rounded onto or over the limit of 0.05.

    More digits would tell how many answers there are, which is only told in bands.

    >>> shown_probability(0.0496), shown_probability(0.00001)
    (0.049, 0.001)
    """
    found = max(0.001, round(p, 3))
    return found if (found < SIGNIFICANT) == (p < SIGNIFICANT) else SIGNIFICANT - 0.001


def whole(value: float) -> int:
    """The nearest whole number, halves away from zero (as readers round).

    Digits past the ninth are the computer's noise and go first: 23 of 40 is 57.5 %, although 100·(23/40) comes out as
    57.49999999999999.
    """
    size = int(round(abs(value), 9) + 0.5)
    return size if value >= 0 else -size


def whole_interval(interval: Interval) -> tuple[int, int]:
    """Both ends in whole points; an end that lies beside 0 is not rounded onto it, so that "above 0" can be seen."""
    low, high = whole(interval.low), whole(interval.high)
    if interval.low > 0:
        low = max(1, low)
    if interval.high < 0:
        high = min(-1, high)
    return low, high


def percentages(counts: Sequence[int]) -> tuple[int, ...]:
    """The counts in whole percent that add up to 100 (largest remainders); the tally must not be empty.

    >>> percentages((1, 1, 1, 0, 0))
    (34, 33, 33, 0, 0)
    """
    n = sum(counts)
    shares = [100 * count // n for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda place: (-(100 * counts[place] % n), place))
    for place in by_remainder[: 100 - sum(shares)]:
        shares[place] += 1
    return tuple(shares)


# --- Further views ---------------------------------------------------------------------------------------------------


def common_groups(partitions: Iterable[Iterable[frozenset[Group]]]) -> list[frozenset[Group]]:
    """The finest groups that every partition can be added up to: the join of the partitions.

    What is published are the groups of each partition (of each wave, or of one wave and of the divisions). A further
    view that shows sums of whole published groups tells nothing new; one that split a group would.

    By hand: {a} {b} {c, d} and {a} {b, c} {d} give {a} and {b, c, d}.

    >>> common_groups([[frozenset({1}), frozenset({2, 3})], [frozenset({1}), frozenset({2}), frozenset({3})]])
    [frozenset({1}), frozenset({2, 3})]
    """
    joined: list[frozenset[Group]] = []
    for group in (group for partition in partitions for group in partition):
        touching = [known for known in joined if known & group]
        joined = [known for known in joined if not known & group]
        joined.append(frozenset(group.union(*touching)))
    return sorted(joined, key=sorted)
