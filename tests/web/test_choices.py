"""Which wave and item an address chooses."""

import pytest
from werkzeug.exceptions import NotFound

from survey.models import Wave
from survey.web.choices import chosen_department, chosen_item, chosen_page, chosen_wave

WAVES = [Wave(id=7), Wave(id=3)]


@pytest.mark.parametrize(("query", "chosen"), [("", WAVES[0]), ("?wave=3", WAVES[1]), ("?wave=7&wave=3", WAVES[0])])
def test_the_wave_of_the_address_else_the_first(app, query, chosen):
    with app.test_request_context(f"/{query}"):
        assert chosen_wave(WAVES) is chosen


@pytest.mark.parametrize("query", ["?wave=", "?wave=8", "?wave=03", "?wave=%2B3", "?wave=3%00"])
def test_any_other_wave_is_refused(app, query):
    with app.test_request_context(f"/{query}"), pytest.raises(NotFound):
        chosen_wave(WAVES)


def test_without_waves_none_is_chosen(app):
    with app.test_request_context("/?wave=3"):
        assert chosen_wave([]) is None


def test_the_item_of_the_address_else_all_in_all(app):
    with app.test_request_context("/?item=openness"):
        assert chosen_item() == "openness"
    with app.test_request_context("/"):
        assert chosen_item() == "overall"


def test_what_is_asked_but_not_shown_is_refused(app):
    with app.test_request_context("/?item=missing"), pytest.raises(NotFound):
        chosen_item()


@pytest.mark.parametrize(("query", "page"), [("", 1), ("?page=1", 1), ("?page=12", 12)])
def test_the_page_of_a_long_list_else_the_first(app, query, page):
    with app.test_request_context(f"/{query}"):
        assert chosen_page() == page


@pytest.mark.parametrize(
    "query", ["?page=", "?page=0", "?page=-1", "?page=01", "?page=1e3", "?page=٣", "?page=9999999"]
)
def test_what_is_no_page_is_refused(app, query):
    with app.test_request_context(f"/{query}"), pytest.raises(NotFound):
        chosen_page()


def test_the_department_of_the_address_or_none(app, company):
    for query, chosen in (("", None), ("?department=", None), ("?department=it", company.departments["IT"])):
        with app.test_request_context(f"/{query}"):
            assert chosen_department() == chosen
    with app.test_request_context("/?department=x"), pytest.raises(NotFound):
        chosen_department()
