"""A first guess at how to read a file of customers' scores. It is only ever shown, for somebody to confirm."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from survey.exports import Export, is_recommendation, recognise
from survey.mapping import LONGEST_KEY, as_code
from survey.measure.scale import ITEMS, OVERALL
from survey.profiles import Column, Profile
from survey.sheets import number, slug

MOST_SCORES = 15  # different values of a column that looks like scores
LARGEST_SCORE = 10  # of a column that looks like scores, codes apart
CODES = (-9, -1, 77, 88, 97, 98, 99, 999)  # that survey tools write for no answer
SCALES = ((1, 5), (1, 7), (1, 10), (0, 100))
NEARLY_ALL = 0.9  # of the values lie on the scale; the others are codes
ROWS_PER_TOUCHPOINT = 3  # at least so many, or the column tells something else
DATE_NAMES = re.compile(r"fecha|\bdia\b|date|\bday\b|when|created|recorded|submit|period|mes\b|month")
TOUCHPOINT_NAMES = re.compile(r"touchpoint|servic|question|pregunta|punto|canal|channel|tienda|store|what|que\b|area")
SCORE_NAMES = re.compile(r"score|rating|nota|puntuacion|valoracion|mark|points|puntos|satisfac")
ITEM_NAMES = re.compile(r"^(item|practice|practica|aspecto|aspect|dimension)$")
WORDLESS = re.compile(r"^(n/?a|n/?d|ns/?nc|-+|none|null|no aplica|not applicable|no procede)$", re.IGNORECASE)
BLANK, NOT_APPLICABLE, LEFT_OUT = "blank", "not applicable", "left out"  # why a value is no score
REASONS = (BLANK, NOT_APPLICABLE, LEFT_OUT)
CANONICAL = {"touchpoint", "item", "date", "score"}
CANONICAL_SUMS = {"touchpoint", "item", "date", "mean", "n"}


def guess(profile: Profile, file_name: str) -> dict[str, Any]:
    """A mapping's table, without what cannot be told from the file: a period, or which of two date formats is meant."""
    export = recognise(profile.names)
    name = export.name if export else PurePath(file_name).stem or "scores"
    values: dict[str, Any] = {"form": "wide", "source": {"key": slug(name)[:80] or "scores", "name": name}}
    if profile.header_rows > 1:
        values["header_rows"] = profile.header_rows
    if profile.decimal_comma:
        values["decimal"] = ","
    own = {column.name.casefold(): column.name for column in profile.columns}
    if set(own) >= CANONICAL_SUMS:
        values |= {
            "form": "summed",
            "columns": {key: own[key] for key in (*sorted(CANONICAL_SUMS), "sd") if key in own},
        }
        values["scale"] = {"low": 0, "high": 100}
    elif set(own) >= CANONICAL:
        values |= {"form": "long", "columns": {key: own[key] for key in sorted(CANONICAL)}}
    else:
        values |= _guess_layout(profile, export)
    return values | guess_rest(profile, values, export)


def _guess_layout(profile: Profile, export: Export | None) -> dict[str, Any]:
    """Which columns tell what, and which rows are read."""
    dated = _date_column(profile, export)
    found: dict[str, Any] = {"columns": {"date": dated.name} if dated else {}}
    if rows := export and _rows(profile, export):
        found["rows"] = rows
    rated = [column for column in profile.columns if column is not dated and _looks_rated(column, export)]
    if not rated and not export:
        rated = [column for column in profile.columns if column.is_numeric and SCORE_NAMES.search(_words(column.name))][
            :1
        ]
    named = _touchpoint_column(profile, export, [dated, *rated]) if len(rated) == 1 else None
    if named:
        items = next((column.name for column in profile.columns if ITEM_NAMES.search(slug(column.name))), "")
        columns = {"touchpoint": named.name, "score": rated[0].name} | ({"item": items} if items else {})
        return found | {"form": "long", "columns": found["columns"] | columns}
    return found | {"form": "wide", "touchpoints": {column.name: {} for column in rated}}


def _date_column(profile: Profile, export: Export | None) -> Column | None:
    if export:
        by_slug = {slug(column.name): column for column in reversed(profile.columns)}
        if known := next((by_slug[name] for name in export.dates if name in by_slug), None):
            return known
    dated = [column for column in profile.columns if column.date_formats and not column.is_numeric]
    return next((column for column in dated if DATE_NAMES.search(_words(column.name))), dated[0] if dated else None)


def _words(name: str) -> str:
    return slug(name).replace("-", " ")


def _looks_rated(column: Column, export: Export | None) -> bool:
    """Whether a column seems to hold scores that can be compared."""
    if export and slug(column.name) in export.never_scores:
        return False
    if export and export.scores:
        return slug(column.name) in export.scores
    if is_recommendation(f"{column.name} {column.question}") or not column.is_whole or column.different > MOST_SCORES:
        return False
    numbers = {value: n for text, n in column.values if (value := number(text, True)) is not None}
    scores = [value for value in numbers if value not in CODES]
    wordy = sum(n for text, n in column.values if number(text, True) is None and not WORDLESS.match(text))
    return len(scores) > 1 and not wordy and all(0 <= score <= LARGEST_SCORE for score in scores)


def _touchpoint_column(profile: Profile, export: Export | None, taken: Iterable[Column | None]) -> Column | None:
    if export:
        known = [column for column in profile.columns if slug(column.name) in export.touchpoints]
        return known[0] if known and known[0].is_whole else None
    used = [column.name for column in taken if column]
    few = [
        column
        for column in profile.columns
        if column.name not in used
        and column.is_whole
        and not column.is_numeric
        and 1 < column.different <= profile.rows / ROWS_PER_TOUCHPOINT
        and not ITEM_NAMES.search(slug(column.name))
    ]
    return next((column for column in few if TOUCHPOINT_NAMES.search(_words(column.name))), few[0] if few else None)


def _rows(profile: Profile, export: Export) -> dict[str, Any] | None:
    """Rows of one kind, where a file mixes kinds that cannot be read alike."""
    column = next((column for column in profile.columns if slug(column.name) in export.kinds), None)
    if column is None or not column.is_whole:
        return None
    wanted = [kind for kind, _ in column.values if slug(kind) not in export.passed_over]
    if export.scales:
        wanted = wanted[:1]  # each kind has a scale of its own
    return {"column": column.name, "only": wanted} if wanted and len(wanted) < column.different else None


# --- What follows from the layout ----------------------------------------------------------------------------------


def guess_rest(profile: Profile, values: dict[str, Any], export: Export | None = None) -> dict[str, Any]:
    """What `values` do not say yet and their layout suggests: date format, scale, codes, touchpoints."""
    found: dict[str, Any] = {}
    dated = profile.column(values["columns"].get("date", ""))
    if dated and "date_format" not in values and len(meant := _without_doubles(dated.date_formats)) == 1:
        found["date_format"] = meant
    if "scale" not in values:
        found |= _guess_scale(rated_values(profile, values), export, values)
    if values["form"] == "wide":
        found["touchpoints"] = {
            name: target or guess_target(profile, name) for name, target in values.get("touchpoints", {}).items()
        }
    elif "touchpoints" not in values:
        named = profile.column(values["columns"].get("touchpoint", ""))
        names = [text for text, _ in named.values] if named and named.is_whole else []
        item = {} if values["columns"].get("item") else {"item": OVERALL}
        found["touchpoints"] = {name: item for name in names if len(name) <= LONGEST_KEY}
    return found


def _without_doubles(formats: list[str]) -> list[str]:
    """A year of four digits is never meant as one of two."""
    return [name for name in formats if "%y" not in name or name.replace("%y", "%Y") not in formats]


def rated_values(profile: Profile, values: dict[str, Any]) -> Counter[str]:
    """Every value that stands in the columns of scores, and how often; none of a column with too many."""
    score = values["columns"].get("score", "")
    names = values.get("touchpoints", {}) if values["form"] == "wide" else [score]
    found: Counter[str] = Counter()
    for column in map(profile.column, names):
        if column:
            found.update(dict(column.values) if column.is_whole else {})
            found[""] += column.blanks
    return +found


def _guess_scale(found: Counter[str], export: Export | None, values: dict[str, Any]) -> dict[str, Any]:
    codes = export.left_out if export else {}
    if export and export.words:
        low, high = export.scales[""]
        words = {word: score for word, score in export.words.items() if word in {text.casefold() for text in found}}
        return {"scale": {"low": low, "high": high, "words": words}, "left_out": {BLANK: ["", *codes.get(BLANK, [])]}}
    kinds = [slug(kind) for kind in values.get("rows", {}).get("only", [])]
    low, high = next((export.scales[kind] for kind in kinds if export and kind in export.scales), scale_of(found))
    scale: dict[str, Any] = {"low": low, "high": high}
    left_out: dict[str, list[str]] = {BLANK: [""]}
    for text in found:
        if reason := reason_of(text, low, high):
            left_out.setdefault(reason, []).append(text)
    return {"scale": scale, "left_out": {reason: sorted(set(texts)) for reason, texts in left_out.items()}}


def scale_of(found: Counter[str]) -> tuple[float, float]:
    """The likeliest (lowest, highest) score among values and how often each is there.

    >>> scale_of(Counter(["0", "3", "5", "6"])), scale_of(Counter(["7", "10"])), scale_of(Counter(["0", "9"]))
    ((1, 5), (1, 10), (0, 10))
    """
    scores: Counter[float] = Counter()
    for text, n in found.items():
        if (value := number(text, True)) is not None and value not in CODES:
            scores[value] += n
    if not scores or max(scores) <= 6:  # a 6 beside 1 to 5 is more often a code than a seventh of a scale
        return 1, 5
    for low, high in SCALES:
        if sum(n for value, n in scores.items() if low <= value <= high) >= NEARLY_ALL * scores.total():
            return (0 if high >= 10 and 0 in scores else low), high
    return min(scores), max(scores)


def reason_of(text: str, low: float, high: float) -> str:
    """Why a value is likely no score; empty when it is one, or when it cannot be told."""
    value = number(text, True)
    if not text:
        return BLANK
    if value is None:
        return NOT_APPLICABLE if WORDLESS.match(text) else ""
    if low <= value <= high:
        return ""
    return BLANK if as_code(text) == "0" else NOT_APPLICABLE


def guess_target(profile: Profile, name: str) -> dict[str, Any]:
    """What a column of scores likely rates, and on which item."""
    column = profile.column(name)
    asked = column.question if column and column.question else name
    item = next((item for item in ITEMS if item in slug(name).split("-")), OVERALL)
    return {"name": asked[:200], "item": item} if asked != name else {"item": item}
