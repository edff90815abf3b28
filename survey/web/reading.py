"""How a file was read, in the reader's words: faults, dates, reasons, and the tallies that would result."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import format_decimal
from flask_babel import gettext as _

from survey import dates, wording
from survey.external import ExternalSummary
from survey.guesses import BLANK, LEFT_OUT, NOT_APPLICABLE
from survey.interpreter import NOT_MAPPED
from survey.mapping import CANONICAL, Mapping
from survey.measure.cadence import local
from survey.measure.scale import SHOWN_ITEMS
from survey.refusal import Sentence, _l
from survey.sheets import NO_TEXT, Fault
from survey.web.guide import Values
from survey.wording import date_locale

MOST_SCORES_SHOWN = 11
NEW_NAME = _l('"%(name)s" is new in this file: say in the step “Touchpoints” what it rates, or that it is not read.')
NEITHER = _l("cannot be read as Excel (XLSX) or as CSV; save it again as one of the two.")
ON_PAGES = {NOT_MAPPED: NEW_NAME, NO_TEXT: NEITHER}  # where there is no mapping to write in, and workbooks are read


def sentence(found: str) -> str:
    """A sentence in the reader's language; what is no Sentence as it is."""
    if not isinstance(found, Sentence):
        return found
    return wording.sentence(ON_PAGES.get(found.text, found.text), found.values)


def fault(found: str) -> str:
    """What is wrong with a file and where, in the reader's language."""
    if not isinstance(found, Fault) or found.line is None:
        return whole_file_fault(found)
    told = sentence(found)
    if found.column is None:
        return _("Line %(line)s: %(told)s", line=found.line, told=told)
    return _("Line %(line)s, column “%(column)s”: %(told)s", line=found.line, column=found.column, told=told)


def whole_file_fault(found: str) -> str:
    """What is wrong with a file as a whole, with its name in front: "people.csv: is empty."."""
    told = sentence(found)
    name = found.file_name if isinstance(found, Fault) else ""
    return _("%(file)s: %(told)s", file=name, told=told) if name else told


def left_out_reason(reason: str) -> str:
    """Why cells are no answers; the reasons of a mapping that somebody wrote stay as they are."""
    return {
        BLANK: _("blank"),
        NOT_APPLICABLE: _("does not apply"),
        LEFT_OUT: _("left out"),
    }.get(reason, reason)


def source_told(name: str) -> str:
    """The name of a source as people read it: files in the form that README describes come from no named survey."""
    return _("Espejo's own form") if name == CANONICAL.source_name else name


def date_format_example(text: str, date_format: str) -> str:
    """What `text` means in a date format: a day, a month or a year in words; empty when it cannot be read so."""
    found = dates.period(text, (date_format,))
    if found is None:
        return ""
    pattern = {"day": "long", "month": "LLLL y", "year": "y"}[dates.precision(date_format)]
    return format_date(found[0], pattern, date_locale())


def written_like(date_format: str) -> str:
    """A day as a date format writes it."""
    return "1496188800" if date_format == dates.SECONDS else dates.EXAMPLE_DAY.strftime(date_format)


def one_decimal(points: float) -> str:
    return format_decimal(points, "0.0")


def imported_on(second: int, zone: str) -> str:
    """The local day of an instant, with its year."""
    return wording.short_day(local(second, ZoneInfo(zone)))


def columns_read(values: Values) -> set[str]:
    """The columns of a file that a mapping's table reads."""
    read = {name for name in values["columns"].values() if name}
    read |= set(values["touchpoints"]) if values["form"] == "wide" else set()
    return read | ({values["rows"]["column"]} if "rows" in values else set())


def columns_not_read(names: Sequence[str], values: Values) -> list[str]:
    """The others, as a sentence lists them; one without a name by its place in the file."""
    read = columns_read(values)
    return [
        name or _("column %(number)s, which has no name", number=place)
        for place, name in enumerate(names, 1)
        if name not in read
    ]


@dataclass(frozen=True)
class TallyLine:
    """What a file says about a touchpoint on an item. `scores`: ("4", 1507) each, none when there are many."""

    touchpoint: str
    item: str
    answers: int
    mean: str  # points, in the reader's digits
    scores: list[tuple[str, int]]
    blanks: list[tuple[str, int]]  # (reason, cells), told once for each touchpoint
    departments: list[tuple[str, float]]


def tallies(summary: ExternalSummary, mapping: Mapping) -> list[TallyLine]:
    """A line for each touchpoint and item, by name, those of one touchpoint in the order in which items are read."""
    blanks: dict[str, list[tuple[str, int]]] = {}
    for (key, reason), n in sorted(summary.blanks.items()):
        blanks.setdefault(key, []).append((left_out_reason(reason), n))
    order = sorted(summary.scores, key=lambda at: (summary.names[at[0]].casefold(), at[0], SHOWN_ITEMS.index(at[1])))
    return [
        _line(summary, mapping, key, item, blanks.pop(key, [])) for key, item in order
    ]  # popped, so that what a touchpoint leaves out stands beside its first item only


def _line(summary: ExternalSummary, mapping: Mapping, key: str, item: str, blanks: list[tuple[str, int]]) -> TallyLine:
    counted = summary.scores[key, item]
    mean = sum(points * n for points, n in counted.items()) / counted.total()
    is_single = mapping.form != "summed" and len(counted) <= MOST_SCORES_SHOWN
    targets = [target for target in (mapping.touchpoints or {}).values() if target.key == key]
    return TallyLine(
        summary.names[key],
        item,
        counted.total(),
        one_decimal(mean),
        _as_written(counted, mapping) if is_single else [],
        blanks,
        [pair for target in targets[:1] for pair in target.departments.items()],
    )


def _as_written(counted: Counter[float], mapping: Mapping) -> list[tuple[str, int]]:
    """Points as the scores of the file, the lowest first."""
    scale = mapping.scale
    written = {
        scale.low + (100 - points if scale.best_is_low else points) / 100 * (scale.high - scale.low): n
        for points, n in counted.items()
    }
    return [(format_decimal(round(score, 2)), written[score]) for score in sorted(written)]
