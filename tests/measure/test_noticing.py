"""What is shown of who noticed something, on both sides of each limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.measure.noticing import Hearing, Majority, hearing

K = 5
COUNTS = st.integers(0, 300)


def test_below_k_answers_nothing_is_told():
    assert hearing(4, 0, K) is None
    assert hearing(5, 0, K) == Hearing((5, 9), Majority.NOTICED)


@pytest.mark.parametrize(
    ("noticed", "not_yet", "majority"),
    [
        (5, 0, Majority.NOTICED),
        (5, 3, Majority.NOTICED),
        (4, 3, Majority.DIVIDED),  # one person could turn it
        (3, 3, Majority.DIVIDED),
        (3, 4, Majority.DIVIDED),
        (3, 5, Majority.NOT_YET),
        (6, 4, Majority.NOTICED),
        (6, 5, Majority.NOTICED),  # from ten on, more than half are most
        (5, 5, Majority.DIVIDED),
        (5, 6, Majority.NOT_YET),
    ],
)
def test_most_are_more_than_half_and_among_few_not_by_one_person(noticed, not_yet, majority):
    found = hearing(noticed, not_yet, K)
    assert found
    assert found.majority is majority
    assert found.confirms is (majority is Majority.NOTICED)


def test_a_share_and_its_interval_are_told_from_ten_answers_on():
    nine, ten = hearing(8, 1, K), hearing(8, 2, K)
    assert nine == Hearing((5, 9), Majority.NOTICED)
    assert ten == Hearing((10, 19), Majority.NOTICED, 80, (49, 94))  # Wilson's, worked by hand in statistics.wilson


def test_most_are_seen_as_most_however_the_share_is_rounded():
    assert [hearing(*counts, K).share for counts in ((51, 50), (50, 51), (50, 50))] == [51, 49, 50]


@given(COUNTS, COUNTS)
def test_both_sides_mirror_each_other(noticed: int, not_yet: int):
    one, other = hearing(noticed, not_yet, K), hearing(not_yet, noticed, K)
    assert (one is None) == (other is None) == (noticed + not_yet < K)
    if one and other:
        assert not (one.confirms and other.confirms)
        assert (one.majority is Majority.DIVIDED) == (other.majority is Majority.DIVIDED)


@given(COUNTS, COUNTS)
def test_a_share_lies_in_its_interval(noticed: int, not_yet: int):
    found = hearing(noticed, not_yet, K)
    if found and found.interval and found.share is not None:
        low, high = found.interval
        assert 0 <= low <= found.share <= high <= 100
