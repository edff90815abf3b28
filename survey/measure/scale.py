"""The items, their answers, and the way from a score to points."""

PRACTICES = ("promises", "diligence", "flexibility", "openness", "improvement")
OVERALL = "overall"
ITEMS = (*PRACTICES, OVERALL)  # in the order in which they are asked
SHOWN_ITEMS = (OVERALL, *PRACTICES)  # in the order in which results are read

SCORES = (1, 2, 3, 4, 5)  # 1 never / very badly … 5 always / very well
LOW_SCORES = (1, 2)  # an `overall` of these asks what is missing

MISSING = "missing"  # the item behind a low `overall`
MISSING_REASONS = ("attitude", "means", "both")  # tallied as answers 1, 2 and 3

COMMENT_KINDS = ("thanks", "complaint", "suggestion")

STEP_POINTS = 25.0  # what one score up or down is worth on the 0–100 scale


def points(score: float, low: float = 1, high: float = 5) -> float:
    """A score on the scale `low`–`high` as points, 0–100 (percent of maximum possible; Cohen et al. 1999).

    By hand: 4 on 1–5 is 100·(4−1)/(5−1) = 75.

    >>> [points(score) for score in SCORES]
    [0.0, 25.0, 50.0, 75.0, 100.0]

    Raises ValueError when the score lies outside the scale or the scale has no length.
    """
    if not low < high:
        raise ValueError(f"A scale needs a lowest score below its highest; found {low:g}–{high:g}.")
    if not low <= score <= high:
        raise ValueError(f"The score {score:g} is not on the scale {low:g}–{high:g}.")
    return 100 * (score - low) / (high - low)
