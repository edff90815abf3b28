"""Inside and outside over released waves: of the company and of each department, on one item."""

from collections.abc import Sequence
from dataclasses import dataclass

from survey import releases
from survey.models import Department, Wave
from survey.people import departments
from survey.releases import NEITHER, Sides


@dataclass(frozen=True)
class History:
    """`company` and each department's list have an entry for each of `waves`, the earliest first."""

    waves: tuple[Wave, ...]
    company: tuple[Sides, ...]
    departments: tuple[tuple[Department, tuple[Sides, ...]], ...]  # by name; those that ever had both sides


def history(waves: Sequence[Wave], item: str) -> History:
    """Inside and outside in each of `waves`. Seven queries at most, whatever their number."""
    waves = sorted(waves, key=lambda wave: wave.opens_at)
    found = releases.both_sides(waves, [item])
    by_wave = [found[wave.id, item] for wave in waves]
    known = {department for both in by_wave for department in both.departments}
    rows = [
        (department, tuple(both.departments.get(department.id, NEITHER) for both in by_wave))
        for department in departments(also=known)
    ]
    return History(
        waves=tuple(waves),
        company=tuple(both.company for both in by_wave),
        departments=tuple(row for row in rows if any(sides.gap.difference for sides in row[1])),
    )
