"""The excuse gap: what clients say is missing, beside what a lead says hinders."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from survey.measure.statistics import wilson

# What hinders, in the order in which it is asked. The first two are means in the eyes of clients, the last is attitude.
RESOURCES, PEOPLE, CULTURE = HINDRANCES = ("resources", "people", "culture")
NOTHING = "nothing"  # of these; never said together with one of them
REASONS = (*HINDRANCES, NOTHING)

HALF = 0.5


class Lack(StrEnum):
    """What those who are served badly miss."""

    ATTITUDE = "attitude"  # surely more often than means
    MEANS = "means"  # surely more often than attitude
    BOTH = "both"  # surely most of them
    UNSURE = "unsure"  # these answers cannot tell


class Verdict(StrEnum):
    """What comes of setting the two side by side."""

    EXCUSE = "excuse"  # clients miss attitude, the lead names means
    REVERSE = "reverse"  # clients miss means, the lead names the culture
    HALF = "half"  # clients miss both, the lead names one
    UNSEEN = "unseen"  # clients miss something, the lead says that nothing hinders
    AGREED = "agreed"
    UNSURE = "unsure"  # the clients' answers cannot tell
    TOO_FEW = "too few"  # too few clients say what is missing
    UNSAID = "unsaid"  # the lead has said nothing


SIDES = {
    Lack.ATTITUDE: frozenset({Lack.ATTITUDE}),
    Lack.MEANS: frozenset({Lack.MEANS}),
    Lack.BOTH: frozenset({Lack.ATTITUDE, Lack.MEANS}),
}
SIDE_OF = {RESOURCES: Lack.MEANS, PEOPLE: Lack.MEANS, CULTURE: Lack.ATTITUDE}


def lack(counts: Sequence[int]) -> Lack:
    """What is surely missed most, of how many say "attitude", "means" and "both"; there must be one answer at least.

    Attitude or means, when Wilson's interval (1927) for its share of those who name one of them alone lies above one
    half; else both, when the interval for its share of all does.

    By hand: of (14, 3, 8), 14 of 17 name attitude, 59 to 94 %: attitude. Of (6, 4, 2), 6 of 10 do, 31 to 83 %, and 2
    of 12 say both: unsure.

    >>> lack((14, 3, 8)), lack((6, 4, 2)), lack((1, 2, 17))
    (<Lack.ATTITUDE: 'attitude'>, <Lack.UNSURE: 'unsure'>, <Lack.BOTH: 'both'>)
    """
    attitude, means, both = counts
    alone = attitude + means
    if _surely_most(attitude, alone):
        return Lack.ATTITUDE
    if _surely_most(means, alone):
        return Lack.MEANS
    return Lack.BOTH if _surely_most(both, alone + both) else Lack.UNSURE


def verdict(reasons: Collection[str], missed: Lack | None) -> Verdict:
    """What the lead's `reasons` are beside what clients surely miss; None: too few clients have said.

    Limited resources and too many people to deal with are means; a culture that is not turned to the client is
    attitude. Who names what clients miss, be it among other things, agrees with them.

    By hand: "limited resources" beside attitude is the excuse that this is named after; "a culture that is not turned
    to the client" beside means is its reverse.

    >>> verdict(["resources"], Lack.ATTITUDE), verdict(["resources", "culture"], Lack.ATTITUDE)
    (<Verdict.EXCUSE: 'excuse'>, <Verdict.AGREED: 'agreed'>)
    """
    if not reasons:
        return Verdict.UNSAID
    if missed is None:
        return Verdict.TOO_FEW
    if missed is Lack.UNSURE:
        return Verdict.UNSURE
    named = {SIDE_OF[reason] for reason in reasons if reason != NOTHING}
    if not named:
        return Verdict.UNSEEN
    if named >= SIDES[missed]:
        return Verdict.AGREED
    return {Lack.ATTITUDE: Verdict.EXCUSE, Lack.MEANS: Verdict.REVERSE, Lack.BOTH: Verdict.HALF}[missed]


def in_a_row(history: Sequence[Collection[str]]) -> dict[str, int]:
    """In how many waves in a row each reason of the latest was given; `history` begins with the latest.

    A wave in which nobody said anything ends the row: nobody knows what hindered then.

    >>> in_a_row([{"resources", "people"}, {"resources"}, set(), {"resources"}])
    {'resources': 2, 'people': 1}
    """
    found = {reason: 0 for reason in REASONS if history and reason in history[0]}
    for reason in found:
        for said in history:
            if reason not in said:
                break
            found[reason] += 1
    return found


def _surely_most(part: int, of: int) -> bool:
    return of > 0 and wilson(part, of).low > HALF
