"""What the three mirrors say."""

import pytest
from flask_babel import force_locale

from survey.measure.disclosure import Change, Figure
from survey.measure.sight import Pride, Sight
from survey.mirror_words import mirror_sentence, own_pride_sentence, pride_sentence, sight_sentence, view
from survey.reflections import LeadReflection, Reflection

AHEAD = Change(21, (16, 26), 0.001)
BEHIND = Change(-21, (-26, -16), 0.001)


@pytest.fixture(autouse=True)
def _speaking(app):
    with app.test_request_context(), force_locale("en"):
        yield


@pytest.mark.parametrize(
    ("sight", "blindness", "begins"),
    [
        (Sight.BLIND, AHEAD, "A blind spot: clients say 21 points less than expected (16 to 26)"),
        (Sight.MODEST, BEHIND, "Better than feared: clients say 21 more than expected (−26 to −16)"),
        (Sight.CLEAR, Change(1, (-2, 4), 0.5), "What was expected is what clients say"),
        (Sight.UNSURE, Change(9, (-2, 20), 0.1), "These answers cannot tell"),
    ],
)
def test_how_far_off_what_was_expected_is(sight, blindness, begins):
    assert sight_sentence(sight, blindness).startswith(begins)


@pytest.mark.parametrize(
    ("pride", "complacency", "begins"),
    [
        (Pride.COMPLACENT, AHEAD, "They think they serve 21 points better"),
        (Pride.HUMBLE, BEHIND, "They expect clients to say 21 points more"),
        (Pride.CONTENT, Change(0, (-3, 3), 1.0), "They expect to be seen as"),
    ],
)
def test_what_people_think_beside_what_they_expect(pride, complacency, begins):
    assert pride_sentence(pride, complacency).startswith(begins)


def test_where_nothing_can_be_told_nothing_is_said():
    assert sight_sentence(Sight.UNSURE, None) == pride_sentence(Pride.UNSURE, None) == ""
    assert pride_sentence(Pride.UNSURE, AHEAD) == ""


@pytest.mark.parametrize(
    ("complacency", "told"),
    [
        (25, "You think you serve 25 points better than you expected clients to say."),
        (-25, "You expected clients to say 25 points more than you would yourself."),
        (0, "You expected to be seen as you see yourself."),
        (None, ""),
    ],
)
def test_a_leads_own_view_beside_what_the_lead_expected(complacency, told):
    assert own_pride_sentence(complacency) == told


def test_both_kinds_of_mirrors_are_told_whole():
    seen = Figure(people=(10, 19), mean=54, approximate=False)
    members = Reflection("overall", seen, seen, seen, AHEAD, Sight.BLIND, AHEAD, Pride.COMPLACENT)
    lead = LeadReflection("overall", seen, 100, 75, AHEAD, Sight.BLIND, 25)
    for mirror, ends in (
        (members, "clients will say."),
        (lead, "you expected clients to say."),
    ):
        told = mirror_sentence(mirror)
        assert told.startswith("A blind spot: clients say 21 points less")
        assert told.endswith(ends)
    nothing = LeadReflection("overall", seen, 100, None, None, Sight.UNSURE, None)
    assert mirror_sentence(nothing) == ""


def test_a_lead_sees_whole_points_and_members_what_may_be_shown():
    rounded = Figure(people=(5, 9), mean=70, approximate=True)
    assert [view(found) for found in (75, 0, rounded, None)] == ["75", "0", "≈ 70", "–"]
