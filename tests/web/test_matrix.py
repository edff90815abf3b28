"""Who serves whom: the matrix of the release, and no other."""

import pytest

from survey import matrices, releases, wording
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Department
from survey.web.matrix import shade
from tests.test_releases import about_sales
from tests.web.pages import rows, tables


@pytest.mark.parametrize("item", SHOWN_ITEMS)
def test_the_matrix_shows_each_released_cell(hanna, released, item):
    matrix = matrices.by_department([released[0]], item)
    shown = rows(hanna, f"/hr/matrix?item={item}")
    columns = [*(group for group, _ in matrix.columns), matrices.OTHERS]
    for provider in matrix.providers:
        cells = [matrix.serves[provider.id], *(matrix.cells.get((provider.id, column)) for column in columns)]
        assert shown[provider.name] == [wording.mean(cell) if cell else "" for cell in cells]


@pytest.mark.parametrize("asked", ["0", "5", "-1", "", "x", "1.0", "٢", "2 OR 1=1"])
def test_a_window_that_is_not_offered_is_refused(hanna, asked):
    assert hanna.get("/hr/matrix", query_string={"over": asked}).status_code == 404


@pytest.mark.parametrize("over", ["1", "2", "3", "4"])
def test_one_to_four_waves_can_be_shown_together(hanna, over):
    assert hanna.get(f"/hr/matrix?over={over}").status_code == 200


@pytest.mark.parametrize("asked", ["x", "person", "DIVISION", "division'", "department"])
def test_clients_are_grouped_by_department_or_division_alone(hanna, asked):
    assert hanna.get("/hr/matrix", query_string={"by": asked}).status_code == 404


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


def test_the_shade_of_a_cell_tells_how_far_from_the_companys_mean_it_is(released):
    company = releases.company_figures(released[0])[OVERALL]

    def at(distance: int) -> str:
        return shade(type(company)(**{**vars(company), "mean": company.mean + distance}), company)

    assert [at(d) for d in (-15, -14, -5, -4, 4, 5, 14, 15)] == [
        *("far-below", "below", "below", "near"),
        *("near", "above", "above", "far-above"),
    ]
