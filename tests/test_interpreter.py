"""What cells mean where a mapping says words, a scale whose best is low, certain rows, or several header rows."""

from pathlib import Path
from typing import Any

import pytest
from customers import LONG, Folder, counting

from survey.settings import Settings

ROWS = "What,When,Mark,Kind\n"


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def with_scale(**scale: Any) -> dict[str, Any]:
    return LONG | {"scale": scale}


def test_words_stand_for_scores_without_regard_to_case(folder: Folder) -> None:
    mapping = with_scale(low=0, high=1, words={"good": 1, "bad": 0})
    folder.take("What,When,Mark\nShop,1/2/2026,Good\nShop,1/2/2026,bad\nShop,1/2/2026,GOOD\n", mapping=mapping)
    assert counting("Shop") == [(0.0, 1), (100.0, 2)]


def test_a_word_that_stands_for_nothing_is_a_fault(folder: Folder) -> None:
    mapping = with_scale(low=0, high=1, words={"good": 1})
    assert len(folder.faults("What,When,Mark\nShop,1/2/2026,bad\n", mapping=mapping)) == 1


def test_where_the_best_is_low_a_low_score_is_many_points(folder: Folder) -> None:
    rows = "What,When,Mark\nShop,1/2/2026,1\nShop,1/2/2026,2\nShop,1/2/2026,6\n"
    folder.take(rows, mapping=with_scale(low=1, high=6, best="low"))
    assert counting("Shop") == [(0.0, 1), (80.0, 1), (100.0, 1)]


def test_rows_of_another_kind_are_left_out_and_counted(folder: Folder) -> None:
    rows = ROWS + "Shop,1/2/2026,9,nps\nShop,1/2/2026,4,CSAT\n,never,many,nps\n"
    summary = folder.take(rows, mapping=LONG | {"rows": {"column": "Kind", "only": ["csat"]}})
    assert counting("Shop") == [(40.0, 1)]
    assert summary.left_out == {'row of "nps"': 2}


def test_a_fault_in_a_row_that_is_not_read_is_none(folder: Folder) -> None:
    mapping = LONG | {"rows": {"column": "Kind", "only": ["csat"]}}
    faults = folder.faults(ROWS + ",never,many,nps\nShop,1/2/2026,11,csat\n", mapping=mapping)
    assert [fault.split(":")[0] for fault in faults] == ['scores.csv, line 3, column "Mark"']


def test_further_header_rows_are_passed_over_and_lines_still_counted_right(folder: Folder) -> None:
    rows = 'What,When,Mark\n"What was\nrated?",When?,How good?\nid1,id2,id3\nShop,1/2/2026,11\n'
    faults = folder.faults(rows, mapping=LONG | {"header_rows": 3})
    assert [fault.split(":")[0] for fault in faults] == ['scores.csv, line 5, column "Mark"']
    assert folder.take(rows.replace("11", "10"), mapping=LONG | {"header_rows": 3}).answers.total() == 1
