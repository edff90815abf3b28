"""What stands in a file of customers' scores: its columns, the values in them, and how they may be read."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from survey.dates import formats_of
from survey.refusal import _l
from survey.sheets import Faults, Sheet, number

MOST_COLUMNS = 1000
MOST_VALUES = 300  # different ones in a column that names touchpoints, items or codes
COUNTED_VALUES = 5000  # different ones that are counted before a column is called free text
SAMPLES = 5  # values of a column with more
LONGEST_VALUE = 120  # characters; a longer text is no name
FIRST_ROWS = 8
ROWS_AT_ONCE = 1000
IMPORT_ID = re.compile(r'\{"ImportId":')  # the third header row of Qualtrics


@dataclass(frozen=True)
class Column:
    """`values`: (text, how often), the most frequent first; all of them when `is_whole`, else a few.

    `date_formats`: those that read every value. `low`, `high`: the smallest and largest number, where all are numbers.
    """

    name: str
    values: list[tuple[str, int]]
    is_whole: bool
    different: int
    blanks: int
    date_formats: list[str]
    low: float | None = None
    high: float | None = None
    question: str = ""  # as the second header row tells it, in a file with several

    @property
    def is_numeric(self) -> bool:
        return self.low is not None


@dataclass(frozen=True)
class Profile:
    columns: list[Column]
    rows: int
    first: list[list[str]]  # the first rows, cell by cell
    header_rows: int
    decimal_comma: bool  # some numbers are written 4,5

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Profile":
        found = json.loads(text)
        columns = [
            Column(**column | {"values": [(value, n) for value, n in column["values"]]}) for column in found["columns"]
        ]
        return cls(**found | {"columns": columns})


def profile_of(path: Path, faults: Faults) -> Profile:
    """Read the whole file once; memory grows with the different values, not with the rows. Raises ImportRefused."""
    sheet = Sheet(path, faults, normalise=str)
    if len(sheet.columns) > MOST_COLUMNS:
        faults.add(1, None, _l("has more than %(most)s columns."), most=MOST_COLUMNS)
    elif len(sheet.columns) == 1:
        faults.add(1, None, _l("has one column; scores need at least two, with commas, semicolons or tabs between."))
    faults.refuse_if_any()
    header_rows = _header_rows(sheet)
    questions = next(sheet.lines(), (0, []))[1] if header_rows > 1 else [""] * len(sheet.columns)
    sheet = Sheet(path, faults, normalise=str, header_rows=header_rows)
    first: list[list[str]] = []
    counted = [Counter[str]() for _ in sheet.columns]
    rows = 0
    lines = (cells for _, cells in sheet.lines())
    while some := list(islice(lines, ROWS_AT_ONCE)):
        rows += len(some)
        first += some[: FIRST_ROWS - len(first)]
        for counter, cells in zip(counted, zip(*some, strict=True), strict=True):
            if len(counter) <= COUNTED_VALUES:
                counter.update(cells)
    if not rows and not faults.count:
        faults.add(None, None, _l("has a header and no rows below it."))
    faults.refuse_if_any()
    decimal_comma = any(re.fullmatch(r"[+-]?\d+,\d+", text.strip()) for counter in counted for text in counter)
    named = zip(sheet.columns, questions, counted, strict=True)
    columns = [_column(name, question, counter, decimal_comma) for name, question, counter in named]
    return Profile(columns, rows, [[cell.strip() for cell in row] for row in first], header_rows, decimal_comma)


def _header_rows(sheet: Sheet) -> int:
    """Three in a file of Qualtrics (names, questions, ids as JSON), else one."""
    third = next(islice(sheet.lines(), 1, None), None)
    return 3 if third and any(IMPORT_ID.match(cell) for cell in third[1]) else 1


def _column(name: str, question: str, cells: Counter[str], decimal_comma: bool) -> Column:
    counted: Counter[str] = Counter()
    for text, n in cells.items():
        counted[text.strip()] += n
    blanks = counted.pop("", 0)
    is_whole = len(counted) <= MOST_VALUES and all(len(text) <= LONGEST_VALUE for text in counted)
    values = (
        counted.most_common() if is_whole else [(text[:LONGEST_VALUE], n) for text, n in counted.most_common(SAMPLES)]
    )
    numbers = _numbers(counted, decimal_comma)
    return Column(
        name,
        values,
        is_whole,
        len(counted),
        blanks,
        formats_of(counted),
        low=min(numbers, default=None),
        high=max(numbers, default=None),
        question=question.strip(),
    )


def _numbers(texts: Iterable[str], decimal_comma: bool) -> list[float]:
    """All of `texts` as numbers; none when one of them is no number."""
    found = []
    for text in texts:
        value = number(text, decimal_comma)
        if value is None:
            return []
        found.append(value)
    return found
