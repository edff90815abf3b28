"""How a file was read, in words."""

import pytest
from flask import Flask

from survey.interpreter import NOT_MAPPED
from survey.mapping import CANONICAL
from survey.refusal import OneOf, Sentence
from survey.sheets import Fault
from survey.web import reading


@pytest.fixture(autouse=True)
def english(app: Flask):
    with app.test_request_context("/?lang=en"):
        yield


def test_a_fault_is_told_with_its_place() -> None:
    told = Fault("has %(cells)s cells where the header has %(width)s.", "a.csv", 3, None, cells=1, width=2)
    assert reading.fault(told) == "Line 3: has 1 cells where the header has 2."
    assert reading.fault(Fault("is empty.", "a.csv")) == "a.csv: is empty."
    assert reading.fault(Fault("… and %(more)s more.", more=3)) == "… and 3 more."
    assert reading.fault(Fault("stands twice in the header.", "a.csv", 1, "Q 100%")) == (
        "Line 1, column “Q 100%”: stands twice in the header."
    )


def test_on_pages_nobody_is_sent_to_a_file_that_is_not_there() -> None:
    assert "step “Touchpoints”" in reading.sentence(Sentence(NOT_MAPPED, name="Q9"))
    assert reading.sentence("as it is 100%") == "as it is 100%"


@pytest.mark.parametrize(("language", "told"), [("en", "write es, en or fr."), ("es", "escribe es, en o fr.")])
def test_what_may_be_written_instead_is_listed_in_the_readers_language(app: Flask, language: str, told: str) -> None:
    offered = OneOf(("es", "en", "fr"))
    fault = Fault('"%(language)s" is not offered; write %(offered)s.', "a.csv", 3, None, language="xx", offered=offered)
    with app.test_request_context(f"/?lang={language}"):
        assert reading.fault(fault).endswith(told)


def test_files_that_need_no_mapping_come_from_espejos_own_form() -> None:
    assert reading.source_told(CANONICAL.source_name) == "Espejo's own form"
    assert reading.source_told("Airport survey") == "Airport survey"


def test_dates_are_shown_as_what_they_mean() -> None:
    assert reading.date_format_example("3/2/2026", "%d/%m/%Y") == "3 February 2026"
    assert reading.date_format_example("2026-02", "%Y-%m") == "February 2026"
    assert reading.date_format_example("x", "%Y-%m") == ""


def test_reasons_of_a_written_mapping_stay_as_they_are() -> None:
    assert (reading.left_out_reason("not applicable"), reading.left_out_reason("odd")) == ("does not apply", "odd")
