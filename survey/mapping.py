"""How to read the files of other surveys: mappings, written in TOML."""

import hashlib
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from survey.dates import FIRST_YEAR, Period, precision
from survey.entries import Entries, MappingError
from survey.measure.scale import ITEMS
from survey.sheets import number

MAPPINGS = Path(__file__).parent / "mappings"
LONGEST_KEY = 120  # characters of a touchpoint's key
MOST_HEADER_ROWS = 10
FORMS = ("long", "wide", "summed")
TOP_ENTRIES = (
    *("form", "source", "header_rows", "columns", "rows", "date_format", "period", "scale", "decimal"),
    *("item", "items", "touchpoints", "not_read", "left_out"),
)


@dataclass(frozen=True)
class Columns:
    """Names of columns; empty: the file has no such column. A wide file has at most `date`."""

    touchpoint: str = ""
    item: str = ""
    date: str = ""
    score: str = ""
    mean: str = ""  # these three in a summed file; the SD may be missing
    n: str = ""
    sd: str = ""


@dataclass(frozen=True)
class Scale:
    low: float
    high: float
    whole: bool = False  # only whole scores occur
    leave_out_others: bool = False  # numbers off the scale are left out and counted, not refused
    best_is_low: bool = False  # as with school marks: 1 is the best
    words: dict[str, float] = field(default_factory=dict)  # code → score, where the file writes words: good, bad

    def __str__(self) -> str:
        return f"{self.low:g}–{self.high:g}"


@dataclass(frozen=True)
class Rows:
    """Rows whose `column` says one of `only` (codes) are read; others are left out and counted."""

    column: str
    only: frozenset[str]


@dataclass(frozen=True)
class Target:
    """What a name in the file stands for."""

    key: str  # of the touchpoint
    name: str
    item: str  # empty: a column of items tells
    departments: dict[str, float]  # key → weight, for a touchpoint that has no departments yet


@dataclass(frozen=True)
class Mapping:
    """How to read the files of one source."""

    source_key: str
    source_name: str
    form: str  # long: a row per answer; wide: a row per customer, a column per touchpoint; summed: a row per mean
    columns: Columns
    scale: Scale
    item: str  # what scores are about where neither a touchpoint nor a column says so
    touchpoints: dict[str, Target] | None  # by name in the file; None: a touchpoint is called what the file calls it
    items: dict[str, str]  # name in the file → item
    not_read: tuple[str, ...]  # columns, touchpoints and items of the file that are passed over
    left_out: dict[str, str]  # code that is no answer → reason
    date_formats: tuple[str, ...]  # as strptime reads them
    period: Period | None  # when the file has no dates
    decimal: str  # "." or ","; empty: what the file's delimiter suggests
    header_rows: int = 1  # rows before the first answer; the first of them names the columns
    rows: Rows | None = None  # which rows are read; all, when there is none

    def digest(self, file_digest: str) -> str:
        """SHA-256 of a file and of how it is read: the same twice means the same import."""
        return hashlib.sha256(f"{file_digest} {self!r}".encode()).hexdigest()


CANONICAL = Mapping(
    source_key="external",
    source_name="external",
    form="long",
    columns=Columns("touchpoint", "item", "date", "score"),
    scale=Scale(1, 5, whole=True),
    item="",
    touchpoints=None,
    items={item: item for item in ITEMS},
    not_read=(),
    left_out={},
    date_formats=("%Y-%m-%d", "%Y-%m"),
    period=None,
    decimal="",
)
CANONICAL_SUMS = replace(
    CANONICAL,
    form="summed",
    columns=Columns("touchpoint", "item", "date", mean="mean", n="n", sd="sd"),
    scale=Scale(0, 100),
)


def load_mapping(name_or_path: str | Path) -> Mapping:
    """The mapping in a file, or the one of that name in survey/mappings ("sfo-2017-wide"); raises MappingError."""
    path = _find_mapping(str(name_or_path))
    try:
        with path.open("rb") as file:
            entries = tomllib.load(file)
    except OSError as error:
        raise MappingError(f"{path.name}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name}: is not written in TOML: {error}.") from None
    return read_mapping(path.name, entries)


def _find_mapping(name: str) -> Path:
    shipped = MAPPINGS / f"{name.removesuffix('.toml')}.toml"
    for path in (Path(name), shipped):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in MAPPINGS.glob("*.toml")))
    raise MappingError(f'"{name}": there is no such file, and no such mapping; Espejo brings {known}.')


def read_mapping(place: str, values: dict[str, Any]) -> Mapping:
    """The mapping that `values` (a TOML table) describe; `place` names it in errors. Raises MappingError."""
    top = Entries(place, values)
    top.refuse_others(*TOP_ENTRIES)
    form = top.choice("form", FORMS)
    columns = _read_columns(top, form)
    item = _read_item(top, columns)
    source = top.table("source").refuse_others("key", "name")
    codes, items = top.table("left_out", default={}), top.table("items", default={})
    return Mapping(
        source_key=source.text("key", longest=80),
        source_name=source.text("name", default=source.text("key")),
        form=form,
        columns=columns,
        scale=_read_scale(top.table("scale")),
        item=item,
        touchpoints=_read_touchpoints(top, item, columns) if form == "wide" or "touchpoints" in values else None,
        items={item: item for item in ITEMS} | {name.casefold(): items.choice(name, ITEMS) for name in items.values},
        not_read=top.texts("not_read"),
        left_out={as_code(code): reason for reason in codes.values for code in codes.texts(reason)},
        date_formats=_read_date_formats(top, columns),
        period=_read_period(top, columns),
        decimal=top.choice("decimal", (".", ","), default=""),
        header_rows=_read_header_rows(top),
        rows=_read_rows(top.table("rows")) if "rows" in values else None,
    )


def as_code(text: str) -> str:
    """A code so that "6", "6.0" and "06" are one, and letters compare without case."""
    value = number(text, decimal_comma=False)
    return text.casefold() if value is None else f"{value:g}"


def _read_columns(top: Entries, form: str) -> Columns:
    if form == "wide":
        table = top.table("columns", default={}).refuse_others("date")
        return Columns(date=table.text("date", default=""))
    rated = ("mean", "n") if form == "summed" else ("score",)
    optional = ("item", "date", "sd") if form == "summed" else ("item", "date")
    table = top.table("columns").refuse_others("touchpoint", *optional, *rated)
    found = {name: table.text(name) for name in ("touchpoint", *rated)}
    return Columns(**found, **{name: table.text(name, default="") for name in optional})


def _read_scale(table: Entries) -> Scale:
    table.refuse_others("low", "high", "whole", "outside", "best", "words")
    low, high = table.number("low"), table.number("high")
    if not low < high:
        raise table.error("high", f"a number above low, which is {low:g}")
    outside = table.choice("outside", ("refuse", "leave out"), default="refuse")
    words = table.table("words", default={})
    for word in words.values:
        if not low <= words.number(word) <= high:
            raise words.error(word, f"a number from {low:g} to {high:g}")
    return Scale(
        low,
        high,
        whole=table.flag("whole"),
        leave_out_others=outside == "leave out",
        best_is_low=table.choice("best", ("low", "high"), default="high") == "low",
        words={as_code(word): score for word, score in words.values.items()},
    )


def _read_header_rows(top: Entries) -> int:
    rows = top.number("header_rows") if "header_rows" in top.values else 1
    if not 1 <= rows <= MOST_HEADER_ROWS or rows % 1:
        raise top.error("header_rows", f"a whole number from 1 to {MOST_HEADER_ROWS}")
    return int(rows)


def _read_rows(table: Entries) -> Rows:
    table.refuse_others("column", "only")
    if not table.texts("only"):
        raise table.error("only", "at least one text")
    return Rows(table.text("column"), frozenset(map(as_code, table.texts("only"))))


def _read_item(top: Entries, columns: Columns) -> str:
    item = top.choice("item", ITEMS, default="")
    if item and columns.item:
        raise top.error("item", f'no such entry, as the column "{columns.item}" tells the item')
    if not (item or columns.item or "touchpoints" in top.values):
        raise top.error("item", "the item that the scores are about, or a column of items")
    return item


def _read_touchpoints(top: Entries, item: str, columns: Columns) -> dict[str, Target]:
    """The targets by name in the file; several names may stand for one touchpoint, which one of them then names."""
    table = top.table("touchpoints")
    found = {name: _read_target(table.table(name), name, item, columns) for name in table.values}
    if not found:
        raise top.error("touchpoints", "at least one name of the file")
    names = {target.key: target.name for target in found.values() if target.name}
    return {name: replace(target, name=names.get(target.key, target.key)) for name, target in found.items()}


def _read_target(table: Entries, name: str, item: str, columns: Columns) -> Target:
    table.refuse_others("key", "name", "item", "departments")
    departments = table.table("departments", default={})
    for department in departments.values:
        if not 0 < departments.number(department) <= 1:
            raise departments.error(department, "a weight above 0 and at most 1")
    target = Target(
        key=table.text("key", default=name, longest=LONGEST_KEY),
        name=table.text("name", default=""),
        item=table.choice("item", ITEMS, default=item),
        departments=departments.values,
    )
    if not (target.item or columns.item):
        raise table.error("item", "the item that its scores are about")
    return target


def _read_date_formats(top: Entries, columns: Columns) -> tuple[str, ...]:
    formats = top.texts("date_format") or ("%Y-%m-%d",)
    for date_format in formats if columns.date else ():
        try:
            precision(date_format)
        except ValueError:
            raise top.error("date_format", 'a format with a year, like "%d/%m/%Y", "%Y-%m" or "%Y"') from None
    return formats


def _read_period(top: Entries, columns: Columns) -> Period | None:
    if bool(columns.date) == ("period" in top.values):
        raise top.error("period", "either a period { from = …, to = … } or a column of dates")
    if columns.date:
        return None
    table = top.table("period").refuse_others("from", "to")
    first, last = table.day("from"), table.day("to")
    if first.year < FIRST_YEAR:
        raise table.error("from", f"a date from {FIRST_YEAR} on")
    if last < first:
        raise table.error("to", f"a date not before {first}")
    return first, last
