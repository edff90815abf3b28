"""A lead replies to a comment; its writer reads that with the receipt, and nobody learns who it is."""

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
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


@blueprint.before_request
def keep_what_was_typed() -> Response | None:
    """Whoever is signed out by now is not sent away from a reply that they have typed."""
    return None if current_user.is_authenticated or not _typed() else _signed_out()


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
        if refused := keep_what_was_typed():
            return refused
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
    """The reply as it was typed, ready to be sent again, when the database is away."""
    if not _typed():
        return make_response(error_page(error))
    log_failure(error)
    return make_response(_kept("replies/kept.html"), 503)


def _signed_out() -> Response:
    """The same for whoever has to sign in first. It tells nothing of the comment, nor whether there is one."""
    return make_response(_kept("replies/signed_out.html"), 403)


def _kept(template: str) -> str:
    """The reply as it was typed, in a form, on a page that needs nothing of the database and is stored nowhere."""
    comment_id = (request.view_args or {})["comment_id"]
    return bare_page(template, text=_typed(), comment_id=comment_id, characters=receipts.REPLY_CHARACTERS)


for kind in DATABASE_ERRORS:
    blueprint.register_error_handler(kind, keep)
