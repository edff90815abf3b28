"""HR's page about what a pulse asks: its words in every language, what is switched off, and a preview as on a phone."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WerkzeugResponse

from survey import asking, people, pulses, wording
from survey.audience import PROVIDERS_PER_PERSON
from survey.measure.scale import OVERALL
from survey.models import Pulse, Wave
from survey.people import Named
from survey.questionnaire import MOST_TAPS, Questionnaire, QuestionnaireError, load_questionnaire
from survey.responses import Questions
from survey.settings import languages
from survey.web import respond
from survey.web.access import hr_only, settings
from survey.web.frame import now

blueprint = Blueprint("questionnaire", __name__, url_prefix="/hr/pulses/<key>/questionnaire")

PREVIEW_SECONDS = 14 * 24 * 3600  # for which a wave that is not planned would be open


@dataclass(frozen=True)
class Row:
    """One item on the page, with what stands in its fields, by language."""

    key: str
    asked: bool
    always: bool  # cannot be switched off
    words: Mapping[str, str]  # the questionnaire's
    texts: Mapping[str, str]  # HR's; empty: the questionnaire's

    def is_own(self, language: str) -> bool:
        return self.texts[language] not in ("", self.words[language])


@blueprint.get("")
@hr_only
def show(key: str) -> str:
    """What the pulse's coming waves ask."""
    pulse = _pulse_or_404(key)
    return _page(pulse, asking.rewordings(pulse), asking.switched_off(pulse))


@blueprint.post("")
@hr_only
def change(key: str) -> str | WerkzeugResponse | tuple[str, int]:
    """Store HR's words and what is switched off, all of it or nothing."""
    pulse = _pulse_or_404(key)
    items = load_questionnaire(pulse.questionnaire).item_keys
    texts = {(item, language): request.form.get(f"{item}-{language}", "") for item in items for language in languages()}
    off = {item for item in items if item != OVERALL and f"{item}-asked" not in request.form}
    try:
        asking.change(pulse, texts, off)
    except asking.AskingError as refusal:
        flash(wording.refusal(refusal), "error")
        return _page(pulse, texts, off), 422
    flash(_("Stored. It holds from the next wave on; a wave that is open stays as it is."))
    return redirect(url_for("questionnaire.show", key=key))


@blueprint.get("/preview")
@hr_only
def preview(key: str) -> Response:
    """The answer page of the next wave, about departments that do not exist; nothing can be sent from it."""
    pulse = _pulse_or_404(key)
    planned = pulses.planned_wave(pulse)
    wave = Wave(
        pulse=pulse,
        state="open",
        min_group=settings().smallest_group,
        closes_at=planned.closes_at if planned else now() + PREVIEW_SECONDS,
    )
    names = (_("Workshop"), _("Accounting"), _("Front desk"))[:PROVIDERS_PER_PERSON]
    providers = tuple(Named(place, name) for place, name in enumerate(names, 1))
    nobody_else = frozenset(people.active())
    asked = Questions("", wave, pulse, wording.language(), None, providers, answered=False, not_addable=nobody_else)
    return respond.preview(asked, asking.next_questionnaire(pulse))


@blueprint.errorhandler(QuestionnaireError)
def unreadable(error: QuestionnaireError) -> tuple[str, int]:
    """The file is gone or broken, so there is nothing to change or to show."""
    key = (request.view_args or {})["key"]
    return render_template("questionnaire/unreadable.html", key=key, fault=wording.refusal(error)), 409


def _page(pulse: Pulse, texts: asking.Texts, off: set[str]) -> str:
    file = load_questionnaire(pulse.questionnaire)
    asked = asking.next_questionnaire(pulse)
    fault = asking.fault(pulse.questionnaire)
    return render_template(
        "questionnaire/questionnaire.html",
        pulse=pulse,
        rows=[_row(file, item, texts, off) for item in file.item_keys],
        fault=wording.refusal(fault) if fault else None,
        taps=asking.taps_of(asked),
        most_taps=MOST_TAPS,
        providers=PROVIDERS_PER_PERSON,
        characters=asking.LONGEST_TEXT,
        planned=pulses.planned_wave(pulse),
        running=Wave.select().where(Wave.pulse == pulse, Wave.state == "open").exists(),
    )


def _row(file: Questionnaire, item: str, texts: asking.Texts, off: set[str]) -> Row:
    return Row(
        key=item,
        asked=item not in off,
        always=item == OVERALL,
        words={language: file.text_of(item, language) or "" for language in languages()},
        texts={language: texts.get((item, language), "") for language in languages()},
    )


def _pulse_or_404(key: str) -> Pulse:
    return Pulse.get_or_none(Pulse.key == key) or abort(404)
