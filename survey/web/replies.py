"""A lead replies to a comment; its writer reads that with the receipt, and nobody learns who it is."""

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from survey import receipts, wording
from survey.database import DATABASE_ERRORS
from survey.models import Department
from survey.refusal import Refusal
from survey.web.access import leads_only
from survey.web.answer_form import as_typed
from survey.web.frame import bare_page, error_page, log_failure, now

blueprint = Blueprint("replies", __name__, url_prefix="/lead/comments")


@blueprint.route("/<comment_id>", methods=["GET", "POST"])
@leads_only
def comment(departments: list[Department], comment_id: str) -> str | tuple[str, int] | Response:
    """One comment about a department that the reader leads, what came after it, and a form to reply."""
    found = receipts.published(comment_id, [department.id for department in departments]) or abort(404)
    back = url_for("lead.results", wave=found.wave.id, _anchor=f"comment-{comment_id}")
    text, fault = as_typed(request.form.get("text")), ""
    if request.method == "POST":
        try:
            receipts.reply(found, text, now())
        except Refusal as refusal:
            fault = wording.refusal(refusal)
        else:
            flash(_("Your reply is there for whoever wrote the comment."))
            return redirect(back)
    page = render_template(
        "replies/comment.html",
        comment=found.comment,
        thread=found.thread,
        text=text,
        fault=fault,
        back=back,
        characters=receipts.REPLY_CHARACTERS,
    )
    return page, 422 if fault else 200


def keep(error: Exception) -> Response:
    """The reply as it was typed, ready to be sent again, on a page that needs nothing of the database."""
    text = as_typed(request.form.get("text"))
    if not text:
        return make_response(error_page(error))
    log_failure(error)
    values = {"comment_id": (request.view_args or {})["comment_id"], "characters": receipts.REPLY_CHARACTERS}
    return make_response(bare_page("replies/kept.html", text=text, **values), 503)


for kind in DATABASE_ERRORS:
    blueprint.register_error_handler(kind, keep)
