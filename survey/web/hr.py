"""HR's pages: who serves whom how well, and where inside and outside part."""

from flask import Blueprint, Response, abort, render_template

from survey import matrices, releases, results
from survey.measure.disclosure import Figure
from survey.measure.gaps import State
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Pulse, Wave
from survey.releases import GapRow, ProviderResult
from survey.summaries import lead_summary
from survey.web.access import department_or_404, hr_only
from survey.web.choices import DIVISION, chosen_clients, chosen_item, chosen_wave, chosen_window
from survey.web.pictures import gap_dumbbells, item_bars
from survey.web.planning import to_do

blueprint = Blueprint("hr", __name__, url_prefix="/hr")

LARGEST = 3  # gaps named on the overview
NEAR, FAR = 5, 15  # points from the company's mean, where a cell's shade changes


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


@blueprint.get("/matrix")
@hr_only
def matrix() -> str:
    """Provider × clients on one item; of several waves together, or with the clients by division, when asked."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    item, over, division = chosen_item(), chosen_window(), chosen_clients() == DIVISION
    window = releases.waves_until(wave, over) if wave else []
    make = matrices.by_division if division else matrices.by_department
    return render_template(
        "hr/matrix.html",
        waves=released,
        wave=wave,
        window=window,
        item=item,
        items=SHOWN_ITEMS,
        matrix=make(window, item) if window else None,
        others=matrices.OTHERS,
        over=over,
        windows=matrices.WINDOWS,
        division=division,
        k=max((found.min_group for found in window), default=0),
        shade=shade,
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


@blueprint.get("/departments/<key>")
@hr_only
def department(key: str) -> str:
    """One department, as provider and as client."""
    found = department_or_404(key)
    released = releases.released_waves()
    wave = chosen_wave(released)
    if wave is None:
        return render_template("hr/department.html", department=found, waves=[], wave=None)
    summary = lead_summary(wave, [found]).departments[0]
    table = matrices.by_department([wave], OVERALL)
    return render_template(
        "hr/department.html",
        department=found,
        waves=released,
        wave=wave,
        summary=summary,
        picture=item_bars(summary) if summary.lines else None,
        trend=releases.trend(found, OVERALL, released[::-1]),
        serves=matrices.as_provider(table, found),
        uses=matrices.as_client(table, found),
    )


@blueprint.get("/results.<any(csv, xlsx, json):form>")
@hr_only
def download(form: str) -> Response:
    """The chosen release as a file."""
    wave = chosen_wave(releases.released_waves()) or abort(404)
    name = f"espejo-{wave.pulse.key}-{wave.local_date}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(results.export(wave, form), mimetype=results.FORMATS[form], headers=headers)


def shade(figure: Figure, company: Figure | None) -> str:
    """The class that colours a cell by its distance from the company's mean: "far-below" … "far-above"."""
    distance = figure.mean - company.mean if company else 0
    if abs(distance) < NEAR:
        return "near"
    side = "above" if distance > 0 else "below"
    return f"far-{side}" if abs(distance) >= FAR else side


def _ranked(results: list[ProviderResult]) -> list[ProviderResult]:
    """Providers with an overall figure first, best served first; the others by name."""
    return sorted(results, key=lambda found: -found.figures[OVERALL].mean if OVERALL in found.figures else 1)


def _gap_order(row: GapRow) -> tuple[bool, int]:
    """Façades first and the widest of them at the top; rows without a gap last."""
    difference = row.gap.difference
    return difference is None, difference.points if difference else 0


def _largest_facades(gaps: list[GapRow]) -> list[GapRow]:
    return sorted((row for row in gaps if row.gap.state is State.FACADE), key=_gap_order)[:LARGEST]
