"""From a score to points; and every example in the docstrings of the measures."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

import survey.measure
from survey.measure.scale import ITEMS, SCORES, STEP_POINTS, points


def test_the_scores_become_0_25_50_75_and_100_points():
    assert [points(score) for score in SCORES] == [0, 25, 50, 75, 100]


def test_one_score_up_is_worth_the_same_everywhere():
    assert {points(score + 1) - points(score) for score in SCORES[:-1]} == {STEP_POINTS}


@pytest.mark.parametrize(
    ("score", "low", "high", "expected"),
    [(4, 1, 5, 75), (7, 0, 10, 70), (3, 1, 7, 100 / 3), (3.5, 1, 5, 62.5), (0, -1, 1, 50)],
)
def test_another_scale_is_measured_from_its_own_ends(score, low, high, expected):
    assert points(score, low, high) == pytest.approx(expected)


@pytest.mark.parametrize("score", [0.99, 5.01, 0, 6, float("nan")])
def test_a_score_off_the_scale_is_refused_by_name(score):
    with pytest.raises(ValueError, match=f"The score {score:g} is not on the scale 1–5"):
        points(score)


@pytest.mark.parametrize(("low", "high"), [(5, 1), (3, 3)])
def test_a_scale_without_length_is_refused(low, high):
    with pytest.raises(ValueError, match=f"found {low}–{high}"):
        points(3, low, high)


def test_there_are_five_practices_and_the_overall_item():
    assert ITEMS == ("promises", "diligence", "flexibility", "openness", "improvement", "overall")


def test_the_examples_in_the_docstrings_of_the_measures_come_out_as_written():
    modules = [import_module(f"survey.measure.{module.name}") for module in iter_modules(survey.measure.__path__)]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.attempted for result in results) >= 4
    assert sum(result.failed for result in results) == 0
