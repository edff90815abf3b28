"""HR's pages: who serves whom how well, and where inside and outside part."""

from flask import Blueprint, Response, abort, render_template, request

from survey import findings, histories, matrices, releases, results
from survey.charts import to_png
from survey.measure.disclosure import Figure
from survey.measure.gaps import State
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Pulse, Wave
from survey.releases import ProviderResult
from survey.summaries import lead_summary
from survey.turnout import turnout_until, turnouts
from survey.web import pictures
from survey.web.access import department_or_404, hr_only
from survey.web.choices import DIVISION, chosen_clients, chosen_item, chosen_wave, chosen_window
from survey.web.pictures import (
    HISTORY_WAVES,
    company_over_time,
    gap_dumbbells,
    gap_quadrant,
    gap_rows,
    item_bars,
    of_practices,
    practices,
)
from survey.web.planning import to_do

blueprint = Blueprint("hr", __name__, url_prefix="/hr")

NEAR, FAR = 5, 15  # points from the company's mean, where a cell's shade changes


@blueprint.get("/")
@hr_only
def overview() -> str:
    """What HR should know within a minute: who is served badly, where we are kinder outside, what changed."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    running = list(Wave.select(Wave, Pulse).join(Pulse).where(Wave.state == "open").order_by(Wave.closes_at))
    if wave is None:
        return render_template("hr/overview.html", waves=[], wave=None, running=turnouts(running, []), to_do=to_do())
    results = releases.provider_results(wave)
    history = histories.history(releases.waves_until(wave, HISTORY_WAVES), OVERALL)
    return render_template(
        "hr/overview.html",
        waves=released,
        wave=wave,
        running=turnouts(running, released),
        turnout=turnout_until(wave, released),
        company=histories.company_items(wave),
        history=history,
        picture=company_over_time(history, OVERALL),
        providers=_ranked(results),
        badly=findings.badly_served(wave),
        facades=findings.facades(releases.gaps(wave)),
        changes=findings.real_changes(results),
        to_do=to_do(),
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
    """Inside against outside on one item: of each department, of the practices side by side, and over time."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    item = chosen_item()
    if wave is None:
        return render_template("hr/gap.html", waves=[], wave=None)
    rows = gap_rows(wave, item)
    company = histories.company_items(wave)
    history = histories.history(releases.waves_until(wave, HISTORY_WAVES), item)
    both = [row for row in rows if row.inside and row.outside]
    return render_template(
        "hr/gap.html",
        waves=released,
        wave=wave,
        item=item,
        items=SHOWN_ITEMS,
        rows=rows,
        company=company.get(item),
        practices=of_practices(company),
        history=history,
        dumbbells=gap_dumbbells(rows, item, wave) if rows else None,
        quadrant=gap_quadrant(both, company[item], item, wave) if both else None,
        side_by_side=practices(of_practices(company)),
        over_time=company_over_time(history, item),
        states=State,
    )


@blueprint.get("/pictures/<name>.<any(svg, png):form>")
@hr_only
def picture(name: str, form: str) -> Response:
    """A picture of HR's pages as a file, to be put into a report."""
    wave = chosen_wave(releases.released_waves()) or abort(404)
    item, key = chosen_item(), request.args.get("department")
    drawn = pictures.picture(name, wave, item, department_or_404(key) if key else None) or abort(404)
    about = [name, *([key] if key else []), item, wave.pulse.key, str(wave.local_date)]
    headers = {"Content-Disposition": f'attachment; filename="espejo-{"-".join(about)}.{form}"'}
    if form == "png":
        return Response(to_png(drawn), mimetype="image/png", headers=headers)
    return Response(str(drawn), mimetype="image/svg+xml", headers=headers)


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
