"""The employee's pages: answer from a mailed link; read who can learn what."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from wtforms import BooleanField, Form, RadioField, StringField
from wtforms.validators import AnyOf, Length, ValidationError

from survey import responses
from survey.asking import questionnaire_of
from survey.database import DATABASE_ERRORS
from survey.measure.scale import COMMENT_KINDS, MISSING_REASONS, SCORES
from survey.models import Department
from survey.questionnaire import Questionnaire
from survey.responses import Answer, Outcome, Questions
from survey.settings import find_language
from survey.signing import invitation_id
from survey.web.access import limiter, settings
from survey.web.frame import browser_language, error_page, log_failure

blueprint = Blueprint("respond", __name__)

CANNOT_SAY = "na"
NOT_OFFERED = _l("This is not one of the answers offered.")
STALE = _l("The page had been open for too long. All that you wrote is still here: please send it once more.")
NOT_STORED = _l(
    "Your answers could not be stored just now. All that you wrote is still here: please wait a minute, "
    "then send it once more."
)

Fault = tuple[str, str]  # the id of a field, and what is wrong with it

# A whole company may sit behind one address: only links that are not ours are counted, and turned away.
GUESSES = "30 per minute"


def choice(offered: Sequence[str]) -> RadioField:
    """One of the answers offered, or none."""
    allowed = AnyOf([None, "", *offered], NOT_OFFERED)
    return RadioField(choices=offered, validate_choice=False, validators=[allowed])


class AboutProvider(Form):
    """What every questionnaire asks about a provider besides its items."""

    no_dealings = BooleanField()
    missing = choice([*MISSING_REASONS, CANNOT_SAY])
    comment = StringField(
        filters=[lambda text: (text or "").replace("\r\n", "\n").replace("\0", "").strip()],
        validators=[Length(max=responses.COMMENT_CHARACTERS, message=_l("At most %(max)d characters, please."))],
    )
    kind = choice(COMMENT_KINDS)

    def validate_comment(self, field: StringField) -> None:
        if field.data and not self.kind.data:
            raise ValidationError(_("Say whether this is thanks, a complaint or a suggestion."))


def about_provider(questionnaire: Questionnaire) -> type[AboutProvider]:
    """The form for one provider: a choice for each item of the questionnaire, and the rest."""
    fields = {key: choice([*map(str, SCORES), CANNOT_SAY]) for key in questionnaire.item_keys}
    return type("AboutProvider", (AboutProvider,), fields)


@dataclass
class Page:
    """One provider's part of the page."""

    provider: Department
    form: AboutProvider

    @property
    def no_dealings(self) -> bool:
        """The rest of the part is hidden then, so whatever stands there neither counts nor is complained about."""
        return self.form.no_dealings.data

    def answer(self, questionnaire: Questionnaire) -> Answer:
        if self.no_dealings:
            return Answer(self.provider.id, {})
        chosen = {key: self.form[key].data for key in questionnaire.item_keys}
        missing = self.form.missing.data
        return Answer(
            provider=self.provider.id,
            scores={key: int(score) for key, score in chosen.items() if score and score != CANNOT_SAY},
            missing=missing if missing in MISSING_REASONS else None,
            comment=self.form.comment.data,
            comment_kind=self.form.kind.data or None,
        )


@blueprint.get("/confidentiality")
def confidentiality() -> str:
    """Who can learn what, in plain words."""
    return render_template(
        "respond/confidentiality.html",
        min_group=settings().smallest_group,
        retention_days=settings().retention_days,
    )


@blueprint.route("/r/<token>", methods=["GET", "POST"])
def answer(token: str) -> Response:
    """The questions behind a mailed link. GET changes nothing, whoever fetches it; POST stores the answers once."""
    return _reply(token)


@blueprint.errorhandler(CSRFError)
def ask_again(_error: CSRFError) -> Response:
    """The page as it was filled in: whoever left it open for too long must not lose what they wrote."""
    try:
        return _reply(_token(), is_stale=True)
    except DATABASE_ERRORS as error:  # Flask asks no handler about what a handler raises
        return keep(error)


def keep(error: Exception) -> Response:
    """What was filled in, ready to be sent again, on a page that needs nothing of the database."""
    if request.method != "POST" or invitation_id(_token(), settings()) is None:
        return make_response(error_page(error))
    log_failure(error)
    g.reader_language = find_language(request.form.get("language", "")) or browser_language()
    kept = [(name, text) for name, text in request.form.items(multi=True) if name != "csrf_token"]
    return _page(
        "kept.html",
        status=503,
        notice=NOT_STORED,
        comments=[(name, text) for name, text in kept if name.endswith("-comment") and text],
        others=[(name, text) for name, text in kept if not name.endswith("-comment")],
        characters=responses.COMMENT_CHARACTERS,
    )


for kind in DATABASE_ERRORS:
    blueprint.register_error_handler(kind, keep)


def _token() -> str:
    return (request.view_args or {}).get("token", "")


def _reply(token: str, is_stale: bool = False) -> Response:
    """What a link leads to; `is_stale`: the form's key was missing or too old, so that nothing may be stored."""
    found = invitation_id(token, settings())
    asked = responses.questions(found) if found else None
    if asked is None:
        with limiter.limit(GUESSES):
            return _page("unknown.html", status=404)
    g.reader_language = asked.language
    if asked.wave.state == "cancelled":
        return _page("cancelled.html", status=410)
    if asked.answered:
        return _received(first_time=False)
    if not asked.is_open:
        return _page("closed.html", status=410)
    questionnaire = questionnaire_of(asked.wave)
    pages = _pages(asked, questionnaire)
    if request.method != "POST":
        return _ask(asked, questionnaire, pages)
    if is_stale:
        return _ask(asked, questionnaire, pages, [("send", str(STALE))], status=400)
    if faults := _faults(pages, questionnaire):
        return _ask(asked, questionnaire, pages, faults, status=422)
    try:
        outcome = responses.accept(asked.invitation_id, [page.answer(questionnaire) for page in pages])
    except DATABASE_ERRORS as error:
        log_failure(error)
        return _ask(asked, questionnaire, pages, [("send", str(NOT_STORED))], status=503)
    if outcome is Outcome.CLOSED:
        return _page("closed.html", status=410)
    return _received(first_time=outcome is Outcome.STORED)


def _pages(asked: Questions, questionnaire: Questionnaire) -> list[Page]:
    form = about_provider(questionnaire)
    return [Page(provider, form(request.form, prefix=f"p{provider.id}-")) for provider in asked.providers]


def _ask(
    asked: Questions, questionnaire: Questionnaire, pages: list[Page], faults: Sequence[Fault] = (), status: int = 200
) -> Response:
    return _page(
        "questions.html",
        status,
        asked=asked,
        questionnaire=questionnaire,
        pages=pages,
        faults=faults,
        characters=responses.COMMENT_CHARACTERS,
    )


def _faults(pages: list[Page], questionnaire: Questionnaire) -> list[Fault]:
    """What keeps the answers from being stored, for the list above the questions; empty when they can be."""
    faults = [
        (page.form[name].name, f"{page.provider.name}: {text}")
        for page in pages
        if not page.no_dealings and not page.form.validate()
        for name, texts in page.form.errors.items()
        for text in texts
    ]
    if not faults and all(page.answer(questionnaire).says_nothing and not page.no_dealings for page in pages):
        faults.append((pages[0].form[questionnaire.item_keys[0]].name, _("Nothing is answered yet.")))
    return faults


def _received(first_time: bool) -> Response:
    """Thanks; or, to whoever sends twice, that the first answer stands."""
    repeated = request.method == "POST" and not first_time
    return _page("received.html", status=409 if repeated else 200, first_time=first_time)


def preview(asked: Questions, questionnaire: Questionnaire) -> Response:
    """The questions as they would be asked: for HR to look at, from an address that takes no answers."""
    return _ask(asked, questionnaire, _pages(asked, questionnaire))


def _page(template: str, status: int = 200, **values: object) -> Response:
    return make_response(render_template(f"respond/{template}", **values), status)
