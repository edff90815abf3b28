"""Rows of long files, those that are alike put together: each as often as the file has it."""

import csv
import io
import random
from collections import Counter

import pytest

from survey import repeats
from survey.repeats import repeated

Row = tuple[str, ...]


def counted(text: str, has_quotes: bool = False) -> Counter[Row]:
    found: Counter[Row] = Counter()
    for rows, times in repeated(io.StringIO(text, newline=""), ",", has_quotes):
        assert len(rows) == len(times)
        for row, n in zip(rows, times.tolist(), strict=True):
            found[tuple(row)] += n
    return found


def one_by_one(text: str) -> Counter[Row]:
    return Counter(map(tuple, csv.reader(io.StringIO(text, newline=""))))


def lines(count: int, different: int) -> str:
    chance = random.Random(count)
    return "".join(f"{chance.randrange(different)},x\n" for _ in range(count))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_rows_are_counted_whatever_ends_their_lines(ending: str) -> None:
    assert counted(ending.join(["1,2", "", "1,2", "3", "1,2"])) == {("1", "2"): 3, (): 1, ("3",): 1}


def test_a_file_without_rows_has_none() -> None:
    assert counted("") == {}


@pytest.mark.parametrize("different", [1, 40, 10**9])
def test_lines_that_recur_and_lines_that_do_not_are_counted_alike(
    different: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "CHUNK", 100)
    text = lines(3000, different)
    assert counted(text) == one_by_one(text)


@pytest.mark.parametrize("held", [0, 1, 200])
def test_lines_counted_in_parts_are_the_same_rows(held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "CHUNK", 100)
    monkeypatch.setattr(repeats, "MOST_HELD", held)
    text = lines(3000, 40)
    assert counted(text) == one_by_one(text)


def test_once_most_lines_differ_the_others_are_no_longer_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "CHUNK", 10)
    text = "1,1\n2,2\n3,3\n" + "4,4\n" * 3
    rows = repeated(io.StringIO(text, newline=""), ",", False)
    assert [list(zip(*some, strict=True)) for some in rows][-1] == [(["4", "4"], 1)] * 3


def test_a_row_over_several_lines_stays_one_where_there_are_quotes() -> None:
    assert counted('"one\ntwo",2\n"one\ntwo",2\n', has_quotes=True) == {("one\ntwo", "2"): 2}
