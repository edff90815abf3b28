"""HR's page that brings a file of people in: first what it would change, then the deed."""

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from survey import roster_files
from survey.models import RosterFile
from survey.roster import PEOPLE_COLUMNS, Plan
from survey.settings import languages
from survey.sheets import Fault, ImportRefused
from survey.web import reading
from survey.web.access import hr_only, settings
from survey.web.frame import now, takes_files

blueprint = Blueprint("rosters", __name__, url_prefix="/hr/people/file")

MOST_SHOWN = 200  # people of each kind


@blueprint.route("", methods=["GET", "POST"])
@takes_files(roster_files.MOST_BYTES)
@hr_only
def upload() -> str | Response | tuple[str, int]:
    """Choose a file; when it has no fault, what it would change comes next."""
    if request.method != "POST":
        return _upload_page()
    file = request.files.get("file")
    if file is None or not file.filename:
        return _upload_page(problem=_("Choose a file first.")), 422
    complete = "complete" in request.form
    language = settings().language
    try:
        kept = roster_files.keep(current_user.person, file.stream, file.filename, complete, language, now())
    except ImportRefused as refused:
        return _upload_page(refused.faults), 422
    return redirect(url_for("rosters.preview", upload_id=kept.id))


def _upload_page(faults: Sequence[str] = (), problem: str = "") -> str:
    return render_template(
        "rosters/upload.html",
        faults=[_place(fault) for fault in faults],
        problem=problem,
        complete="complete" in request.form,
        columns=PEOPLE_COLUMNS,
        most_megabytes=roster_files.MOST_BYTES // 1_000_000,
    )


def _place(fault: str) -> tuple[int | None, str | None, str]:
    """(line, column, what is wrong), in the reader's language."""
    if not isinstance(fault, Fault):
        return None, None, fault
    told = reading.whole_file_fault(fault) if fault.line is None else reading.sentence(fault)
    return fault.line, fault.column, told


@blueprint.route("/<upload_id>", methods=["GET", "POST"])
@hr_only
def preview(upload_id: str) -> str | Response | tuple[str, int]:
    """What a file would change; with the button below it does."""
    kept = roster_files.find(upload_id, current_user.person, now()) or abort(404)
    language = settings().language
    try:
        if request.method != "POST":
            return _preview_page(kept, roster_files.preview(kept, language))
        done = roster_files.import_seen(kept, language, request.form.get("seen", ""))
        if done is None:
            return _preview_page(kept, roster_files.preview(kept, language), changed_meanwhile=True), 409
    except ImportRefused as refused:
        return _upload_page(refused.faults), 422
    flash(
        _(
            "Done: %(added)s people added, %(changed)s changed, %(turned_out)s made inactive.",
            added=len(done.added),
            changed=len(done.changed),
            turned_out=len(done.turned_out),
        )
    )
    return redirect(url_for("staff.people"))


def _preview_page(kept: RosterFile, plan: Plan, *, changed_meanwhile: bool = False) -> str:
    return render_template(
        "rosters/preview.html",
        kept=kept,
        plan=plan,
        most=MOST_SHOWN,
        changed_meanwhile=changed_meanwhile,
        told=partial(_told, plan),
        field_name=_field_name,
    )


def _field_name(field: str) -> str:
    return {
        "name": _("Name"),
        "department": _("Department"),
        "language": _("Language"),
        "role": _("May see"),
        "active": _("Active"),
        "leads": _("Leads"),
    }[field]


def _told(plan: Plan, field: str, value: object) -> str:
    """A value of a field as people read it."""
    if field == "department":
        return plan.names.get(str(value), str(value)) or _("none")
    if isinstance(value, tuple):
        return ", ".join(plan.names.get(str(key), str(key)) for key in value) or _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field == "language":
        return languages().get(str(value), str(value))
    return str(value) or _("nothing")
