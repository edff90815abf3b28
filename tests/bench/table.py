"""What every work of the bench hands over: a figure of ours beside the limit that the same run has measured."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

HEAD = f"{'work':<64}{'ours':>12}{'limit':>12}  {'unit':<10}{'ratio':>7}  aim"


@dataclass(frozen=True)
class Row:
    """One line of the table; `ours` and `limit` are medians of the same unit, `aim` is about their ratio.

    Where the aim is a plain figure ("less than 50 ms"), that figure is the limit and the aim is 1.
    """

    work: str
    unit: str
    ours: float
    limit: float
    aim: float
    at_least: bool  # else the ratio is at most the aim
    ratio_within_runs: float | None = None  # the median of the runs' ratios, where each run has measured both

    @property
    def ratio(self) -> float:
        """A machine's pace changes between runs, and less within one."""
        return self.ours / self.limit if self.ratio_within_runs is None else self.ratio_within_runs

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.aim if self.at_least else self.ratio <= self.aim

    def __str__(self) -> str:
        aim = f"{'≥' if self.at_least else '≤'} {self.aim:g}{'' if self.is_met else '  missed'}"
        figures = f"{_short(self.ours):>12}{_short(self.limit):>12}"
        return f"{self.work:<64}{figures}  {self.unit:<10}{_short(self.ratio):>7}  {aim}"


def _short(figure: float) -> str:
    """Three digits that mean something, without an exponent: 0.0213, 4.56, 78.9, 12,345."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}"


def medians(runs: int, measure: Callable[[], Iterable[float]]) -> list[float]:
    """The median of each figure of `measure()` over several runs; what is measured together stays in one run."""
    return [median(figures) for figures in zip(*(measure() for _ in range(runs)), strict=True)]
