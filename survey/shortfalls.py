"""What is missing where colleagues are served badly: attitude, means, or both."""

from dataclasses import dataclass

from survey import releases
from survey.measure.disclosure import EXACT_FROM, band, percentages
from survey.measure.scale import MISSING, MISSING_REASONS
from survey.models import Department, Wave


@dataclass(frozen=True)
class Shortfall:
    """What those who gave 1 or 2 all in all say is missing, in whole percent (100 together)."""

    people: tuple[int, int | None]  # a band
    shares: dict[str, int]  # by reason: "attitude", "means", "both"


def shortfall(wave: Wave, department: Department) -> Shortfall | None:
    """Of a department as provider; None with fewer than ten such answers, as for every share."""
    counts = releases.client_counts(wave, [department.id], [MISSING]).get((department.id, MISSING), ())
    if sum(counts) < max(EXACT_FROM, wave.min_group):
        return None
    shares = percentages(counts[: len(MISSING_REASONS)])
    return Shortfall(band(sum(counts)), dict(zip(MISSING_REASONS, shares, strict=True)))
