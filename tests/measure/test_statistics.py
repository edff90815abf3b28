"""Means, intervals and corrections: worked by hand, and compared with scipy going from the single answers."""

from fractions import Fraction
from math import isfinite, sqrt

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from survey.measure.scale import SCORES, points
from survey.measure.statistics import (
    Estimate,
    Interval,
    add_counts,
    difference,
    estimate_from_counts,
    estimate_from_groups,
    holm,
    t_quantile,
    weighted_mean,
    wilson,
)

settings.register_profile("measure", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("measure")

tallies = st.tuples(*[st.integers(0, 40)] * 5).filter(lambda counts: sum(counts) >= 2)
mixed_tallies = tallies.filter(lambda counts: sum(map(bool, counts)) >= 2)


def answers(counts):
    """Every single answer of a tally, in points."""
    return [points(score) for score, n in zip(SCORES, counts, strict=True) for _ in range(n)]


# One tally


def test_four_answers_by_hand():
    estimate = estimate_from_counts((0, 0, 1, 2, 1))  # 50, 75, 75, 100
    assert (estimate.n, estimate.mean, estimate.df) == (4, 75, 3)
    assert estimate.se == pytest.approx(sqrt(1250 / 3) / 2)
    assert estimate.se == pytest.approx(10.2, abs=0.01)


@pytest.mark.parametrize("counts", [(0, 0, 0, 0, 0), (0, 0, 1, 0, 0)])
def test_fewer_than_two_answers_make_no_estimate(counts):
    assert estimate_from_counts(counts) is None


def test_two_answers_make_an_estimate():
    assert estimate_from_counts((0, 0, 1, 1, 0)).mean == 62.5


def test_a_tally_of_another_length_is_refused():
    with pytest.raises(ValueError):
        estimate_from_counts((1, 2, 3))


@given(mixed_tallies)
def test_mean_and_interval_are_those_of_students_t_on_the_single_answers(counts):
    estimate, scipy = estimate_from_counts(counts), stats.ttest_1samp(answers(counts), 0)
    low, high = scipy.confidence_interval(0.95)
    interval = estimate.interval()
    assert estimate.mean == pytest.approx(sum(answers(counts)) / sum(counts))
    assert (interval.low, interval.high) == pytest.approx((max(0, low), min(100, high)))


def test_the_t_interval_of_ten_answers_by_hand():
    interval = Estimate(n=10, mean=60, se=5, df=9).interval()
    assert t_quantile(9) == pytest.approx(2.262, abs=0.001)
    assert (interval.low, interval.high) == pytest.approx((60 - 11.31, 60 + 11.31), abs=0.01)


def test_a_wider_confidence_makes_a_wider_interval():
    estimate = Estimate(n=10, mean=60, se=5, df=9)
    assert estimate.interval(0.99).low < estimate.interval(0.95).low < estimate.interval(0.8).low


def test_an_interval_is_cut_at_the_ends_of_the_scale():
    assert Estimate(n=10, mean=2, se=5, df=9).interval() == Interval(0, pytest.approx(2 + 11.31, abs=0.01))
    assert Estimate(n=10, mean=98, se=5, df=9).interval() == Interval(pytest.approx(98 - 11.31, abs=0.01), 100)


def test_ten_identical_answers_keep_a_standard_error_of_2_and_a_half():
    estimate = estimate_from_counts((0, 0, 0, 10, 0))
    assert (estimate.mean, estimate.se) == (75, 2.5)


@given(st.integers(2, 500), st.sampled_from(range(5)))
def test_identical_answers_are_as_uncertain_as_if_one_lay_a_score_away(n, score):
    alike, nearly = [0] * 5, [0] * 5
    alike[score] = n
    nearly[score], nearly[score + 1 if score < 4 else 3] = n - 1, 1
    assert estimate_from_counts(alike).se == pytest.approx(estimate_from_counts(nearly).se)


@given(tallies)
@example((0, 0, 0, 0, 2))
@example((500, 0, 0, 0, 0))
def test_an_interval_is_never_nan_holds_its_mean_and_has_a_length(counts):
    estimate = estimate_from_counts(counts)
    interval = estimate.interval()
    assert isfinite(interval.low)
    assert isfinite(interval.high)
    assert 0 <= interval.low <= estimate.mean <= interval.high <= 100
    assert interval.low < interval.high


# Groups of answers that arrive summed up


@given(mixed_tallies, mixed_tallies)
def test_summed_groups_with_their_sd_equal_the_single_answers_together(one, other):
    def group(counts):
        estimate = estimate_from_counts(counts)
        return (estimate.mean, estimate.n, estimate.se * sqrt(estimate.n))

    summed, single = estimate_from_groups([group(one), group(other)]), estimate_from_counts(add_counts([one, other]))
    assert (summed.n, summed.df) == (single.n, single.df)
    assert (summed.mean, summed.se) == pytest.approx((single.mean, single.se))


def test_an_unknown_sd_is_taken_as_the_largest_possible_one():
    estimate = estimate_from_groups([(80, 101, None)])  # √(80·20) = 40, as if 80 % said 100 and the rest 0
    assert estimate.se == pytest.approx(sqrt(101 * 1600 / 100 / 101))


@given(tallies)
def test_an_unknown_sd_never_makes_the_interval_narrower(counts):
    known = estimate_from_counts(counts)
    unknown = estimate_from_groups([(known.mean, known.n, None)])
    assert unknown.se >= known.se * (1 - 1e-9)


def test_no_groups_make_no_estimate():
    assert estimate_from_groups([]) is None


# Sums and weighted means


def test_tallies_are_added_score_by_score():
    assert add_counts([(1, 0, 0, 2, 0), (0, 0, 0, 1, 4)]) == (1, 0, 0, 3, 4)


def test_no_tallies_add_up_to_five_zeros():
    assert add_counts([]) == (0, 0, 0, 0, 0)


def test_tallies_of_different_lengths_are_never_added():
    with pytest.raises(ValueError):
        add_counts([(1, 2, 3, 4, 5), (1, 2, 3)])


def test_a_weighted_mean_of_two_by_hand():
    estimate = weighted_mean([(1, Estimate(20, 80, 3, 19)), (1, Estimate(30, 60, 4, 29))])
    assert (estimate.n, estimate.mean, estimate.se) == (50, 70, 2.5)
    assert estimate.df == pytest.approx(2.5**4 / (1.5**4 / 19 + 2**4 / 29))


def test_only_the_proportion_of_the_weights_counts():
    parts = Estimate(20, 80, 3, 19), Estimate(30, 60, 4, 29)
    one, other = (weighted_mean(zip(weights, parts, strict=True)) for weights in [(0.3, 0.1), (3, 1)])
    assert (one.mean, one.se, one.df) == pytest.approx((75, other.se, other.df))


def test_one_estimate_alone_is_its_own_weighted_mean():
    estimate = weighted_mean([(0.4, Estimate(20, 80, 3, 19))])
    assert (estimate.mean, estimate.se, estimate.df) == pytest.approx((80, 3, 19))


@pytest.mark.parametrize("estimates", [[], [(0, Estimate(20, 80, 3, 19))]])
def test_nothing_with_any_weight_has_no_mean(estimates):
    assert weighted_mean(estimates) is None


# Differences


def test_a_difference_by_hand():
    found = difference(Estimate(21, 70, 3, 20), Estimate(31, 60, 4, 30))
    assert (found.estimate, found.se) == (10, 5)
    assert found.df == pytest.approx(49.7, abs=0.05)
    assert found.interval.low == pytest.approx(10 - 2.009 * 5, abs=0.005)
    assert 0.05 < found.p < 0.052


@given(mixed_tallies, mixed_tallies)
def test_a_difference_is_welchs_on_the_single_answers(one, other):
    found = difference(estimate_from_counts(one), estimate_from_counts(other))
    scipy = stats.ttest_ind(answers(one), answers(other), equal_var=False)
    low, high = scipy.confidence_interval(0.95)
    assert (found.df, found.p) == pytest.approx((scipy.df, scipy.pvalue), abs=1e-12)
    assert (found.interval.low, found.interval.high) == pytest.approx((max(-100, low), min(100, high)), abs=1e-9)


@given(tallies, tallies)
@example((10, 0, 0, 0, 0), (0, 0, 0, 0, 10))
@example((0, 0, 0, 10, 0), (0, 0, 0, 10, 0))
def test_a_difference_stays_on_the_scale_and_turns_its_sign_with_its_sides(one, other):
    there = difference(estimate_from_counts(one), estimate_from_counts(other))
    back = difference(estimate_from_counts(other), estimate_from_counts(one))
    assert -100 <= there.interval.low <= there.estimate <= there.interval.high <= 100
    assert (back.estimate, back.p) == pytest.approx((-there.estimate, there.p))
    assert (back.interval.low, back.interval.high) == pytest.approx((-there.interval.high, -there.interval.low))


@given(tallies, tallies)
def test_p_is_below_5_percent_just_when_the_interval_excludes_0(one, other):
    found = difference(estimate_from_counts(one), estimate_from_counts(other))
    assume(abs(found.p - 0.05) > 1e-9)
    assert (found.p < 0.05) == (found.interval.low > 0 or found.interval.high < 0)


def test_two_equal_means_differ_by_nothing_with_p_1():
    found = difference(estimate_from_counts((0, 0, 0, 10, 0)), estimate_from_counts((0, 0, 0, 20, 0)))
    assert (found.estimate, found.p) == (0, 1)


@pytest.mark.parametrize(("low", "high", "within"), [(-5, 5, True), (-5.01, 5, False), (-5, 5.01, False), (1, 2, True)])
def test_an_interval_lies_within_a_bound_that_it_touches(low, high, within):
    assert Interval(low, high).lies_within(5) is within


# Shares


def test_eight_of_ten_by_hand():
    interval = wilson(8, 10)
    assert (interval.low, interval.high) == pytest.approx((0.717 - 0.227, 0.717 + 0.227), abs=0.001)
    assert (round(interval.low, 2), round(interval.high, 2)) == (0.49, 0.94)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95]))
def test_wilson_is_scipys(share, confidence):
    successes, n = share
    low, high = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    interval = wilson(successes, n, confidence)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)


def test_none_of_ten_starts_at_0_and_ends_at_z2_over_n_plus_z2():
    interval = wilson(0, 10)
    assert (interval.low, interval.high) == pytest.approx((0, 3.8415 / 13.8415), abs=1e-5)


@given(st.integers(1, 400))
def test_none_and_all_mirror_each_other_and_stay_between_0_and_1(n):
    none, all_ = wilson(0, n), wilson(n, n)
    assert 0 <= none.low < 1e-12
    assert 1 - 1e-12 < all_.high <= 1
    assert none.high == pytest.approx(1 - all_.low)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 10), (11, 10), (0, -1)])
def test_a_share_that_cannot_be_is_refused(successes, n):
    with pytest.raises(ValueError, match=f"{successes} in {n}"):
        wilson(successes, n)


# Many comparisons


def test_holm_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})


def test_holm_of_five_by_hand():
    # times 5, 4, 3, 2, 1: 0.025, 0.044, 0.09, 0.08 → 0.09, 0.8
    found = holm({"v": 0.8, "w": 0.03, "x": 0.005, "y": 0.04, "z": 0.011})
    assert found == pytest.approx({"x": 0.025, "z": 0.044, "w": 0.09, "y": 0.09, "v": 0.8})


def test_holm_never_exceeds_1():
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1, "b": 1}


def test_holm_leaves_one_comparison_and_none_as_they_are():
    assert holm({"a": 0.04}) == {"a": 0.04}
    assert holm({}) == {}


def test_holm_treats_equal_p_alike():
    assert holm({"a": 0.02, "b": 0.02}) == {"a": 0.04, "b": 0.04}


@given(st.lists(st.integers(0, 200), min_size=1, max_size=10))
def test_holm_finds_what_stepping_down_by_hand_finds(thousandths):
    p_values = {str(key): p / 1000 for key, p in enumerate(thousandths)}
    found = {key for key, p in holm(p_values).items() if p <= 0.05 + 1e-12}
    expected = set()
    for rank, (key, p) in enumerate(sorted(enumerate(thousandths), key=lambda pair: pair[1])):
        if Fraction(p, 1000) > Fraction(5, 100) / (len(thousandths) - rank):
            break
        expected.add(str(key))
    assert found == expected
