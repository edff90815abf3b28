"""The company's colour: what is refused, and that words and buttons can be seen by day and by night."""

import base64
import doctest
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey import colours
from survey.colours import (
    EDGE_CONTRAST,
    NIGHT,
    PAPER,
    TEXT_CONTRAST,
    contrast,
    fault,
    look,
    luminance,
    shade_against,
    text_on,
)
from survey.settings import Settings

any_colour = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_the_examples_in_the_docstrings_come_out_as_written() -> None:
    found = doctest.testmod(colours)
    assert found.attempted >= 4
    assert found.failed == 0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#ffffff", "#000000", 21.0),
        ("#777777", "#ffffff", 4.48),  # the grey that W3C's own examples call just too pale
        ("#767676", "#ffffff", 4.54),
        ("#0f766e", "#ffffff", 5.47),
        ("#123456", "#123456", 1.0),
    ],
)
def test_a_contrast_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == pytest.approx(expected, abs=0.005)
    assert contrast(one, other) == contrast(other, one)


def test_the_luminance_of_dark_colours_is_linear() -> None:
    assert luminance("#0a0a0a") == pytest.approx(10 / 255 / 12.92)


@given(any_colour)
def test_words_can_be_read_on_any_colour(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= TEXT_CONTRAST


@pytest.mark.parametrize(("colour", "text"), [("#767676", "#ffffff"), ("#777777", "#000000")])
def test_words_are_white_as_long_as_white_can_be_read(colour: str, text: str) -> None:
    assert text_on(colour) == text


@given(any_colour, st.sampled_from([PAPER, NIGHT]))
def test_a_shade_stands_out_and_a_colour_that_does_stays(colour: str, ground: str) -> None:
    shade = shade_against(colour, ground)
    assert contrast(shade, ground) >= EDGE_CONTRAST
    assert shade == colour or contrast(colour, ground) < EDGE_CONTRAST


@given(any_colour)
def test_what_is_not_refused_passes_by_day_and_by_night(colour: str) -> None:
    if fault(colour) is not None:
        assert contrast(colour, PAPER) < EDGE_CONTRAST
        return
    found = look(colour)
    for own, text, ground in ((found.colour, found.text, PAPER), (found.night_colour, found.night_text, NIGHT)):
        assert contrast(own, ground) >= EDGE_CONTRAST
        assert contrast(text, own) >= TEXT_CONTRAST


@pytest.mark.parametrize(("colour", "found"), [("#909090", None), ("#919191", "2.97")])
def test_the_limit_is_three_to_one_against_the_page(colour: str, found: str | None) -> None:
    said = fault(colour)
    assert (said is None) == (found is None)
    assert f"contrast of {found} to 1" in (said or "contrast of None to 1")


def test_a_colour_that_is_too_pale_is_refused_with_one_that_is_not() -> None:
    said = fault("#ffcc00")
    assert said == (
        '"#ffcc00" has a contrast of 1.42 to 1 against the page (#faf8f4), and a button needs 3 to 1; '
        "write a darker colour, like #ad8b00."
    )
    assert fault("#ad8b00") is None


@pytest.mark.parametrize(
    "text", ["", "teal", "0f766e", "#0f7", "#0f766", "#0f766e0", "#0f766g", "#0f766e\n", "red;}</style>", "#0f766e;}"]
)
def test_what_is_no_colour_is_refused(text: str) -> None:
    said = fault(text)
    assert said
    assert said.startswith(f'"{text}" is no colour')


def test_the_colour_of_a_fresh_installation_is_not_refused() -> None:
    assert fault(Settings().colour) is None
    assert look(Settings().colour).text == "#ffffff"


def test_the_rules_of_a_page_hold_nothing_but_colours() -> None:
    assert look("#7B1FA2").css == (
        ":root{--company:#7b1fa2;--on-company:#ffffff}@media(prefers-color-scheme:dark)"
        "{:root{--company:#954cb5;--on-company:#ffffff}}"
    )


def test_the_digest_is_that_of_the_rules() -> None:
    found = look("#7b1fa2")
    assert found.css_digest == f"'sha256-{base64.b64encode(hashlib.sha256(found.css.encode()).digest()).decode()}'"
