"""The excuse gap in words: both sides said, calmly, or nothing."""

import pytest
from flask_babel import force_locale

from survey.hindrances import Excuse, Named
from survey.measure.excuses import CULTURE, HINDRANCES, NOTHING, PEOPLE, REASONS, RESOURCES, Lack, verdict
from survey.shortfalls import Shortfall
from survey.web.excuse_words import (
    excuse_to_hr,
    excuse_to_lead,
    hindrance_leads,
    hindrance_name,
    hindrance_row,
)


@pytest.fixture(autouse=True)
def _speaking(app):
    with app.test_request_context(), force_locale("en"):
        yield


def excuse(missed: Lack | None, *reasons: str, leads: int = 1) -> Excuse:
    missing = Shortfall((10, 19), {"attitude": 60, "means": 20, "both": 20}, missed) if missed else None
    named = tuple(Named(reason, 1, 1) for reason in reasons)
    return Excuse(missing, named, leads, verdict(reasons, missed))


@pytest.mark.parametrize(
    ("missed", "reasons", "said"),
    [
        (
            Lack.ATTITUDE,
            [RESOURCES, PEOPLE],
            "Your clients miss attitude more often than means. "
            "You said means: limited resources and too many people to deal with.",
        ),
        (
            Lack.MEANS,
            [CULTURE],
            "Your clients miss means more often than attitude. "
            "You said attitude: a culture that is not turned to the client.",
        ),
        (
            Lack.BOTH,
            [RESOURCES],
            "Most of your clients who gave 1 or 2 miss both, attitude and means. "
            "You said only one of the two: limited resources.",
        ),
        (
            Lack.MEANS,
            [RESOURCES],
            "Your clients miss means more often than attitude. You see it too: limited resources.",
        ),
        (
            Lack.ATTITUDE,
            [NOTHING],
            "Your clients miss attitude more often than means. You said that nothing of this hinders.",
        ),
    ],
)
def test_both_sides_are_said(missed, reasons, said):
    found = excuse(missed, *reasons)
    assert excuse_to_lead(found) == said
    to_hr = said.replace("Your", "Its").replace("your", "its").replace("You said", "Whoever leads it said")
    assert excuse_to_hr(found) == to_hr.replace("You see", "Whoever leads it sees")


@pytest.mark.parametrize("missed", [None, Lack.UNSURE])
def test_where_the_answers_cannot_tell_nothing_is_said(missed):
    assert excuse_to_lead(excuse(missed, RESOURCES)) == excuse_to_hr(excuse(missed, RESOURCES)) == ""


def test_where_no_lead_has_spoken_nothing_is_said():
    assert excuse_to_lead(excuse(Lack.ATTITUDE)) == excuse_to_hr(excuse(Lack.ATTITUDE)) == ""


def test_every_reason_has_a_name_of_its_own():
    assert len({hindrance_name(reason) for reason in REASONS}) == len(HINDRANCES) + 1


def test_one_lead_is_not_counted_and_a_first_time_is_no_row():
    once, thrice = Named(RESOURCES, 1, 1), Named(RESOURCES, 1, 3)
    assert hindrance_leads(excuse(None, RESOURCES), once) == ""
    assert hindrance_leads(excuse(None, RESOURCES, leads=3), once) == "said by 1 of 3"
    assert (hindrance_row(once), hindrance_row(thrice)) == ("", "3 waves in a row")
