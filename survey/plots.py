"""Pictures drawn in a field: over time, and inside × outside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from survey.charts import SMALL, WIDTH, Mark, Scale, Words, draw, text_width

LEFT = 36  # room for the numbers of the upright axis
FIELD_TOP = 34  # room for the legend
LINES_BOTTOM = 214
STEP = 25  # points between the lines of an axis
SHORTEST_SPAN = 50  # points that an axis shows at least, so that small changes look small
DAY_GAP = 10  # between the names of two days


@dataclass(frozen=True)
class Moment:
    """What a line shows on one day; without a mark it is broken there."""

    day: date
    name: str  # the day as people read it
    inside: Mark | None
    outside: Mark | None
    description: str
    link: str | None = None


def trend_line(moments: Sequence[Moment], words: Words) -> Markup:
    """Inside, outside or both over time, the earliest first, each with its interval; days lie as far apart as they are.

    >>> "<svg" in trend_line([], Words("Over time", "Nothing yet."))
    True
    """
    return draw(
        "lines.svg",
        words,
        LINES_BOTTOM + 28,
        left=LEFT,
        top=FIELD_TOP,
        bottom=LINES_BOTTOM,
        y=Scale(*span(_values(moments)), start=LINES_BOTTOM, end=FIELD_TOP),
        moments=_placed(moments),
        ways=[(kind, _runs(_placed(moments), kind)) for kind in ("outside", "inside")],
        days=_days(_placed(moments)),
        reach=_reach(_placed(moments)),
    )


def span(values: Iterable[int]) -> tuple[int, int]:
    """The ends of an axis that holds `values`, in whole steps and never shorter than SHORTEST_SPAN.

    >>> span([58, 72]), span([3, 97]), span([])
    ((25, 75), (0, 100), (0, 100))
    """
    values = list(values) or [0, 100]
    low, high = min(values) // STEP * STEP, -(-max(values) // STEP) * STEP
    while high - low < SHORTEST_SPAN:
        low, high = (low - STEP, high) if low > 0 else (low, high + STEP)
    return low, high


def _values(moments: Iterable[Moment]) -> list[int]:
    marks = [mark for moment in moments for mark in (moment.inside, moment.outside) if mark]
    return [value for mark in marks for value in (mark.value, *(mark.interval or ()))]


def _placed(moments: Sequence[Moment]) -> list[tuple[float, Moment]]:
    """Each moment with its place from left to right; a single one stands in the middle."""
    start, end = LEFT + 20, WIDTH - 20
    days = [moment.day.toordinal() for moment in moments]
    if len(set(days)) < 2:
        return [((start + end) / 2, moment) for moment in moments]
    scale = Scale(min(days), max(days), start, end)
    return [(scale(day), moment) for day, moment in zip(days, moments, strict=True)]


def _runs(placed: Iterable[tuple[float, Moment]], kind: str) -> list[list[tuple[float, int]]]:
    """The unbroken parts of a line."""
    runs: list[list[tuple[float, int]]] = [[]]
    for x, moment in placed:
        mark: Mark | None = getattr(moment, kind)
        if mark:
            runs[-1].append((x, mark.value))
        else:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _days(placed: Sequence[tuple[float, Moment]]) -> list[tuple[float, str]]:
    """The names of days that have room below the axis: the latest first, each as soon as it touches no later one."""
    shown: list[tuple[float, str]] = []
    free_until = float(WIDTH + DAY_GAP)
    for x, moment in reversed(placed):
        half = text_width(moment.name, SMALL) / 2
        middle = min(x, WIDTH + DAY_GAP - half)
        if middle + half <= free_until:
            shown.append((middle, moment.name))
            free_until = middle - half - DAY_GAP
    return shown


def _reach(placed: Sequence[tuple[float, Moment]]) -> float:
    """How far to each side of a moment it can be pointed at: half the way to the next one."""
    ways = [later - earlier for (earlier, _), (later, _) in zip(placed, placed[1:], strict=False)]
    return max(1.0, min([36.0, *ways]) / 2)
