"""One lead's results after a wave, gathered for the summary mail and the lead's page alike."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from survey import releases
from survey.measure.disclosure import Change, Figure
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Department, Pulse, Wave
from survey.people import departments_below
from survey.releases import GapRow, PublicComment, Sides


@dataclass(frozen=True)
class Line:
    """One item of a department, or of the company."""

    item: str
    figure: Figure
    change: Change | None
    gap: Sides | None


class Served:
    """How a department, or the company, serves: its lines, all in all first; none when nothing may be shown."""

    lines: tuple[Line, ...]

    @property
    def overall(self) -> Line | None:
        return next((line for line in self.lines if line.item == OVERALL), None)

    @property
    def practices(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.item != OVERALL)

    @property
    def strongest(self) -> Line | None:
        return max(self.practices, key=lambda line: line.figure.mean, default=None)

    @property
    def weakest(self) -> Line | None:
        return min(self.practices, key=lambda line: line.figure.mean, default=None)


@dataclass(frozen=True)
class DepartmentSummary(Served):
    department: Department
    raters: tuple[int, int | None] | None  # a band of people; none when nothing may be shown
    lines: tuple[Line, ...]
    comments: tuple[PublicComment, ...] | None  # none when too few people rated for any to be shown

    @property
    def comment_counts(self) -> Counter[str]:
        return Counter(comment.kind for comment in self.comments or ())


@dataclass(frozen=True)
class DivisionSummary:
    """The departments of a division, by name, as its head sees them: figures, and no comments."""

    division: Department
    departments: tuple[DepartmentSummary, ...]


@dataclass(frozen=True)
class LeadSummary:
    wave: Wave
    pulse: Pulse
    departments: tuple[DepartmentSummary, ...]
    divisions: tuple[DivisionSummary, ...]


def lead_summary(wave: Wave, departments: Sequence[Department]) -> LeadSummary:
    """What `wave` published about `departments`, in their order; of divisions, about the departments in them."""
    below = departments_below(department.id for department in departments)
    ids = {department.id for department in departments}
    results = {result.department.id: result for result in releases.provider_results(wave)}
    inside = ids | {part.id for parts in below.values() for part in parts}
    gaps = {(row.department.id, row.item): row for row in releases.gaps(wave, inside)}
    comments = releases.comments(wave, ids)
    return LeadSummary(
        wave=wave,
        pulse=wave.pulse,
        departments=tuple(
            _department_summary(department, results.get(department.id), gaps, comments.get(department.id))
            for department in departments
            if department.id not in below or (department.id in results and results[department.id].figures)
        ),
        divisions=tuple(
            DivisionSummary(
                department,
                tuple(_department_summary(part, results.get(part.id), gaps, None) for part in below[department.id]),
            )
            for department in departments
            if department.id in below
        ),
    )


def department_summary(wave: Wave, department: Department) -> DepartmentSummary:
    """What `wave` published about one department, be it a division too."""
    result = next((found for found in releases.provider_results(wave) if found.department == department), None)
    gaps = {(row.department.id, row.item): row for row in releases.gaps(wave, [department.id])}
    return _department_summary(department, result, gaps, releases.comments(wave, [department.id]).get(department.id))


def _department_summary(
    department: Department,
    result: releases.ProviderResult | None,
    gaps: dict[tuple[int, str], GapRow],
    comments: list[PublicComment] | None,
) -> DepartmentSummary:
    if result is None or not result.figures:
        return DepartmentSummary(department, None, (), None)
    lines = tuple(
        Line(item, result.figures[item], result.changes.get(item), gaps.get((department.id, item)))
        for item in SHOWN_ITEMS
        if item in result.figures
    )
    return DepartmentSummary(department, result.raters, lines, None if comments is None else tuple(comments))
