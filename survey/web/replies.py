"""A lead replies to a comment; its writer reads that with the receipt, and nobody learns who it is."""

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from survey import receipts, wording
from survey.database import DATABASE_ERRORS
from survey.models import Department
from survey.receipts import Published
from survey.refusal import Refusal
from survey.web.access import leads_only
from survey.web.answer_form import as_typed
from survey.web.frame import bare_page, error_page, log_failure, now
from survey.web.respond import STALE

blueprint = Blueprint("replies", __name__, url_prefix="/lead/comments")


@blueprint.route("/<comment_id>", methods=["GET", "POST"])
@leads_only
def comment(departments: list[Department], comment_id: str) -> str | tuple[str, int] | Response:
    """One comment about a department that the reader leads, what came after it, and a form to reply."""
    found = _comment(departments, comment_id)
    if request.method == "GET":
        return _page(found)
    try:
        receipts.reply(found, _typed(), now())
    except Refusal as refusal:
        return _page(found, wording.refusal(refusal)), 422
    flash(_("Your reply is there for whoever wrote the comment."))
    return redirect(_back(found))


@blueprint.errorhandler(CSRFError)
def ask_again(error: CSRFError) -> Response:
    """The reply as it was typed: whoever left the page open for too long must not lose it."""
    try:
        return make_response(_again(**(request.view_args or {})))
    except HTTPException:  # nothing that this reader may reply to
        return make_response(error_page(error))
    except DATABASE_ERRORS as away:  # Flask asks no handler about what a handler raises
        return keep(away)


@leads_only
def _again(departments: list[Department], comment_id: str) -> tuple[str, int]:
    return _page(_comment(departments, comment_id), str(STALE)), 400


def _comment(departments: list[Department], comment_id: str) -> Published:
    return receipts.published(comment_id, [department.id for department in departments]) or abort(404)


def _page(found: Published, fault: str = "") -> str:
    return render_template(
        "replies/comment.html",
        comment=found.comment,
        thread=found.thread,
        text=_typed(),
        fault=fault,
        back=_back(found),
        characters=receipts.REPLY_CHARACTERS,
    )


def _back(found: Published) -> str:
    """To the comment on the lead's page, on whichever page of the comments it stands now."""
    comment = found.comment.id
    return url_for("lead.results", wave=found.wave.id, comment=comment, _anchor=f"comment-{comment}")


def _typed() -> str:
    return as_typed(request.form.get("text"))


def keep(error: Exception) -> Response:
    """The reply as it was typed, ready to be sent again, on a page that needs nothing of the database."""
    if not _typed():
        return make_response(error_page(error))
    log_failure(error)
    values = {"comment_id": (request.view_args or {})["comment_id"], "characters": receipts.REPLY_CHARACTERS}
    return make_response(bare_page("replies/kept.html", text=_typed(), **values), 503)


for kind in DATABASE_ERRORS:
    blueprint.register_error_handler(kind, keep)
