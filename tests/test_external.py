"""Imports of what customers say: files are taken in whole, repeated, superseded, undone, and linked to departments."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from customers import ANSWERS, LONG, SUMS, Folder, counting, department, touchpoint_id

from survey.models import ExternalImport, ExternalTally, Source, Touchpoint, TouchpointDepartment
from survey.outside import set_departments, touchpoints
from survey.settings import Settings


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_answers_one_by_one_become_a_row_for_each_score_and_day(folder: Folder) -> None:
    summary = folder.take(ANSWERS)
    assert summary.answers == {("Shop", "overall"): 3}
    assert (summary.starts_on, summary.ends_on) == (date(2026, 1, 10), date(2026, 1, 11))
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]


def test_a_month_is_its_first_to_its_last_day(folder: Folder) -> None:
    summary = folder.take("touchpoint,item,date,score\nShop,overall,2024-02,4\n")
    assert (summary.starts_on, summary.ends_on) == (date(2024, 2, 1), date(2024, 2, 29))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_accents_survive_every_encoding(folder: Folder, encoding: str) -> None:
    folder.take(ANSWERS.replace("Shop", "Recepción"), encoding=encoding)
    assert [row.name for row in touchpoints()] == ["Recepción"]


def test_semicolons_line_endings_and_capitals_of_a_spreadsheet_are_read(folder: Folder) -> None:
    folder.take("Touchpoint;Item;Date;Mean;N\r\nShop;Overall;2026-01-10;72,5;40\r\n")
    assert counting("Shop") == [(72.5, 40)]


def test_a_file_that_is_imported_without_a_right_header_is_refused(folder: Folder) -> None:
    assert folder.faults("a,b\n1,2\n") == (
        'scores.csv, line 1: the header has "a", "b"; write touchpoint,item,date,score or '
        "touchpoint,item,date,mean,n,sd, or bring a mapping.",
    )


def test_missing_and_doubled_columns_are_named(folder: Folder) -> None:
    missing = folder.faults("touchpoint,date,score\n")
    assert missing == ('scores.csv, line 1, column "item": is missing; the header has "touchpoint", "date", "score".',)
    doubled = folder.faults("touchpoint,item,date,score,score\n")
    assert doubled == ('scores.csv, line 1, column "score": stands twice in the header.',)


@pytest.mark.parametrize(("text", "fault"), [("", "is empty."), (ANSWERS[:27], "has no answers in it.")])
def test_a_file_without_answers_is_refused(folder: Folder, text: str, fault: str) -> None:
    assert folder.faults(text) == (f"scores.csv: {fault}",)


def test_every_fault_is_named_by_line_and_column_even_where_rows_are_alike(folder: Folder) -> None:
    faults = folder.faults(
        ANSWERS + "Shop,overall,2026-01-10,6\n,charm,10/01/2026,4.5\nShop,overall\nShop,overall,2026-01-10,6\n"
    )
    assert faults == (
        'scores.csv, line 5, column "score": "6" is not on the scale 1–5; '
        "mend it, or bring a mapping for another scale.",
        'scores.csv, line 6, column "score": "4.5" is no score; write a whole number from 1 to 5.',
        'scores.csv, line 6, column "touchpoint": names no touchpoint; write 1 to 120 characters.',
        'scores.csv, line 6, column "date": "10/01/2026" is no date; write it like 2017-05-31 or 2017-05.',
        'scores.csv, line 6, column "item": "charm" is no item; '
        "write one of promises, diligence, flexibility, openness, improvement, overall.",
        "scores.csv, line 7: has 2 cells where the header has 4.",
        'scores.csv, line 8, column "score": "6" is not on the scale 1–5; '
        "mend it, or bring a mapping for another scale.",
    )


@pytest.mark.parametrize("score", ["1", "5", "5.0", " 3 "])
def test_scores_at_the_ends_of_the_scale_are_taken(folder: Folder, score: str) -> None:
    assert folder.take(f"touchpoint,item,date,score\nShop,overall,2026-01-10,{score}\n").answers.total() == 1


@pytest.mark.parametrize("score", ["0", "6", "", "4,0", "good"])
def test_scores_beyond_the_ends_of_the_scale_are_refused(folder: Folder, score: str) -> None:
    assert len(folder.faults(f'touchpoint,item,date,score\nShop,overall,2026-01-10,"{score}"\n')) == 1


@pytest.mark.parametrize("when", ["1969-12-31", "2026-02-30", "2026", "", "2026-13"])
def test_a_day_that_cannot_be_meant_is_refused(folder: Folder, when: str) -> None:
    assert len(folder.faults(f"touchpoint,item,date,score\nShop,overall,{when},4\n")) == 1


def test_a_file_counted_in_parts_has_the_same_answers(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("survey.counting.MOST_COMBINATIONS", 1)
    monkeypatch.setattr("survey.counting.BLOCKS_AT_ONCE", 1)
    monkeypatch.setattr("survey.repeats.ROWS_AT_ONCE", 1)
    folder.take(ANSWERS)
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]


@pytest.mark.parametrize("extra", ["", ',"said, at length"', ',"over\ntwo lines"'])
def test_other_cells_in_the_rows_change_no_answer(folder: Folder, extra: str) -> None:
    header, *rows = ANSWERS.splitlines()
    folder.take("\n".join([f"{header},comment", *(row + (extra or ",") for row in rows)]))
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]


def test_a_row_that_is_empty_is_passed_over_and_one_without_an_answer_is_a_fault(folder: Folder) -> None:
    rows = "\n\n,,,,\n"
    header, *answers = ANSWERS.splitlines()
    text = f"{header},comment\n" + "".join(f"{row},\n" for row in answers)
    assert folder.take(text + rows, rehearse=True).answers.total() == 3
    assert folder.faults(text + rows + ",,,,but this\n")[0].startswith('scores.csv, line 8, column "score"')


def test_a_rehearsal_tells_the_same_and_changes_nothing(folder: Folder) -> None:
    rehearsed = folder.take(ANSWERS, rehearse=True)
    assert Touchpoint.select().count() == ExternalImport.select().count() == Source.select().count() == 0
    assert rehearsed.lines() == folder.take(ANSWERS).lines()


def test_the_summary_tells_what_was_taken_and_what_is_left_to_do(folder: Folder) -> None:
    assert folder.take(ANSWERS).lines() == [
        "external, 2026-01-10 to 2026-01-11: 3 answers",
        "Shop (overall): 3",
        "new touchpoints: Shop",
        "not linked to a department yet: Shop",
    ]


def test_answers_from_the_future_are_taken_and_doubted(folder: Folder) -> None:
    rows = "touchpoint,item,date,score\nShop,overall,2026-03-03,4\nShop,overall,2026-03-04,4\n"
    assert folder.take(rows).notices == ["dated in the future, counting only from then on: 1; is that right?"]


# --- Again, instead, and back --------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing_and_says_so(folder: Folder) -> None:
    folder.take(ANSWERS)
    again = folder.take(ANSWERS, name="copy.csv")
    assert again.lines() == ["copy.csv: already imported for external; nothing changed."]
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]
    assert ExternalImport.select().count() == 1


def test_a_file_about_the_same_days_supersedes_and_one_about_others_adds(folder: Folder) -> None:
    folder.take(ANSWERS)
    summary = folder.take("touchpoint,item,date,score\nShop,overall,2026-01-11,5\nShop,overall,2026-01-12,5\n", "b.csv")
    assert summary.superseded == {"scores.csv": 1}
    assert "superseded, no longer counting: 1 of scores.csv" in summary.lines()
    assert counting("Shop") == [(75.0, 2), (100.0, 1), (100.0, 1)]
    assert ExternalTally.select().count() == 4


@pytest.mark.parametrize(
    "row", ["Desk,overall,2026-01-10,5", "Shop,promises,2026-01-10,5", "Shop,overall,2026-01-12,5"]
)
def test_another_touchpoint_item_or_day_supersedes_nothing(folder: Folder, row: str) -> None:
    folder.take(ANSWERS)
    assert folder.take(f"touchpoint,item,date,score\n{row}\n", "b.csv").superseded == {}


def test_days_before_and_after_supersede_nothing_between_them(folder: Folder) -> None:
    folder.take(ANSWERS)
    around = "touchpoint,item,date,score\nShop,overall,2026-01-09,5\nShop,overall,2026-01-12,5\n"
    assert folder.take(around, "b.csv").superseded == {}


def test_another_source_supersedes_nothing(folder: Folder) -> None:
    folder.take(ANSWERS)
    assert folder.take("What,When,Mark\nShop,10/01/2026,5\n", "b.csv", mapping=LONG).superseded == {}


def test_a_month_supersedes_its_days(folder: Folder) -> None:
    folder.take(ANSWERS)
    assert folder.take(SUMS, "b.csv").superseded == {"scores.csv": 3}
    assert folder.take(ANSWERS).notices == ["Scores of it were superseded by b.csv; undo that import to go back."]


# --- Links to departments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Shop", "SHOP", "Shóp!"])
def test_a_new_touchpoint_is_linked_to_the_department_of_the_same_name(folder: Folder, name: str) -> None:
    department("Shop")
    summary = folder.take(ANSWERS.replace("Shop", name))
    assert summary.notices == [f"{name} was linked, with weights: Shop 1."]
    assert summary.without_department == []
    assert [(link.weight, link.attributed) for link in TouchpointDepartment.select()] == [(1.0, False)]


def test_a_touchpoint_that_hr_has_freed_is_not_linked_again(folder: Folder) -> None:
    department("Shop")
    folder.take(ANSWERS)
    set_departments(touchpoint_id("Shop"), {}, attributed=False)
    assert folder.take(SUMS).without_department == ["Shop"]


def mapping_with(departments: dict[str, float]) -> dict[str, Any]:
    return LONG | {"touchpoints": {"Shop": {"departments": departments}}}


def test_a_mapping_may_link_touchpoints_to_departments(folder: Folder) -> None:
    department("Sales")
    department("Support")
    summary = folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=mapping_with({"sales": 1, "support": 0.5}))
    assert summary.notices == ["Shop was linked, with weights: Sales 1, Support 0.5."]


def test_a_mapping_never_overrides_the_departments_that_hr_has_chosen(folder: Folder) -> None:
    sales = department("Sales")
    folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=LONG)
    set_departments(touchpoint_id("Shop"), {sales: 0.5}, attributed=True)
    summary = folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=mapping_with({"sales": 1}))
    assert summary.notices == ["Shop keeps its departments (sales); the mapping has others."]
    assert TouchpointDepartment.get().weight == 0.5


def test_a_mapping_that_names_an_unknown_department_links_to_none(folder: Folder) -> None:
    department("Sales")
    summary = folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=mapping_with({"sales": 1, "magic": 1}))
    assert summary.notices == ["Shop was not linked, as there is no department magic."]
    assert summary.without_department == ["Shop"]
