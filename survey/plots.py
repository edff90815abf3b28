"""Pictures drawn in a field: over time, and inside × outside."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

from markupsafe import Markup

from survey.charts import DRAWN_KEPT, SMALL, WIDTH, Mark, Scale, Words, draw, shorten, text_width

LEFT = 36  # room for the numbers of the upright axis
FIELD_TOP = 34  # room for the legend
LINES_BOTTOM = 214
SQUARE_BOTTOM = 424
STEP = 25  # points between the lines of an axis
SHORTEST_SPAN = 50  # points that an axis shows at least, so that small changes look small
DAY_GAP = 10  # between the names of two days
NAME_ROOM = 150  # the widest name in a field
BAND = 20  # about the height of a name
AROUND = 3  # free to each side of a name
OFF_DIAGONAL = 28  # from a corner of the square that the dotted line ends in, to its name
PLACED = 64  # pictures whose names are remembered where they stand


@dataclass(frozen=True)
class Moment:
    """What a line shows on one day; without a mark it is broken there."""

    day: date
    name: str  # the day as people read it
    inside: Mark | None
    outside: Mark | None
    description: str
    link: str | None = None


@dataclass(frozen=True)
class Spot:
    """A department in the square of inside (to the right) × outside (upwards)."""

    name: str
    inside: Mark
    outside: Mark
    description: str
    link: str | None = None


@dataclass(frozen=True)
class Corners:
    """The names of the four corners, and the values of inside and outside at which they part."""

    facade: str
    both_well: str
    both_badly: str
    inward: str
    inside: int
    outside: int


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: "Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def trend_line(moments: Sequence[Moment], words: Words) -> Markup:
    """Inside, outside or both over time, the earliest first, each with its interval; days lie as far apart as they are.

    >>> "<svg" in trend_line([], Words("Over time", "Nothing yet."))
    True
    """
    return _lines(tuple(moments), words)


@lru_cache(maxsize=DRAWN_KEPT)
def _lines(moments: tuple[Moment, ...], words: Words) -> Markup:
    placed = _placed(moments)
    return draw(
        "lines.svg",
        words,
        LINES_BOTTOM + 28,
        left=LEFT,
        top=FIELD_TOP,
        bottom=LINES_BOTTOM,
        y=Scale(*span(_values(moments)), start=LINES_BOTTOM, end=FIELD_TOP),
        moments=placed,
        ways=[(kind, _runs(placed, kind)) for kind in ("outside", "inside")],
        days=_days(placed),
        reach=_reach(placed),
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
    end = free_until = float(WIDTH + AROUND)
    for x, moment in reversed(placed):
        half = text_width(moment.name, SMALL) / 2
        middle = min(x, end - half)
        if middle + half <= free_until:
            shown.append((middle, moment.name))
            free_until = middle - half - DAY_GAP
    return shown


def _reach(placed: Sequence[tuple[float, Moment]]) -> float:
    """How far to each side of a moment it can be pointed at: half the way to the next one."""
    ways = [later - earlier for (earlier, _), (later, _) in pairwise(placed)]
    return max(1.0, min([36.0, *ways]) / 2)


# --- Inside × outside ----------------------------------------------------------------------------------------------


def quadrant(spots: Sequence[Spot], corners: Corners, words: Words) -> Markup:
    """Departments in the square of inside × outside, both on the same scale, with four named corners."""
    return _square(tuple(spots), corners, words)


@lru_cache(maxsize=DRAWN_KEPT)
def _square(spots: tuple[Spot, ...], corners: Corners, words: Words) -> Markup:
    ends = span([*(value for spot in spots for value in _reached(spot)), corners.inside, corners.outside])
    x, y = Scale(*ends, start=LEFT, end=WIDTH), Scale(*ends, start=SQUARE_BOTTOM, end=FIELD_TOP)
    field = Box(LEFT, FIELD_TOP, WIDTH, SQUARE_BOTTOM)
    named = _corner_names(corners, field)
    taken = tuple(box for _, box in named)
    names = tuple(shorten(spot.name, NAME_ROOM, SMALL) for spot in spots)
    centres = tuple((x(spot.inside.value), y(spot.outside.value)) for spot in spots)
    return draw(
        "quadrant.svg",
        words,
        SQUARE_BOTTOM + 44,
        field=field,
        x=x,
        y=y,
        corners=corners,
        corner_names=named,
        around=AROUND,
        spots=list(zip(spots, centres, place_names(names, centres, field, taken), strict=True)),
    )


@lru_cache(maxsize=PLACED)
def place_names(
    names: tuple[str, ...], centres: tuple[tuple[float, float], ...], field: Box, taken: tuple[Box, ...]
) -> tuple[tuple[str, Box] | None, ...]:
    """Each name with its box near its mark, in `field`; None where there is no room, for no name covers anything.

    From the top mark down, each name takes the first free place: right, left, above, below, and the same farther away.
    """
    full = Covered([*taken, *(Box(x - 7, y - 7, x + 7, y + 7) for x, y in centres)])
    placed: list[tuple[str, Box] | None] = [None] * len(names)
    for place in sorted(range(len(names)), key=lambda place: centres[place][::-1]):
        for box in _places_beside(names[place], *centres[place]):
            if field.holds(box) and not full.touches(box):
                placed[place] = (names[place], box)
                full.add(box)
                break
    return tuple(placed)


class Covered:
    """Where something stands already, kept by bands across the field: a box is only compared with those near it."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self._bands: dict[int, list[Box]] = defaultdict(list)
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        for band in self._across(box):
            self._bands[band].append(box)

    def touches(self, box: Box) -> bool:
        return any(box.touches(other) for band in self._across(box) for other in self._bands[band])

    def _across(self, box: Box) -> range:
        return range(int(box.top // BAND), int(box.bottom // BAND) + 1)


def _places_beside(name: str, x: float, y: float) -> Iterable[Box]:
    width, height = text_width(name, SMALL) + 2 * AROUND, SMALL + 2
    for away in (9, 22, 36, 52):
        for left, top in (
            (x + away, y - height / 2),
            (x - away - width, y - height / 2),
            (x - width / 2, y - away - height),
            (x - width / 2, y + away),
            (x + away, y - away - height / 2),
            (x + away, y + away - height / 2),
            (x - away - width, y - away - height / 2),
            (x - away - width, y + away - height / 2),
        ):
            yield Box(round(left, 1), round(top, 1), round(left + width, 1), round(top + height, 1))


def _reached(spot: Spot) -> list[int]:
    return [
        *(spot.inside.value, spot.outside.value),
        *(spot.inside.interval or ()),
        *(spot.outside.interval or ()),
    ]


def _corner_names(corners: Corners, field: Box) -> list[tuple[str, Box]]:
    """The name of each corner, as far out as it stands clear of the frame and of the dotted line."""
    found = []
    for name, is_right, is_low in (
        (corners.facade, False, False),
        (corners.both_well, True, False),
        (corners.both_badly, False, True),
        (corners.inward, True, True),
    ):
        width = text_width(name, SMALL) + 2 * AROUND
        away = AROUND if is_right == is_low else OFF_DIAGONAL
        left = field.right - width - away if is_right else field.left + away
        top = field.bottom - 20 if is_low else field.top + 6
        found.append((name, Box(round(left, 1), top, round(left + width, 1), top + SMALL + 2)))
    return found
