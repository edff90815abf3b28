"""Refusals: one sentence for the command line and for pages."""

from datetime import date

from flask import Flask

from survey import wording
from survey.refusal import OneOf, Refusal

OVER = Refusal("A wave is open until %(day)s; choose a day after that.", day=date(2027, 1, 12))


def test_on_the_command_line_a_refusal_tells_dates_as_they_are_typed() -> None:
    assert str(OVER) == "A wave is open until 2027-01-12; choose a day after that."


def test_a_refusal_without_values_is_told_as_it_is() -> None:
    assert str(Refusal('"100 %" is no day.')) == '"100 %" is no day.'


def test_on_pages_a_refusal_is_told_in_the_readers_language(app: Flask) -> None:
    with app.test_request_context("/?lang=es"):
        told = "Hay una ronda abierta hasta el martes 12 de enero de 2027; elige un día posterior."
        assert wording.refusal(OVER) == told
    with app.test_request_context("/?lang=en"):
        assert "Tuesday 12 January" in wording.refusal(OVER)


def test_what_is_to_be_chosen_from_is_listed_in_the_readers_language(app: Flask) -> None:
    found = Refusal(
        '"%(language)s" is not offered; write %(offered)s.', language="xx", offered=OneOf(("es", "en", "fr"))
    )
    assert str(found) == '"xx" is not offered; write es, en or fr.'
    for language, told in (("en", "write es, en or fr."), ("es", "escribe es, en o fr.")):
        with app.test_request_context(f"/?lang={language}"):
            assert wording.refusal(found).endswith(told)
