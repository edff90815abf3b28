"""A wave's figures in files: the same as on the pages, and safe to open."""

import csv
import json
from collections.abc import Callable
from datetime import date
from io import BytesIO

import pytest
from openpyxl import load_workbook

from survey import matrices, releases, results
from survey.matrices import OTHERS
from survey.measure.scale import ITEMS
from survey.models import Department, Wave
from survey.responses import Answer
from survey.results import ResultRow, as_csv, as_json, rows
from tests.cast import Company, K
from tests.test_releases import about_sales, at_random, customers_say, random_company


@pytest.fixture
def wave(company: Company) -> Wave:
    """The second of two waves, with customers' scores for Sales."""

    def play() -> Wave:
        company.released_wave(at_random(1))
        customers_say(company, "Sales", 90, date(2026, 2, 1))
        return company.released_wave(at_random(2))

    return company.once("two waves and customers", play)


def csv_rows(wave: Wave) -> list[dict[str, str]]:
    return list(csv.DictReader("".join(as_csv(wave)).splitlines()))


def totals(wave: Wave) -> dict[tuple[str, str], ResultRow]:
    return {(row.provider, row.item): row for row in rows(wave) if row.clients == results.ALL_CLIENTS}


def test_json_and_csv_hold_the_same_cells(wave: Wave) -> None:
    from_json = [
        {column: "" if value is None else str(value) for column, value in row.items()}
        for row in json.loads("".join(as_json(wave)))
    ]
    signs_guarded = [{column: value.removeprefix("'") for column, value in row.items()} for row in csv_rows(wave)]
    assert from_json == signs_guarded


def test_a_total_shows_what_the_gap_page_shows(wave: Wave) -> None:
    found = totals(wave)
    for row in releases.gaps(wave):
        line = found.pop((row.department.name, row.item))
        assert row.inside is not None
        assert (line.mean, line.approximate, line.favourable_percent) == (
            row.inside.mean,
            row.inside.approximate,
            row.inside.favourable,
        )
        assert (line.outside, line.gap, line.state) == (
            row.outside and row.outside.mean,
            row.gap.difference and row.gap.difference.points,
            row.gap.state,
        )
    assert not found


def test_a_total_shows_the_change_that_the_leads_page_shows(wave: Wave) -> None:
    expected = {
        (result.department.name, item): change.points
        for result in releases.provider_results(wave)
        for item, change in result.changes.items()
    }
    assert {key: row.change for key, row in totals(wave).items() if row.change is not None} == expected


def test_cells_show_what_the_matrix_shows(wave: Wave) -> None:
    expected = {}
    for item in ITEMS:
        table = matrices.by_department([wave], item)
        names = {department.id: department.name for department in table.providers}
        columns = {column: ", ".join(clients.departments) for column, clients in table.columns}
        others = {provider: "others: " + ", ".join(found.departments) for provider, found in table.others.items()}
        for (provider, column), shown in table.cells.items():
            clients = others[provider] if column == OTHERS else columns[column]
            expected[item, names[provider], clients] = shown.people[0], shown.mean, shown.interval and shown.interval[0]
    cells = [row for row in rows(wave) if row.clients != results.ALL_CLIENTS]
    assert {(row.item, row.provider, row.clients): (row.people_from, row.mean, row.low) for row in cells} == expected


@pytest.mark.parametrize("seed", range(4))
def test_no_row_is_about_fewer_than_k_people(company: Company, seed: int) -> None:
    for row in rows(random_company(company, seed)):
        assert row.people_from is None or row.people_from >= K


def test_a_row_about_fewer_than_ten_people_has_an_approximate_mean_and_nothing_more(wave: Wave) -> None:
    small = [row for row in rows(wave) if row.people_from is not None and row.people_from < 10]
    assert small
    for row in small:
        assert row.approximate
        assert (row.low, row.high, row.favourable_percent, row.change, row.gap) == (None,) * 5


@pytest.mark.parametrize(("raters", "rows_found"), [(4, 0), (5, 12)])
def test_a_provider_is_in_the_file_from_five_raters_on(company: Company, raters: int, rows_found: int) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", raters)
    assert len(list(rows(company.close_wave(wave)))) == rows_found  # six items, in all and by client


def test_rows_never_tell_how_many_people_exactly(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 7)
    assert {(row.people_from, row.people_to) for row in rows(company.close_wave(wave))} == {(5, 9)}


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)"])
def test_a_department_named_like_a_formula_is_text_in_csv(company: Company, name: str) -> None:
    Department.update(name=name).where(Department.name == "Sales").execute()
    company.departments[name] = company.departments.pop("Sales")
    company.ask_only_about(name)
    wave = company.open_wave()
    company.rate(wave, "Finance", K)
    company.close_wave(wave)
    assert {row["provider"] for row in csv_rows(wave)} == {f"'{name}"}
    assert {row["provider"] for row in json.loads("".join(as_json(wave)))} == {name}


def test_a_negative_gap_stays_a_number(company: Company) -> None:
    customers_say(company, "Sales", 90, date(2026, 2, 1))
    wave = about_sales(company, ("Finance", 10, 2))
    (found,) = [row for row in csv_rows(wave) if (row["provider"], row["outside"]) == ("Sales", "90")]
    assert found["gap"] == "-65"


def test_a_department_that_was_dissolved_keeps_its_rows(wave: Wave) -> None:
    Department.update(active=False).where(Department.name == "Sales").execute()
    assert {row.clients for row in rows(wave) if row.provider == "Sales"} > {"all", "Finance"}


def silent(provider: int) -> Answer:
    return Answer(provider, {})


@pytest.mark.parametrize("about", [silent, None])
def test_a_wave_without_results_gives_a_header_alone(company: Company, about: Callable[[int], Answer] | None) -> None:
    wave = company.open_wave()
    if about:
        company.answer(wave, about)
    company.close_wave(wave)
    assert len("".join(as_csv(wave)).splitlines()) == 1
    assert json.loads("".join(as_json(wave))) == []


def test_a_workbook_shows_the_same_rows_with_numbers_as_numbers(wave: Wave) -> None:
    sheet = load_workbook(BytesIO(b"".join(results.export(wave, "xlsx")))).active
    found = [tuple(cell.value for cell in row) for row in sheet.iter_rows(min_row=2)]
    assert found == list(rows(wave))


def test_no_cell_of_a_workbook_is_a_formula(company: Company) -> None:
    Department.update(name="=cmd()").where(Department.key == "sales").execute()
    sheet = load_workbook(BytesIO(b"".join(results.export(company.released_wave(), "xlsx")))).active
    names = {sheet.cell(row, 3).value for row in range(2, sheet.max_row + 1)}
    assert "'=cmd()" in names
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
