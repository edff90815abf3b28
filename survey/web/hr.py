"""HR's pages: who serves whom how well, and where inside and outside part."""

from flask import Blueprint, render_template

from survey import releases
from survey.measure.gaps import State
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Pulse, Wave
from survey.releases import GapRow, ProviderResult
from survey.web.access import hr_only
from survey.web.choices import chosen_item, chosen_wave
from survey.web.pictures import gap_dumbbells
from survey.web.planning import to_do

blueprint = Blueprint("hr", __name__, url_prefix="/hr")

LARGEST = 3  # gaps named on the overview


@blueprint.get("/")
@hr_only
def overview() -> str:
    """Participation, the latest release, the largest gaps, and what needs doing."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    gaps = releases.gaps(wave) if wave else []
    open_waves = list(Wave.select(Wave, Pulse).join(Pulse).where(Wave.state == "open").order_by(Wave.closes_at))
    return render_template(
        "hr/overview.html",
        waves=released,
        wave=wave,
        running=[(running, releases.participation(running)) for running in open_waves],
        participation=releases.participation(wave) if wave else [],
        company_figures=releases.company_figures(wave) if wave else {},
        providers=_ranked(releases.provider_results(wave)) if wave else [],
        largest=_largest_facades(gaps),
        to_do=to_do(),
        total=releases.whole_participation,
    )


@blueprint.get("/gap")
@hr_only
def gap() -> str:
    """Inside against outside on one item, the widest gap first."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    item = chosen_item()
    rows = [row for row in releases.gaps(wave) if row.item == item] if wave else []
    rows.sort(key=_gap_order)
    return render_template(
        "hr/gap.html",
        waves=released,
        wave=wave,
        item=item,
        items=SHOWN_ITEMS,
        rows=rows,
        picture=gap_dumbbells(rows, item) if rows else None,
        states=State,
    )


def _ranked(results: list[ProviderResult]) -> list[ProviderResult]:
    """Providers with an overall figure first, best served first; the others by name."""
    return sorted(results, key=lambda found: -found.figures[OVERALL].mean if OVERALL in found.figures else 1)


def _gap_order(row: GapRow) -> tuple[bool, int]:
    """Façades first and the widest of them at the top; rows without a gap last."""
    difference = row.gap.difference
    return difference is None, difference.points if difference else 0


def _largest_facades(gaps: list[GapRow]) -> list[GapRow]:
    return sorted((row for row in gaps if row.gap.state is State.FACADE), key=_gap_order)[:LARGEST]
