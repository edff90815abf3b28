"""Means, shares, intervals, differences and the correction for looking at many of them.

Everything is in points (0–100) unless it says share (0–1).
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt
from typing import TypeVar

from scipy.special import ndtri, stdtr, stdtrit

from survey.measure.scale import SCORES, STEP_POINTS, points

Key = TypeVar("Key", bound=Hashable)

CONFIDENCE = 0.95
KEPT = 20_000  # results remembered of each kind: releases never change, and pages ask for the same ones again
FAVOURABLE = (4, 5)


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def lies_within(self, bound: float) -> bool:
        return -bound <= self.low and self.high <= bound


@dataclass(frozen=True)
class Estimate:
    """A mean in points with its standard error and the degrees of freedom that error was estimated with."""

    n: int
    mean: float
    se: float
    df: float

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Student's t interval for the mean ("Student" 1908), cut at the ends of the scale.

        By hand: n 10, mean 60, SE 5, so t(9; 0.975) = 2.262 and the interval is 60 ± 11.3.
        """
        half = t_quantile(self.df, confidence) * self.se
        return Interval(max(0.0, self.mean - half), min(100.0, self.mean + half))


@dataclass(frozen=True)
class Difference:
    """`estimate` in points, its interval, and the probability of one at least as large if there were none."""

    estimate: float
    se: float
    df: float
    interval: Interval
    p: float


def add_counts(tallies: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """The sum of tallies, score by score; all zero when there is none.

    >>> add_counts([(1, 0, 0, 2, 0), (0, 0, 0, 1, 4)])
    (1, 0, 0, 3, 4)
    """
    return tuple(map(sum, zip(*tallies, strict=True))) or (0,) * len(SCORES)


def estimate_from_counts(counts: Sequence[int]) -> Estimate | None:
    """The mean of a tally (answers of score 1 … 5); None with fewer than two answers.

    By hand: counts (0, 0, 1, 2, 1) are 50, 75, 75, 100: mean 75, SD √(1250/3) = 20.4, SE 20.4/√4 = 10.2.
    """
    return _of_tally(tuple(counts))


@lru_cache(maxsize=KEPT)
def _of_tally(counts: tuple[int, ...]) -> Estimate | None:
    return estimate_from_groups((points(score), n, 0.0) for score, n in zip(SCORES, counts, strict=True) if n)


def estimate_from_groups(groups: Iterable[tuple[float, int, float | None]]) -> Estimate | None:
    """The mean of groups of answers, each (mean in points, n, SD in points or None); None with fewer than two answers.

    The variance is that of all answers together: within the groups and between their means.

    - A group whose SD is unknown gets the largest one possible for its mean, √(m·(100−m)) (Bhatia & Davis 2000): an
      interval may be wider than need be, never narrower than honest.
    - The SD is never taken as less than if one answer of the n lay one score away from the rest, 25/√n. So answers
      that are all alike keep an interval: 10 times "4" is 75 with SE 25/10 = 2.5, not 75 without any doubt.
    """
    groups = list(groups)
    n = sum(count for _, count, _ in groups)
    if n < 2:
        return None
    mean = sum(group_mean * count for group_mean, count, _ in groups) / n
    squares = sum(
        _squares_within(group_mean, count, sd) + count * (group_mean - mean) ** 2 for group_mean, count, sd in groups
    )
    sd = max(sqrt(squares / (n - 1)), STEP_POINTS / sqrt(n))
    return Estimate(n, mean, sd / sqrt(n), n - 1)


def _squares_within(mean: float, n: int, sd: float | None) -> float:
    """The sum of squared distances from their own mean of `n` answers."""
    if sd is None:
        return n * mean * (100 - mean)
    return (n - 1) * sd**2


def weighted_mean(estimates: Iterable[tuple[float, Estimate]]) -> Estimate | None:
    """The mean of independent estimates, each (weight, estimate); None when there is none.

    SE² = Σ (w/Σw)²·SE²; degrees of freedom by Welch (1947) and Satterthwaite (1946).
    By hand: 80 (SE 3) and 60 (SE 4) with equal weights: mean 70, SE √(9/4 + 16/4) = 2.5.
    """
    estimates = list(estimates)
    total = sum(weight for weight, _ in estimates)
    if not total:
        return None
    shares = [(weight / total, estimate) for weight, estimate in estimates]
    return Estimate(
        n=sum(estimate.n for _, estimate in shares),
        mean=sum(share * estimate.mean for share, estimate in shares),
        se=sqrt(sum((share * estimate.se) ** 2 for share, estimate in shares)),
        df=_satterthwaite([(share * estimate.se, estimate.df) for share, estimate in shares]),
    )


@lru_cache(maxsize=KEPT)
def difference(a: Estimate, b: Estimate, confidence: float = CONFIDENCE) -> Difference:
    """a − b with Welch's interval, cut at ±100 where the scale ends, and two-sided p (Welch 1947).

    By hand: 70 (SE 3, df 20) − 60 (SE 4, df 30): 10, SE 5, df 625/(81/20 + 256/30) = 49.7, t(49.7; 0.975) = 2.009,
    so 10 ± 10.0 and p just above 0.05.
    """
    estimate = a.mean - b.mean
    se = sqrt(a.se**2 + b.se**2)
    df = _satterthwaite([(a.se, a.df), (b.se, b.df)])
    half = t_quantile(df, confidence) * se
    p = 2 * float(stdtr(df, -abs(estimate) / se))
    return Difference(estimate, se, df, Interval(max(-100.0, estimate - half), min(100.0, estimate + half)), p)


@lru_cache(maxsize=KEPT)
def t_quantile(df: float, confidence: float = CONFIDENCE) -> float:
    """How many standard errors a two-sided interval reaches to each side."""
    return float(stdtrit(df, (1 + confidence) / 2))


def _satterthwaite(parts: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of √Σ SE² from (SE, df) of each part."""
    denominator = sum(se**4 / df for se, df in parts)
    return sum(se**2 for se, _ in parts) ** 2 / denominator if denominator else inf


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval (1927) for a share, 0–1.

    By hand: 8 of 10, z = 1.96: centre (0.8 + 0.192)/(1 + 0.384) = 0.717, half 0.227, so 0.49–0.94.
    Raises ValueError unless 0 ≤ successes ≤ n and n > 0.
    """
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"No share can be made of {successes} in {n}.")
    z = float(ndtri((1 + confidence) / 2))
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Holm's corrected p (1979) for each key: the chance of even one false find among them all stays below it.

    By hand: 0.01, 0.04, 0.03 become 0.03, 0.06, 0.06 (times 3, then 2, then 1, never falling).
    """
    corrected: dict[Key, float] = {}
    worst = 0.0
    for rank, (key, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        worst = max(worst, min(1.0, p * (len(p_values) - rank)))
        corrected[key] = worst
    return corrected
