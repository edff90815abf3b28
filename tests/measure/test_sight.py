"""How what is expected compares with what is said."""

import pytest

from survey.measure.sight import Pride, Sight, one_voice, pride, sight
from survey.measure.statistics import Difference, Estimate, Interval, difference


def within(low: float, high: float) -> Difference:
    return Difference((low + high) / 2, 1, 30, Interval(low, high), 0.5)


@pytest.mark.parametrize(
    ("low", "high", "seen", "felt"),
    [
        (16, 26, Sight.BLIND, Pride.COMPLACENT),
        (0.1, 5.1, Sight.BLIND, Pride.COMPLACENT),
        (0, 5.1, Sight.UNSURE, Pride.UNSURE),
        (0.1, 5, Sight.CLEAR, Pride.CONTENT),
        (-5, 5, Sight.CLEAR, Pride.CONTENT),
        (-5.1, 5, Sight.UNSURE, Pride.UNSURE),
        (-5.1, 0, Sight.UNSURE, Pride.UNSURE),
        (-5.1, -0.1, Sight.MODEST, Pride.HUMBLE),
    ],
)
def test_the_whole_interval_decides(low: float, high: float, seen: Sight, felt: Pride):
    assert (sight(within(low, high)), pride(within(low, high))) == (seen, felt)


def test_against_one_voice_the_interval_is_the_clients_own():
    clients = Estimate(n=31, mean=54, se=2.5, df=30)
    found = difference(one_voice(4), clients)
    own = clients.interval()
    assert (found.interval.low, found.interval.high) == pytest.approx((75 - own.high, 75 - own.low))
    assert sight(found) is Sight.BLIND
