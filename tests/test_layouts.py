"""Where answers stand in a row: read in blocks or one by one, they are the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from customers import LONG

from survey.layouts import Layout
from survey.mapping import read_mapping
from survey.sheets import Faults, Sheet

ROWS = [["1/2/2026", "Shop", "4", "csat"], ["2/2/2026", "Desk", "5", "nps"], ["3/2/2026", "Shop", "1", "CSAT "]]
WIDE = {
    "form": "wide",
    "item": "overall",
    "source": {"key": "desk"},
    "columns": {"date": "When"},
    "touchpoints": {"Mark": {}, "What": {}},
    "scale": {"low": 0, "high": 10},
}
UNDATED = {"columns": {"touchpoint": "What", "score": "Mark"}, "period": {"from": "2026-01-01", "to": "2026-01-31"}}


def layout(folder: Path, mapping: dict[str, Any]) -> Layout:
    path = folder / "rows.csv"
    path.write_text("When,What,Mark,Kind\n", encoding="utf-8")
    return Layout(read_mapping("desk.toml", mapping), Sheet(path, Faults(path.name), normalise=str))


@pytest.mark.parametrize(
    ("mapping", "answers"),
    [
        (LONG, [("Shop", "", "1/2/2026", "4"), ("Desk", "", "2/2/2026", "5"), ("Shop", "", "3/2/2026", "1")]),
        (LONG | UNDATED, [("Shop", "", "", "4"), ("Desk", "", "", "5"), ("Shop", "", "", "1")]),
        (WIDE, [("Mark", "", "1/2/2026", "4"), ("What", "", "1/2/2026", "Shop")]),
    ],
)
def test_blocks_and_single_rows_have_the_same_answers(tmp_path: Path, mapping: dict[str, Any], answers: Any) -> None:
    found, times = layout(tmp_path, mapping), [3, 1, 2]
    one_by_one = [(answer, n) for row, n in zip(ROWS, times, strict=True) for answer in found.combinations(row)]
    together = [
        (answer, n)
        for cells, often in found.blocks(ROWS, np.array(times))
        for answer, n in zip(zip(*cells, strict=True), often.tolist(), strict=True)
    ]
    assert [answer for answer, _ in one_by_one][: len(answers)] == answers
    assert sorted(together) == sorted(one_by_one)


def test_rows_that_are_not_wanted_are_counted_as_often_as_they_occur(tmp_path: Path) -> None:
    found = layout(tmp_path, LONG | {"rows": {"column": "Kind", "only": ["csat"]}})
    ((cells, times),) = found.blocks(ROWS, np.array([3, 5, 2]))
    assert cells[3] == ("4", "1")
    assert times.tolist() == [3, 2]
    assert found.left_out == {("", 'row of "nps"'): 5}


def test_a_block_without_wanted_rows_has_no_answers(tmp_path: Path) -> None:
    found = layout(tmp_path, LONG | {"rows": {"column": "Kind", "only": ["ces"]}})
    assert list(found.blocks(ROWS, np.array([1, 1, 1]))) == []
