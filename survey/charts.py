"""Data to SVG, through the templates of templates/charts, and SVG to PNG.

Here are the scales, colours and axes of every picture, and the pictures with a row for each name; those that are drawn
in a field, over time or inside × outside, are in plots.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import resvg_py
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from survey.settings import folder

WIDTH = 400  # so narrow that a phone shows all of it, in letters that can be read
ROW = 34  # height of one row
LABELS = 172  # width of the column of names
GAP = 8  # between a name and the bars at least
RIGHT = 44  # room for values at the right end
TOP = 42  # room for the legend and the axis
DETAIL = 42  # room below for two lines about the mark that is pointed at
FONT_SIZE = 14  # of names
SMALL = 12  # of everything else
WIDTHS_KEPT = 4096  # texts whose width is remembered: a picture asks for that of each name many times
DRAWN_KEPT = 128  # pictures that are remembered, of 5 to 100 kB each: HR's pages show the same ones again and again
NARROW, WIDE = "ijlftrI .,:;'-()", "mMW@%…"  # letters; the others differ little from each other
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no picture can hold these (XML 1.0, section 2.2)
VIEW = re.compile(r'(viewBox="-?\d+ \d+ \d+ )(\d+)')  # up to its height
FONTS = ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf")

# Inside is teal and outside is amber wherever they are drawn; pages in the dark replace them by class.
PALETTE = {
    "inside": "#0f766e",
    "outside": "#b45309",
    "ink": "#1f2933",
    "soft": "#52606d",
    "line": "#d9d4c9",
    "paper": "#ffffff",
}


@dataclass(frozen=True)
class Scale:
    """Where a value of `low`–`high` lies between `start` and `end`, in the picture's units."""

    low: int
    high: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    @property
    def ticks(self) -> range:
        return range(self.low, self.high + 1, 25)


POINTS = Scale(0, 100, LABELS, WIDTH - RIGHT)  # the axis of pictures with rows


@dataclass(frozen=True)
class Words:
    """What a picture says besides its values, in the reader's language; `inside`, `outside` name the two signs."""

    title: str
    description: str
    inside: str = ""
    outside: str = ""


@dataclass(frozen=True)
class Mark:
    """One value of 0–100, with the interval it lies in and the text beside it.

    `hollow`: less sure than the others, because few answered or because it is attributed.
    """

    value: int
    interval: tuple[int, int] | None
    text: str
    hollow: bool = False


@dataclass(frozen=True)
class DumbbellRow:
    """Inside and outside of one department or practice; `link` leads to its detail."""

    name: str
    inside: Mark | None
    outside: Mark | None
    description: str
    link: str | None = None


@dataclass(frozen=True)
class BarRow:
    name: str
    mark: Mark
    description: str
    link: str | None = None


def dumbbells(rows: Sequence[DumbbellRow], words: Words) -> Markup:
    """A row for each name: its inside and its outside on one axis."""
    return _rows("dumbbells.svg", tuple(rows), words)


def bars(rows: Sequence[BarRow], words: Words) -> Markup:
    """A bar from 0 for each row, with its interval as a thin line."""
    return _rows("bars.svg", tuple(rows), words)


def to_png(svg: str, width: int = 2 * WIDTH) -> bytes:
    """The picture as PNG, drawn with the fonts that come along, so that it looks the same on every machine.

    Nothing can be pointed at in it, so the room at the foot for what would be told then is left out.
    """
    svg = VIEW.sub(lambda view: f"{view[1]}{int(view[2]) - DETAIL}", str(svg), count=1)
    fonts = folder("static") / "vendor" / "liberation-sans"
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            width=width,
            background=PALETTE["paper"],
            skip_system_fonts=True,
            font_files=[str(fonts / name) for name in FONTS],
            font_family="Liberation Sans",
            sans_serif_family="Liberation Sans",
        )
    )


def shorten(name: str, room: float = LABELS - GAP, size: int = FONT_SIZE) -> str:
    """The name, cut where it would be wider than `room`."""
    if text_width(name, size) <= room:
        return name
    ends = range(len(name), 0, -1)
    return next((cut for end in ends if text_width(cut := f"{name[:end].rstrip()}…", size) <= room), "…")


def in_two(text: str, room: float = WIDTH, size: int = SMALL) -> tuple[str, str]:
    """The text in two lines no wider than `room`, parted between words; the second is empty where one is enough.

    >>> in_two("Finance: inside 68, outside 54", room=120)
    ('Finance: inside 68,', 'outside 54')
    """
    first, rest = "", text
    while rest and text_width(longer := f"{first} {rest.split(' ', 1)[0]}".strip(), size) <= room:
        first, rest = longer, rest.partition(" ")[2]
    return first or shorten(text, room, size), shorten(rest, room, size) if first else ""


@lru_cache(maxsize=WIDTHS_KEPT)
def text_width(text: str, size: int = FONT_SIZE) -> float:
    """How wide `text` is drawn, nearly: by kinds of letters of the shipped font, never too narrow for whole names."""
    return size * sum(
        0.28 if sign in NARROW else 0.95 if sign in WIDE else 0.73 if sign.isupper() or sign == "w" else 0.56
        for sign in text
    )


def draw(template: str, words: Words, height: int, **values: Any) -> Markup:
    """A template of templates/charts, with what all of them share."""
    drawn = (
        _templates()
        .get_template(template)
        .render(
            words=words,
            width=WIDTH,
            height=height + DETAIL,
            detail=DETAIL,
            font_size=FONT_SIZE,
            small=SMALL,
            colour=PALETTE,
            shorten=shorten,
            in_two=in_two,
            text_width=text_width,
            **values,
        )
    )
    return Markup(NOT_XML.sub("", drawn))  # noqa: S704 - the templates escape every value


@lru_cache(maxsize=DRAWN_KEPT)
def _rows(template: str, rows: tuple[object, ...], words: Words) -> Markup:
    """A picture is made of what is given here and of nothing else, so a remembered one is never stale."""
    return draw(
        template,
        words,
        TOP + ROW * len(rows) + 4,
        rows=list(enumerate(rows)),
        labels=LABELS,
        row_height=ROW,
        top=TOP,
        x=POINTS,
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates" / "charts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
