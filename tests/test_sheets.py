"""Files as people make them, and cells that are safe to open."""

import csv
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from survey.sheets import Faults, ImportRefused, Row, Sheet, in_pieces, number, safe_cell, slug, write_csv, write_xlsx

TABLE = "Name,Número\r\nAtención,1\r\n"


def write(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows(path: Path) -> list[Row]:
    faults = Faults(path.name)
    found = list(Sheet(path, faults))
    faults.refuse_if_any()
    return found


def refusal(path: Path, *required: str) -> tuple[str, ...]:
    faults = Faults(path.name)
    with pytest.raises(ImportRefused) as refused:
        Sheet(path, faults).require(*required)
    return refused.value.faults


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_accents_survive_every_encoding_that_spreadsheets_write(tmp_path: Path, encoding: str) -> None:
    assert rows(write(tmp_path, TABLE, encoding)) == [Row(2, {"name": "Atención", "número": "1"})]


def test_a_windows_file_that_ends_in_an_accent_is_still_read(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "name\ncafé", "cp1252")) == [Row(2, {"name": "café"})]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_the_delimiter_is_found(tmp_path: Path, sign: str) -> None:
    sheet = Sheet(write(tmp_path, f"a{sign}b\n1{sign}2\n"), Faults("table.csv"))
    assert (sheet.columns, sheet.decimal_comma) == (["a", "b"], sign != ",")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(tmp_path: Path, ending: str) -> None:
    assert [row.line for row in rows(write(tmp_path, f"a,b{ending}1,2{ending}3,4{ending}"))] == [2, 3]


def test_a_cell_with_a_line_break_keeps_the_numbering_of_lines(tmp_path: Path) -> None:
    assert [row.line for row in rows(write(tmp_path, 'a,b\n"one\ntwo",2\n3,4\n'))] == [2, 4]


def test_a_header_with_a_line_break_is_one_header(tmp_path: Path) -> None:
    assert rows(write(tmp_path, '"How good\nwas it?",b\n5,1\n')) == [Row(3, {"how good\nwas it?": "5", "b": "1"})]


def test_cells_and_columns_lose_their_margins_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    assert rows(write(tmp_path, " A ,b\n\n , \n x , y\n"))[-1] == Row(4, {"a": "x", "b": "y"})


@pytest.mark.parametrize(("content", "fault"), [("", "table.csv: is empty."), ("\n", "the file has no header.")])
def test_a_file_without_content_is_refused(tmp_path: Path, content: str, fault: str) -> None:
    assert refusal(write(tmp_path, content))[0].endswith(fault)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv") == ("none.csv: cannot be read (No such file or directory).",)


def test_a_workbook_is_no_text_file(tmp_path: Path) -> None:
    for content in (b"PK\x03\x04\x00\x00", "name\nA\0na\n".encode("utf-16")):
        assert refusal(write(tmp_path, content)) == ("table.csv: is no text file; export it as CSV.",)


@pytest.mark.parametrize("rows_before", [0, 10_000])
def test_bytes_that_no_encoding_has_are_refused_and_not_guessed(tmp_path: Path, rows_before: int) -> None:
    with pytest.raises(ImportRefused, match=r"cannot be read \('charmap' codec can't decode byte 0x81"):
        rows(write(tmp_path, b"a,b\n" + b"1,2\n" * rows_before + b"\x81,\xe9\n"))


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n")
    assert refusal(path, "a", "c") == ('table.csv, line 1, column "c": is missing; the header has "a", "b".',)


def test_a_column_that_stands_twice_is_refused_without_regard_to_case(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, "a,A\n")) == ('table.csv, line 1, column "a": stands twice in the header.',)


def test_columns_without_a_name_may_repeat(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "a,,\n1,,\n"))[0]["a"] == "1"


def test_ragged_rows_are_named_and_the_others_still_read(tmp_path: Path) -> None:
    faults = Faults("table.csv")
    found = list(Sheet(write(tmp_path, "a,b\n1\n1,2\n1,2,3\n"), faults))
    assert [row.line for row in found] == [3]
    assert faults.found == [
        "table.csv, line 2: has 1 cells where the header has 2.",
        "table.csv, line 4: has 3 cells where the header has 2.",
    ]


@pytest.mark.parametrize("quoted", ["2", '"2"'])
def test_blocks_have_the_rows_that_lines_have(tmp_path: Path, quoted: str) -> None:
    faults = Faults("table.csv")
    sheet = Sheet(write(tmp_path, f"a,b\nunit,unit\n1\n1,{quoted}\n\n,\n1,2\n ,2\n1,2,3\n"), faults, header_rows=2)
    found = [(cells, n) for rows, times in sheet.blocks() for cells, n in zip(rows, times.tolist(), strict=True)]
    one_by_one = [cells for _, cells in sheet.lines()]
    assert (
        sorted(cells for cells, n in found for _ in range(n))
        == sorted(one_by_one)
        == [[" ", "2"], ["1", "2"], ["1", "2"]]
    )
    assert [str(fault).partition(" has")[0] for fault in faults.found] == [
        *["table.csv:"] * 2,
        *["table.csv, line 3:", "table.csv, line 9:"],
    ]


def test_blocks_of_a_file_that_turns_out_unreadable_are_a_fault(tmp_path: Path) -> None:
    faults = Faults("table.csv")
    sheet = Sheet(write(tmp_path, b"a,b\n" + b"1,2\n" * 10_000 + b"\x81,\xe9\n"), faults)
    list(sheet.blocks())
    assert "cannot be read" in faults.found[0]


def test_of_many_faults_the_first_are_told_and_the_rest_counted() -> None:
    faults = Faults("table.csv")
    for line in range(30):
        faults.add(line, None, "is wrong.")
    with pytest.raises(ImportRefused) as refused:
        faults.refuse_if_any()
    assert len(refused.value.faults) == 26
    assert refused.value.faults[-1] == "… and 5 more."


@pytest.mark.parametrize(
    ("text", "decimal_comma", "value"),
    [
        ("3.0", False, 3.0),
        ("-2", False, -2.0),
        ("0,5", True, 0.5),
        ("1.234,5", True, 1234.5),
        ("0,5", False, None),
        ("", False, None),
        ("nan", False, None),
        ("1e3", False, None),
        ("4 ", False, None),
    ],
)
def test_a_number_is_read_only_as_it_is_written_here(text: str, decimal_comma: bool, value: float | None) -> None:
    assert number(text, decimal_comma) == value


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Atención al Cliente", "atencion-al-cliente"),
        ("  I+D  ", "i-d"),
        ("Straße_7", "strasse-7"),
        ("¿…?", ""),
    ],
)
def test_a_slug_has_no_case_accents_or_signs(name: str, key: str) -> None:
    assert slug(name) == key


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_gets_a_quote(formula: str) -> None:
    assert safe_cell(formula) == f"'{formula}"


@pytest.mark.parametrize("text", ["a=b", "", "1"])
def test_plain_texts_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize("text", ["=1+1", "\x01=1+1", "\x00\x0b-1"])
def test_no_text_of_a_workbook_is_a_formula_not_even_behind_what_xml_cannot_hold(text: str) -> None:
    content = b"".join(write_xlsx("cells", ["a", "b"], [(text, -0.5)]))
    first, second = next(load_workbook(BytesIO(content)).active.iter_rows(min_row=2))
    assert (first.data_type, first.value[0]) == ("s", "'")
    assert (second.data_type, second.value) == ("n", -0.5)


def test_a_written_file_reads_back_with_formula_names_disarmed() -> None:
    lines = "".join(write_csv(["name", "n"], [["=cmd()", -3], ['Say "hi", you', 4]])).splitlines()
    assert list(csv.reader(lines)) == [["name", "n"], ["'=cmd()", "-3"], ['Say "hi", you', "4"]]


def test_lines_become_pieces_that_put_together_are_the_lines() -> None:
    lines = [f"línea {number}\n" for number in range(1201)]
    pieces = list(in_pieces(iter(lines)))
    assert len(pieces) == 3
    assert b"".join(pieces).decode() == "".join(lines)


def test_a_workbook_whose_rows_fail_halfway_leaves_no_piece_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail() -> Iterator[tuple[int]]:
        yield (1,)
        raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        next(write_xlsx("numbers", ["n"], fail()))
    assert list(tmp_path.iterdir()) == []
