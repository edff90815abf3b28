"""How often each combination of four cells occurs in a file, in memory that does not grow with its rows.

Each text of a column has a number, and a combination is the numbers of its four texts, put together into one. Those
are counted by sorting them, which is quicker than looking each combination up among all that occur.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from survey.repeats import ROWS_AT_ONCE, Whole

BITS = 15  # of the number of a text, so that four make one number of 64 bits
MOST_TEXTS = 2**BITS - ROWS_AT_ONCE  # of a column that are known at a time; a block of rows may bring so many more
MOST_COMBINATIONS = 200_000  # that are known at a time
BLOCKS_AT_ONCE = 200  # counted together
SPELLED_AT_ONCE = 10_000

Combination = tuple[str, str, str, str]
Columns = tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str]]  # the cells of several combinations
Block = tuple[Columns, Whole]  # with how often each occurs


class Numbers(dict[str, int]):
    """The number of each text of a column, from 0 as they come."""

    def __missing__(self, text: str) -> int:
        return self.setdefault(text, len(self))


def counted(blocks: Iterable[Block]) -> Iterator[tuple[Combination, int]]:
    """Each combination of cells with how often it occurs.

    In a file with more texts or combinations than may be known at a time, one can come again, as often as it occurs
    in a later part: dates that tell the second would otherwise fill the memory.
    """
    remaining = iter(blocks)
    while True:
        columns = [Numbers() for _ in range(4)]
        found, times = _count(remaining, columns)
        if not found.size:
            break
        yield from zip(_spelled(found, columns), times.tolist(), strict=True)


def _count(blocks: Iterator[Block], columns: list[Numbers]) -> tuple[Whole, Whole]:
    """(the combinations as numbers, how often each occurs), until there are no more or too many are known."""
    found = times = np.empty(0, np.int64)
    while found.size < MOST_COMBINATIONS and (some := list(islice(_numbered(blocks, columns), BLOCKS_AT_ONCE))):
        numbers, more = zip(*some, strict=True)
        found, places = np.unique(np.concatenate((found, *numbers)), return_inverse=True)
        times = np.bincount(places, np.concatenate((times, *more))).astype(np.int64)
    return found, times


def _numbered(blocks: Iterator[Block], columns: list[Numbers]) -> Iterator[tuple[Whole, Whole]]:
    """(the combinations of a block as numbers, how often each occurs), until a column has too many texts."""
    while max(map(len, columns)) < MOST_TEXTS and (block := next(blocks, None)):
        cells, times = block
        numbers = np.zeros(times.size, np.int64)
        for known, texts in zip(columns, cells, strict=True):
            numbers = numbers << BITS | np.fromiter(map(known.__getitem__, texts), np.int64, times.size)
        yield numbers, times


def _spelled(found: Whole, columns: list[Numbers]) -> Iterator[Combination]:
    """The combinations that the numbers stand for."""
    texts = [list(known) for known in columns]
    shifts = range(3 * BITS, -1, -BITS)
    for start in range(0, found.size, SPELLED_AT_ONCE):
        part = found[start : start + SPELLED_AT_ONCE]
        places = [(part >> shift & (2**BITS - 1)).tolist() for shift in shifts]
        for first, second, third, fourth in zip(*places, strict=True):
            yield texts[0][first], texts[1][second], texts[2][third], texts[3][fourth]
