"""The rows of a long CSV file with how often each occurs, as far as telling that is quicker than reading them all.

Where no cell stands between quotes a line is a row, so lines that are alike need to be taken apart only once.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 500  # with more objects alive, Python would look for garbage in between
CHUNK = 1 << 20  # characters that are read together
MOST_HELD = 5 * CHUNK  # characters of different lines
MOSTLY = 0.95  # with a larger share of different lines, counting the next ones is in vain

Rows = list[list[str]]
Whole = NDArray[np.int64]


def repeated(file: TextIO, delimiter: str, has_quotes: bool) -> Iterator[tuple[Rows, Whole]]:
    """(some rows, how often each occurs), from where `file` stands; a row may come again later.

    Raises csv.Error and UnicodeError.
    """
    for counts in () if has_quotes else _counted_lines(file):
        times, start = np.fromiter(counts.values(), np.int64, len(counts)), 0
        for rows in _rows(counts, delimiter):
            yield rows, times[start : start + len(rows)]
            start += len(rows)
    for rows in _rows(file, delimiter):
        yield rows, np.ones(len(rows), np.int64)


def _counted_lines(file: TextIO) -> Iterator[Counter[str]]:
    """How often each line occurs, in parts that memory holds, until most lines differ or there are no more."""
    are_alike = True
    while are_alike:
        counts: Counter[str] = Counter()
        lines = characters = 0
        while are_alike and len(counts) * characters <= MOST_HELD * lines and (some := file.readlines(CHUNK)):
            counts.update(some)
            lines += len(some)
            characters += sum(map(len, some))
            are_alike = len(counts) <= MOSTLY * lines
        if not lines:
            break
        yield counts


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[Rows]:
    reader = csv.reader(lines, delimiter=delimiter)
    while rows := list(islice(reader, ROWS_AT_ONCE)):
        yield rows
