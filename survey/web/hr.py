"""HR's pages: who serves whom how well, and where inside and outside part."""

from flask import Blueprint, Response, abort, render_template, request, url_for
from flask_login import current_user
from werkzeug.utils import secure_filename

from survey import claims, commitments, findings, histories, releases
from survey.charts import to_png
from survey.measure.gaps import State
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import RUNNING, Pulse, Wave
from survey.releases import ProviderResult
from survey.signing import subscriber_token
from survey.turnout import turnouts
from survey.web import pictures
from survey.web.access import department_or_404, hr_only, settings
from survey.web.choices import chosen_item, chosen_wave
from survey.web.frame import today
from survey.web.pictures import (
    HISTORY_WAVES,
    company_over_time,
    gap_dumbbells,
    gap_quadrant,
    gap_rows,
    of_practices,
    practices,
)
from survey.web.planning import to_do

blueprint = Blueprint("hr", __name__, url_prefix="/hr")

DUE_WITHIN_DAYS = 90  # commitments of a quarter are told


@blueprint.get("/")
@hr_only
def overview() -> str:
    """What HR should know within a minute: who is served badly, where we are kinder outside, what changed."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    running = list(Wave.select(Wave, Pulse).join(Pulse).where(Wave.state.in_(RUNNING)).order_by(Wave.closes_at))
    if wave is None:
        return render_template("hr/overview.html", waves=[], wave=None, running=turnouts(running, []), to_do=to_do())
    results, gaps = releases.provider_results(wave), releases.all_gaps(wave)
    *still_open, closed = turnouts([*running, wave], released)
    history = histories.history(releases.waves_until(wave, HISTORY_WAVES), OVERALL)
    return render_template(
        "hr/overview.html",
        waves=released,
        wave=wave,
        running=still_open,
        turnout=closed,
        whole=gaps.company,
        history=history,
        picture=company_over_time(history, OVERALL),
        providers=_ranked(results),
        changed=findings.departments_changed(results, OVERALL),
        badly=findings.badly_served(wave),
        facades=findings.facades(gaps.rows),
        changes=findings.real_changes(results),
        choice=url_for("subscription.choose", token=subscriber_token(current_user.person.id, settings())),
        due=commitments.due(today(), DUE_WITHIN_DAYS),
        due_within_days=DUE_WITHIN_DAYS,
        record=claims.company(),
        to_do=to_do(),
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
    gaps = releases.all_gaps(wave)
    rows, company = gap_rows(gaps, item), gaps.company
    history = histories.history(releases.waves_until(wave, HISTORY_WAVES), item)
    both = [row for row in rows if row.inside and row.outside]
    return render_template(
        "hr/gap.html",
        waves=released,
        wave=wave,
        item=item,
        items=SHOWN_ITEMS,
        rows=rows,
        old=[row.department.name for row in rows if row.outside and row.outside.is_old(wave)],
        whole=company.get(item),
        practices=of_practices(company),
        history=history,
        dumbbells=gap_dumbbells(rows, item, wave) if rows else None,
        quadrant=gap_quadrant(both, company[item], item, wave) if both else None,
        side_by_side=practices(of_practices(company)),
        over_time=company_over_time(history, item),
        states=State,
    )


@blueprint.get("/pictures/<name>.<any(svg, png):kind>")
@hr_only
def picture(name: str, kind: str) -> Response:
    """A picture of HR's pages as a file, to be put into a report."""
    wave = chosen_wave(releases.released_waves()) or abort(404)
    item, key = chosen_item(), request.args.get("department")
    drawn = pictures.picture(name, wave, item, department_or_404(key) if key else None) or abort(404)
    about = [name, *([key] if key else []), item, wave.pulse.key, str(wave.local_date)]
    file_name = secure_filename(f"espejo-{'-'.join(about)}.{kind}")  # a key may be in any letters
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    if kind == "png":
        return Response(to_png(drawn), mimetype="image/png", headers=headers)
    return Response(str(drawn), mimetype="image/svg+xml", headers=headers)


def _ranked(results: list[ProviderResult]) -> list[ProviderResult]:
    """Providers with an overall figure first, best served first; the others by name."""
    return sorted(results, key=lambda found: -found.figures[OVERALL].mean if OVERALL in found.figures else 1)
