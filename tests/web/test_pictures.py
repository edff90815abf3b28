"""The pictures of the pages: what they say, also to those who cannot see them."""

import re
from xml.etree import ElementTree

import pytest

from survey import releases
from survey.charts import text_width
from survey.colours import contrast
from survey.measure.scale import OVERALL
from survey.models import Department
from survey.summaries import lead_summary
from survey.web.pictures import gap_dumbbells, item_bars
from tests.web.pages import STRANGE


@pytest.fixture
def in_english(app):
    with app.test_request_context("/?lang=en"):
        yield


def test_a_bar_says_its_item_its_mean_and_how_many_answered(released, company, in_english):
    (summary,) = lead_summary(released[0], [company.departments["Finance"]]).departments
    picture = str(item_bars(summary))
    assert "How Finance serves its clients" in picture
    assert f"{summary.lines[0].figure.mean}" in picture
    assert len(summary.lines) == 6
    assert all(picture.count(word) for word in ("All in all", "Keeps promises", "Improves"))


def test_a_dumbbell_says_both_sides_and_the_state(released, in_english):
    rows = [row for row in releases.gaps(released[0]) if row.item == OVERALL]
    picture = str(gap_dumbbells(rows, OVERALL))
    (finance,) = [row for row in rows if row.department.name == "Finance"]
    assert f"outside {finance.outside.mean}" in picture
    assert 'href="/hr/departments/finance"' in picture


def test_a_strange_name_is_text_in_a_picture_too(released, company, in_english):
    Department.update(name=STRANGE).execute()
    rows = [row for row in releases.gaps(released[0]) if row.item == OVERALL]
    (summary,) = lead_summary(released[0], [Department.get()]).departments
    for picture in (gap_dumbbells(rows, OVERALL), item_bars(summary)):
        assert "<script" not in picture
        assert "{{7*7}}" in picture
        ElementTree.fromstring(str(picture))


# --- In a browser ----------------------------------------------------------------------------------------------------

WRITTEN = """async () => {
    await document.fonts.ready;
    return [...document.querySelectorAll(".chart text")].map(text =>
        [text.textContent, parseFloat(getComputedStyle(text).fontSize), text.getComputedTextLength()]);
}"""


@pytest.mark.browser
def test_no_word_is_wider_than_was_reckoned_whatever_fonts_there_are(browse, hanna):
    written = browse(hanna, "/hr/gap", 1280).evaluate(WRITTEN)
    assert len(written) > 30
    assert [(text, width) for text, size, width in written if width > text_width(text, size) + 1] == []


SEEN = """() => [...document.querySelectorAll(".chart")].map(chart => {
    const box = chart.getBoundingClientRect(), scale = box.width / chart.viewBox.baseVal.width;
    const sizes = [...chart.querySelectorAll("text")].map(text => parseFloat(getComputedStyle(text).fontSize));
    return [box.right, scale * Math.min(...sizes)];
})"""


@pytest.mark.browser
@pytest.mark.parametrize("address", ["/hr/", "/hr/gap", "/hr/departments/finance"])
def test_a_phone_shows_all_of_a_picture_in_letters_that_can_be_read(browse, hanna, address):
    seen = browse(hanna, address, 390).evaluate(SEEN)
    assert seen
    assert all(right <= 390 and pixels > 9.5 for right, pixels in seen), seen


FRAMED = """() => {
    const found = document.activeElement, style = getComputedStyle(found.querySelector(":scope > .hover"));
    const chart = found.closest(".chart").getBoundingClientRect();
    const frame = found.querySelector(":scope > .hover").getBoundingClientRect();
    return {
        outline: getComputedStyle(found).outlineStyle, width: parseFloat(style.strokeWidth),
        stroke: style.stroke, fill: style.fill, part: frame.height / chart.height,
    };
}"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/hr/gap", "/hr/departments/finance"])
def test_the_focus_frames_what_is_focused_and_not_the_whole_picture(browse, hanna, address, scheme):
    page = browse(hanna, address, 1280, scheme=scheme)
    for chart in page.locator(".chart").all():
        mark = chart.locator("a:has(> .hover), g[tabindex]:has(> .hover)").first
        mark.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")  # focus by keys is what shows
        framed = page.evaluate(FRAMED)
        assert framed["outline"] == "none"
        assert framed["width"] == 2
        assert framed["part"] < 0.8, address
        stroke, fill = (
            "#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", framed[of])) for of in ("stroke", "fill")
        )
        assert contrast(stroke, fill) >= 3


# --- As files --------------------------------------------------------------------------------------------------------

OF_THE_COMPANY = ["gap", "quadrant", "practices", "over-time"]
OF_A_DEPARTMENT = ["items", "trend"]
ADDRESSES = [f"/hr/pictures/{name}.%s" for name in OF_THE_COMPANY]
ADDRESSES += [f"/hr/pictures/{name}.%s?department=finance" for name in OF_A_DEPARTMENT]


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_picture_can_be_fetched_as_svg_and_png(hanna, released, address):
    svg, png = hanna.get(address % "svg"), hanna.get(address % "png")
    assert (svg.mimetype, png.mimetype) == ("image/svg+xml", "image/png")
    root = ElementTree.fromstring(svg.text)
    assert len(root[0].text) > 10
    assert len(root[1].text) > 20
    assert png.data.startswith(b"\x89PNG")
    for kind, answer in (("svg", svg), ("png", png)):
        name = answer.headers["Content-Disposition"]
        assert name.startswith('attachment; filename="espejo-'), name
        assert name.endswith(f'-quarterly-{released[0].local_date}.{kind}"')


def test_a_picture_of_another_wave_and_item_can_be_asked_for(hanna, released):
    _, earlier = released
    picture = hanna.get(f"/hr/pictures/gap.svg?wave={earlier.id}&item=promises")
    assert (
        f'filename="espejo-gap-promises-quarterly-{earlier.local_date}.svg"' in picture.headers["Content-Disposition"]
    )
    assert "Keeps promises" in picture.text
    assert f"/hr/departments/finance?wave={earlier.id}" in picture.text


def test_a_picture_is_the_one_on_the_page(hanna):
    page = hanna.get("/hr/gap").text
    for name in OF_THE_COMPANY:
        drawn = hanna.get(f"/hr/pictures/{name}.svg").text
        assert drawn.strip() in page, name


@pytest.mark.parametrize(
    "address",
    [
        "x.svg",
        "gap.pdf",
        "gap.svg?item=x",
        "gap.svg?wave=99",
        "items.svg",
        "gap.svg?department=finance",
        "trend.svg?department=nobody",
        "../hr/gap.svg",
    ],
)
def test_a_picture_that_there_is_not_is_not_found(hanna, address):
    assert hanna.get(f"/hr/pictures/{address}").status_code == 404


def test_before_a_wave_has_closed_there_is_no_picture(beginner):
    assert beginner.get("/hr/pictures/gap.svg").status_code == 404


def test_charlie_gets_no_picture(company, released, sign_in):
    assert sign_in(company.alice).get("/hr/pictures/gap.svg").status_code == 403


def test_a_picture_of_a_department_in_other_letters_has_a_name_that_headers_can_hold(hanna, released, company):
    Department.update(key="財務").where(Department.key == "finance").execute()
    for kind in ("svg", "png"):
        answer = hanna.get(f"/hr/pictures/items.{kind}?department=財務")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].isascii()
        assert answer.headers["Content-Disposition"].startswith("attachment")
