"""Three mirrors: how a department sees itself, what it expects its clients to say, and what they say."""

from enum import StrEnum
from math import inf
from typing import TypeVar

from survey.measure.scale import points
from survey.measure.statistics import Difference, Estimate, Interval

SELF, PREDICTION = VIEWS = ("self", "prediction")
Reading = TypeVar("Reading", bound=StrEnum)

CLEAR_SIGHTED_WITHIN = 5.0  # points; who is surely no further off than this sees clearly


class Sight(StrEnum):
    """What prediction − clients' score says."""

    CLEAR = "clear"
    BLIND = "blind"  # expects better than the clients say
    MODEST = "modest"  # expects worse
    UNSURE = "unsure"  # these answers cannot tell


class Pride(StrEnum):
    """What self-view − prediction says."""

    CONTENT = "content"
    COMPLACENT = "complacent"  # thinks better of itself than it expects its clients to
    HUMBLE = "humble"
    UNSURE = "unsure"


def sight(blindness: Difference) -> Sight:
    """By the side of 0 on which the whole interval lies; clear when all of it lies within ±5, whatever the side.

    By hand: 75 expected, 54 (49 to 59) found: 21 (16 to 26): blind.
    """
    return _read(blindness.interval, Sight.CLEAR, Sight.BLIND, Sight.MODEST, Sight.UNSURE)


def pride(complacency: Difference) -> Pride:
    return _read(complacency.interval, Pride.CONTENT, Pride.COMPLACENT, Pride.HUMBLE, Pride.UNSURE)


def one_voice(score: int) -> Estimate:
    """One person's view in points. It is what it is: an interval around a difference from it is the other side's.

    >>> one_voice(4).mean, one_voice(4).se
    (75.0, 0.0)
    """
    return Estimate(n=1, mean=points(score), se=0.0, df=inf)


def _read(interval: Interval, near: Reading, above: Reading, below: Reading, unsure: Reading) -> Reading:
    if interval.lies_within(CLEAR_SIGHTED_WITHIN):
        return near
    if interval.low > 0:
        return above
    if interval.high < 0:
        return below
    return unsure
