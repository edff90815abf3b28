"""What clients surely miss, what a lead's reasons are beside it, and how long the same ones have been given."""

import pytest

from survey.measure.excuses import HINDRANCES, NOTHING, REASONS, Lack, Verdict, in_a_row, lack, verdict


@pytest.mark.parametrize(
    ("counts", "missed"),
    [
        ((14, 3, 8), Lack.ATTITUDE),  # the worked example
        ((6, 4, 2), Lack.UNSURE),
        ((9, 1, 0), Lack.ATTITUDE),
        ((8, 2, 0), Lack.UNSURE),  # 49 to 94 %: one half is still possible
        ((1, 9, 0), Lack.MEANS),
        ((2, 8, 0), Lack.UNSURE),
        ((0, 0, 10), Lack.BOTH),
        ((1, 1, 8), Lack.UNSURE),
        ((1, 0, 9), Lack.BOTH),
        ((9, 1, 40), Lack.ATTITUDE),  # of those who name one of them alone
        ((5, 5, 0), Lack.UNSURE),
    ],
)
def test_what_is_missed_is_more_than_chance(counts, missed):
    assert lack(counts) is missed


def test_it_does_not_matter_which_of_the_two_is_attitude():
    mirrored = {Lack.ATTITUDE: Lack.MEANS, Lack.MEANS: Lack.ATTITUDE}
    for counts in [(a, m, b) for a in range(0, 20, 3) for m in range(0, 20, 3) for b in (0, 4, 30) if a + m + b]:
        found, turned = lack(counts), lack((counts[1], counts[0], counts[2]))
        assert turned is mirrored.get(found, found)


@pytest.mark.parametrize(
    ("reasons", "missed", "said"),
    [
        (["resources"], Lack.ATTITUDE, Verdict.EXCUSE),
        (["people"], Lack.ATTITUDE, Verdict.EXCUSE),
        (["resources", "people"], Lack.ATTITUDE, Verdict.EXCUSE),
        (["resources", "culture"], Lack.ATTITUDE, Verdict.AGREED),
        (["culture"], Lack.ATTITUDE, Verdict.AGREED),
        (["culture"], Lack.MEANS, Verdict.REVERSE),
        (["people"], Lack.MEANS, Verdict.AGREED),
        (["culture", "people"], Lack.MEANS, Verdict.AGREED),
        (["resources"], Lack.BOTH, Verdict.HALF),
        (["culture"], Lack.BOTH, Verdict.HALF),
        (["people", "culture"], Lack.BOTH, Verdict.AGREED),
        ([NOTHING], Lack.ATTITUDE, Verdict.UNSEEN),
        ([NOTHING], Lack.BOTH, Verdict.UNSEEN),
        ([NOTHING, "resources"], Lack.ATTITUDE, Verdict.EXCUSE),  # two leads
        ([], Lack.ATTITUDE, Verdict.UNSAID),
        ([], None, Verdict.UNSAID),
        (["resources"], None, Verdict.TOO_FEW),
        (["resources"], Lack.UNSURE, Verdict.UNSURE),
        ([NOTHING], Lack.UNSURE, Verdict.UNSURE),
    ],
)
def test_a_reason_beside_what_is_missed(reasons, missed, said):
    assert verdict(reasons, missed) is said


def test_every_reason_falls_on_one_side():
    for reason in HINDRANCES:
        agreed = [missed for missed in (Lack.ATTITUDE, Lack.MEANS) if verdict([reason], missed) is Verdict.AGREED]
        assert len(agreed) == 1


@pytest.mark.parametrize(
    ("history", "rows"),
    [
        ([], {}),
        ([set()], {}),
        ([{"resources"}], {"resources": 1}),
        ([{"resources"}, {"resources"}, {"resources", "people"}], {"resources": 3}),
        ([{"people", "resources"}, {"resources"}], {"resources": 2, "people": 1}),
        ([{"resources"}, set(), {"resources"}], {"resources": 1}),  # nobody knows what hindered between
        ([set(), {"resources"}], {}),
        ([{NOTHING}, {NOTHING}], {NOTHING: 2}),
    ],
)
def test_waves_in_a_row_are_counted_back_from_the_latest(history, rows):
    assert in_a_row(history) == rows


def test_reasons_come_in_the_order_in_which_they_are_asked():
    assert tuple(in_a_row([set(REASONS)])) == REASONS
