"""HR's page that adds a pulse: a form, then every mail of its next waves and how it looks, and only then the deed."""

from email.message import EmailMessage
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse
from wtforms import DateField, Field, SelectMultipleField, StringField
from wtforms.validators import ValidationError

from survey import people, pulses, wording
from survey.emails import write
from survey.forecast import Draft, Forecast, as_if_added, forecast
from survey.models import ClientGroup, Department, Invitation, Message, Person, Pulse, Wave, random_id
from survey.outbox import INVITATION
from survey.pulses import PulseError
from survey.questionnaire import DEFAULT, QuestionnaireError, load_questionnaire, questionnaires
from survey.refusal import _l
from survey.sheets import slug
from survey.web import questionnaire
from survey.web.access import hr_only, settings
from survey.web.fields import ChoiceField, OneOfField
from survey.web.frame import now
from survey.web.mail_view import framed
from survey.workdays import CalendarUnknown, find_calendar

blueprint = Blueprint("launch", __name__, url_prefix="/hr/pulses/new")

ALL, SOME = "all", "some"
LONGEST_KEY = 80
PREVIEW = "preview"
SHOWN_PROVIDERS = 3  # departments in the invitation of the preview


class DraftForm(FlaskForm):
    """A pulse as HR describes it."""

    class Meta:
        csrf = False  # the application checks the key of every form; a preview is asked for without one

    name = StringField(_l("Name"), default="")
    questionnaire = ChoiceField(_l("What is asked"), default=DEFAULT)
    cadence = ChoiceField(_l("How often"), default="quarterly")
    first = DateField(_l("First day"))
    audience = OneOfField(_l("Who is asked"), default=ALL)
    departments = SelectMultipleField(_l("Departments"), validate_choice=False, default=())
    timezone = StringField(_l("Time zone"))
    holidays = StringField(_l("Days off: weekends and the public holidays of"), default="")

    def __init__(self, given: MultiDict[str, str] | None) -> None:
        super().__init__(given, timezone=settings().timezone)
        self.questionnaire.choices = [(key, _title(key)) for key in questionnaires()]
        self.cadence.choices = [(key, wording.cadence_name(key)) for key in pulses.cadences_by_step()]
        self.audience.choices = [(ALL, _("everybody")), (SOME, _("the people of these departments"))]

    @property
    def key(self) -> str:
        return slug(self.name.data or "")[:LONGEST_KEY]

    def validate_name(self, field: Field) -> None:
        if not self.key:
            raise ValidationError(_("Write a name with letters or digits."))
        if self.key == "new" or Pulse.get_or_none(Pulse.key == self.key):
            raise ValidationError(_("There is a pulse of this name already; choose another one."))

    def validate_questionnaire(self, field: Field) -> None:
        try:
            load_questionnaire(field.data)
        except QuestionnaireError as error:
            raise ValidationError(wording.refusal(error)) from error

    def validate_first(self, field: Field) -> None:
        if field.data is None:
            field.errors = []
            raise ValidationError(_("Choose a day."))

    def validate_departments(self, field: Field) -> None:
        if self.audience.data == SOME and not self.chosen():
            raise ValidationError(_("Choose at least one department, or everybody."))
        if self.audience.data == ALL and field.data:
            raise ValidationError(_("You have ticked departments and chosen everybody: choose one of the two."))

    def validate_timezone(self, field: Field) -> None:
        if field.data not in available_timezones():
            raise ValidationError(_("This is no time zone; write a name like Europe/Madrid."))

    def validate_holidays(self, field: Field) -> None:
        if (field.data or "").strip():
            try:
                find_calendar(field.data)
            except CalendarUnknown as unknown:
                raise ValidationError(wording.refusal(unknown)) from unknown

    def chosen(self) -> tuple[Department, ...]:
        """None means all."""
        if self.audience.data != SOME:
            return ()
        return tuple(found for found in people.departments() if found.key in (self.departments.data or ()))

    def draft(self) -> Draft:
        return Draft(
            key=self.key,
            questionnaire=self.questionnaire.data,
            cadence=self.cadence.data,
            first=self.first.data,
            timezone=self.timezone.data,
            departments=self.chosen(),
            holidays=(self.holidays.data or "").strip(),
        )

    def fields(self) -> list[tuple[str, str]]:
        """(name, text) of everything that was filled in, for the next step to send again."""
        given = {"name": self.name.data, "questionnaire": self.questionnaire.data, "cadence": self.cadence.data}
        given |= {"first": self.first.data.isoformat(), "audience": self.audience.data}
        given |= {"timezone": self.timezone.data, "holidays": self.holidays.data or ""}
        return [*given.items(), *(("departments", key) for key in self.departments.data or ())]


def _title(key: str) -> str:
    try:
        return load_questionnaire(key).title[wording.language()]
    except QuestionnaireError:
        return key


@blueprint.route("", methods=["GET", "POST"])
@hr_only
def new() -> str | WerkzeugResponse | tuple[str, int]:
    """The form; what would come of it; the new pulse.

    What would come of it has an address of its own, so that whoever goes back to it is not asked to send a form again.
    """
    posted = request.method == "POST"
    step = request.form.get("step", PREVIEW) if posted else request.args.get("step")
    if step is None:
        return _form_page(DraftForm(None))
    form = DraftForm(request.form if posted else request.args)
    if step == "edit":
        return _form_page(form)
    expected = _expected(form)
    if expected is None:
        return _form_page(form), 422
    if not posted:
        return _preview_page(form, expected)
    if step != "create":
        given: dict[str, Any] = MultiDict(form.fields()).to_dict(flat=False)
        return redirect(url_for("launch.new", step=PREVIEW, **given))
    pulse = form.draft().add()
    flash(_("The pulse is added: its first wave opens on %(day)s.", day=wording.day(expected.waves[0].coming.day)))
    return redirect(url_for("planning.plan", _anchor=pulse.key))


def _expected(form: DraftForm) -> Forecast | None:
    """What would come of the form; None when it has a fault, which is then at its field."""
    if not form.validate():
        return None
    try:
        return forecast(form.draft(), now(), int(settings().rest_days))
    except PulseError as refused:  # all else has been looked at
        form.first.errors = [wording.refusal(refused)]
        return None


def _form_page(form: DraftForm) -> str:
    return render_template(
        "launch/form.html",
        form=form,
        departments=people.departments(),
        zones=sorted(available_timezones()),
    )


def _preview_page(form: DraftForm, expected: Forecast) -> str:
    return render_template(
        "launch/preview.html",
        form=form,
        expected=expected,
        pulse=expected.pulse,
        departments=form.chosen(),
        k=settings().smallest_group,
        fields=form.fields(),
        asked=MultiDict(form.fields()),
    )


# --- How it looks, before it is there ------------------------------------------------------------------------------


@blueprint.get("/invitation")
@hr_only
def invitation() -> Response:
    """The first wave's invitation, as somebody who does not exist would get it."""
    form = DraftForm(request.args)
    if not form.validate():
        abort(404)
    body = _sample(form.draft()).get_body(("html",)) or abort(404)
    return framed(body.get_content())


def _sample(draft: Draft) -> EmailMessage:
    """Written by what writes the real ones, about what is there for this moment only."""
    with as_if_added(draft) as pulse:
        wave = pulses.planned_wave(pulse) or abort(404)
        providers = list(Department.select().where(Department.active).order_by(Department.name).limit(SHOWN_PROVIDERS))
        person = Person.create(
            email=f"{random_id()}@example.com", name=_("Alex Example"), language=wording.language(), department=None
        )
        group = ClientGroup.create(wave=wave, invited=0)
        asked = " ".join(str(provider.id) for provider in providers)
        Invitation.create(wave=wave, person=person, client_group=group, providers=asked)
        message = Message.create(kind=INVITATION, wave=wave, person=person, due_at=wave.opens_at)
        Wave.update(state="open", min_group=settings().smallest_group).where(Wave.id == wave.id).execute()
        return write(message, person, settings())


@blueprint.get("/questions")
@hr_only
def questions() -> Response:
    """The answer page of the first wave; nothing can be sent from it."""
    form = DraftForm(request.args)
    if not form.validate():
        abort(404)
    draft = form.draft()
    with as_if_added(draft):
        return questionnaire.preview(draft.key)
