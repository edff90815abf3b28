"""The employee's pages: answer from a mailed link; read who can learn what."""

from dataclasses import dataclass

from flask import Blueprint, Response, abort, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Form, RadioField, StringField
from wtforms.validators import AnyOf, Length, Optional, ValidationError

from survey import responses
from survey.measure.scale import COMMENT_KINDS, MISSING_REASONS, SCORES
from survey.models import Department
from survey.questionnaire import Questionnaire, load_questionnaire
from survey.responses import Answer, Outcome, Questions
from survey.signing import invitation_id
from survey.web.access import limiter, settings

blueprint = Blueprint("respond", __name__)

CANNOT_SAY = "na"
NOT_OFFERED = _l("This is not one of the answers offered.")

# A whole company may sit behind one address, so only links that are not ours are counted.
GUESSES = "30 per minute"


class AboutProvider(Form):
    """What every questionnaire asks about a provider besides its items."""

    no_dealings = BooleanField()
    missing = RadioField(
        choices=[*MISSING_REASONS, CANNOT_SAY],
        validate_choice=False,
        validators=[Optional(), AnyOf([*MISSING_REASONS, CANNOT_SAY], NOT_OFFERED)],
    )
    comment = StringField(
        filters=[lambda text: (text or "").replace("\r\n", "\n").replace("\0", "").strip()],
        validators=[Length(max=responses.COMMENT_CHARACTERS, message=_l("At most %(max)d characters, please."))],
    )
    kind = RadioField(
        choices=COMMENT_KINDS,
        validate_choice=False,
        validators=[Optional(), AnyOf(COMMENT_KINDS, NOT_OFFERED)],
    )

    def validate_comment(self, field: StringField) -> None:
        if field.data and not self.kind.data:
            raise ValidationError(_("Say whether this is thanks, a complaint or a suggestion."))


def about_provider(questionnaire: Questionnaire) -> type[AboutProvider]:
    """The form for one provider: a choice for each item of the questionnaire, and the rest."""
    offered = [*map(str, SCORES), CANNOT_SAY]
    fields = {
        key: RadioField(choices=offered, validate_choice=False, validators=[Optional(), AnyOf(offered, NOT_OFFERED)])
        for key in questionnaire.item_keys
    }
    return type("AboutProvider", (AboutProvider,), fields)


@dataclass
class Page:
    """One provider's part of the page."""

    provider: Department
    form: AboutProvider

    def answer(self, questionnaire: Questionnaire) -> Answer:
        if self.form.no_dealings.data:
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
    return render_template("respond/confidentiality.html", min_group=settings().smallest_group)


@blueprint.route("/r/<token>", methods=["GET", "POST"])
@limiter.limit(GUESSES, deduct_when=lambda response: response.status_code == 404)
def answer(token: str) -> Response:
    """The questions behind a mailed link. GET changes nothing, whoever fetches it; POST stores the answers once."""
    asked = _questions_or_404(token)
    if asked.answered:
        return _received(first_time=False)
    if not asked.is_open:
        return _page("closed.html", status=410)
    questionnaire = load_questionnaire(asked.pulse.questionnaire)
    pages = [
        Page(provider, about_provider(questionnaire)(request.form, prefix=f"p{provider.id}-"))
        for provider in asked.providers
    ]
    faults = _faults(pages, questionnaire) if request.method == "POST" else []
    if request.method == "GET" or faults:
        return _page(
            "questions.html",
            status=422 if faults else 200,
            asked=asked,
            questionnaire=questionnaire,
            pages=pages,
            faults=faults,
            characters=responses.COMMENT_CHARACTERS,
        )
    outcome = responses.accept(asked.invitation_id, [page.answer(questionnaire) for page in pages])
    if outcome is Outcome.CLOSED:
        return _page("closed.html", status=410)
    return _received(first_time=outcome is Outcome.STORED)


def _questions_or_404(token: str) -> Questions:
    found = invitation_id(token, settings())
    asked = responses.questions(found) if found else None
    if asked is None:
        abort(_page("unknown.html", status=404))
    g.reader_language = asked.language
    return asked


def _faults(pages: list[Page], questionnaire: Questionnaire) -> list[tuple[str, str]]:
    """(id of the field, what is wrong) for the list above the questions; empty when all can be stored."""
    valid = [page.form.validate() for page in pages]
    faults = [
        (f"{page.form[name].name}", f"{page.provider.name}: {text}")
        for page in pages
        for name, texts in page.form.errors.items()
        for text in texts
    ]
    if all(valid) and all(page.answer(questionnaire).says_nothing and not page.form.no_dealings.data for page in pages):
        faults.append((pages[0].form[questionnaire.item_keys[0]].name, _("Nothing is answered yet.")))
    return faults


def _received(first_time: bool) -> Response:
    """Thanks; or, to whoever sends twice, that the first answer stands."""
    repeated = request.method == "POST" and not first_time
    return _page("received.html", status=409 if repeated else 200, first_time=first_time)


def _page(template: str, status: int = 200, **values: object) -> Response:
    return make_response(render_template(f"respond/{template}", **values), status)
