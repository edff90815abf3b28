"""One department, as provider and as client."""

import pytest

from survey import matrices, wording
from survey.measure.scale import OVERALL
from survey.models import Department, Wave
from survey.responses import Answer
from tests.test_releases import about_sales
from tests.web.pages import STRANGE, tables


def under(page: str, heading: str) -> list[list[list[str]]]:
    """The tables that stand under a heading."""
    return tables(page.partition(f"<h2>{heading}</h2>")[2].partition("<h2>")[0])


@pytest.fixture
def page(hanna) -> str:
    return hanna.get("/hr/departments/finance").text


def test_a_departments_page_shows_it_as_provider_and_as_client(page, released, company):
    finance = company.departments["Finance"]
    matrix = matrices.by_department([released[0]], OVERALL)
    (serves,), (uses,) = under(page, "Whom it serves"), under(page, "Who serves it")
    for table, expected in (
        (serves, [figure for _, figure in matrices.as_provider(matrix, finance)]),
        (uses, [figure for *_, figure in matrices.as_client(matrix, finance)]),
    ):
        assert [row[1] for row in table[1:]] == [wording.mean(figure) for figure in expected]
        assert [row[2] for row in table[1:]] == [wording.interval(figure.interval) for figure in expected]


def test_the_spread_of_each_item_adds_up_to_a_hundred(page):
    (spread,) = under(page, "How the answers are spread")
    assert len(spread) == 7
    for row in spread[1:]:
        shares = [int(share) for share in row[1:6]]
        assert sum(shares) == 100
        assert int(row[6]) == shares[3] + shares[4]


def test_the_trend_shows_released_waves_alone(page, hanna, company, released):
    company.open_wave()
    (trend,) = under(hanna.get("/hr/departments/finance").text, "Over time, all in all")
    assert trend[0] == [wording_of(wave) for wave in released[::-1]]


def wording_of(wave: Wave) -> str:
    return f"{wave.local_date.day} {wave.local_date:%b} {wave.local_date.year}"


def test_with_nine_answers_there_is_no_spread_no_interval_and_no_comment(beginner, company):
    about_sales(company, ("Finance", 9, 4))
    page = beginner.get("/hr/departments/sales").text
    assert "How the answers are spread" not in page
    (items,) = under(page, "How it serves")
    assert {(row[1], row[2]) for row in items[1:]} == {("≈ 75", "")}
    assert "Comments are shown when ten or more people rated a department" in page


@pytest.mark.parametrize(("people", "told"), [(9, False), (10, True)])
def test_what_is_missing_is_told_from_ten_low_ratings_on(beginner, company, people, told):
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", people, lambda provider: Answer(provider, {OVERALL: 1}, "means"))
    company.close_wave(wave)
    page = beginner.get("/hr/departments/sales").text
    found = under(page, "What is missing where it serves badly")
    assert found == ([[["Attitude", "Means", "Both"], ["0%", "100%", "0%"]]] if told else [])
    assert ("Shown when ten or more of those who gave 1 or 2 say what is missing." in page) is not told


def test_where_too_few_answered_all_in_all_there_is_no_table_of_clients_without_rows(beginner, company):
    company.released_wave(lambda provider: Answer(provider, {"promises": 4}))
    page = beginner.get("/hr/departments/finance").text
    assert under(page, "Whom it serves") == []
    assert "Too few answers all in all to show a figure by client." in page
    assert "/departments/finance/items.csv" in page
    assert "/departments/finance/clients.csv" not in page


def test_the_way_to_comparing_it_is_a_link(hanna, page):
    for of in ("waves", "outside"):
        assert f"/hr/compare?of={of}&amp;department=finance" in page
        assert hanna.get(f"/hr/compare?of={of}&department=finance").status_code == 200


def test_a_strange_name_is_text(hanna):
    Department.update(name=STRANGE).execute()
    assert "<script>alert" not in hanna.get("/hr/departments/finance").text


@pytest.mark.parametrize("wave", ["999999999999999999999", "<script>", "-1"])
def test_a_wave_that_there_is_not_is_refused(hanna, wave):
    assert hanna.get("/hr/departments/finance", query_string={"wave": wave}).status_code == 404
    assert hanna.get("/hr/departments/finance/items.csv", query_string={"wave": wave}).status_code == 404


def test_a_division_without_figures_has_a_page_and_files_too(hanna, released, company):
    """It is found among the departments, whether anybody was asked about it or not."""
    north = Department.create(key="north", name="North")
    Department.update(parent=north).where(Department.id == company.departments["IT"].id).execute()
    assert "North" in hanna.get("/hr/departments/north").text
    assert hanna.get("/hr/departments/north/items.csv").status_code == 200
    assert hanna.get("/hr/pictures/items.svg?department=north").status_code == 404  # nothing to draw
