"""HR's page about one department, as provider and as client."""

from flask import Blueprint, render_template

from survey import matrices, releases
from survey.measure.scale import OVERALL
from survey.summaries import lead_summary
from survey.web.access import department_or_404, hr_only
from survey.web.choices import chosen_wave
from survey.web.pictures import item_bars

blueprint = Blueprint("department", __name__, url_prefix="/hr/departments")


@blueprint.get("/<key>")
@hr_only
def page(key: str) -> str:
    """One department, as provider and as client."""
    found = department_or_404(key)
    released = releases.released_waves()
    wave = chosen_wave(released)
    if wave is None:
        return render_template("department/page.html", department=found, waves=[], wave=None)
    summary = lead_summary(wave, [found]).departments[0]
    table = matrices.by_department([wave], OVERALL)
    return render_template(
        "department/page.html",
        department=found,
        waves=released,
        wave=wave,
        summary=summary,
        picture=item_bars(summary) if summary.lines else None,
        trend=releases.trend(found, OVERALL, released[::-1]),
        serves=matrices.as_provider(table, found),
        uses=matrices.as_client(table, found),
    )
