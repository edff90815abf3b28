"""The pictures of a page or a mail, with their words in the reader's language."""

from collections.abc import Mapping, Sequence

from flask import url_for
from flask_babel import gettext as _
from markupsafe import Markup

from survey import findings, histories, releases, wording
from survey.charts import BarRow, DumbbellRow, Mark, Words, bars, dumbbells
from survey.histories import History
from survey.measure.disclosure import Figure
from survey.measure.gaps import State
from survey.measure.scale import PRACTICES
from survey.models import Department, Wave
from survey.plots import Corners, Moment, Spot, quadrant, trend_line
from survey.releases import GapRow, Gaps, OutsideFigure, Sides
from survey.summaries import DepartmentSummary, department_summary
from survey.web import gap_words

MIDDLE = 50  # of the scale, where the company has no mean to part the square at


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


def gap_dumbbells(rows: Sequence[GapRow], item: str, wave: Wave | None = None) -> Markup:
    """Inside and outside of each department on one item, in the order of `rows`."""
    drawn = [
        DumbbellRow(
            name=row.department.name,
            inside=_mark(row.inside) if row.inside else None,
            outside=_mark(row.outside) if row.outside else None,
            description=_gap_description(row.department.name, row),
            link=_department_page(row.department, wave),
        )
        for row in rows
    ]
    return dumbbells(
        drawn,
        _two_sides(
            _("Inside and outside, %(item)s, 0 to 100", item=wording.item_name(item)),
            _("A row for each department, the widest gap first; thin lines are intervals, hollow marks less sure."),
        ),
    )


def gap_quadrant(rows: Sequence[GapRow], company: Sides, item: str, wave: Wave | None = None) -> Markup:
    """Each department that has both sides, in the square of inside × outside that parts at the company's means."""
    spots = [
        Spot(
            name=row.department.name,
            inside=_mark(row.inside),
            outside=_mark(row.outside),
            description=_gap_description(row.department.name, row),
            link=_department_page(row.department, wave),
        )
        for row in rows
        if row.inside and row.outside
    ]
    corners = Corners(
        facade=gap_words.state_name(State.FACADE),
        both_well=_("Both well"),
        both_badly=_("Both badly"),
        inward=gap_words.state_name(State.INWARD),
        inside=company.inside.mean if company.inside else MIDDLE,
        outside=company.outside.mean if company.outside else MIDDLE,
    )
    return quadrant(
        spots,
        corners,
        _two_sides(
            _("Inside and outside of each department, %(item)s", item=wording.item_name(item)),
            _("Further right is better inside, higher is better outside; on the dotted line both are alike."),
        ),
    )


def practices(sides: Mapping[str, Sides]) -> Markup:
    """The company's inside and outside on each item that has one."""
    rows = [
        DumbbellRow(
            name=wording.item_name(item),
            inside=_mark(found.inside) if found.inside else None,
            outside=_mark(found.outside) if found.outside else None,
            description=_gap_description(wording.item_name(item), found),
        )
        for item, found in sides.items()
    ]
    return dumbbells(
        rows,
        _two_sides(
            _("The practices side by side, 0 to 100"),
            _("A row for each practice, for the whole company; thin lines are intervals."),
        ),
    )


def company_over_time(found: History, item: str) -> Markup:
    """The company's inside and outside in each released wave."""
    moments = [
        Moment(
            day=wave.local_date,
            name=wording.short_day(wave.local_date),
            inside=_mark(sides.inside) if sides.inside else None,
            outside=_mark(sides.outside) if sides.outside else None,
            description=_gap_description(wording.short_day(wave.local_date), sides),
            link=url_for("hr.gap", wave=wave.id, item=item),
        )
        for wave, sides in zip(found.waves, found.company, strict=True)
    ]
    return trend_line(
        moments,
        _two_sides(
            _("Inside and outside over time, %(item)s", item=wording.item_name(item)),
            _("A mark for each wave and side; upright lines are intervals."),
        ),
    )


# --- Pictures by name ----------------------------------------------------------------------------------------------

HISTORY_WAVES = 12  # released waves shown over time


def picture(name: str, wave: Wave, item: str, department: Department | None) -> Markup | None:
    """The picture of this name as pages show it; None when there is none, or nothing to draw.

    "items" and "trend" are about a department; "gap", "quadrant", "practices" and "over-time" about all.
    """
    if department is not None:
        return _department_picture(name, wave, item, department)
    if name in ("gap", "quadrant"):
        gaps = releases.all_gaps(wave)
        rows = gap_rows(gaps, item)
        if not rows:
            return None
        return gap_dumbbells(rows, item, wave) if name == "gap" else gap_quadrant(rows, gaps.company[item], item, wave)
    if name == "practices":
        return practices(of_practices(releases.all_gaps(wave).company))
    if name == "over-time":
        return company_over_time(histories.history(releases.waves_until(wave, HISTORY_WAVES), item), item)
    return None


def gap_rows(gaps: Gaps, item: str) -> list[GapRow]:
    """Each department's inside and outside on one item, the widest façade first."""
    return sorted((row for row in gaps.rows if row.item == item), key=findings.gap_order)


def of_practices(sides: Mapping[str, Sides]) -> dict[str, Sides]:
    """The five practices alone, without `overall`."""
    return {item: sides[item] for item in PRACTICES if item in sides}


def _department_picture(name: str, wave: Wave, item: str, department: Department) -> Markup | None:
    if name == "items":
        summary = department_summary(wave, department)
        return item_bars(summary) if summary.lines else None
    if name == "trend":
        waves = releases.waves_until(wave, HISTORY_WAVES)[::-1]
        return department_trend(department, item, releases.trend(department, item, waves))
    return None


# --- Their words ---------------------------------------------------------------------------------------------------


def _two_sides(title: str, description: str) -> Words:
    return Words(title, description, inside=_("Inside: colleagues"), outside=_("Outside: customers"))


def _department_page(department: Department, wave: Wave | None) -> str:
    return url_for("department.page", key=department.key, wave=wave.id if wave else None)


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


def _gap_description(name: str, sides: Sides) -> str:
    """ "Finance: inside 68 (64 to 72), outside 54 (53 to 55). Inward" """
    return _(
        "%(department)s: inside %(inside)s, outside %(outside)s. %(state)s",
        department=name,
        inside=_with_interval(sides.inside),
        outside=_with_interval(sides.outside),
        state=gap_words.state_name(sides.gap.state),
    )


def _with_interval(found: Figure | OutsideFigure | None) -> str:
    if found is None:
        return "–"
    text = _mark(found).text
    return f"{text} ({wording.interval(found.interval)})" if found.interval else text
