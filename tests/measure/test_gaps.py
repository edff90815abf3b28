"""Inside against outside."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from survey.measure.disclosure import Change
from survey.measure.gaps import ALIGNED_WITHIN, Gap, State, gap, state
from survey.measure.statistics import Difference, Estimate, Interval, difference

settings.register_profile("measure", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("measure")

estimates = st.builds(
    Estimate, n=st.just(30), mean=st.floats(0, 100), se=st.floats(0.3, 12), df=st.floats(1, 400, allow_subnormal=False)
)
MIRRORED = {
    State.FACADE: State.INWARD,
    State.INWARD: State.FACADE,
    State.ALIGNED: State.ALIGNED,
    State.NOT_ENOUGH: State.NOT_ENOUGH,
}


def test_a_gap_by_hand():
    found = gap(Estimate(61, 55, 2, 60), Estimate(401, 70, 1, 400))  # −15 ± 1.986·√5
    assert found.state is State.FACADE
    assert (found.difference.points, found.difference.interval) == (-15, (-19, -11))
    assert found.difference.is_real


def test_the_unrounded_gap_by_hand():
    found = difference(Estimate(61, 55, 2, 60), Estimate(401, 70, 1, 400))
    assert found.se == pytest.approx(2.24, abs=0.005)
    assert (found.interval.low, found.interval.high) == pytest.approx((-19.4, -10.6), abs=0.05)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-5, 5, State.ALIGNED),
        (-5.01, 5, State.NOT_ENOUGH),
        (-5, 5.01, State.NOT_ENOUGH),
        (-4, -1, State.ALIGNED),  # excludes 0, and surely is smaller than 5 points
        (1, 4, State.ALIGNED),
        (-5.01, -1, State.FACADE),
        (-5.01, 0, State.NOT_ENOUGH),
        (-20, -6, State.FACADE),
        (1, 5.01, State.INWARD),
        (0, 5.01, State.NOT_ENOUGH),
        (6, 20, State.INWARD),
        (-30, 30, State.NOT_ENOUGH),
    ],
)
def test_the_interval_decides_the_state(low, high, expected):
    assert state(Difference((low + high) / 2, 1, 40, Interval(low, high), 0.5)) is expected


@pytest.mark.parametrize(("inside", "outside"), [(True, False), (False, True), (False, False)])
def test_a_gap_with_one_side_missing_says_so_and_nothing_more(inside, outside):
    estimate = Estimate(20, 70, 2, 19)
    assert gap(estimate if inside else None, estimate if outside else None) == Gap(State.NOT_ENOUGH, None)


def test_a_gap_that_could_be_anything_still_shows_its_difference():
    found = gap(Estimate(10, 60, 8, 9), Estimate(10, 62, 8, 9))
    assert found.state is State.NOT_ENOUGH
    assert isinstance(found.difference, Change)


@given(estimates, estimates)
def test_swapping_inside_and_outside_mirrors_the_gap(inside, outside):
    there, back = gap(inside, outside), gap(outside, inside)
    assert back.state is MIRRORED[there.state]
    assert back.difference.points == -there.difference.points


@given(estimates, estimates)
def test_a_facade_is_worse_inside_and_an_inward_department_better(inside, outside):
    found = gap(inside, outside)
    assume(found.state in (State.FACADE, State.INWARD))
    assert (inside.mean < outside.mean) == (found.state is State.FACADE)
    assert found.difference.is_real


@given(st.floats(-8, 8))
def test_aligned_means_are_closer_than_5_points_by_the_noise_of_the_answers(apart):
    found = gap(Estimate(101, 60 + apart, 0.6, 100), Estimate(101, 60, 0.8, 100))  # ± 1.973·1
    assert (found.state is State.ALIGNED) == (abs(apart) + 1.973 < ALIGNED_WITHIN)


def test_the_states_are_named_as_in_the_design():
    assert [str(state) for state in State] == ["aligned", "façade", "inward", "not enough answers"]
