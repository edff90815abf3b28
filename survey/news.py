"""What matters most in what a wave has published: one piece of news, chosen by rule and never by chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from survey.company import CompanySummary
from survey.findings import RealChange
from survey.measure.disclosure import SIGNIFICANT
from survey.measure.gaps import State
from survey.measure.scale import OVERALL
from survey.measure.sight import Sight
from survey.measure.statistics import holm
from survey.reflections import LeadReflection, Reflection
from survey.releases import GapRow
from survey.summaries import Line, Served

Mirror = TypeVar("Mirror", Reflection, LeadReflection)

GOOD, HARD = 60, 75  # points: a strongest practice is praised from GOOD on, a weakest one is called hard below HARD


class Kind(Enum):
    CHANGE = "change"
    WEAKEST = "weakest"
    GAP = "gap"


@dataclass(frozen=True)
class News:
    """What kind of news it is, and the line of the summary that it stands in."""

    kind: Kind
    line: Line


def news(summary: Served) -> News | None:
    """The largest real change; else the weakest practice; else the widest gap that is one; else nothing.

    A change is real here when it stays so although several items were looked at (Holm 1979). Of two that are equal the
    one that is read first counts: all in all before the practices, these in their order.
    """
    if (line := _largest_change(summary)) is not None:
        return News(Kind.CHANGE, line)
    if (line := hardest(summary)) is not None:
        return News(Kind.WEAKEST, line)
    if (line := _widest_gap(summary)) is not None:
        return News(Kind.GAP, line)
    return None


def company_news(found: CompanySummary) -> RealChange | Line | GapRow | None:
    """The same of the company: the largest real change of a department; else the weakest practice; else a façade."""
    if found.changes.found:
        return found.changes.found[0]
    return hardest(found) or next(iter(found.facades), None)


def telling(mirrors: Sequence[Mirror]) -> list[Mirror]:
    """Of a department's mirrors, by item, those worth a sentence: all in all, and where sight surely errs most."""
    missed = [one for one in mirrors if one.item != OVERALL and one.sight in (Sight.BLIND, Sight.MODEST)]
    furthest = max(missed, key=lambda one: abs(one.blindness.points) if one.blindness else 0, default=None)
    return [one for one in mirrors if one.item == OVERALL or one is furthest]


def real_changes(summary: Served) -> list[Line]:
    """The lines that changed by more than chance, all items taken together; in the summary's order."""
    changes = {line.item: line.change.p for line in summary.lines if line.change is not None}
    corrected = holm(changes)
    return [line for line in summary.lines if corrected.get(line.item, 1.0) < SIGNIFICANT]


def praised(summary: Served) -> Line | None:
    """The strongest practice, when it is a strength: not the only one known, and at least GOOD points."""
    found = summary.strongest
    return found if found and _differs(summary) and found.figure.mean >= GOOD else None


def hardest(summary: Served) -> Line | None:
    """The weakest practice, when there is something to do: not the only one known, and below HARD points."""
    found = summary.weakest
    return found if found and _differs(summary) and found.figure.mean < HARD else None


def _differs(summary: Served) -> bool:
    means = {line.figure.mean for line in summary.practices}
    return len(means) > 1


def _largest_change(summary: Served) -> Line | None:
    return max(real_changes(summary), key=lambda line: abs(line.change.points) if line.change else 0, default=None)


def _widest_gap(summary: Served) -> Line | None:
    gaps = {
        line.item: abs(line.gap.gap.difference.points)
        for line in summary.lines
        if line.gap and line.gap.gap.difference and line.gap.gap.state in (State.FACADE, State.INWARD)
    }
    widest = max(gaps, key=lambda item: (gaps[item], item == OVERALL), default=None)
    return next((line for line in summary.lines if line.item == widest), None)
