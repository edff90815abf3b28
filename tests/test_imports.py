"""Which file's scores count, and how an import is taken back."""

from datetime import date
from pathlib import Path

import pytest
from customers import ANSWERS, NOW, SUMS, Folder, counting

from survey.imports import imports, undo_import, undoing
from survey.models import ExternalImport
from survey.settings import Settings

LATER = "touchpoint,item,date,score\nShop,overall,2026-01-11,5\n"


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_imports_are_listed_the_latest_first_with_what_still_counts(folder: Folder) -> None:
    folder.take(ANSWERS)
    folder.take(LATER, "b.csv")
    later, earlier = imports()
    assert (later.file_name, later.source, later.answers, later.counting) == ("b.csv", "external", 1, 1)
    assert (earlier.answers, earlier.counting, earlier.superseded_by) == (3, 2, ("b.csv",))
    assert (earlier.starts_on, earlier.ends_on) == (date(2026, 1, 10), date(2026, 1, 11))
    assert (later.superseded_by, later.imported_at, later.left_out) == ((), NOW, 0)


def test_there_may_be_no_imports(folder: Folder) -> None:
    assert imports() == []


def test_undoing_is_told_before_it_is_done(folder: Folder) -> None:
    folder.take(ANSWERS)
    folder.take(LATER, "b.csv")
    later, earlier = imports()
    assert (undoing(later.id).going, undoing(later.id).back) == ([("Shop", 1)], [("scores.csv", 1)])
    assert (undoing(earlier.id).going, undoing(earlier.id).back) == ([("Shop", 2)], [])
    assert len(imports()) == 2


def test_undoing_an_import_brings_back_what_it_superseded(folder: Folder) -> None:
    folder.take(ANSWERS)
    folder.take(SUMS, "b.csv")
    undo_import(ExternalImport.get(ExternalImport.file_name == "b.csv").id)
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]
    assert not folder.take(SUMS, "b.csv").already_imported


def test_undoing_an_import_does_not_bring_back_what_a_later_file_replaced_too(folder: Folder) -> None:
    for name, score in (("a.csv", 1), ("b.csv", 2), ("c.csv", 3)):
        folder.take(f"touchpoint,item,date,score\nShop,overall,2026-01-10,{score}\n", name)
    undo_import(ExternalImport.get(ExternalImport.file_name == "b.csv").id)
    assert counting("Shop") == [(50.0, 1)]
    undo_import(ExternalImport.get(ExternalImport.file_name == "c.csv").id)
    assert counting("Shop") == [(0.0, 1)]


def test_undoing_the_last_of_three_brings_back_the_second_alone(folder: Folder) -> None:
    for name, score in (("a.csv", 1), ("b.csv", 2), ("c.csv", 3)):
        folder.take(f"touchpoint,item,date,score\nShop,overall,2026-01-10,{score}\n", name)
    undo_import(ExternalImport.get(ExternalImport.file_name == "c.csv").id)
    assert counting("Shop") == [(25.0, 1)]


def test_an_import_cannot_be_undone_twice(folder: Folder) -> None:
    folder.take(ANSWERS)
    undo_import(1)
    with pytest.raises(ValueError, match="no import number 1"):
        undo_import(1)
