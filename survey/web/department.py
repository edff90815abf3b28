"""HR's page about one department, as provider and as client."""

from dataclasses import dataclass

from flask import Blueprint, render_template

from survey import claims, commitments, hindrances, matrices, releases
from survey.complaints import Clock
from survey.measure.disclosure import Figure
from survey.measure.scale import OVERALL
from survey.models import Department, Wave
from survey.releases import Clients
from survey.shortfalls import Shortfall, shortfall
from survey.summaries import DepartmentSummary, department_summary
from survey.web.access import department_or_404, hr_only, settings
from survey.web.choices import chosen_wave
from survey.web.complaints import clocks_of
from survey.web.frame import today
from survey.web.pictures import department_trend, item_bars
from survey.web.said import said

blueprint = Blueprint("department", __name__, url_prefix="/hr/departments")


@dataclass(frozen=True)
class Portrait:
    """All that a wave says about a department."""

    department: Department
    wave: Wave
    summary: DepartmentSummary
    serves: list[tuple[Clients, Figure]]
    uses: list[tuple[Department, Clients, Figure]]
    trend: list[tuple[Wave, Figure | None]]  # the earliest wave first
    missing: Shortfall | None
    complaints: tuple[tuple[Wave, Clock], ...]  # how soon they had a reply, the latest wave first


def portrait(department: Department, wave: Wave, released: list[Wave]) -> Portrait:
    table = matrices.by_department([wave], OVERALL)
    return Portrait(
        department,
        wave,
        summary=department_summary(wave, department),
        serves=matrices.as_provider(table, department),
        uses=matrices.as_client(table, department),
        trend=releases.trend(department, OVERALL, released[::-1]),
        missing=shortfall(wave, department),
        complaints=clocks_of(wave, released, department.id).of(department.id),
    )


@blueprint.get("/<key>")
@hr_only
def page(key: str) -> str:
    """One department, as provider and as client."""
    found = department_or_404(key)
    released = releases.released_waves()
    wave = chosen_wave(released)
    if wave is None:
        return render_template("department/page.html", department=found, wave=None)
    about = portrait(found, wave, released)
    promised = commitments.of_providers([found.id], today())
    return render_template(
        "department/page.html",
        department=found,
        waves=released,
        wave=wave,
        about=about,
        said=None if about.summary.comments is None else said(found, about.summary.comments),
        excuse=hindrances.excuses(wave, [found.id]).get(found.id),
        promised=promised[found.id],
        record=claims.by_wave(promised)[found.id],
        within=settings().reply_days,
        picture=item_bars(about.summary) if about.summary.lines else None,
        history=department_trend(found, OVERALL, about.trend)
        if sum(bool(figure) for _, figure in about.trend) > 1
        else None,
    )
