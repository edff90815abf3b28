"""Data to SVG, through the templates of templates/charts, and SVG to PNG. One place for scales, colours and axes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import resvg_py
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from survey.settings import folder

WIDTH = 520
ROW = 34  # height of one row
LABELS = 165  # width of the column of names
RIGHT = 44  # room for values at the right end
TOP = 34  # room for the axis
FONT_SIZE = 14  # of names
NARROW, WIDE = "ijlftrI .,:;'-()", "mMW@%…"  # letters; the others differ little from each other
TICKS = (0, 25, 50, 75, 100)
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no picture can hold these (XML 1.0, section 2.2)
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
class Mark:
    """One value on the 0–100 axis, with the interval it lies in and the text beside it."""

    value: int
    interval: tuple[int, int] | None
    text: str


@dataclass(frozen=True)
class DumbbellRow:
    """Inside and outside of one department; `link` leads to its detail."""

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


def dumbbells(rows: Sequence[DumbbellRow], title: str, inside: str, outside: str) -> Markup:
    """A row for each department: its inside and its outside on one axis. `inside`, `outside` name the two signs."""
    return _draw("dumbbells.svg", rows, title, inside=inside, outside=outside)


def bars(rows: Sequence[BarRow], title: str) -> Markup:
    """A bar from 0 for each row, with its interval as a thin line."""
    return _draw("bars.svg", rows, title)


def to_png(svg: str, width: int = 2 * WIDTH) -> bytes:
    """The picture as PNG, drawn with the fonts that come along, so that it looks the same on every machine."""
    fonts = folder("static") / "vendor" / "liberation-sans"
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=str(svg),
            width=width,
            skip_system_fonts=True,
            font_files=[str(fonts / name) for name in FONTS],
            font_family="Liberation Sans",
            sans_serif_family="Liberation Sans",
        )
    )


def x_of(points: float) -> float:
    """Where a value of 0–100 lies, in the picture's units."""
    return round(LABELS + points / 100 * (WIDTH - LABELS - RIGHT), 1)


def shorten(name: str) -> str:
    """The name, cut where it would run into the bars."""
    if _width(name) <= LABELS:
        return name
    ends = range(len(name), 0, -1)
    return next((cut for end in ends if _width(cut := f"{name[:end].rstrip()}…") <= LABELS), "…")


def _width(text: str) -> float:
    """How wide `text` is drawn, nearly: by kinds of letters of the shipped font, never too narrow for whole names."""
    return FONT_SIZE * sum(
        0.28 if sign in NARROW else 0.95 if sign in WIDE else 0.73 if sign.isupper() or sign == "w" else 0.56
        for sign in text
    )


def _draw(template: str, rows: Sequence[object], title: str, **words: str) -> Markup:
    drawn = (
        _templates()
        .get_template(template)
        .render(
            rows=list(enumerate(rows)),
            title=title,
            width=WIDTH,
            height=TOP + ROW * len(rows) + 12,
            labels=LABELS,
            row_height=ROW,
            top=TOP,
            ticks=TICKS,
            colour=PALETTE,
            x=x_of,
            shorten=shorten,
            **words,
        )
    )
    return Markup(NOT_XML.sub("", drawn))  # noqa: S704 - the templates escape every value


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates" / "charts"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
