"""How to read the files of other surveys: mappings, written in TOML, and what the cells of a file mean by them."""

import hashlib
import time
import tomllib
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from survey.measure.scale import ITEMS, points
from survey.sheets import Faults, Sheet, number

MAPPINGS = Path(__file__).parent / "mappings"
FIRST_YEAR = 1970  # an earlier date is a slip
EXAMPLE_DAY = date(2017, 5, 31)  # its day, month and year cannot be mistaken for one another
LONGEST_KEY, LONGEST_NAME = 120, 200  # characters of a touchpoint
TOP_ENTRIES = (
    *("form", "source", "columns", "date_format", "period", "scale", "decimal"),
    *("item", "items", "touchpoints", "not_read", "left_out"),
)

Period = tuple[date, date]  # first and last day, both included
Combination = tuple[str, str, str, str]  # the cells of one answer, unread: touchpoint, item, date, score


class MappingError(ValueError):
    """A mapping cannot be used; the message names the entry, what was found and what was expected."""


@dataclass(frozen=True)
class Columns:
    """Names of columns; empty: the file has no such column. A wide file has at most `date`."""

    touchpoint: str = ""
    item: str = ""
    date: str = ""
    score: str = ""


@dataclass(frozen=True)
class Scale:
    low: float
    high: float
    whole: bool = False  # only whole scores occur
    leave_out_others: bool = False  # numbers off the scale are left out and counted, not refused

    def __str__(self) -> str:
        return f"{self.low:g}–{self.high:g}"


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
    form: str  # long: a row per answer; wide: a row per customer, a column per touchpoint
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
    form = top.choice("form", ("long", "wide"))
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
        left_out={_code(code): reason for reason in codes.values for code in codes.texts(reason)},
        date_formats=_read_date_formats(top, columns),
        period=_read_period(top, columns),
        decimal=top.choice("decimal", (".", ","), default=""),
    )


@dataclass(frozen=True)
class Entries:
    """A table of a mapping. What is asked of it is there and of the right kind, or MappingError names the entry."""

    place: str  # "sales.toml" or "sales.toml, [scale]"
    values: dict[str, Any]

    def error(self, name: str, expected: str) -> MappingError:
        value = self.values.get(name)
        found = "nothing" if name not in self.values else f'"{value}"' if isinstance(value, str) else value
        return MappingError(f'{self.place}, entry "{name}": found {found}; expected {expected}.')

    def refuse_others(self, *allowed: str) -> "Entries":
        """This table, when it has no entry but those `allowed`: a misspelt one would be passed over in silence."""
        for name in self.values:
            if name not in allowed:
                raise MappingError(f'{self.place}, entry "{name}": is unknown; expected one of {", ".join(allowed)}.')
        return self

    def text(self, name: str, default: str | None = None, longest: int = LONGEST_NAME) -> str:
        """A text; one without a default must not be empty."""
        value = self.values.get(name, default)
        if not isinstance(value, str) or not (value or default == "") or len(value) > longest:
            raise self.error(name, f"a text of at most {longest} characters")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A text or a list of texts or numbers; none when the entry is missing."""
        value = self.values.get(name, [])
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in listed):
            raise self.error(name, 'a list of texts like ["0", ""]')
        return tuple(str(one) for one in listed)

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.error(name, "a number")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise self.error(name, "true or false")
        return value

    def day(self, name: str) -> date:
        value = self.values.get(name)
        try:
            return value if type(value) is date else date.fromisoformat(str(value))
        except ValueError:
            raise self.error(name, "a date like 2017-05-31") from None

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.values.get(name, default)
        if (value != default and value not in choices) or value is None:
            raise self.error(name, "one of " + ", ".join(f'"{choice}"' for choice in choices))
        return value

    def table(self, name: str, default: dict[str, Any] | None = None) -> "Entries":
        value = self.values.get(name, default)
        if not isinstance(value, dict):
            raise self.error(name, f"a table [{name}]")
        return Entries(f"{self.place}, [{name}]", value)


def _read_columns(top: Entries, form: str) -> Columns:
    if form == "wide":
        table = top.table("columns", default={}).refuse_others("date")
        return Columns(date=table.text("date", default=""))
    table = top.table("columns").refuse_others("touchpoint", "item", "date", "score")
    return Columns(
        touchpoint=table.text("touchpoint"),
        item=table.text("item", default=""),
        date=table.text("date", default=""),
        score=table.text("score"),
    )


def _read_scale(table: Entries) -> Scale:
    table.refuse_others("low", "high", "whole", "outside")
    low, high = table.number("low"), table.number("high")
    if not low < high:
        raise table.error("high", f"a number above low, which is {low:g}")
    outside = table.choice("outside", ("refuse", "leave out"), default="refuse")
    return Scale(low, high, whole=table.flag("whole"), leave_out_others=outside == "leave out")


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
            _precision(date_format)
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


# --- What the cells of a file mean ---------------------------------------------------------------------------------


class ExternalScore(NamedTuple):
    """What a file says about a touchpoint: one answer (SD 0), or a mean that the source has summed already."""

    touchpoint: str  # key
    item: str
    starts_on: date
    ends_on: date
    points: float
    sd: float | None


class LeftOut(NamedTuple):
    reason: str


class Interpreter:
    """Says what the rows of one file mean; what is wrong with them goes to `faults`."""

    def __init__(self, mapping: Mapping, sheet: Sheet, faults: Faults) -> None:
        self.mapping, self.faults = mapping, faults
        self.decimal_comma = mapping.decimal == "," if mapping.decimal else sheet.decimal_comma
        self.not_read = set(mapping.not_read)

    def target(self, name: str, line: int | None) -> Target | None:
        """The touchpoint that `name` stands for; None after its fault was added."""
        targets, column = self.mapping.touchpoints, self.mapping.columns.touchpoint
        if targets is None and 0 < len(name) <= LONGEST_KEY:
            return Target(name, name, self.mapping.item, {})
        if targets is None:
            self.faults.add(line, column, f"names no touchpoint; write 1 to {LONGEST_KEY} characters.")
            return None
        if name not in targets:
            self.faults.add(line, column, f'"{name}" is not in the mapping; add it to [touchpoints] or to not_read.')
        return targets.get(name)

    def item(self, text: str, line: int | None) -> str | None:
        found = self.mapping.items.get(text.casefold())
        if found is None:
            known = ", ".join(self.mapping.items)
            self.faults.add(line, self.mapping.columns.item, f'"{text}" is no item; write one of {known}.')
        return found

    def period(self, text: str, line: int | None) -> Period | None:
        if self.mapping.period:
            return self.mapping.period
        found = _period(text, self.mapping.date_formats)
        if found is None:
            wanted = " or ".join(map(EXAMPLE_DAY.strftime, self.mapping.date_formats))
            self.faults.add(line, self.mapping.columns.date, f'"{text}" is no date; write it like {wanted}.')
        return found

    def score(self, text: str, column: str, line: int | None) -> float | LeftOut | None:
        """The score as points, the reason why it is none, or None after its fault was added."""
        scale = self.mapping.scale
        if reason := self.mapping.left_out.get(_code(text)):
            return LeftOut(reason)
        score = number(text, self.decimal_comma)
        if score is None or (scale.whole and score % 1):
            kind = "a whole number" if scale.whole else "a number"
            self.faults.add(line, column, f'"{text}" is no score; write {kind} from {scale.low:g} to {scale.high:g}.')
            return None
        if scale.low <= score <= scale.high:
            return points(score, scale.low, scale.high)
        if scale.leave_out_others:
            return LeftOut(f'not on the scale {scale}: "{score:g}"')
        canonical = self.mapping is CANONICAL
        way_out = "bring a mapping for another scale" if canonical else "let the mapping leave it out"
        self.faults.add(line, column, f'"{text}" is not on the scale {scale}; mend it, or {way_out}.')
        return None

    def meaning(self, combination: Combination, line: int | None = None) -> ExternalScore | LeftOut | None:
        """What the cells of one answer say; None after their faults were added.

        An answer that is left out needs no date and no known name: survey tools write such rows by the thousand.
        """
        name, item_name, when, score_text = map(str.strip, combination)
        columns = self.mapping.columns
        for passed_over in (name, item_name) if columns.item else (name,):
            if passed_over in self.not_read:
                return LeftOut(f'not read: "{passed_over}"')
        score = self.score(score_text, columns.score or name, line)
        if isinstance(score, LeftOut):
            return score
        target, period = self.target(name, line), self.period(when, line)
        item = (target and target.item) or (self.item(item_name, line) if columns.item else None)
        if score is None or target is None or period is None or item is None:
            return None
        return ExternalScore(target.key, item, *period, score, 0.0)


def _code(text: str) -> str:
    """A code so that "6", "6.0" and "06" are one, and letters compare without case."""
    value = number(text, decimal_comma=False)
    return text.casefold() if value is None else f"{value:g}"


@lru_cache(maxsize=4096)
def _period(text: str, date_formats: tuple[str, ...]) -> Period | None:
    """The day that `text` writes, or the whole month or year where the format has no smaller part."""
    for date_format in date_formats:
        try:
            first = _first_day(text, date_format)
        except ValueError:
            continue
        if first.year >= FIRST_YEAR:
            return first, _last_day(first, date_format)
    return None


def _first_day(text: str, date_format: str) -> date:
    """The day that `text` writes, the first one of its month or year; raises ValueError."""
    return date(*time.strptime(text, date_format)[:3])


def _last_day(first: date, date_format: str) -> date:
    end_of_month = first.replace(day=monthrange(first.year, first.month)[1])
    return {"day": first, "month": end_of_month, "year": date(first.year, 12, 31)}[_precision(date_format)]


@lru_cache
def _precision(date_format: str) -> str:
    """Whether a format tells the day, the month or the year; raises ValueError when it does not even tell the year."""
    read = _first_day(EXAMPLE_DAY.strftime(date_format), date_format)
    precisions = {EXAMPLE_DAY: "day", EXAMPLE_DAY.replace(day=1): "month", EXAMPLE_DAY.replace(month=1, day=1): "year"}
    if read not in precisions:
        raise ValueError(f"{date_format} does not tell the year.")
    return precisions[read]
