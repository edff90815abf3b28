"""Who serves whom: the matrix of the release, and no other."""

import re
from pathlib import Path

import pytest

from survey import matrices, wording
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Department
from survey.web.matrix import shade
from tests.large import large_release
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
    company = matrices.by_department([released[0]], OVERALL).company

    def at(distance: int) -> str:
        return shade(type(company)(**{**vars(company), "mean": company.mean + distance}), company)

    assert [at(d) for d in (-15, -14, -5, -4, 4, 5, 14, 15)] == [
        *("far-below", "below", "below", "near"),
        *("near", "above", "above", "far-above"),
    ]


# --- Sorting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "aria"), [("best", "descending"), ("worst", "ascending"), ("name", "none")])
def test_rows_are_sorted_by_how_they_serve_without_a_script(hanna, released, order, aria):
    page = hanna.get(f"/hr/matrix?rows={order}").text
    *body, _ = tables(page)[-1][1:]
    means = [int(row[1].removeprefix("≈ ")) for row in body]
    if order == "name":
        assert [row[0] for row in body] == sorted(row[0] for row in body)
    else:
        assert means == sorted(means, reverse=order == "best")
    assert f'class="margin" aria-sort="{aria}"' in page


@pytest.mark.parametrize("order", ["best", "worst"])
def test_columns_are_sorted_by_how_they_are_served(hanna, released, order):
    foot = tables(hanna.get(f"/hr/matrix?columns={order}").text)[-1][-1]
    matrix = matrices.by_department([released[0]], OVERALL)
    served = [int(cell.removeprefix("≈ ")) for cell in foot[2 : 2 + len(matrix.columns)]]
    assert served == sorted(served, reverse=order == "best")


def test_the_address_keeps_what_was_chosen_before(hanna, released):
    page = hanna.get("/hr/matrix?rows=worst&item=openness&over=2&by=division").text
    (link,) = re.findall(r'href="(/hr/matrix\?[^"]*rows=best[^"]*)"', page)
    for chosen in ("item=openness", "over=2", "by=division", f"wave={released[0].id}"):
        assert chosen in link
    assert hanna.get(link.replace("&amp;", "&")).status_code == 200


@pytest.mark.parametrize("name", ["rows", "columns"])
@pytest.mark.parametrize("order", ["", "x", "BEST", "-serves", "<script>"])
def test_an_order_that_is_not_offered_is_refused(hanna, name, order):
    assert hanna.get("/hr/matrix", query_string={name: order}).status_code == 404


# --- Behind a cell -------------------------------------------------------------------------------------------------


def links_of(page: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(r'href="(/hr/matrix/[^"]+)"', page)]


@pytest.mark.parametrize("query", ["", "?item=openness", "?over=2", "?by=division"])
def test_every_cell_leads_to_what_lies_behind_it(hanna, released, query):
    support = Department.create(key="support", name="Support")
    Department.update(parent=support).where(Department.key.in_(["it", "legal"])).execute()
    page = hanna.get(f"/hr/matrix{query}").text
    *body, _ = tables(page)[-1][1:]
    cells = [cell for row in body for cell in row[2:] if cell and not cell.startswith("not shown")]
    links = links_of(page)
    assert len(links) == len(cells) > 8
    for link, cell in zip(links, cells, strict=True):
        item = wording_of(query)
        detail = {row[0].split("answered by")[0]: row[1:] for row in tables(hanna.get(link).text)[-1][1:]}
        assert detail[item][0] == cell, link


def wording_of(query: str) -> str:
    return "Takes criticism" if "openness" in query else "All in all"


def test_behind_a_cell_of_ten_stand_interval_and_spread_and_of_five_a_mean_alone(beginner, company):
    wave = about_sales(company, ("Finance", 9, 4), ("Logistics", 10, 2))
    for key, exact in (("finance", False), ("logistics", True)):
        for row in tables(beginner.get(f"/hr/matrix/sales/{key}?wave={wave.id}").text)[-1][1:]:
            assert row[1].startswith("≈") is not exact
            assert all(row[column] != "" for column in (2, *range(4, 9))) is exact
            assert exact or row[2] == "".join(row[4:]) == ""


def test_a_small_department_is_only_shown_with_those_it_was_put_together_with(hanna, released):
    for row in tables(hanna.get("/hr/matrix/sales/legal").text)[-1][1:]:
        assert "Legal" in row[0]
        assert "," in row[0]


@pytest.mark.parametrize("path", ["x/finance", "finance/x", "finance/it,x", "finance/,", "finance/1", "Finance/it"])
def test_a_cell_of_departments_that_there_are_not_is_refused(hanna, path):
    assert hanna.get(f"/hr/matrix/{path}").status_code == 404
    assert hanna.get(f"/hr/matrix/{path}.csv").status_code == 404


def test_departments_that_do_not_serve_each_other_have_an_empty_cell_that_says_so(hanna):
    page = hanna.get("/hr/matrix/finance/finance").text
    assert tables(page) == []
    assert "There are no figures about these two" in page


def test_before_a_wave_is_released_there_is_no_cell(beginner):
    assert beginner.get("/hr/matrix/finance/it").status_code == 404


# --- Colours -------------------------------------------------------------------------------------------------------

STYLE = (Path(__file__).parents[2] / "static" / "base.css").read_text(encoding="utf-8")
SHADES = ("far-below", "below", "near", "above", "far-above")


def colour(name: str, theme: int) -> tuple[float, ...]:
    """A colour of the style sheet, as light of its three kinds (linear, 0–1); theme 0 is light, 1 dark, 2 print."""
    sign = re.findall(rf"--{name}: #(\w{{6}})", STYLE)[theme]
    parts = [int(sign[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def luminance(light: tuple[float, ...]) -> float:
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


@pytest.mark.parametrize("theme", [0, 1, 2])
def test_lightness_rises_or_falls_steadily_on_each_side_of_the_mean(theme):
    below = [luminance(colour(name, theme)) for name in ("near", "below", "far-below")]
    above = [luminance(colour(name, theme)) for name in ("near", "above", "far-above")]
    for side in (below, above):
        assert side == sorted(side, reverse=theme != 1)


@pytest.mark.parametrize("theme", [0, 1, 2])
@pytest.mark.parametrize("name", SHADES)
def test_figures_can_be_read_on_every_shade(theme, name):
    light, dark = sorted([luminance(colour(name, theme)), luminance(colour("ink", theme))], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


# Machado, Oliveira and Fernandes 2009, at full strength.
BLINDNESS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}


@pytest.mark.parametrize("theme", [0, 1, 2])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_two_ends_differ_for_colour_blind_readers(theme, kind):
    def seen(name: str) -> list[float]:
        light = colour(name, theme)
        return [sum(weight * part for weight, part in zip(row, light, strict=True)) for row in BLINDNESS[kind]]

    apart = [abs(one - other) for one, other in zip(seen("far-below"), seen("far-above"), strict=True)]
    assert max(apart) > 0.06


# --- Sixty departments ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sixty_departments_stand_in_one_table(company, sign_in, settings):
    wave = large_release(60)
    page = sign_in(company.hanna).get(f"/hr/matrix?wave={wave.id}").text
    (table,) = tables(page)
    assert len(table) == 62
    assert {len(row) for row in table} == {63}
    assert '<table class="matrix many">' in page
    assert len(links_of(page)) == sum(1 for row in table[1:-1] for cell in row[2:] if cell) == 60 * 11
    assert len(page) < 500_000


def test_twelve_departments_have_headers_that_lie(hanna):
    assert '<table class="matrix">' in hanna.get("/hr/matrix").text


# --- In a browser --------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_sixty_departments_scroll_inside_their_own_box_with_names_in_sight(browse, company, sign_in, settings, width):
    wave = large_release(60)
    page = browse(sign_in(company.hanna), f"/hr/matrix?wave={wave.id}", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".matrix-box")
    box.evaluate("box => box.scrollTo(600, 500)")
    inside = box.bounding_box()
    edges = {
        "head": page.locator(".matrix thead th").nth(2).bounding_box()["y"] - inside["y"],
        "name": page.locator(".matrix tbody th").nth(20).bounding_box()["x"] - inside["x"],
        "foot": inside["y"] + inside["height"] - page.locator(".matrix tfoot td").nth(2).bounding_box()["y"],
    }
    assert -2 <= edges["head"] <= 2
    assert -2 <= edges["name"] <= 2
    assert 0 < edges["foot"] <= 120


@pytest.mark.browser
def test_the_whole_way_goes_without_a_script(browse, hanna):
    page = browse(hanna, "/hr/matrix", 1280, java_script_enabled=False)
    page.locator("th.margin a.sort").click()
    assert page.locator("th.margin").get_attribute("aria-sort") == "ascending"
    figure = page.locator(".matrix tbody td:not(.margin) a").first
    told = figure.inner_text()
    figure.click()
    assert page.locator("table tbody tr").first.locator("td").first.inner_text() == told


@pytest.mark.browser
@pytest.mark.parametrize("address", ["/hr/", "/hr/gap", "/hr/departments/finance", "/hr/matrix", "/hr/compare"])
def test_on_paper_there_is_no_navigation_and_nothing_is_cut(browse, hanna, address):
    page = browse(hanna, address, 700)
    page.emulate_media(media="print")
    for gone in ("nav", "footer", "form", ".actions"):
        assert not page.locator(gone).filter(visible=True).count(), gone
    assert re.match(r"Mirror Ltd · quarterly, wave of .+ · printed on .+", page.locator(".printed").inner_text())
    for box in page.locator(".scroll").all():
        assert box.evaluate("box => getComputedStyle(box).overflowX") == "visible"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
