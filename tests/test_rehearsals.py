"""What imports share."""

from pathlib import Path

import pytest

from survey.models import Department
from survey.rehearsals import ImportSummary, ignored_columns, rehearsal
from survey.settings import Settings
from survey.sheets import Faults, Sheet


@pytest.mark.parametrize(("undo", "left"), [(True, 0), (False, 1)])
def test_a_rehearsal_leaves_nothing_behind(settings: Settings, undo: bool, left: int) -> None:
    with rehearsal(undo):
        Department.create(key="it", name="IT")
    assert Department.select().count() == left


def test_columns_that_nothing_reads_are_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email,salary,shoe\n", encoding="utf-8")
    sheet = Sheet(path, Faults(path.name))
    assert ignored_columns(sheet, ["email"]) == ['Columns that are not read: "salary", "shoe".']
    assert ignored_columns(sheet, ["email", "salary", "shoe"]) == []


def test_a_summary_is_told_line_by_line() -> None:
    summary = ImportSummary(notices=["Mind the gap."])
    summary.counts["people added"] += 2
    assert summary.lines() == ["people added: 2", "Mind the gap."]
