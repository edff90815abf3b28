"""How often summaries are mailed, and in which language: chosen by their reader, from the link in each of them."""

from flask import Blueprint, abort, g, render_template, request
from flask_babel import gettext as _
from flask_babel import refresh
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField

from survey import subscriptions
from survey.models import Person
from survey.settings import languages
from survey.signing import subscriber
from survey.web.access import csrf, settings

blueprint = Blueprint("subscription", __name__, url_prefix="/summaries")

ONE_CLICK = ("List-Unsubscribe", "One-Click")  # what a mail program posts for its own button (RFC 8058)


class ChoiceForm(FlaskForm):
    class Meta:
        csrf = False  # the link is the key: no session of this browser has a part in it

    frequency = RadioField()
    language = SelectField()


@blueprint.route("/<token>", methods=["GET", "POST"])
@csrf.exempt
def choose(token: str) -> str | tuple[str, int]:
    """The choice, and its change. GET changes nothing, whoever fetches it."""
    person = _person(token)
    g.reader_language = person.language
    if request.form.get(ONE_CLICK[0]) == ONE_CLICK[1]:
        subscriptions.choose(person.id, subscriptions.NEVER, person.language)
        return ""
    form = ChoiceForm(obj=person)
    form.frequency.choices, form.language.choices = _frequencies(), list(languages().items())
    if not form.is_submitted():
        form.frequency.data = subscriptions.frequency_of(person.id)
    elif not form.validate():
        return render_template("subscription/choose.html", form=form, is_changed=False), 422
    else:
        subscriptions.choose(person.id, form.frequency.data, form.language.data)
        g.reader_language = form.language.data
        refresh()
    return render_template("subscription/choose.html", form=form, is_changed=form.is_submitted())


def _person(token: str) -> Person:
    found = subscriber(token, settings())
    return Person.get_or_none(Person.id == found, Person.active) or abort(404)


def _frequencies() -> list[tuple[str, str]]:
    return [
        (subscriptions.EACH, _("After each wave")),
        (subscriptions.MONTHLY, _("At most once in four weeks")),
        (subscriptions.NEVER, _("Never: I look at my page myself")),
    ]
