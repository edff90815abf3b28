"""HR's other pages: pulses and waves, people, touchpoints, mail, and what needs doing."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import BooleanField, FieldList, FloatField, Form, FormField, SelectField
from wtforms.validators import NumberRange

from survey import outbox, outside, people, pulses, releases, waves
from survey.models import Message, Person, Pulse, Touchpoint, Wave
from survey.releases import Participation
from survey.web.access import hr_only, settings
from survey.web.frame import now

blueprint = Blueprint("planning", __name__, url_prefix="/hr")

COMING = 4  # waves of a pulse shown in advance
MESSAGES_SHOWN = 200
PLACES = 4  # departments that one touchpoint can count for


@dataclass(frozen=True)
class PulsePlan:
    pulse: Pulse
    running: Wave | None
    participation: Participation | None
    coming: list[pulses.Occurrence]


@dataclass(frozen=True)
class ToDo:
    """Something that keeps results from being good, and the page to mend it on."""

    text: str
    address: str


@blueprint.get("/pulses")
@hr_only
def plan() -> str:
    """Each pulse with its running wave and the coming ones."""
    return render_template("planning/pulses.html", plans=[_plan(pulse) for pulse in Pulse.select().order_by(Pulse.key)])


def _plan(pulse: Pulse) -> PulsePlan:
    running = Wave.get_or_none(Wave.pulse == pulse, Wave.state == "open")
    answered = releases.whole_participation(releases.participation(running)) if running else None
    return PulsePlan(pulse, running, answered, pulses.coming(pulse, COMING))


@blueprint.route("/waves/<int:wave_id>/close", methods=["GET", "POST"])
@hr_only
def close(wave_id: int) -> str | Response:
    """Close a wave early: first a page that says what that means, then the deed."""
    wave = Wave.get_or_none(Wave.id == wave_id, Wave.state == "open") or abort(404)
    if request.method == "GET":
        answered = releases.whole_participation(releases.participation(wave))
        return render_template("planning/close.html", wave=wave, participation=answered)
    if waves.close_wave(wave, now()):
        flash(_("The wave is closed and its results are released. The leads' summaries are on their way."))
    return redirect(url_for("hr.overview"))


@blueprint.post("/pulses/<key>/open")
@hr_only
def open_now(key: str) -> Response:
    """Open a pulse's next wave today."""
    pulse = Pulse.get_or_none(Pulse.key == key) or abort(404)
    try:
        waves.open_now(pulse, now(), settings().smallest_group)
    except waves.WaveError:
        flash(_("No wave can be opened now: one is open already, or the pulse is paused or ran today."), "error")
    else:
        flash(_("The wave is open; the invitations are on their way."))
    return redirect(url_for("planning.plan"))


@blueprint.get("/people")
@hr_only
def directory() -> str:
    """Who works where, who leads, and who uses whom."""
    return render_template("planning/people.html", entries=people.directory())


@blueprint.route("/external", methods=["GET", "POST"])
@hr_only
def touchpoints() -> str | Response | tuple[str, int]:
    """What customers rate, and which departments it counts for."""
    if request.method == "GET":
        return render_template("planning/external.html", **_external_page())
    touchpoint = Touchpoint.get_or_none(Touchpoint.id == request.form.get("touchpoint", type=int)) or abort(404)
    form = _departments_form(request.form)
    if not form.validate():
        return render_template("planning/external.html", **_external_page(), refused=touchpoint.id), 422
    outside.set_departments(touchpoint.id, form.chosen(), form.attributed.data)
    flash(_("%(touchpoint)s now counts for the departments you chose.", touchpoint=touchpoint.name))
    return redirect(url_for("planning.touchpoints"))


class DepartmentWeight(Form):
    department = SelectField(coerce=int)
    weight = FloatField(default=1.0, validators=[NumberRange(min=0.01, max=1)])


class DepartmentsForm(FlaskForm):
    """The departments that a touchpoint counts for."""

    departments = FieldList(FormField(DepartmentWeight), min_entries=PLACES, max_entries=PLACES)
    attributed = BooleanField()

    def chosen(self) -> dict[int, float]:
        return {entry.department.data: entry.weight.data for entry in self.departments if entry.department.data}


def _external_page() -> dict[str, object]:
    rows = outside.touchpoints()
    return {"touchpoints": rows, "forms": {row.id: _departments_form(None, row) for row in rows}, "refused": None}


def _departments_form(posted: MultiDict[str, str] | None, row: outside.TouchpointRow | None = None) -> DepartmentsForm:
    """The form as it was posted, or as `row` stands."""
    links = row.departments if row else ()
    form = DepartmentsForm(
        posted,
        departments=[{"department": link.id, "weight": link.weight} for link in links],
        attributed=any(link.attributed for link in links),
    )
    choices = [(0, "–"), *((department.id, department.name) for department in people.departments())]
    for entry in form.departments:
        entry.department.choices = choices
    return form


@blueprint.get("/outbox")
@hr_only
def mail() -> str:
    """What is to be sent, what was refused, and why."""
    waiting = (
        Message.select(Message, Person)
        .join(Person)
        .where(Message.state != "sent")
        .order_by(Message.state, Message.due_at)
        .limit(MESSAGES_SHOWN)
    )
    return render_template("planning/outbox.html", counts=outbox.state_counts(), messages=list(waiting))


def to_do() -> list[ToDo]:
    """What HR should look after, the most urgent first."""
    counts = outbox.state_counts()
    homeless = people.without_department()
    unmapped = sum(not row.departments for row in outside.touchpoints())
    leaderless = people.departments_without_lead()
    found = []
    if not settings().smtp_url and counts.get("pending"):
        found.append(
            ToDo(_("No mail server is set (ESPEJO_SMTP_URL), so mail stays queued."), url_for("planning.mail"))
        )
    if failing := counts.get("dead", 0) + counts.get("retry", 0):
        text = ngettext("%(num)d mail could not be sent.", "%(num)d mails could not be sent.", failing)
        found.append(ToDo(text, url_for("planning.mail")))
    if unmapped:
        text = ngettext(
            "%(num)d touchpoint counts for no department.", "%(num)d touchpoints count for no department.", unmapped
        )
        found.append(ToDo(text, url_for("planning.touchpoints")))
    if homeless:
        text = ngettext("%(num)d person has no department.", "%(num)d people have no department.", homeless)
        found.append(ToDo(text, url_for("planning.directory")))
    if leaderless:
        text = ngettext("%(num)d department has no lead.", "%(num)d departments have no lead.", len(leaderless))
        found.append(ToDo(text, url_for("planning.directory")))
    return found
