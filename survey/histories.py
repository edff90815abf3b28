"""Inside and outside over released waves: of the company and of each department, on one item."""

from collections.abc import Sequence
from dataclasses import dataclass

from survey import releases
from survey.measure.statistics import add_counts
from survey.models import Department, Wave
from survey.people import departments
from survey.releases import Sides


@dataclass(frozen=True)
class History:
    """`company` and each department's list have an entry for each of `waves`, the earliest first."""

    waves: tuple[Wave, ...]
    company: tuple[Sides, ...]
    departments: tuple[tuple[Department, tuple[Sides, ...]], ...]  # by name; those that ever had both sides


def history(waves: Sequence[Wave], item: str) -> History:
    """Inside and outside in each of `waves`. Six queries, whatever their number."""
    waves = sorted(waves, key=lambda wave: wave.opens_at)
    sums = {(wave, provider): counts for (wave, provider, _), counts in releases.sums(waves, [item]).items()}
    outside = releases.customers_beside(waves, [item])

    def company(wave: Wave, place: int) -> Sides:
        inside = add_counts(found for (of, _), found in sums.items() if of == wave.id)
        return releases.sides(inside, outside[place].company.get(item), wave.min_group)

    def one(department: Department, wave: Wave, place: int) -> Sides:
        customers = outside[place].departments.get((department.id, item))
        return releases.sides(sums.get((wave.id, department.id)), customers, wave.min_group)

    rows = [
        (department, tuple(one(department, wave, place) for place, wave in enumerate(waves)))
        for department in departments(also={provider for _, provider in sums})
    ]
    return History(
        waves=tuple(waves),
        company=tuple(company(wave, place) for place, wave in enumerate(waves)),
        departments=tuple(row for row in rows if any(sides.gap.difference for sides in row[1])),
    )
