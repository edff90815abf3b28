"""Combinations of cells are counted right, however little may be known at a time."""

import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from survey import counting
from survey.counting import BITS, MOST_TEXTS, Block, Combination, counted
from survey.repeats import ROWS_AT_ONCE


def block(combinations: list[Combination], times: list[int]) -> Block:
    touchpoints, items, days, scores = zip(*combinations, strict=True)
    return (touchpoints, items, days, scores), np.array(times, np.int64)


def blocks(count: int, texts: int) -> Iterator[tuple[list[Combination], list[int]]]:
    chance = random.Random(texts)
    for _ in range(count):
        combinations = [tuple(str(chance.randrange(texts)) for _ in range(4)) for _ in range(20)]
        yield combinations, [chance.randint(1, 3) for _ in range(20)]


def total(found: Iterator[tuple[Combination, int]]) -> Counter[Combination]:
    counts: Counter[Combination] = Counter()
    for combination, n in found:
        counts[combination] += n
    return counts


def test_each_combination_comes_once_with_all_its_times() -> None:
    some = block([("Shop", "", "1", "5"), ("Shop", "", "1", "4"), ("Shop", "", "1", "5")], [2, 1, 1])
    again = block([("", "", "1", "5"), ("Shop", "", "1", "4")], [1, 10])
    assert sorted(counted([some, again])) == [
        (("", "", "1", "5"), 1),
        (("Shop", "", "1", "4"), 11),
        (("Shop", "", "1", "5"), 3),
    ]


def test_of_nothing_there_is_nothing() -> None:
    assert list(counted([])) == []


@pytest.mark.parametrize("limit", ["MOST_TEXTS", "MOST_COMBINATIONS", "BLOCKS_AT_ONCE", "SPELLED_AT_ONCE"])
@pytest.mark.parametrize("most", [1, 7])
def test_what_is_counted_in_parts_adds_up(limit: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, limit, most)
    expected: Counter[Combination] = Counter()
    for combinations, times in blocks(30, texts=4):
        for combination, n in zip(combinations, times, strict=True):
            expected[combination] += n
    assert total(counted(block(*some) for some in blocks(30, texts=4))) == expected


def test_the_last_number_of_each_column_fits_beside_the_others() -> None:
    assert MOST_TEXTS - 1 + ROWS_AT_ONCE < 2**BITS
    texts = [str(number) for number in range(MOST_TEXTS - 1 + ROWS_AT_ONCE)]
    combinations = [(text, text, text, text) for text in texts]
    assert list(counted([block(combinations, [1] * len(texts))])) == [(one, 1) for one in combinations]
