"""What HR learns about the company when a wave has closed, gathered for its summary mail."""

from dataclasses import dataclass

from survey import deliveries, findings, mirrors, people, releases
from survey.findings import Family, RealChange
from survey.models import Wave
from survey.releases import GapRow
from survey.summaries import Line, Served
from survey.turnout import Participation, turnout_until


@dataclass(frozen=True)
class CompanySummary(Served):
    wave: Wave  # with its pulse
    lines: tuple[Line, ...]  # without change: who answers about whom differs more than how the company serves
    changes: Family[RealChange]  # of all departments and items
    facades: tuple[GapRow, ...]  # the widest first
    turnout: Participation  # of nobody, where fewer than k were asked
    turnout_before: Participation | None
    without_lead: tuple[str, ...]  # departments about which people are asked and of which nobody gets a summary
    unreached: tuple[str, ...]  # people whose address takes no mail


def company_summary(wave: Wave) -> CompanySummary:
    """What `wave` published about the company, and what kept it from being read."""
    wholes = turnout_until(wave, releases.released_waves()).wholes
    gaps = releases.all_gaps(wave)
    return CompanySummary(
        wave=wave,
        lines=tuple(Line(item, sides.inside, None, sides) for item, sides in gaps.company.items() if sides.inside),
        changes=findings.real_changes(releases.provider_results(wave)),
        facades=tuple(findings.facades(gaps.rows)),
        turnout=wholes[0],
        turnout_before=wholes[1] if wholes[1:] and wholes[1].invited else None,
        without_lead=tuple(found.name for found in mirrors.rated(people.departments_without_lead())),
        unreached=tuple(found.person.name for found in deliveries.bounces()),
    )
