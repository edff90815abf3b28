"""Whether clients have noticed what a provider says it has improved: what is shown of their answers, and what it says.

Who cannot say is not counted, as on every item.
"""

from dataclasses import dataclass
from enum import StrEnum

from survey.measure.disclosure import EXACT_FROM, band, whole
from survey.measure.statistics import wilson

CLEAR_MARGIN = 2  # people; with few answers no single one of them decides


class Majority(StrEnum):
    NOTICED = "noticed"  # most noticed it
    DIVIDED = "divided"
    NOT_YET = "not yet"  # most have not noticed it yet


@dataclass(frozen=True)
class Hearing:
    """What is shown of the answers: `share` and `interval` are in whole percent, and only there from ten answers on."""

    people: tuple[int, int | None]  # a band
    majority: Majority
    share: int | None = None  # who noticed it
    interval: tuple[int, int] | None = None

    @property
    def confirms(self) -> bool:
        """A commitment is kept, confirmed by its clients, when most of at least k who could say have noticed it.

        Most are more than half; with fewer than ten answers at least two more than have not.
        """
        return self.majority is Majority.NOTICED


def hearing(noticed: int, not_yet: int, k: int) -> Hearing | None:
    """What may be shown when so many have noticed something and so many have not; None with fewer than `k` answers.

    By hand: 4 of 5 are most; 4 of 7 are divided, since one person could turn it; 7 of 12 are most: 58 % (32 % to 81 %).

    >>> hearing(4, 1, 5).majority, hearing(4, 3, 5).majority, hearing(7, 5, 5).share
    (<Majority.NOTICED: 'noticed'>, <Majority.DIVIDED: 'divided'>, 58)
    """
    n = noticed + not_yet
    if n < k:
        return None
    exact = n >= EXACT_FROM
    majority = _majority(noticed - not_yet, 1 if exact else CLEAR_MARGIN)
    if not exact:
        return Hearing(band(n), majority)
    found = wilson(noticed, n)
    return Hearing(
        band(n), majority, _share(100 * noticed / n, majority), (whole(100 * found.low), whole(100 * found.high))
    )


def _majority(margin: int, clear: int) -> Majority:
    if abs(margin) < clear:
        return Majority.DIVIDED
    return Majority.NOTICED if margin > 0 else Majority.NOT_YET


def _share(percent: float, majority: Majority) -> int:
    """In whole percent, and never rounded onto the half: most are to be seen as most.

    >>> _share(50.4, Majority.NOTICED), _share(49.6, Majority.NOT_YET), _share(50.0, Majority.DIVIDED)
    (51, 49, 50)
    """
    if majority is Majority.NOTICED:
        return max(51, whole(percent))
    return min(49, whole(percent)) if majority is Majority.NOT_YET else whole(percent)
