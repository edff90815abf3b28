"""The employee's pages: answer from a mailed link; read who can learn what."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, Request, Response, current_app, g, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

from survey import mirrors, receipts, responses, returns
from survey.asking import questionnaire_of
from survey.commitments import CommitmentRow
from survey.database import DATABASE_ERRORS
from survey.mirrors import Glass
from survey.questionnaire import Questionnaire
from survey.responses import NotAddable, Outcome, Questions
from survey.returns import SinceLastTime
from survey.settings import find_language
from survey.signing import invitation_id
from survey.web import answer_page
from survey.web.access import csrf, form_key, has_session, limiter, settings, this_request
from survey.web.answer_form import OTHER_BUTTONS, AnswerForm, Fault, read_form
from survey.web.frame import browser_language, error_page, log_failure, today

blueprint = Blueprint("respond", __name__)

STALE = _l("The page had been open for too long. All that you wrote is still here: please send it once more.")
NOT_STORED = _l(
    "Your answers could not be stored just now. All that you wrote is still here: please wait a minute, "
    "then send it once more."
)

# A whole company may sit behind one address: only links that are not ours are counted, and turned away.
GUESSES = "30 per minute"

Sent = MultiDict[str, str]
NOTHING: Sent = ImmutableMultiDict()  # is filled in yet


@blueprint.get("/confidentiality")
def confidentiality() -> str:
    """Who can learn what, in plain words."""
    return render_template(
        "respond/confidentiality.html",
        min_group=settings().smallest_group,
        retention_days=settings().retention_days,
    )


@blueprint.route("/r/<token>", methods=["GET", "POST"])
@csrf.exempt
def answer(token: str) -> Response:
    """The questions behind a mailed link. GET changes nothing, whoever fetches it; POST stores the answers once."""
    incoming = this_request()
    if incoming.method == "POST" and has_session(incoming) and current_app.config["WTF_CSRF_ENABLED"]:
        csrf.protect()
    return _reply(incoming, token)


@blueprint.errorhandler(CSRFError)
def ask_again(_error: CSRFError) -> Response:
    """The page as it was filled in: whoever left it open for too long must not lose what they wrote."""
    try:
        return _reply(this_request(), _token(), is_stale=True)
    except DATABASE_ERRORS as error:  # Flask asks no handler about what a handler raises
        return keep(error)


def keep(error: Exception) -> Response:
    """What was filled in, ready to be sent again, on a page that needs nothing of the database."""
    if request.method != "POST" or invitation_id(_token(), settings()) is None:
        return make_response(error_page(error))
    log_failure(error)
    g.reader_language = _language_of(request.form) or browser_language()
    kept = [(name, text) for name, text in request.form.items(multi=True) if name != "csrf_token"]
    return _page(
        "kept.html",
        status=503,
        notice=NOT_STORED,
        form_key=form_key(this_request()),
        comments=[(name, text) for name, text in kept if name.endswith("-comment") and text],
        others=[(name, text) for name, text in kept if not name.endswith("-comment")],
        characters=responses.COMMENT_CHARACTERS,
    )


for kind in DATABASE_ERRORS:
    blueprint.register_error_handler(kind, keep)


def _token() -> str:
    return (request.view_args or {}).get("token", "")


def _language_of(sent: Mapping[str, str]) -> str | None:
    """The language that the reader switches to, else the one of the page that was sent."""
    asked = (find_language(sent[name]) for name in ("switch", "language") if name in sent)
    return next((language for language in asked if language), None)


def _reply(incoming: Request, token: str, is_stale: bool = False) -> Response:
    """What a link leads to; `is_stale`: the form's key was missing or too old, so that nothing may be stored."""
    found = invitation_id(token, settings())
    asked = responses.questions(found) if found else None
    if asked is None:
        with limiter.limit(GUESSES):
            return _page("unknown.html", status=404)
    sent = incoming.form if incoming.method == "POST" else NOTHING
    g.reader_language = _language_of(sent) or asked.language
    if asked.wave.state == "cancelled":
        return _end("cancelled.html", asked, status=410)
    if asked.answered:
        return _received(asked, _codes(sent), first_time=False)
    if not asked.is_open:
        return _end("closed.html", asked, status=410)
    questionnaire = questionnaire_of(asked.wave)
    if incoming.method == "POST":
        return _take(asked, questionnaire, sent, is_stale)
    since = returns.since_last_time(asked.wave, asked.department_id, asked.provider_ids, today())
    link = incoming.args if incoming.query_string else NOTHING
    return _ask(asked, questionnaire, read_form(asked, questionnaire, NOTHING, link), since=since)


def _take(asked: Questions, questionnaire: Questionnaire, sent: Sent, is_stale: bool) -> Response:
    """Store what was sent, or ask again with all that was filled in."""
    form = read_form(asked, questionnaire, sent, NOTHING)
    if sent.keys() & OTHER_BUTTONS:
        return _ask(asked, questionnaire, form)
    if is_stale:
        return _ask(asked, questionnaire, form, [Fault("send", str(STALE))], status=400)
    if faults := form.faults():
        return _ask(asked, questionnaire, form, faults, status=422)
    try:
        form.renew_codes()
        outcome = responses.accept(asked, form.answers, form.noticed)
    except NotAddable:
        form.refused = True
        return _ask(asked, questionnaire, form, form.faults(), status=422)
    except DATABASE_ERRORS as error:
        log_failure(error)
        return _ask(asked, questionnaire, form, [Fault("send", str(NOT_STORED))], status=503)
    if outcome is Outcome.CLOSED:
        return _end("closed.html", asked, status=410)
    first_time = outcome is Outcome.STORED
    return _received(asked, form.codes if first_time else _codes(sent), first_time)


def _ask(
    asked: Questions,
    questionnaire: Questionnaire,
    form: AnswerForm,
    faults: Sequence[Fault] = (),
    status: int = 200,
    since: SinceLastTime | None = None,
) -> Response:
    return Response(answer_page.questions(asked, questionnaire, form, faults, since), status)


def _codes(sent: Sent) -> list[str]:
    return [text for name, text in sent.items() if name.endswith("-code")]


def _received(asked: Questions, codes: Sequence[str], first_time: bool) -> Response:
    """Thanks, and the receipts; or, to whoever sends twice, that the first answer stands, and the same receipts."""
    repeated = request.method == "POST" and not first_time
    taken = receipts.taken(codes) if codes else []
    page = answer_page.received(asked, taken, _back(asked), _own(asked), is_first=first_time, is_repeated=repeated)
    return Response(page, 409 if repeated else 200)


def _back(asked: Questions) -> Sequence[CommitmentRow] | None:
    """What is given in return; None when the database fails just then, as the answers are stored all the same."""
    try:
        return returns.you_said_we_did(asked.department_id, asked.provider_ids, today())
    except DATABASE_ERRORS as error:
        log_failure(error)
        return None


def _own(asked: Questions) -> Glass | None:
    """What else may be said, about one's own department; None when the database fails just then."""
    try:
        return mirrors.glass(asked)
    except DATABASE_ERRORS as error:
        log_failure(error)
        return None


def _end(template: str, asked: Questions, status: int) -> Response:
    """A page after which there is nothing more to send; what the device has kept for this link goes."""
    return _page(template, status, draft=answer_page.draft(asked))


def preview(asked: Questions, questionnaire: Questionnaire) -> Response:
    """The questions as they would be asked: for HR to look at, from an address that takes no answers."""
    return _ask(asked, questionnaire, read_form(asked, questionnaire, NOTHING, {}))


def _page(template: str, status: int = 200, **values: object) -> Response:
    return Response(render_template(f"respond/{template}", **values), status)
