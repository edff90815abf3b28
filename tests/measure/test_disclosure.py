"""What may be shown about groups of people: who stands alone, and how exact a figure is."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.measure.disclosure import (
    COMMENTS_FROM,
    EXACT_FROM,
    Change,
    Figure,
    Merged,
    as_change,
    band,
    change,
    common_groups,
    exact_estimate,
    figure,
    merge,
    whole,
)
from survey.measure.scale import SCORES
from survey.measure.statistics import Difference, Interval, estimate_from_counts

settings.register_profile("measure", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("measure")


def tally(scores):
    """How many of each score."""
    counted = Counter(scores)
    return tuple(counted[score] for score in SCORES)


def tallies(least, most):
    return st.lists(st.sampled_from(SCORES), min_size=least, max_size=most).map(tally)


companies = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12))
ks = st.integers(3, 8)


# Who stands alone


def test_a_group_of_four_is_never_shown_alone():
    assert merge({"finance": 12, "it": 4}, 5) == Merged(alone=(), together=("finance", "it"))


def test_a_group_of_five_is_shown_alone():
    assert merge({"finance": 12, "it": 5}, 5) == Merged(alone=("finance", "it"), together=())


def test_small_groups_that_suffice_together_leave_the_others_alone():
    assert merge({"finance": 12, "it": 3, "legal": 2}, 5) == Merged(alone=("finance",), together=("it", "legal"))


def test_small_groups_that_do_not_suffice_take_the_smallest_one_with_them():
    assert merge({"finance": 12, "it": 6, "legal": 2}, 5) == Merged(alone=("finance",), together=("it", "legal"))


def test_of_two_smallest_groups_the_lower_key_joins():
    assert merge({"b": 6, "a": 6, "c": 9, "d": 1}, 5) == Merged(alone=("b", "c"), together=("a", "d"))


def test_departments_known_by_number_merge_by_number():
    assert merge({10: 6, 9: 6, 30: 1}, 5) == Merged(alone=(10,), together=(9, 30))


def test_four_people_in_all_publish_nothing():
    assert merge({"it": 2, "legal": 2}, 5) is None


def test_five_people_in_all_are_shown_together():
    assert merge({"it": 2, "legal": 3}, 5) == Merged(alone=(), together=("it", "legal"))


def test_a_group_without_anybody_is_left_out():
    assert merge({"finance": 5, "it": 0}, 5) == Merged(alone=("finance",), together=())


def test_a_company_without_anybody_publishes_nothing():
    assert merge({}, 5) is None


@given(companies, ks)
def test_nothing_is_shown_just_when_all_together_are_too_few(people, k):
    assert (merge(people, k) is None) == (sum(people.values()) < k)


@given(companies, ks)
def test_everybody_is_in_one_place_and_no_place_is_below_k(people, k):
    if merged := merge(people, k):
        assert sorted(merged.alone + merged.together) == sorted(group for group, n in people.items() if n)
        assert all(people[group] >= k for group in merged.alone)
        assert not merged.together or sum(people[group] for group in merged.together) >= k


@given(companies, ks)
def test_together_is_never_one_group_under_another_name(people, k):
    if merged := merge(people, k):
        assert len(merged.together) != 1


@given(companies, ks)
def test_no_more_groups_join_than_needed_and_the_smallest_first(people, k):
    if merged := merge(people, k):
        joined = sorted((people[group], group) for group in merged.together if people[group] >= k)
        assert all(pair < (people[group], group) for pair in joined for group in merged.alone)
        if joined:
            assert sum(people[group] for group in merged.together) - joined[-1][0] < k


@given(companies, ks, st.randoms(use_true_random=False))
def test_the_order_in_which_groups_are_counted_changes_nothing(people, k, random):
    shuffled = list(people.items())
    random.shuffle(shuffled)
    assert merge(dict(shuffled), k) == merge(people, k)


@given(companies, ks, st.integers(1, 9))
def test_more_people_in_a_group_that_stands_alone_change_nothing(people, k, more):
    merged = merge(people, k)
    for group in merged.alone if merged else ():
        assert merge({**people, group: people[group] + more}, k) == merged


@given(companies, ks, st.sampled_from("abcdefgh"))
def test_one_person_more_never_hides_a_company_that_was_shown(people, k, group):
    if merge(people, k):
        assert merge({**people, group: people.get(group, 0) + 1}, k)


# Bands


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (3, (3, 4)),
        (4, (3, 4)),
        (5, (5, 9)),
        (9, (5, 9)),
        (10, (10, 19)),
        (19, (10, 19)),
        (20, (20, 49)),
        (49, (20, 49)),
        (50, (50, 99)),
        (99, (50, 99)),
        (100, (100, None)),
        (5000, (100, None)),
    ],
)
def test_people_are_told_in_bands(n, expected):
    assert band(n) == expected


@given(st.integers(3, 10_000))
def test_everybody_lies_in_the_band_told(n):
    first, last = band(n)
    assert first <= n <= (last or n)


# Figures


@pytest.mark.parametrize("k", [3, 5, 8, 12])
def test_a_figure_needs_k_answers(k):
    assert figure((0, 0, 0, k - 1, 0), k) is None
    assert figure((0, 0, 0, k, 0), k) is not None


def test_nine_answers_are_told_to_the_nearest_5_and_nothing_more():
    # five 4s and four 5s: 86.1
    assert figure((0, 0, 0, 5, 4), 5) == Figure(people=(5, 9), mean=85, approximate=True)


def test_ten_answers_are_told_exactly():
    # five 4s and five 5s: 87.5, SD √(10·12.5²/9) = 13.18, SE 4.17, ± 2.262·4.17 = 9.4
    assert figure((0, 0, 0, 5, 5), 5) == Figure(
        people=(10, 19),
        mean=88,
        approximate=False,
        interval=(78, 97),
        favourable=100,
        distribution=(0, 0, 0, 50, 50),
    )


def test_ten_identical_answers_keep_an_interval():
    assert figure((0, 0, 0, 10, 0), 5).interval == (69, 81)  # 75 ± 2.262·2.5


def test_a_k_above_ten_keeps_ten_answers_hidden():
    assert figure((0, 0, 0, 5, 6), 12) is None
    assert not figure((0, 0, 0, 6, 6), 12).approximate


@given(tallies(3, EXACT_FROM - 1))
def test_below_ten_answers_only_a_multiple_of_5_is_told(counts):
    shown = figure(counts, 3)
    assert shown == Figure(people=band(sum(counts)), mean=shown.mean, approximate=True)
    assert shown.mean % 5 == 0
    assert abs(shown.mean - estimate_from_counts(counts).mean) <= 5


@pytest.mark.parametrize(("counts", "mean"), [((0, 0, 0, 0, 6), 95), ((6, 0, 0, 0, 0), 5)])
def test_below_ten_answers_no_mean_says_that_all_agreed(counts, mean):
    assert figure(counts, 5).mean == mean


@given(tallies(EXACT_FROM, 60))
def test_from_ten_answers_every_number_is_whole_and_on_the_scale(counts):
    shown = figure(counts, 5)
    told = (shown.mean, *shown.interval, shown.favourable, *shown.distribution)
    assert all(type(number) is int and 0 <= number <= 100 for number in told)
    assert shown.interval[0] <= shown.mean <= shown.interval[1]
    assert not shown.approximate


@given(tallies(EXACT_FROM, 60))
def test_a_distribution_misses_100_by_two_at_most(counts):
    assert abs(sum(figure(counts, 5).distribution) - 100) <= 2  # five parts, each rounded by half a percent at most


@given(st.integers(0, 100), st.integers(EXACT_FROM, 100))
def test_where_4_is_the_only_favourable_answer_its_share_is_the_favourable_one(fours, threes):
    shown = figure((0, 0, threes, fours, 0), 5)
    assert shown.favourable == shown.distribution[3]


def test_the_distribution_adds_up_and_favourable_is_what_its_ends_show():
    shown = figure((0, 0, 17, 23, 0), 5)
    assert sum(shown.distribution) == 100
    assert shown.favourable == shown.distribution[3] + shown.distribution[4]


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (0.49, 0), (0.5, 1), (1.5, 2), (2.5, 3), (-0.49, 0), (-0.5, -1), (-2.5, -3)]
)
def test_halves_round_away_from_zero(value, expected):
    assert whole(value) == expected


# Changes


def test_an_exact_estimate_needs_ten_answers():
    assert exact_estimate((0, 0, 0, 9, 0), 5) is None
    assert exact_estimate((0, 0, 0, 10, 0), 5) == estimate_from_counts((0, 0, 0, 10, 0))


def test_an_exact_estimate_needs_k_answers_where_k_is_above_ten():
    assert exact_estimate((0, 0, 0, 11, 0), 12) is None
    assert exact_estimate((0, 0, 0, 12, 0), 12) is not None


def test_a_change_needs_ten_answers_both_times():
    nine, ten = (0, 0, 0, 4, 5), (0, 0, 0, 5, 5)
    assert change(nine, ten, 5) is None
    assert change(ten, nine, 5) is None
    assert change(ten, ten, 5) == Change(points=0, interval=(-12, 12), p=1)  # SE 4.17·√2 = 5.89, t(18) 2.101


def test_a_change_is_what_a_reader_gets_by_subtracting():
    # 62.5 shows as 63 and 50.25 as 50: a reader finds 13, although the means differ by 12.25
    now, before = (0, 0, 50, 50, 0), (0, 0, 99, 1, 0)
    assert (figure(now, 5).mean, figure(before, 5).mean) == (63, 50)
    assert change(now, before, 5).points == 13


@given(tallies(EXACT_FROM, 60), tallies(EXACT_FROM, 60))
def test_a_change_agrees_with_the_two_figures_beside_it(now, before):
    found = change(now, before, 5)
    assert found.points == figure(now, 5).mean - figure(before, 5).mean
    assert -100 <= found.interval[0] <= found.interval[1] <= 100
    assert change(before, now, 5).points == -found.points


@pytest.mark.parametrize(("p", "real"), [(0.0499, True), (0.05, False)])
def test_a_change_is_real_below_5_percent(p, real):
    assert as_change(Difference(3, 1, 40, Interval(1, 5), p), shown_points=3).is_real is real


def test_comments_wait_for_ten_raters():
    assert COMMENTS_FROM == 10


# Further views


@st.composite
def partitions(draw):
    """Some of eight departments, in groups: what one wave publishes of a provider."""
    labels = draw(st.dictionaries(st.integers(1, 8), st.integers(0, 3), max_size=8))
    return [frozenset(key for key in labels if labels[key] == label) for label in set(labels.values())]


windows = st.lists(partitions(), max_size=4)


def test_without_any_partition_there_are_no_groups():
    assert common_groups([]) == common_groups([[], []]) == []


def test_of_one_partition_its_own_groups_are_the_finest():
    assert common_groups([[frozenset("b"), frozenset("ac")]]) == [frozenset("ac"), frozenset("b")]


def test_groups_that_overlap_are_joined_and_others_are_not():
    apart = [[frozenset("a"), frozenset("b"), frozenset("cd")], [frozenset("a"), frozenset("bc"), frozenset("d")]]
    assert common_groups(apart) == [frozenset("a"), frozenset("bcd")]


def test_a_chain_of_overlaps_is_one_group():
    assert common_groups([[frozenset("ab"), frozenset("cd")], [frozenset("bc"), frozenset("de")]]) == [
        frozenset("abcde")
    ]


@given(windows)
def test_every_published_group_lies_whole_in_one_common_group(window):
    found = common_groups(window)
    for group in (group for partition in window for group in partition):
        assert [group <= common for common in found].count(True) == 1
        assert [bool(group & common) for common in found].count(True) == 1


@given(windows)
def test_common_groups_share_no_department_and_leave_none_out(window):
    everybody = sorted(member for common in common_groups(window) for member in common)
    assert everybody == sorted({member for partition in window for group in partition for member in group})


@given(windows)
def test_common_groups_are_the_finest(window):
    """Whichever way a common group is cut in two, some published group is cut as well."""
    published = [group for partition in window for group in partition]
    for common in common_groups(window):
        members = sorted(common)
        for cut in range(1, 2 ** (len(members) - 1)):
            part = frozenset(member for place, member in enumerate(members) if cut >> place & 1)
            assert any(group & part and group - part for group in published if group <= common)


@given(windows, st.randoms(use_true_random=False))
def test_the_order_of_waves_and_groups_changes_no_common_group(window, random):
    shuffled = [random.sample(partition, len(partition)) for partition in random.sample(window, len(window))]
    assert common_groups(shuffled) == common_groups(window)


@given(windows)
def test_joining_what_is_joined_changes_nothing(window):
    found = common_groups(window)
    assert common_groups([found]) == common_groups([*window, found]) == found
