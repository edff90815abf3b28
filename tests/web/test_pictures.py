"""The pictures of the pages: what they say, also to those who cannot see them."""

from xml.etree import ElementTree

import pytest

from survey import releases
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
