"""What is missing where colleagues are served badly: attitude, means, or both."""

from collections.abc import Collection
from dataclasses import dataclass

from survey import releases
from survey.measure.disclosure import EXACT_FROM, band, percentages
from survey.measure.excuses import Lack, lack
from survey.measure.scale import MISSING, MISSING_REASONS
from survey.models import Department, Wave


@dataclass(frozen=True)
class Shortfall:
    """What those who gave 1 or 2 all in all say is missing, in whole percent (100 together)."""

    people: tuple[int, int | None]  # a band
    shares: dict[str, int]  # by reason: "attitude", "means", "both"
    lack: Lack  # what they surely name most


def shortfall(wave: Wave, department: Department) -> Shortfall | None:
    """Of a department as provider; None with fewer than ten such answers, as for every share."""
    return shortfalls(wave, [department.id]).get(department.id)


def shortfalls(wave: Wave, only: Collection[int]) -> dict[int, Shortfall]:
    """{provider: its shortfall}, of the providers `only`, by id; those with fewer than ten such answers are missing."""
    enough = max(EXACT_FROM, wave.min_group)
    return {
        provider: _shortfall(counts[: len(MISSING_REASONS)])
        for (provider, _), counts in releases.client_counts(wave, only, [MISSING]).items()
        if sum(counts) >= enough
    }


def _shortfall(counts: tuple[int, ...]) -> Shortfall:
    shares = dict(zip(MISSING_REASONS, percentages(counts), strict=True))
    return Shortfall(band(sum(counts)), shares, lack(counts))
