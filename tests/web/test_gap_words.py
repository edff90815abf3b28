"""What a gap says: one sentence for each state, in the figures that the page shows."""

from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask
from flask_babel import force_locale

from survey.measure.disclosure import Change, figure
from survey.measure.gaps import Gap, State
from survey.models import Department
from survey.releases import GapRow, OutsideFigure, Sides
from survey.web import gap_words
from tests.cast import K

INSIDE = figure((0, 0, 0, 10, 0), K)  # ten people gave 4 of 5: 75 points
OUTSIDE = OutsideFigure(90, (86, 94), 40, False, date(2026, 1, 1), date(2026, 2, 1), ("Shop",))
FACADE = Gap(State.FACADE, Change(-15, (-19, -11), 0.01))
INWARD = Gap(State.INWARD, Change(12, (6, 18), 0.01))
UNKNOWN = Gap(State.NOT_ENOUGH)


@pytest.fixture(autouse=True)
def _in_english(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"), force_locale("en"):
        yield


def row(gap: Gap) -> GapRow:
    return GapRow(INSIDE, OUTSIDE, gap, Department(name="Sales"), "overall")


@pytest.mark.parametrize(
    ("sides", "told"),
    [
        (None, "In this wave no department got enough answers to show any."),
        (Sides(None, OUTSIDE, UNKNOWN), "In this wave no department got enough answers to show any."),
        (Sides(INSIDE, None, UNKNOWN), "Colleagues give 75 of 100; what customers say is not known yet."),
        (
            Sides(INSIDE, OUTSIDE, FACADE),
            "Colleagues give 75 of 100, customers 90: we are kinder to strangers than to colleagues.",
        ),
        (
            Sides(INSIDE, OUTSIDE, UNKNOWN),
            "Colleagues give 75 of 100, customers 90: these answers cannot tell the two apart.",
        ),
    ],
)
def test_the_company_in_a_sentence(sides: Sides | None, told: str) -> None:
    assert gap_words.company_sentence(sides) == told


@pytest.mark.parametrize("overall", [{}, {"overall": Sides(None, OUTSIDE, UNKNOWN)}])
def test_where_only_practices_have_figures_it_is_not_said_that_there_are_none(overall: dict[str, Sides]) -> None:
    whole = {**overall, "promises": row(FACADE), "openness": Sides(None, OUTSIDE, UNKNOWN)}
    assert gap_words.whole_sentence(whole) == (
        "Too few colleagues answered for a figure all in all; there is one for 1 practice."
    )
    assert gap_words.whole_sentence(overall).startswith("In this wave no department")
    assert gap_words.whole_sentence({**whole, "overall": row(FACADE)}).startswith("Colleagues give 75 of 100")


def test_departments_are_counted_by_state_and_nothing_is_said_of_states_that_none_has() -> None:
    assert gap_words.gap_sentence([row(FACADE), row(FACADE), row(INWARD)]) == (
        "2 departments serve customers clearly better than colleagues; 1 serves colleagues better."
    )
    assert gap_words.gap_sentence([row(UNKNOWN)]) == (
        "No department serves customers clearly better than colleagues; of 1 nothing sure can be said."
    )


def test_the_practice_with_the_widest_gap_is_named_first() -> None:
    wider = Gap(State.FACADE, Change(-30, (-40, -20), 0.01))
    told = gap_words.practices_sentence(
        {"promises": row(FACADE), "openness": row(wider), "diligence": row(INWARD), "flexibility": row(UNKNOWN)}
    )
    assert told == (
        "We take criticism better from customers than from colleagues. "
        "We keep promises to customers more than to colleagues. "
        "Better among colleagues than towards customers: Acts promptly."
    )


def test_practices_that_no_customer_rated_are_told_from_those_that_differ_on_none() -> None:
    unsure = Gap(State.NOT_ENOUGH, Change(-4, (-12, 4), 0.3))
    assert gap_words.practices_sentence({"promises": row(UNKNOWN)}).startswith("There are no scores of customers")
    assert gap_words.practices_sentence({"promises": row(unsure)}).startswith("On no practice")


def test_practices_that_are_alike_inside_and_outside_are_named_and_not_called_unknown() -> None:
    aligned = Gap(State.ALIGNED, Change(0, (-3, 3), 0.9))
    alike = {"promises": row(aligned), "openness": row(aligned)}
    told = "Alike inside and outside: Keeps promises, Takes criticism."
    assert gap_words.practices_sentence(alike) == told
    unsure = Gap(State.NOT_ENOUGH, Change(-4, (-12, 4), 0.3))
    assert gap_words.practices_sentence({**alike, "flexibility": row(unsure)}) == (
        f"{told} Of the others these answers cannot tell."
    )


@pytest.mark.parametrize(
    ("gap", "points", "is_clear"), [(FACADE, "−15", True), (INWARD, "+12", True), (UNKNOWN, "–", False)]
)
def test_points_have_a_sign_and_an_unknown_gap_a_dash(gap: Gap, points: str, is_clear: bool) -> None:
    assert (gap_words.gap_points(gap), gap_words.is_clear(gap)) == (points, is_clear)


def test_a_gap_gives_its_reason_in_its_own_numbers() -> None:
    assert gap_words.gap_reason(row(FACADE)) == "The gap is −19 to −11: all of it better outside."
    assert gap_words.gap_reason(Sides(None, OUTSIDE, UNKNOWN)) == "Too few colleagues answered for a figure."
    assert gap_words.gap_reason(Sides(INSIDE, None, UNKNOWN)) == "There are no customers' scores."
