"""The pages behind a receipt: what the department replies to one's comment, and a form to write back, without a name.

They ask for no session: whoever has the code may read and write. The code goes into no log, and is stored nowhere.
"""

from flask import Blueprint, Response, current_app, g, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError

from survey import commitments, receipts, wording
from survey.database import DATABASE_ERRORS
from survey.receipts import read_code
from survey.refusal import Refusal
from survey.web.access import csrf, has_session, limiter, this_request
from survey.web.answer_form import as_typed
from survey.web.frame import browser_language, error_page, log_failure, today
from survey.web.respond import GUESSES, NOT_STORED, STALE

UNKNOWN = _l("There is no such code. Compare it sign by sign with what you kept.")

blueprint = Blueprint("receipt", __name__, url_prefix="/receipt")
csrf.exempt(blueprint)


@blueprint.before_request
def begin() -> None:
    """Speak the browser's language, whoever may be signed in; and take no form that another site makes it send."""
    g.reader_language = browser_language()
    if current_app.config["WTF_CSRF_ENABLED"] and has_session(this_request()):
        csrf.protect()


@blueprint.route("/", methods=["GET", "POST"])
def enter() -> Response:
    """Type a code; nothing of it then stands in an address, nor in the browser's history."""
    if request.method == "GET":
        return _page("enter.html")
    return _show()


@blueprint.route("/<code>", methods=["GET", "POST"])
def thread(code: str) -> Response:
    """The link to keep."""
    return _show()


@blueprint.errorhandler(CSRFError)
def ask_again(_error: CSRFError) -> Response:
    try:
        return _show(fault=str(STALE), status=400)
    except DATABASE_ERRORS as error:  # Flask asks no handler about what a handler raises
        return keep(error)


def keep(error: Exception) -> Response:
    """What was typed, ready to be sent again, on a page that needs nothing of the database."""
    if not request.form.get("text"):
        return make_response(error_page(error))
    log_failure(error)
    return _page("kept.html", 503, fault=NOT_STORED)


for kind in DATABASE_ERRORS:
    blueprint.register_error_handler(kind, keep)


def _show(fault: str = "", status: int = 200) -> Response:
    """What the code leads to, after writing back when that was asked for; `fault`: why nothing may be stored."""
    code = read_code(_code())
    found = receipts.held(code)
    if found is None:
        with limiter.limit(GUESSES):
            return _page("enter.html", status if fault else 404, fault=fault or UNKNOWN)
    is_sent = "text" in request.form and not fault
    if is_sent:
        try:
            receipts.write_back(found, as_typed(request.form["text"]))
        except Refusal as refusal:
            fault, status, is_sent = wording.refusal(refusal), 422, False
        else:
            found = receipts.held(code) or found
    adopted = commitments.of_suggestion(found.comment_id, today()) if found.comment_id else []
    state = found.state.name
    return _page("thread.html", status, found=found, state=state, adopted=adopted, is_sent=is_sent, fault=fault)


def _code() -> str:
    """The code of the link, else the one that was typed."""
    return (request.view_args or {}).get("code") or request.form.get("code", "")


def _page(template: str, status: int = 200, **values: object) -> Response:
    page = render_template(
        f"receipt/{template}",
        needs_key=has_session(this_request()),
        code=_code(),
        text="" if values.get("is_sent") else as_typed(request.form.get("text")),
        characters=receipts.REPLY_CHARACTERS,
        **values,
    )
    return make_response(page, status)
