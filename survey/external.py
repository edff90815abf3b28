"""What customers say: mappings that read the files of other surveys, imports, and each department's score outside.

A file of answers is first counted, each distinct combination of cells once, and only those combinations are then
read and checked: so memory grows with what was answered, not with how many answered, and long files are quick.
"""

import hashlib
import time
import tomllib
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain, islice
from math import sqrt
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from peewee import JOIN, Case, fn

from survey.measure.scale import ITEMS, points
from survey.measure.statistics import Estimate, estimate_from_groups, weighted_mean
from survey.models import (
    Department,
    ExternalImport,
    ExternalTally,
    Source,
    Touchpoint,
    TouchpointDepartment,
    database,
)
from survey.people import ignored_columns, rehearsal
from survey.sheets import Faults, ImportRefused, Row, Sheet, number, slug

MAPPINGS = Path(__file__).parent / "mappings"
FORMS = ("long", "wide")
OUTSIDE_SCALE = ("refuse", "leave out")
WINDOW_DAYS = 365
FIRST_YEAR = 1970  # an earlier date is a slip
COMBINATIONS_AT_ONCE = 200_000  # distinct combinations of cells held in memory while a file is counted
ROWS_AT_ONCE = 1000  # counted before looking whether memory fills
LONGEST_KEY, LONGEST_NAME = 120, 200  # characters of a touchpoint
MOST_ANSWERS = 10**9  # in one summed figure; beyond, the column is not a count
SD_ROUNDING = 1.0  # points by which a rounded mean may make an honest SD look too large

MAPPING_TABLES = ("source", "columns", "period", "scale", "left_out", "touchpoints", "items")

Period = tuple[date, date]  # first and last day, both included
Combination = tuple[str, str, str, str]  # the cells of one answer, unread: touchpoint, item, date, score


# --- Mappings ------------------------------------------------------------------------------------------------------


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
SUM_COLUMNS = ("touchpoint", "item", "date", "mean", "n", "sd")


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
    top.refuse_others("form", "item", "decimal", "date_format", "not_read", *MAPPING_TABLES)
    form = top.choice("form", FORMS)
    columns = _read_columns(top, form)
    item = _read_item(top, columns)
    source = top.table("source").refuse_others("key", "name")
    return Mapping(
        source_key=source.text("key", longest=80),
        source_name=source.text("name", default=source.text("key")),
        form=form,
        columns=columns,
        scale=_read_scale(top.table("scale")),
        item=item,
        touchpoints=_read_touchpoints(top, item, columns) if form == "wide" or "touchpoints" in values else None,
        items=_read_items(top),
        not_read=top.texts("not_read"),
        left_out=_read_left_out(top.table("left_out", default={})),
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
    outside = table.choice("outside", OUTSIDE_SCALE, default="refuse")
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


def _read_items(top: Entries) -> dict[str, str]:
    table = top.table("items", default={})
    named = {name.casefold(): table.choice(name, ITEMS) for name in table.values}
    return {item: item for item in ITEMS} | named


def _read_left_out(table: Entries) -> dict[str, str]:
    return {_code(code): reason for reason in table.values for code in table.texts(reason)}


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


class Answer(NamedTuple):
    """One figure about a touchpoint: an answer (SD 0), or a mean that the source has summed already."""

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
            wanted = " or ".join(_example(date_format) for date_format in self.mapping.date_formats)
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
        self.faults.add(line, column, f'"{text}" is not on the scale {scale}; mend it, or {self._way_out()}.')
        return None

    def _way_out(self) -> str:
        if self.mapping is CANONICAL:
            return "bring a mapping for another scale"
        return "let the mapping leave it out"

    def meaning(self, combination: Combination, line: int | None = None) -> Answer | LeftOut | None:
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
        return Answer(target.key, item, *period, score, 0.0)


def _code(text: str) -> str:
    """A code so that "6", "6.0" and "06" are one, and letters compare without case."""
    value = number(text, decimal_comma=False)
    return text.casefold() if value is None else f"{value:g}"


@lru_cache(maxsize=4096)
def _period(text: str, date_formats: tuple[str, ...]) -> Period | None:
    """The day that `text` writes, or the whole month or year where the format has no smaller part."""
    for date_format in date_formats:
        try:
            first = date(*time.strptime(text, date_format)[:3])
        except ValueError:
            continue
        if first.year >= FIRST_YEAR:
            return first, _last_day(first, date_format)
    return None


def _last_day(first: date, date_format: str) -> date:
    match _precision(date_format):
        case "day":
            return first
        case "month":
            return first.replace(day=monthrange(first.year, first.month)[1])
    return first.replace(month=12, day=31)


@lru_cache
def _precision(date_format: str) -> str:
    """Whether a format tells the day, the month or the year; raises ValueError when it does not even tell the year."""
    probe = date(2017, 5, 31)
    read = date(*time.strptime(probe.strftime(date_format), date_format)[:3])
    precisions = {probe: "day", probe.replace(day=1): "month", date(2017, 1, 1): "year"}
    if read not in precisions:
        raise ValueError(f"{date_format} does not tell the year.")
    return precisions[read]


def _example(date_format: str) -> str:
    return date(2017, 5, 31).strftime(date_format)


# --- Imports -------------------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What a file says: how often each answer, and how many cells are no answers, by reason."""

    answers: Counter[Answer] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, meaning: Answer | LeftOut | None, n: int) -> None:
        if isinstance(meaning, Answer):
            self.answers[meaning] += n
        elif meaning:
            self.left_out[meaning.reason] += n


@dataclass
class ExternalSummary:
    """What an import did, or would do."""

    file_name: str
    source: str
    already_imported: bool = False
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)  # by touchpoint key and item
    names: dict[str, str] = field(default_factory=dict)  # of touchpoints, by key
    starts_on: date | None = None
    ends_on: date | None = None
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    new_touchpoints: list[str] = field(default_factory=list)
    without_department: list[str] = field(default_factory=list)
    superseded: Counter[str] = field(default_factory=Counter)  # answers of earlier files that count no more, by file
    notices: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        if self.already_imported:
            return [f"{self.file_name}: already imported for {self.source}; nothing changed.", *self.notices]
        told = [f"{self.source}, {self.starts_on} to {self.ends_on}: {self.answers.total():,} answers"]
        told += sorted(f"{self.names[key]} ({item}): {n:,}" for (key, item), n in self.answers.items())
        told += [f"left out, {reason}: {n:,}" for reason, n in self.left_out.most_common()]
        told += [f"new touchpoints: {'; '.join(self.new_touchpoints)}"] if self.new_touchpoints else []
        told += [f"superseded, no longer counting: {n:,} of {earlier}" for earlier, n in self.superseded.items()]
        if self.without_department:
            told.append(f"not linked to a department yet: {'; '.join(self.without_department)}")
        return told + self.notices


def import_external(path: Path, mapping: Mapping | None, now: int, *, rehearse: bool = False) -> ExternalSummary:
    """Take in a file of external scores; all of it, or nothing when there is a fault.

    Without a mapping the header decides: `touchpoint,item,date,score` (an answer a row, 1–5) or
    `touchpoint,item,date,mean,n[,sd]` (summed, in points). A file that was imported before changes nothing; one about
    the same touchpoint, item and days as an earlier file of its source supersedes those scores, which stay stored.
    `now`: UTC seconds. `rehearse`: say what would change, and change nothing. Raises sheets.ImportRefused.
    """
    faults = Faults(path.name)
    chosen = mapping or CANONICAL
    sheet = _open_sheet(path, chosen, faults)
    digest = chosen.digest(sheet.digest)
    if earlier := _imported_before(chosen, digest):
        return _nothing_new(path, chosen, earlier)
    summed = chosen is CANONICAL and _is_summed(sheet, faults)
    taken = _take_sums(sheet, faults) if summed else _take_answers(path, sheet, chosen, faults)
    if not taken.answers and not faults.count:
        faults.add(None, None, "has no answers in it.")
    faults.refuse_if_any()
    summary = ExternalSummary(path.name, chosen.source_name, left_out=taken.left_out)
    read = SUM_COLUMNS if summed else _columns_read(chosen)
    summary.notices += ignored_columns(sheet, {*read, *chosen.not_read})
    with rehearsal(rehearse):
        _store(taken, chosen, digest, now, summary)
    return summary


def _open_sheet(path: Path, mapping: Mapping, faults: Faults) -> Sheet:
    """Our own columns are known without case; a mapping writes names just as the file does."""
    return Sheet(path, faults) if mapping is CANONICAL else Sheet(path, faults, normalise=str)


def _imported_before(mapping: Mapping, digest: str) -> ExternalImport | None:
    return (
        ExternalImport.select()
        .join(Source)
        .where(Source.key == mapping.source_key, ExternalImport.digest == digest)
        .first()
    )


def _nothing_new(path: Path, mapping: Mapping, earlier: ExternalImport) -> ExternalSummary:
    summary = ExternalSummary(path.name, mapping.source_name, already_imported=True)
    later = (
        ExternalImport.select(ExternalImport.file_name)
        .join(ExternalTally, on=ExternalTally.superseded_by == ExternalImport.id)
        .where(ExternalTally.external_import == earlier.id)
        .distinct()
    )
    for superseding in later:
        summary.notices.append(f"Scores of it were superseded by {superseding.file_name}; undo that import to go back.")
    return summary


def _is_summed(sheet: Sheet, faults: Faults) -> bool:
    """Which of the two canonical forms the header has; raises ImportRefused when it is neither."""
    scores, means = "score" in sheet.columns, "mean" in sheet.columns
    if scores == means:
        found = ", ".join(f'"{name}"' for name in sheet.columns)
        forms = "touchpoint,item,date,score or touchpoint,item,date,mean,n,sd"
        faults.add(1, None, f"the header has {found}; write {forms}, or bring a mapping.")
        faults.refuse_if_any()
    return means


def _columns_read(mapping: Mapping) -> list[str]:
    columns = mapping.columns
    named = [columns.touchpoint, columns.item, columns.date, columns.score]
    rated = mapping.touchpoints if mapping.form == "wide" and mapping.touchpoints else ()
    return [name for name in named if name] + list(rated)


def _take_answers(path: Path, sheet: Sheet, mapping: Mapping, faults: Faults) -> Taken:
    """The answers of a file, counted first and read afterwards; raises ImportRefused."""
    sheet.require(*_columns_read(mapping))
    interpreter = Interpreter(mapping, sheet, faults)
    combinations = _combinations(mapping, sheet, map(itemgetter(1), sheet.lines()))
    taken = Taken()
    for counts in _counted(combinations):
        for combination, n in counts.items():
            taken.add(interpreter.meaning(combination), n)
    if faults.count:
        _refuse_by_line(path, mapping)
    return taken


def _counted(combinations: Iterator[Combination]) -> Iterator[Counter[Combination]]:
    """How often each combination occurs, in parts: dates that tell the second would otherwise fill the memory."""
    counts: Counter[Combination] = Counter()
    while some := list(islice(combinations, ROWS_AT_ONCE)):
        counts.update(some)
        if len(counts) >= COMBINATIONS_AT_ONCE:
            yield counts
            counts = Counter()
    yield counts


def _combinations(mapping: Mapping, sheet: Sheet, rows: Iterable[list[str]]) -> Iterator[Combination]:
    """The answers in `rows`, one at a time and unread."""
    if mapping.form == "wide":
        return _of_wide(mapping, sheet, rows)
    columns = mapping.columns
    # A column that the mapping does not name is read as the touchpoint's, and nobody looks at it then.
    names = (columns.touchpoint, columns.item, columns.date, columns.score)
    return map(itemgetter(*(sheet.columns.index(name or columns.touchpoint) for name in names)), rows)


def _of_wide(mapping: Mapping, sheet: Sheet, rows: Iterable[list[str]]) -> Iterator[Combination]:
    rated = [(name, sheet.columns.index(name)) for name in mapping.touchpoints or ()]
    dated = sheet.columns.index(mapping.columns.date) if mapping.columns.date else None
    for cells in rows:
        when = "" if dated is None else cells[dated]
        for name, place in rated:
            yield name, "", when, cells[place]


def _refuse_by_line(path: Path, mapping: Mapping) -> NoReturn:
    """Read the file again to name the line of every fault, which counting does not know. Raises ImportRefused."""
    faults = Faults(path.name)
    sheet = _open_sheet(path, mapping, faults)
    interpreter = Interpreter(mapping, sheet, faults)
    for line, cells in sheet.lines():
        for combination in _combinations(mapping, sheet, [cells]):
            interpreter.meaning(combination, line)
    faults.refuse_if_any()
    raise ImportRefused([f"{path.name}: has changed while it was read; import it again."])


def _take_sums(sheet: Sheet, faults: Faults) -> Taken:
    """The figures of a file that is summed already: one for each touchpoint, item and date."""
    sheet.require(*SUM_COLUMNS[:-1])
    interpreter = Interpreter(CANONICAL, sheet, faults)
    taken = Taken()
    lines: dict[tuple[str, str, date], int] = {}
    for row in sheet:
        figure = _read_figure(row, interpreter)
        if figure is None:
            continue
        answer, n = figure
        earlier = lines.setdefault((answer.touchpoint, answer.item, answer.starts_on), row.line)
        if earlier != row.line:
            faults.add(row.line, None, f"the same touchpoint, item and date stand on line {earlier}; keep one of them.")
        taken.add(answer, n)
    return taken


def _read_figure(row: Row, interpreter: Interpreter) -> tuple[Answer, int] | None:
    """A mean and its n; None after the row's faults were added."""
    faults, comma = interpreter.faults, interpreter.decimal_comma
    before = faults.count
    target = interpreter.target(row["touchpoint"], row.line)
    item = interpreter.item(row["item"], row.line)
    period = interpreter.period(row["date"], row.line)
    mean, n = number(row["mean"], comma), number(row["n"], comma)
    if mean is None or not 0 <= mean <= 100:
        faults.add(row.line, "mean", f'"{row["mean"]}" is no mean; write points from 0 to 100.')
    if n is None or not 1 <= n <= MOST_ANSWERS or n % 1:
        faults.add(row.line, "n", f'"{row["n"]}" is no number of answers; write a whole number from 1.')
    if faults.count > before or not target or not item or not period or mean is None or n is None:
        return None
    sd = number(row["sd"], comma) if row["sd"] else None
    largest = sqrt(mean * (100 - mean) * n / (n - 1)) if n > 1 else 0.0
    if row["sd"] and (sd is None or not 0 <= sd <= largest + SD_ROUNDING):
        faults.add(row.line, "sd", f'"{row["sd"]}" is no SD of {n:g} answers with this mean; write 0 to {largest:.1f}.')
        return None
    return Answer(target.key, item, *period, mean, sd), int(n)


def _store(taken: Taken, mapping: Mapping, digest: str, now: int, summary: ExternalSummary) -> None:
    source, _ = Source.get_or_create(key=mapping.source_key, defaults={"name": mapping.source_name})
    _rename(source, mapping.source_name)
    external_import = ExternalImport.create(
        source=source,
        file_name=summary.file_name[-255:],
        digest=digest,
        imported_at=now,
        answers=taken.answers.total(),
        left_out=taken.left_out.total(),
    )
    touchpoints = _store_touchpoints(source, taken, mapping, summary)
    _store_tallies(external_import, touchpoints, taken.answers)
    summary.superseded = _supersede(external_import)
    _describe(taken, now, summary)


def _store_touchpoints(
    source: Source, taken: Taken, mapping: Mapping, summary: ExternalSummary
) -> dict[str, Touchpoint]:
    """The touchpoints of the file by key, added where new and linked to departments where that is plain."""
    targets = {target.key: target for target in (mapping.touchpoints or {}).values()}
    known = {touchpoint.key: touchpoint for touchpoint in Touchpoint.select().where(Touchpoint.source == source)}
    linking = Linking(summary)
    found = {}
    for key in sorted({answer.touchpoint for answer in taken.answers}):
        target = targets.get(key) or Target(key, key, mapping.item, {})
        touchpoint = known.get(key) or Touchpoint.create(source=source, key=key, name=target.name)
        if key not in known:
            summary.new_touchpoints.append(touchpoint.name)
        elif target.name != key:
            _rename(touchpoint, target.name)
        linking.link(touchpoint, target, is_new=key not in known)
        summary.names[key] = touchpoint.name
        found[key] = touchpoint
    return found


def _rename(row: Source | Touchpoint, name: str) -> None:
    if row.name != name:
        row.name = name
        row.save()


class Linking:
    """Links touchpoints to departments, telling in `summary` what was linked and what could not be."""

    def __init__(self, summary: ExternalSummary) -> None:
        self.summary = summary
        self.departments = {department.key: department for department in Department.select()}
        self.links: dict[int, dict[str, float]] = defaultdict(dict)
        keys = {department.id: key for key, department in self.departments.items()}
        for link in TouchpointDepartment.select():
            self.links[link.touchpoint_id][keys[link.department_id]] = link.weight

    def link(self, touchpoint: Touchpoint, target: Target, is_new: bool) -> None:
        """As the mapping says, unless HR has decided already; a new touchpoint else to the department of its name."""
        present = self.links[touchpoint.id]
        wanted = target.departments or (self._namesake(target) if is_new else {})
        if present:
            if wanted and wanted != present:
                self._tell(f"{touchpoint.name} keeps its departments ({', '.join(present)}); the mapping has others.")
            return
        missing = [key for key in wanted if key not in self.departments]
        if missing:
            self._tell(f"{touchpoint.name} was not linked, as there is no department {', '.join(missing)}.")
        elif wanted:
            self._link(touchpoint, wanted)
            return
        self.summary.without_department.append(touchpoint.name)

    def _link(self, touchpoint: Touchpoint, wanted: dict[str, float]) -> None:
        weights = {self.departments[key].id: weight for key, weight in wanted.items()}
        set_departments(touchpoint.id, weights, attributed=False)
        told = ", ".join(f"{self.departments[key].name} (weight {weight:g})" for key, weight in wanted.items())
        self._tell(f"{touchpoint.name} was linked to {told}.")

    def _namesake(self, target: Target) -> dict[str, float]:
        names = (slug(target.key), slug(target.name))
        return next(({key: 1.0} for key in names if key in self.departments), {})

    def _tell(self, notice: str) -> None:
        self.summary.notices.append(notice)


TALLY_FIELDS = [
    ExternalTally.external_import,
    ExternalTally.touchpoint,
    *(ExternalTally.item, ExternalTally.starts_on, ExternalTally.ends_on, ExternalTally.points, ExternalTally.sd),
    ExternalTally.n,
]


def _store_tallies(
    external_import: ExternalImport, touchpoints: dict[str, Touchpoint], answers: Counter[Answer]
) -> None:
    """One row for each distinct answer.

    The statement is made once, because making it anew for every thousand rows took longer than reading the file.
    """
    rows = ((external_import.id, touchpoints[answer.touchpoint].id, *answer[1:], n) for answer, n in answers.items())
    first = next(rows)
    statement, values = ExternalTally.insert_many([first], fields=TALLY_FIELDS).sql()
    database.cursor().executemany(statement, chain([values], rows))


def _supersede(later: ExternalImport) -> Counter[str]:
    """Mark the scores of earlier imports about the same touchpoint, item and days; the answers marked, by file."""
    new, old = ExternalTally.alias(), ExternalTally
    period = new.select(fn.MIN(new.starts_on), fn.MAX(new.ends_on)).where(new.external_import == later.id)
    first, last = period.scalar(as_tuple=True)
    same_days = new.select(new.id).where(
        new.external_import == later.id,
        new.touchpoint == old.touchpoint,
        new.item == old.item,
        new.starts_on <= old.ends_on,
        new.ends_on >= old.starts_on,
    )
    old.update(superseded_by=later.id).where(
        old.superseded_by.is_null(),
        old.external_import < later.id,
        old.ends_on >= first,
        old.starts_on <= last,
        fn.EXISTS(same_days),
    ).execute()
    marked = (
        ExternalImport.select(ExternalImport.file_name, fn.SUM(old.n))
        .join(old, on=old.external_import == ExternalImport.id)
        .where(old.superseded_by == later.id)
        .group_by(ExternalImport.id, ExternalImport.file_name)
        .order_by(ExternalImport.id)
    )
    answers: Counter[str] = Counter()
    for file_name, n in marked.tuples():
        answers[file_name] += n
    return answers


def _describe(taken: Taken, now: int, summary: ExternalSummary) -> None:
    """Add what the file said to the summary."""
    for answer, n in taken.answers.items():
        summary.answers[answer.touchpoint, answer.item] += n
    summary.starts_on = min(answer.starts_on for answer in taken.answers)
    summary.ends_on = max(answer.ends_on for answer in taken.answers)
    tomorrow = datetime.fromtimestamp(now, UTC).date() + timedelta(days=1)  # somewhere it is tomorrow already
    later = sum(n for answer, n in taken.answers.items() if answer.starts_on > tomorrow)
    if later:
        summary.notices.append(f"dated in the future, counting only from then on: {later:,}; is that right?")


def undo_import(import_id: int) -> None:
    """Forget an import: its scores go, and those that it superseded count again, unless a later file is about them too.

    Touchpoints and their departments stay. Raises ValueError when there is no such import.
    """
    with database.atomic():
        undone = ExternalImport.get_or_none(ExternalImport.id == import_id)
        if undone is None:
            raise ValueError(f"There is no import number {import_id}; it may have been undone already.")
        ExternalTally.delete().where(ExternalTally.external_import == import_id).execute()
        restored = ExternalTally.superseded_by == import_id
        ExternalTally.update(superseded_by=None).where(restored).execute()
        undone.delete_instance()
        later = ExternalImport.select().where(ExternalImport.source == undone.source_id, ExternalImport.id > import_id)
        for external_import in later.order_by(ExternalImport.id):
            _supersede(external_import)


# --- Touchpoints and departments -----------------------------------------------------------------------------------


def set_departments(touchpoint_id: int, weights: dict[int, float], attributed: bool) -> None:
    """Replace the departments that a touchpoint counts for, by id, each with its weight (above 0, at most 1).

    `attributed`: given by HR for want of scores of their own. Raises ValueError for another weight.
    """
    for weight in weights.values():
        if not 0 < weight <= 1:
            raise ValueError(f"The weight {weight:g} cannot be used; write a number above 0 and at most 1.")
    links = [
        {"touchpoint": touchpoint_id, "department": department, "weight": weight, "attributed": attributed}
        for department, weight in weights.items()
    ]
    with database.atomic():
        TouchpointDepartment.delete().where(TouchpointDepartment.touchpoint == touchpoint_id).execute()
        if links:
            TouchpointDepartment.insert_many(links).execute()


@dataclass(frozen=True)
class LinkedDepartment:
    id: int
    name: str
    weight: float
    attributed: bool


@dataclass(frozen=True)
class TouchpointRow:
    """A touchpoint with the answers that count (n) and the days they are from; no days when there is none."""

    id: int
    source: str
    key: str
    name: str
    answers: int
    starts_on: date | None
    ends_on: date | None
    departments: tuple[LinkedDepartment, ...]


def touchpoints() -> list[TouchpointRow]:
    """Every touchpoint, by source and name, with its departments, the heaviest first."""
    linked: dict[int, list[LinkedDepartment]] = defaultdict(list)
    links = (
        TouchpointDepartment.select(
            TouchpointDepartment.touchpoint,
            Department.id,
            Department.name,
            TouchpointDepartment.weight,
            TouchpointDepartment.attributed,
        )
        .join(Department)
        .order_by(TouchpointDepartment.weight.desc(), Department.name)
    )
    for touchpoint, *department in links.tuples():
        linked[touchpoint].append(LinkedDepartment(*department))
    counting = (ExternalTally.touchpoint == Touchpoint.id) & ExternalTally.superseded_by.is_null()
    rows = (
        Touchpoint.select(
            Touchpoint.id,
            Source.name,
            Touchpoint.key,
            Touchpoint.name,
            fn.COALESCE(fn.SUM(ExternalTally.n), 0),
            fn.MIN(ExternalTally.starts_on),
            fn.MAX(ExternalTally.ends_on),
        )
        .join(Source)
        .join(ExternalTally, JOIN.LEFT_OUTER, on=counting, src=Touchpoint)
        .group_by(Touchpoint.id, Source.name, Touchpoint.key, Touchpoint.name)
        .order_by(Source.name, Touchpoint.name)
    )
    return [TouchpointRow(*row, tuple(linked[row[0]])) for row in rows.tuples()]


# --- Scores outside ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outside:
    """What customers say about a department on an item, in points."""

    estimate: Estimate
    attributed: bool  # from touchpoints that HR gave it, as it has none of its own for this item
    starts_on: date
    ends_on: date
    touchpoints: tuple[str, ...]  # names


class Figure(NamedTuple):
    """Answers about one touchpoint that average `points`, in the window of a department and an item."""

    department: int
    item: str
    attributed: bool
    touchpoint: int
    name: str
    weight: float
    points: float
    sd: float | None
    n: int
    starts_on: date
    ends_on: date


def outside_scores(until: date) -> dict[tuple[int, str], Outside]:
    """What customers say, by (department id, item), as of the end of `until`; missing with fewer than two answers.

    Scores count when all their days are among the 365 that end with the department's latest score on that item, and
    that latest score always does. Where a department has a touchpoint of its own, attributed ones do not count; the
    mean of several is weighted.
    Two queries, whatever the number of departments.
    """
    own_first: dict[tuple[int, str], list[Figure]] = {}
    for figure in _figures(until):
        known = own_first.setdefault((figure.department, figure.item), [])
        if not known or known[0].attributed == figure.attributed:
            known.append(figure)
    found = {key: _outside(figures) for key, figures in own_first.items()}
    return {key: outside for key, outside in found.items() if outside}


def _figures(until: date) -> list[Figure]:
    """Every figure in the window of its department and item, those of own touchpoints first:

    (4, "overall", False, 11, "Restaurants", 1.0, 75.0, 0.0, 915, 2017-05-05, 2017-05-30)
    (4, "overall", False, 11, "Restaurants", 1.0, 100.0, 0.0, 434, 2017-05-05, 2017-05-30)
    """
    link, tally = TouchpointDepartment, ExternalTally
    counts = tally.superseded_by.is_null() & (tally.ends_on <= until)
    latest = (
        link.select(link.department, link.attributed, tally.item, fn.MAX(tally.ends_on).alias("last_day"))
        .join(tally, on=link.touchpoint == tally.touchpoint)
        .where(counts)
        .group_by(link.department, link.attributed, tally.item)
    )
    last_days = {last_day for *_, last_day in latest.tuples()}
    if not last_days:
        return []
    windows = [(last_day, last_day - timedelta(days=WINDOW_DAYS - 1)) for last_day in sorted(last_days)]
    same = (
        (latest.c.department_id == link.department)
        & (latest.c.attributed == link.attributed)
        & (latest.c.item == tally.item)
    )
    in_window = (tally.starts_on >= Case(latest.c.last_day, windows)) | (tally.ends_on == latest.c.last_day)
    figure = (link.department, tally.item, link.attributed, Touchpoint.id, Touchpoint.name, link.weight)
    figure += (tally.points, tally.sd)
    query = (
        tally.select(*figure, fn.SUM(tally.n), fn.MIN(tally.starts_on), fn.MAX(tally.ends_on))
        .join(Touchpoint)
        .join(link, on=link.touchpoint == Touchpoint.id)
        .join(latest, on=same)
        .where(counts, in_window)
        .group_by(*figure)
        .order_by(link.attributed, Touchpoint.name, tally.points)
    )
    return [Figure(*row) for row in query.tuples()]


def _outside(figures: list[Figure]) -> Outside | None:
    """The weighted mean of the touchpoints that have enough answers; None when none has."""
    by_touchpoint: dict[int, list[Figure]] = defaultdict(list)
    for figure in figures:
        by_touchpoint[figure.touchpoint].append(figure)
    weighted: list[tuple[float, Estimate]] = []
    used: list[Figure] = []
    for of_one in by_touchpoint.values():
        estimate = estimate_from_groups((figure.points, figure.n, figure.sd) for figure in of_one)
        if estimate:
            weighted.append((of_one[0].weight, estimate))
            used += of_one
    estimate = weighted_mean(weighted)
    if estimate is None:
        return None
    return Outside(
        estimate=estimate,
        attributed=used[0].attributed,
        starts_on=min(figure.starts_on for figure in used),
        ends_on=max(figure.ends_on for figure in used),
        touchpoints=tuple(dict.fromkeys(figure.name for figure in used)),
    )
