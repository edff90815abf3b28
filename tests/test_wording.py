"""Dates, plurals and numbers as people read them, in each language, on both sides of one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import pytest
import time_machine
from flask import Flask
from flask_babel import force_locale, ngettext

from survey import wording
from survey.commitments import CommitmentRow
from survey.models import Commitment, Department
from tests.cast import OPENS

DAY = date(2026, 3, 3)
AFTERNOON = 1_772_550_300  # Tuesday 3 March 2026, 16:05 in Madrid


@pytest.fixture
def speaking(app: Flask) -> Iterator[Callable[[str], object]]:
    """A context in which everything is written in a language."""

    @contextmanager
    def in_language(language: str) -> Iterator[None]:
        with app.test_request_context("/"), force_locale(language), time_machine.travel(OPENS, tick=False):
            yield

    return in_language


@pytest.mark.parametrize(
    ("language", "day", "next_year", "short", "moment"),
    [
        ("es", "martes 3 de marzo", "lunes 1 de marzo de 2027", "3 mar 2026", "martes 3 de marzo a las 16:05"),
        ("en", "Tuesday 3 March", "Monday 1 March 2027", "3 Mar 2026", "Tuesday 3 March at 16:05"),
    ],
)
def test_dates(speaking, language: str, day: str, next_year: str, short: str, moment: str) -> None:
    with speaking(language):
        assert wording.day(DAY) == day
        assert wording.day(date(2027, 3, 1)) == next_year
        assert wording.short_day(DAY) == short
        assert wording.moment(AFTERNOON, "Europe/Madrid") == moment


@pytest.mark.parametrize(
    ("language", "one", "two"),
    [("es", "1 queja", "2 quejas"), ("en", "1 complaint", "2 complaints")],
)
def test_one_is_singular_and_two_are_plural(speaking, language: str, one: str, two: str) -> None:
    with speaking(language):
        told = [ngettext("%(num)d complaint", "%(num)d complaints", number) for number in (1, 2)]
    assert told == [one, two]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["Ventas"], "Ventas"),
        (["Informática"], "Informática"),
        (["Informática", "Ventas"], "Informática y Ventas"),
        (["Ventas", "Informática"], "Ventas e Informática"),
        (["Ventas", "Calidad", "ingeniería"], "Ventas, Calidad e ingeniería"),
        (["Ventas", "Higiene"], "Ventas e Higiene"),
        (["Ventas", "Hierros"], "Ventas y Hierros"),
    ],
)
def test_and_is_spelled_as_spanish_wants_it_before_a_name(speaking, names: list[str], told: str) -> None:
    with speaking("es"):
        assert wording.listed(names) == told


@pytest.mark.parametrize("state", ["open", "done"])
def test_no_y_stands_before_a_departments_name(speaking, state: str) -> None:
    made = Commitment(provider=Department(name="Informática"), text="Dos días", due_on=DAY)
    with speaking("es"):
        assert wording.news(CommitmentRow(made, (), state)).startswith("Lo dijisteis; Informática lo ha ")


@pytest.mark.parametrize(
    ("language", "share", "band", "interval"),
    [("es", "74\xa0%", "10 a 19", "−5 a 12"), ("en", "74%", "10 to 19", "−5 to 12")],
)
def test_numbers(speaking, language: str, share: str, band: str, interval: str) -> None:
    with speaking(language):
        assert wording.percent(0.74) == share
        assert wording.people((10, 19)) == band
        assert wording.interval((-5, 12)) == interval
        assert (wording.signed(6), wording.signed(-6), wording.signed(0)) == ("+6", "−6", "0")
