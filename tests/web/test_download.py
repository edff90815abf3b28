"""What pages show, as files: the same figures, and safe to open."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from openpyxl import load_workbook
from peewee import OperationalError

from survey import commitments, results
from survey.cells import cells
from survey.commitments import Draft
from survey.measure.disclosure import shown_probability
from survey.models import Department
from tests.cast import Company
from tests.engines import storable
from tests.test_findings import two_waves  # noqa: F401 - a fixture
from tests.web.pages import tables


def test_the_download_holds_the_same_figures_as_the_command_line(hanna, released):
    for wave in released:
        assert hanna.get(f"/hr/results.json?wave={wave.id}").text == "".join(results.as_json(wave))
        assert hanna.get(f"/hr/results.csv?wave={wave.id}").text == "".join(results.as_csv(wave))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_long_download_holds_the_same_as_a_short_one(hanna, monkeypatch, form):
    short = hanna.get(f"/hr/results.{form}")
    monkeypatch.setattr("survey.web.download.HELD_BYTES", 100)
    with hanna.get(f"/hr/results.{form}") as long:
        assert long.data == short.data
        assert long.headers["Content-Disposition"] == short.headers["Content-Disposition"]


@pytest.mark.parametrize("held", [100, 1_000_000])
@pytest.mark.parametrize("form", ["csv", "json", "xlsx"])
def test_what_fails_halfway_is_an_error_page_and_never_half_a_file(hanna, monkeypatch, form, held):
    def fail(wave, items, given=cells):
        yield from islice(given(wave, items), 3)
        raise OperationalError("the disk is gone")

    monkeypatch.setattr("survey.results.cells", fail)
    monkeypatch.setattr("survey.web.download.HELD_BYTES", held)
    found = hanna.get(f"/hr/results.{form}")
    assert found.status_code == 503
    assert "Content-Disposition" not in found.headers


def test_the_download_has_a_plain_file_name(hanna, released):
    for form in ("csv", "json"):
        found = hanna.get(f"/hr/results.{form}").headers["Content-Disposition"]
        assert found == f'attachment; filename="espejo-quarterly-{released[0].local_date}.{form}"'


def test_a_formula_in_a_departments_name_is_text_in_the_download(hanna, released):
    Department.update(name="=cmd|' /C calc'!A0").where(Department.key == "finance").execute()
    cells = [cell for row in csv.reader(io.StringIO(hanna.get("/hr/results.csv").text)) for cell in row]
    assert "=cmd|' /C calc'!A0" not in cells
    assert "'=cmd|' /C calc'!A0" in cells


def test_no_figure_of_the_download_is_about_fewer_than_five(hanna):
    shown = [row for row in json.loads(hanna.get("/hr/results.json").text) if row["mean"] is not None]
    assert shown
    assert min(row["people_from"] for row in shown) >= 5
    assert all(row["mean"] % 5 == 0 and row["low"] is None for row in shown if row["people_to"] == 9)


def test_before_the_first_wave_has_closed_there_is_nothing_to_download(beginner):
    assert beginner.get("/hr/results.csv").status_code == 404


# --- Every table of a page -----------------------------------------------------------------------------------------

FILES = {  # address of the file → address of the page, the table's place on it, the column that is compared
    "/hr/providers": ("/hr/", -1, "mean"),
    "/hr/gap": ("/hr/gap", 0, "mean"),
    "/hr/matrix": ("/hr/matrix", -1, "mean"),
    "/hr/matrix/sales/finance": ("/hr/matrix/sales/finance", -1, "mean"),
    "/hr/departments/finance/items": ("/hr/departments/finance", 0, "mean"),
    "/hr/departments/finance/clients": ("/hr/departments/finance", -3, "mean"),
    "/hr/departments/finance/providers": ("/hr/departments/finance", -2, "mean"),
    "/hr/departments/finance/trend": ("/hr/departments/finance", -1, "mean"),
    "/hr/departments/finance/missing": None,
    "/hr/practices": ("/hr/gap", 1, "mean"),
    "/hr/over-time": None,
    "/hr/badly-served": None,
    "/hr/changes": None,
    "/hr/facades": None,
    "/hr/commitments": None,
    "/hr/turnout": None,
    "/hr/complaints": None,
    "/hr/departments/finance/complaints": None,
    "/hr/participation": None,
    "/hr/compare": None,
}


def from_csv(client, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(address).text)))


def from_xlsx(client, address: str) -> list[dict[str, object]]:
    header, *found = load_workbook(io.BytesIO(client.get(address).data)).active.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in found]


def means(row: dict[str, object], of: str = "mean") -> str:
    """A mean of a file as pages write it."""
    if row[of] in ("", None):
        return ""
    return f"≈ {row[of]}" if str(row["approximate"]) == "True" else str(row[of])


def test_csv_and_xlsx_hold_the_same(hanna, subtests):
    for address in FILES:
        with subtests.test(address):
            book = [
                {name: "" if value is None else str(value) for name, value in row.items()}
                for row in from_xlsx(hanna, f"{address}.xlsx")
            ]
            assert from_csv(hanna, f"{address}.csv") == book
            assert all(re.fullmatch(r"[a-z0-9_]+", name) for row in book for name in row)


def test_a_file_holds_the_figures_of_its_page(hanna, subtests):
    for address, (page, place, column) in ((address, shown) for address, shown in FILES.items() if shown):
        with subtests.test(address):
            cells = {cell for row in tables(hanna.get(page).text)[place] for cell in row}
            found = [means(row, column) for row in from_csv(hanna, f"{address}.csv")]
            assert found
            assert {mean for mean in found if mean} <= cells


def test_the_turnout_file_holds_the_divisions_and_waves_of_the_page(hanna, released):
    (table,) = [found for found in tables(hanna.get("/hr/").text) if found[0][0] == "Division"]
    shown = [cell.partition(" %")[0] for row in table[1:] for cell in row[1:] if cell != "\N{EN DASH}"]
    found = from_csv(hanna, "/hr/turnout.csv")
    assert [row["percent"] for row in found] == shown
    assert {row["wave"] for row in found} == {str(wave.id) for wave in released}
    assert all(int(row["invited"]) >= 5 for row in found)


def test_the_commitments_file_holds_what_is_due_and_no_formula(hanna, company, released):
    today = datetime.now(UTC).date()
    for text, days in (("=1+1", 5), ("Far away", 200)):
        draft = Draft("promises", text, today + timedelta(days=days))
        commitments.make(released[0], company.departments["Finance"], draft, today)
    (row,) = from_csv(hanna, "/hr/commitments.csv")
    assert (row["department"], row["text"], row["state"]) == ("Finance", "'=1+1", "open")
    assert row["due_on"] == str(today + timedelta(days=5))


def test_a_file_over_time_is_about_the_chosen_item_and_ends_with_the_chosen_wave(hanna, released):
    found = from_csv(hanna, f"/hr/over-time.csv?item=promises&wave={released[1].id}")
    assert {(row["item"], row["wave"]) for row in found} == {("promises", str(released[1].id))}
    assert [row["department"] for row in found] == ["all", "Finance", "IT"]
    inside, outside, _ = tables(hanna.get(f"/hr/gap?item=promises&wave={released[1].id}").text)[2][1:]
    assert (means(found[0]), found[0]["outside"]) == (inside[1], outside[1])


def test_every_table_of_the_overview_and_of_the_gap_page_has_its_file(hanna):
    for page, names in (
        ("/hr/", ("over-time", "turnout", "providers")),
        ("/hr/gap", ("gap", "practices", "over-time")),
    ):
        text = hanna.get(page).text
        for name in names:
            assert f'href="/hr/{name}.csv?' in text
            assert f'href="/hr/{name}.xlsx?' in text


def test_the_matrix_file_holds_every_cell_of_the_page_and_no_other(hanna):
    for query in ("", "?item=openness", "?over=2"):
        *body, foot = tables(hanna.get(f"/hr/matrix{query}").text)[-1][1:]
        shown = sorted(cell for row in [*body, foot] for cell in row[1:] if cell)
        assert sorted(means(row) for row in from_csv(hanna, f"/hr/matrix.csv{query}")) == shown


def test_the_compare_file_holds_what_the_page_shows(hanna):
    query = "?item=all&department=finance&department=sales"
    shown = [
        row[2].replace("\N{MINUS SIGN}", "-").lstrip("+") for row in tables(hanna.get(f"/hr/compare{query}").text)[0]
    ]
    found = from_csv(hanna, f"/hr/compare.csv{query}")
    assert [row["difference"] for row in found] == shown[1:]
    assert {row["compared"] for row in found} == {"6"}
    assert all(0 < float(row["p_corrected"]) <= 1 for row in found)


@pytest.mark.usefixtures("two_waves")
def test_no_probability_tells_by_its_digits_how_many_answered(company: Company, sign_in, subtests):
    hanna = sign_in(company.hanna)
    for address in ("/hr/badly-served", "/hr/changes"):
        with subtests.test(address):
            found = [float(row["p_corrected"]) for row in from_csv(hanna, f"{address}.csv")]
            assert found
            assert found == [shown_probability(p) for p in found]


def test_numbers_are_numbers_and_days_are_iso_in_a_workbook(hanna, released):
    (row, *_) = from_xlsx(hanna, "/hr/departments/finance/trend.xlsx")
    assert isinstance(row["mean"], int)
    assert row["date"] == str(released[1].local_date)


def test_no_name_runs_as_a_formula_and_none_breaks_a_file(hanna, subtests):
    Department.update(name=storable("=cmd|' /C calc'!A0\x00\x0b")).execute()
    for address in FILES:
        with subtests.test(address):
            for row in from_csv(hanna, f"{address}.csv"):
                assert not any(value.startswith(("=", "@", "+")) for value in row.values())
            sheet = load_workbook(io.BytesIO(hanna.get(f"{address}.xlsx").data)).active
            assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_a_key_in_other_letters_makes_a_plain_file_name(hanna):
    Department.update(key="研发-🙃").where(Department.key == "finance").execute()
    answer = hanna.get("/hr/departments/研发-🙃/items.csv")
    assert answer.status_code == 200
    assert re.fullmatch(r'attachment; filename="[\w.-]+\.csv"', answer.headers["Content-Disposition"], re.ASCII)


def test_before_a_wave_is_released_there_is_no_file(beginner):
    assert {address: beginner.get(f"{address}.csv").status_code for address in FILES} == dict.fromkeys(FILES, 404)


@pytest.mark.parametrize(
    "address",
    ["/hr/matrix.json", "/hr/matrix.csv?item=<script>", "/hr/gap.csv?item=missing", "/hr/departments/x/items.csv",
     "/hr/departments/finance/people.csv", "/hr/participation.csv?wave=999999999999999999999", "/hr/compare.pdf"],
)  # fmt: skip
def test_a_file_that_is_not_offered_is_refused(hanna, address):
    assert hanna.get(address).status_code == 404


def test_participation_is_of_groups_of_five_or_more(hanna):
    found = from_csv(hanna, "/hr/participation.csv")
    assert found
    assert all(int(row["invited"]) >= 5 for row in found)
