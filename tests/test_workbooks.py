"""Workbooks: read like the CSV file that a spreadsheet would export, and never more than memory holds."""

import io
import zipfile
from datetime import date, datetime

import openpyxl
import pytest

from survey import workbooks
from survey.sheets import Faults, ImportRefused
from survey.workbooks import convert, is_workbook, to_csv


def workbook(*rows: list[object]) -> io.BytesIO:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    file.seek(0)
    return file


def refusal(file: io.BytesIO) -> str:
    with pytest.raises(ImportRefused) as refused:
        convert(file, Faults("scores.xlsx"))
    return refused.value.faults[0]


def repacked(file: io.BytesIO, **parts: bytes) -> io.BytesIO:
    """The same workbook with parts replaced or added; "__" stands for "/" and "_xml" for ".xml"."""
    target = io.BytesIO()
    replaced = {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in parts.items()}
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, replaced.pop(name, None) or old.read(name))
        for name, content in replaced.items():
            new.writestr(name, content)
    target.seek(0)
    return target


def test_cells_become_the_text_that_a_spreadsheet_would_export() -> None:
    noon = datetime(2026, 2, 3, 12)  # noqa: DTZ001 (workbooks know no time zones)
    rows = workbook(["What", "When", "Mark"], ["Café, bar", date(2026, 2, 3), 4], ["x", noon, 4.5])
    assert convert(rows, Faults("a")).decode().splitlines() == [
        "What,When,Mark",
        '"Café, bar",2026-02-03,4',
        "x,2026-02-03 12:00:00,4.5",
    ]


def test_short_rows_are_filled_and_empty_cells_at_the_end_dropped() -> None:
    assert convert(workbook(["a", "b", None], ["1"], [None, "2"]), Faults("a")) == b"a,b\r\n1,\r\n,2\r\n"


def test_a_formula_is_its_last_value_and_never_text_to_run() -> None:
    assert convert(workbook(["a", "b"], ["=1+1", "x"]), Faults("a")) == b"a,b\r\n,x\r\n"  # never computed: empty


def test_what_a_file_is_shows_in_its_first_bytes() -> None:
    assert is_workbook(workbook(["a"]).read(4))
    assert not is_workbook(b"a,b\n")


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 500])
def test_a_broken_archive_is_refused(content: bytes) -> None:
    assert refusal(io.BytesIO(content)) == "scores.xlsx: cannot be read as a workbook; export it as CSV."


def test_an_archive_of_something_else_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert refusal(file) == "scores.xlsx: cannot be read as a workbook; export it as CSV."


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = repacked(workbook(["a"]), xl__sharedStrings_xml=b"<sst>" + b" " * (workbooks.MOST_SHARED + 1))
    assert bomb.getbuffer().nbytes < 200_000
    assert refusal(bomb) == "scores.xlsx: unpacks to more than can be read here; export it as CSV."


def test_entities_that_multiply_are_refused() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><worksheet>&c;</worksheet>'
    file = repacked(workbook(["a"]), xl__worksheets__sheet1_xml=laughs)
    assert refusal(file) == "scores.xlsx: cannot be read as a workbook; export it as CSV."


def test_many_columns_and_many_cells_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_COLUMNS", 3)
    assert convert(workbook(["a", "b", "c"]), Faults("a"))
    assert refusal(workbook(["a", "b", "c", "d"])) == "scores.xlsx, line 1: has more than 3 columns."
    monkeypatch.setattr(workbooks, "MOST_CELLS", 5)
    assert "too many cells" in refusal(workbook(["a", "b", "c"], [1, 2, 3]))


# --- In a process of its own ---------------------------------------------------------------------------------------

SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'


def test_a_workbook_is_read_apart() -> None:
    assert to_csv(workbook(["a", "é"], ["1", "=1"]), Faults("a.xlsx")) == "a,é\r\n1,\r\n".encode()


def test_what_is_wrong_is_told_from_there() -> None:
    wide = workbook(["x"] * (workbooks.MOST_COLUMNS + 1))
    with pytest.raises(ImportRefused) as refused:
        to_csv(wide, Faults("a.xlsx"))
    assert refused.value.faults == (f"a.xlsx, line 1: has more than {workbooks.MOST_COLUMNS} columns.",)
    assert refused.value.faults[0].values == {"most": workbooks.MOST_COLUMNS}


@pytest.mark.slow
@pytest.mark.parametrize("repeated", [b'<x a=""/>', b"<row><c/></row>" + b"<c/>" * 100])
def test_a_sheet_that_would_fill_the_memory_ends_its_own_process_alone(
    repeated: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MOST_SECONDS", 10)
    bomb = repacked(workbook(["a"]), xl__worksheets__sheet1_xml=SHEET % (repeated * (250_000_000 // len(repeated))))
    assert bomb.getbuffer().nbytes < 3_000_000
    with pytest.raises(ImportRefused, match="more than can be read here"):
        to_csv(bomb, Faults("a.xlsx"))


def test_a_text_that_many_cells_share_is_counted_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_CHARACTERS", 10)
    assert convert(workbook(["12345"], ["12345"]), Faults("a"))
    assert (
        refusal(workbook(["12345"], ["12345"], ["1"]))
        == "scores.xlsx: unpacks to more than can be read here; export it as CSV."
    )
