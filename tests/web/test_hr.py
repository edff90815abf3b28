"""HR's pages: the figures of the release and no others, whatever the address asks for."""

import csv
import io
import json

import pytest

from survey import matrices, releases, results, wording
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Department, Person, Touchpoint
from survey.web.hr import shade
from tests.test_releases import about_sales
from tests.web.pages import STRANGE, strange, tables

PAGES = ["/hr/", "/hr/matrix", "/hr/gap", "/hr/departments/finance"]


@pytest.fixture
def hanna(company, released, sign_in):
    return sign_in(company.hanna)


@pytest.fixture
def beginner(company, sign_in):
    """Hanna before any wave has closed."""
    return sign_in(company.hanna)


def rows(client, address: str, table: int = -1) -> dict[str, list[str]]:
    """A table of a page by the first cell of each row."""
    return {row[0]: row[1:] for row in tables(client.get(address).text)[table]}


# --- The figures are the release's ---------------------------------------------------------------------------------


def test_the_overview_shows_each_departments_released_mean(hanna, released):
    shown = rows(hanna, "/hr/")
    for result in releases.provider_results(released[0]):
        assert shown[result.department.name][0] == wording.mean(result.figures[OVERALL])


@pytest.mark.parametrize("item", SHOWN_ITEMS)
def test_the_matrix_shows_each_released_cell(hanna, released, item):
    matrix = matrices.by_department([released[0]], item)
    shown = rows(hanna, f"/hr/matrix?item={item}")
    columns = [*(group for group, _ in matrix.columns), matrices.OTHERS]
    for provider in matrix.providers:
        cells = [matrix.serves[provider.id], *(matrix.cells.get((provider.id, column)) for column in columns)]
        assert shown[provider.name] == [wording.mean(cell) if cell else "" for cell in cells]


@pytest.mark.parametrize("item", ["overall", "promises"])
def test_the_gap_page_shows_inside_outside_and_their_difference(hanna, released, item):
    gaps = {row.department.name: row for row in releases.gaps(released[0]) if row.item == item and row.outside}
    assert set(gaps) == {"Finance", "IT"}
    shown = {name.split()[0]: cells for name, cells in rows(hanna, f"/hr/gap?item={item}").items()}
    for name, row in gaps.items():
        assert shown[name][0] == wording.mean(row.inside)
        assert shown[name][2] == str(row.outside.mean)
        assert shown[name][4] == wording.signed(row.gap.difference.points)


def test_the_widest_facade_stands_first(hanna, released):
    gaps = [row for row in releases.gaps(released[0]) if row.item == OVERALL and row.gap.difference]
    first = min(gaps, key=lambda row: row.gap.difference.points).department.name
    assert tables(hanna.get("/hr/gap").text)[0][1][0].startswith(first)


def test_a_departments_page_shows_it_as_provider_and_as_client(hanna, released, company):
    finance = company.departments["Finance"]
    matrix = matrices.by_department([released[0]], OVERALL)
    _, serves, uses, _ = tables(hanna.get("/hr/departments/finance").text)
    assert [row[1] for row in serves[1:]] == [wording.mean(found) for _, found in matrices.as_provider(matrix, finance)]
    assert [row[1] for row in uses[1:]] == [wording.mean(found) for *_, found in matrices.as_client(matrix, finance)]


def test_an_earlier_wave_can_be_chosen(hanna, released):
    _, earlier = released
    for page in PAGES:
        assert f'<option value="{earlier.id}" selected>' in hanna.get(f"{page}?wave={earlier.id}").text


def test_the_download_holds_the_same_figures_as_the_command_line(hanna, released):
    for wave in released:
        assert hanna.get(f"/hr/results.json?wave={wave.id}").text == results.as_json(wave)
        assert hanna.get(f"/hr/results.csv?wave={wave.id}").text == "".join(results.as_csv(wave))


def test_the_download_has_a_plain_file_name(hanna, released):
    for form in ("csv", "json"):
        found = hanna.get(f"/hr/results.{form}").headers["Content-Disposition"]
        assert found == f'attachment; filename="espejo-quarterly-{released[0].local_date}.{form}"'


def test_a_formula_in_a_departments_name_is_text_in_the_download(hanna, released):
    Department.update(name="=cmd|' /C calc'!A0").where(Department.key == "finance").execute()
    cells = [cell for row in csv.reader(io.StringIO(hanna.get("/hr/results.csv").text)) for cell in row]
    assert "=cmd|' /C calc'!A0" not in cells
    assert "'=cmd|' /C calc'!A0" in cells


# --- What the address may ask for ----------------------------------------------------------------------------------


def test_a_wave_that_there_is_not_is_refused(hanna):
    for wave in ("99", "0", "-1", "x", "", "1 OR 1=1", "1.0", "99999999999999999999", "١"):
        for page in [*PAGES, "/hr/results.csv"]:
            assert hanna.get(page, query_string={"wave": wave}).status_code == 404, wave


def test_a_wave_that_has_not_closed_is_refused_like_one_that_there_is_not(hanna, company):
    running = company.open_wave()
    company.answer(running)
    for page in [*PAGES, "/hr/results.json"]:
        assert hanna.get(f"{page}?wave={running.id}").status_code == 404


def test_an_item_that_is_not_shown_is_refused(hanna):
    for item in ("missing", "", "OVERALL", "x", "overall'", "kind"):
        for page in ("/hr/matrix", "/hr/gap"):
            assert hanna.get(page, query_string={"item": item}).status_code == 404, item


@pytest.mark.parametrize("asked", ["0", "5", "-1", "", "x", "1.0", "٢", "2 OR 1=1"])
def test_a_window_that_is_not_offered_is_refused(hanna, asked):
    assert hanna.get("/hr/matrix", query_string={"over": asked}).status_code == 404


@pytest.mark.parametrize("over", ["1", "2", "3", "4"])
def test_one_to_four_waves_can_be_shown_together(hanna, over):
    assert hanna.get(f"/hr/matrix?over={over}").status_code == 200


@pytest.mark.parametrize("asked", ["x", "person", "DIVISION", "division'", "department"])
def test_clients_are_grouped_by_department_or_division_alone(hanna, asked):
    assert hanna.get("/hr/matrix", query_string={"by": asked}).status_code == 404


def test_what_there_is_not_is_refused(hanna):
    for path in ("departments/nobody", "departments/Finance", "departments/1", "results.pdf", "results.CSV"):
        assert hanna.get(f"/hr/{path}").status_code == 404, path


def test_a_department_that_is_no_more_has_no_page_and_breaks_none(hanna):
    Department.update(active=False).where(Department.key == "it").execute()
    assert hanna.get("/hr/departments/it").status_code == 404
    for page in [*PAGES, "/hr/results.csv", "/hr/results.json", "/hr/people", "/hr/external"]:
        assert hanna.get(page).status_code == 200, page


# --- Small groups --------------------------------------------------------------------------------------------------


def test_a_department_of_four_is_never_shown_alone(hanna, company):
    pages = [
        "/hr/",
        "/hr/matrix",
        *(f"/hr/departments/{department.key}" for department in company.departments.values()),
    ]
    for page in pages:
        for table in tables(hanna.get(page).text):
            as_provider = table[0][0] in ("Department", "serves ↓ · answered →")
            assert "Legal" not in table[0], page
            assert as_provider or "Legal" not in [row[0] for row in table], page


def test_no_figure_of_the_download_is_about_fewer_than_five(hanna):
    shown = [row for row in json.loads(hanna.get("/hr/results.json").text) if row["mean"] is not None]
    assert shown
    assert min(row["people_from"] for row in shown) >= 5
    assert all(row["mean"] % 5 == 0 and row["low"] is None for row in shown if row["people_to"] == 9)


@pytest.mark.parametrize(("in_finance", "refused"), [(4, True), (5, False)])
def test_a_view_that_would_split_a_published_group_is_refused_and_the_page_says_why(
    beginner, company, in_finance, refused
):
    operations = Department.create(key="operations", name="Operations")
    Department.update(parent=operations).where(Department.key == "finance").execute()
    about_sales(company, ("Finance", in_finance, 4), ("Logistics", 6, 2))
    page = beginner.get("/hr/matrix?by=division").text
    assert ("This view is refused for some departments." in page) is refused
    assert ("Sales: published together are Finance, Logistics, of several divisions." in page) is refused
    (sales,) = [row for row in tables(page)[-1] if row[0] == "Sales"]
    assert sales[2:] == (["not shown: see above"] if refused else ["≈ 25", "≈ 75"])
    assert sales[1] == ("45" if refused else "48")


def test_waves_shown_together_are_named(hanna, released):
    page = hanna.get("/hr/matrix?over=2").text
    assert "Clients who were merged with others in one of them are so in all." in page
    matrix = matrices.by_department(released, OVERALL)
    shown = rows(hanna, "/hr/matrix?over=2")
    for provider in matrix.providers:
        assert shown[provider.name][0] == wording.mean(matrix.serves[provider.id])


def test_a_wave_that_only_four_answered_shows_no_figure_anywhere(wave, beginner, company):
    company.rate(wave, "Legal", 4, strange)
    company.close_wave(wave)
    assert {row[1] for row in tables(beginner.get("/hr/").text)[-1][1:]} == {"too few answers to show"}
    assert tables(beginner.get("/hr/matrix").text) == tables(beginner.get("/hr/gap").text) == []
    for department in company.departments.values():
        page = beginner.get(f"/hr/departments/{department.key}").text
        assert [row for table in tables(page) for row in table[1:]] == [["–"]]
        assert "right to left" not in page
    assert json.loads(beginner.get("/hr/results.json").text) == []


def test_an_open_wave_shows_participation_and_nothing_else(wave, beginner, company):
    company.answer(wave, strange, share=0.5)
    page = beginner.get("/hr/").text
    assert "29 of 59" in page or "30 of 59" in page
    assert [row[0] for row in tables(page)[0][1:]] == ["Finance", "IT, Legal", "Logistics", "Sales"]
    assert "right to left" not in page
    for other in ("/hr/matrix", "/hr/gap", "/hr/departments/finance"):
        assert tables(beginner.get(other).text) == []


# --- Empty states, strange names and words -------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_before_the_first_wave_has_closed_a_page_says_so(beginner, page):
    answer = beginner.get(page)
    assert answer.status_code == 200
    assert "No wave has closed yet" in answer.text


def test_before_the_first_wave_has_closed_there_is_nothing_to_download(beginner):
    assert beginner.get("/hr/results.csv").status_code == 404


def test_with_nothing_but_hr_in_the_database_every_page_works(settings, sign_in):
    hr = Person.create(email="hr@mirror.example", name="HR", language="en", role="hr")
    client = sign_in(hr)
    for page in ("/hr/", "/hr/matrix", "/hr/gap", "/hr/pulses", "/hr/people", "/hr/external", "/hr/outbox"):
        assert client.get(page).status_code == 200, page


def test_strange_comments_and_names_are_text_on_every_page(wave, beginner, company):
    company.answer(wave, strange)
    company.close_wave(wave)
    Department.update(name=STRANGE).execute()
    Person.update(name=STRANGE).execute()
    Touchpoint.update(name=STRANGE).execute()
    for page in [*PAGES, "/hr/people", "/hr/external", "/hr/outbox"]:
        text = beginner.get(page).text
        assert "<script>alert" not in text, page
        assert "49" not in text.split("{{7*7}}")[-1][:9], page
    assert "<blockquote>&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in beginner.get("/hr/departments/finance").text


def test_the_shade_of_a_cell_tells_how_far_from_the_companys_mean_it_is(released):
    company = releases.company_figures(released[0])[OVERALL]

    def at(distance: int) -> str:
        return shade(type(company)(**{**vars(company), "mean": company.mean + distance}), company)

    assert [at(d) for d in (-15, -14, -5, -4, 4, 5, 14, 15)] == [
        *("far-below", "below", "below", "near"),
        *("near", "above", "above", "far-above"),
    ]
