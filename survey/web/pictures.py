"""The pictures of a page or a mail, with their words in the reader's language."""

from collections.abc import Sequence

from flask import url_for
from flask_babel import gettext as _
from markupsafe import Markup

from survey import wording
from survey.charts import BarRow, DumbbellRow, Mark, Words, bars, dumbbells
from survey.measure.disclosure import Figure
from survey.models import Department, Wave
from survey.plots import Moment, trend_line
from survey.releases import GapRow, OutsideFigure
from survey.summaries import DepartmentSummary


def item_bars(summary: DepartmentSummary) -> Markup:
    """A department's items as bars."""
    rows = [
        BarRow(wording.item_name(line.item), _mark(line.figure), _description(line.figure)) for line in summary.lines
    ]
    return bars(
        rows,
        Words(
            _("How %(department)s serves its clients, 0 to 100", department=summary.department.name),
            _("A bar for each item; the thin line is the interval. The table beside says the same."),
        ),
    )


def department_trend(department: Department, item: str, trend: Sequence[tuple[Wave, Figure | None]]) -> Markup:
    """How a department served in each released wave, the earliest first."""
    moments = [
        Moment(
            day=wave.local_date,
            name=wording.short_day(wave.local_date),
            inside=_mark(figure) if figure else None,
            outside=None,
            description=f"{wording.short_day(wave.local_date)}: {_description(figure)}",
        )
        for wave, figure in trend
        if figure
    ]
    return trend_line(
        moments,
        Words(
            _(
                "%(department)s over time, %(item)s, 0 to 100",
                department=department.name,
                item=wording.item_name(item),
            ),
            _("A mark for each wave; the upright line is the interval. The table beside says the same."),
            inside=_("Inside: colleagues"),
        ),
    )


def gap_dumbbells(rows: Sequence[GapRow], item: str) -> Markup:
    """Inside and outside of each department on one item."""
    drawn = [
        DumbbellRow(
            name=row.department.name,
            inside=_mark(row.inside) if row.inside else None,
            outside=_mark(row.outside) if row.outside else None,
            description=_gap_description(row),
            link=url_for("department.page", key=row.department.key),
        )
        for row in rows
    ]
    return dumbbells(
        drawn,
        Words(
            _("Inside and outside, %(item)s, 0 to 100", item=wording.item_name(item)),
            _(
                "A row for each department, the widest gap first; thin lines are intervals. The table beside says the same."
            ),
            inside=_("Inside: colleagues"),
            outside=_("Outside: customers"),
        ),
    )


def _mark(figure: Figure | OutsideFigure) -> Mark:
    if isinstance(figure, Figure):
        return Mark(figure.mean, figure.interval, wording.mean(figure), hollow=figure.approximate)
    return Mark(figure.mean, figure.interval, str(figure.mean), hollow=figure.attributed)


def _description(figure: Figure) -> str:
    people = wording.people(figure.people)
    if figure.interval is None:
        return _("%(mean)s, from %(people)s answers", mean=wording.mean(figure), people=people)
    return _(
        "%(mean)s (%(interval)s), from %(people)s answers",
        mean=wording.mean(figure),
        interval=wording.interval(figure.interval),
        people=people,
    )


def _gap_description(row: GapRow) -> str:
    return _(
        "%(department)s: inside %(inside)s, outside %(outside)s. %(state)s",
        department=row.department.name,
        inside=wording.mean(row.inside),
        outside=row.outside.mean if row.outside else "–",
        state=wording.state_name(row.gap.state),
    )
