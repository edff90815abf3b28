"""What members and leads think of their own department before its clients' answers are known."""

from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from survey import mirrors, responses
from survey.asking import questionnaire_of
from survey.measure.excuses import NOTHING, REASONS
from survey.measure.scale import ITEMS, OVERALL, SCORES
from survey.measure.sight import VIEWS
from survey.mirrors import Outcome, Views
from survey.models import Department, Wave
from survey.signing import invitation_id
from survey.web.access import csrf, leads_only, limiter, settings
from survey.web.respond import GUESSES

blueprint = Blueprint("mirror", __name__)


@blueprint.route("/mirror/<token>", methods=["GET", "POST"])
@csrf.exempt  # the link is the key; a session has no part in it
def member(token: str) -> str | tuple[str, int]:
    """A member's view, from the personal link. GET changes nothing, whoever fetches it."""
    found = invitation_id(token, settings())
    invited = responses.questions(found) if found else None
    asked = mirrors.glass(invited) if invited else None
    if found is None or asked is None or asked.lead:
        return _unknown()
    g.reader_language = asked.language
    if not asked.is_open:
        return render_template("respond/closed.html"), 410
    if asked.mirrored:
        return render_template("mirror/received.html", first_time=False)
    views = _views()
    if not any(views.values()):
        is_empty = request.method == "POST"
        page = render_template("mirror/member.html", asked=asked, is_empty=is_empty, **_questions(asked.wave, views))
        return page, 422 if is_empty else 200
    outcome = mirrors.accept(found, views)
    if outcome is Outcome.NOT_ASKED:
        return _unknown()
    if outcome is Outcome.CLOSED:
        return render_template("respond/closed.html"), 410
    return render_template("mirror/received.html", first_time=outcome is Outcome.STORED)


def _unknown() -> tuple[str, int]:
    with limiter.limit(GUESSES):
        return render_template("respond/unknown.html"), 404


@blueprint.route("/lead/mirror/<int(max=2147483647):wave_id>/<key>", methods=["GET", "POST"])
@leads_only
def lead(departments: list[Department], wave_id: int, key: str) -> str | Response | tuple[str, int]:
    """A lead's own view of a department that they lead; the last one before the wave closes counts."""
    department = next((found for found in departments if found.key == key), None) or abort(404)
    wave = next((found for found in mirrors.waiting_for([department]) if found.id == wave_id), None) or abort(404)
    of = current_user.person, wave, department
    if request.method != "POST":
        return _ask_lead(department, wave, mirrors.lead_views(*of), mirrors.lead_hindrances(*of))
    views, hinders = _views(), {reason for reason in request.form.getlist("hinders") if reason in REASONS}
    if fault := _fault(views, hinders):
        return _ask_lead(department, wave, views, hinders, fault), 422
    outcome = mirrors.keep_lead_view(*of, views, hinders)
    flash(_("Your view is kept.") if outcome is Outcome.STORED else _("The wave has closed meanwhile."))
    return redirect(url_for("lead.results"))


def _fault(views: Views, hinders: set[str]) -> str:
    """Why what a lead sent is not stored; empty when it is."""
    if not any(views.values()) and not hinders:
        return _("Nothing is answered yet.")
    if NOTHING in hinders and len(hinders) > 1:
        return _("Choose what hinders you, or that nothing of this does: not both.")
    return ""


def _ask_lead(department: Department, wave: Wave, views: Views, hinders: set[str], fault: str = "") -> str:
    told = {"department": department, "wave": wave, "reasons": REASONS, "hinders": hinders, "fault": fault}
    return render_template("mirror/lead.html", **told, **_questions(wave, views))


def _views() -> Views:
    """What was posted: {"self": {"overall": 4}, …}; what is not offered is left out."""
    offered = {str(score): score for score in SCORES}
    return {
        view: {item: offered[text] for item in ITEMS if (text := request.form.get(f"{view}-{item}", "")) in offered}
        for view in VIEWS
    }


def _questions(wave: Wave, views: Views) -> dict[str, Any]:
    """The items of the wave, the one that sums them up first: the others may be left out."""
    items = questionnaire_of(wave).items
    return {
        "overall": next(item for item in items if item.key == OVERALL),
        "practices": [item for item in items if item.key != OVERALL],
        "scores": SCORES,
        "views": views,
    }
