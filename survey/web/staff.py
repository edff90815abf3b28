"""HR's pages about people: who works where, who leads, one person, one department. Never whether somebody answered."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field, HiddenField, SelectMultipleField, StringField
from wtforms.validators import ValidationError

from survey import deliveries, links, staffing
from survey import people as company
from survey.models import Bounce, Department, Person
from survey.refusal import _l
from survey.roster import LONGEST_EMAIL, ROLES
from survey.settings import is_address, languages
from survey.sheets import slug
from survey.staffing import DepartmentFacts, StaffRefusal, fingerprint
from survey.standings import Standing
from survey.web.access import hr_only
from survey.web.fields import ChoiceField, NameField, one_line
from survey.wording import refusal

blueprint = Blueprint("staff", __name__, url_prefix="/hr/people")

MOST_FOUND = 50
NONE = ""  # the choice of no department


@blueprint.get("")
@hr_only
def people() -> str:
    """Who works where, who leads, and who uses whom; with `?q=`, the people of that name or address."""
    words = request.args.get("q", "").strip()[:100]
    return render_template(
        "staff/people.html",
        words=words,
        found=staffing.search(words, MOST_FOUND),
        most=MOST_FOUND,
        entries=company.directory(),
        closed=company.closed_departments(),
        suggestions=len(links.suggestions()),
        bounces=deliveries.bounces(),
    )


# --- One person ----------------------------------------------------------------------------------------------------


class PersonForm(FlaskForm):
    """What HR keeps about a person."""

    name = NameField(_l("Name"))
    email = StringField(_l("E-mail"), filters=[lambda text: one_line(text).lower()])
    department = ChoiceField(_l("Department"))
    language = ChoiceField(_l("Language"))
    role = ChoiceField(_l("May see"))
    active = BooleanField(_l("Active: is asked, gets mail and may sign in"))
    seen = HiddenField()

    def validate_email(self, field: Field) -> None:
        if not company.EMAIL.fullmatch(field.data) or not is_address(field.data) or len(field.data) > LONGEST_EMAIL:
            raise ValidationError(_("This is no e-mail address."))

    def standing(self, leads: tuple[str, ...]) -> Standing:
        return Standing(
            self.name.data, self.department.data, self.language.data, self.role.data, self.active.data, leads
        )


@blueprint.route("/<int(max=2147483647):person_id>", methods=["GET", "POST"])
@hr_only
def person(person_id: int) -> str | Response | tuple[str, int]:
    """See and change one person."""
    found = Person.get_or_none(Person.id == person_id) or abort(404)
    standing = staffing.standing_of(found)
    seen = fingerprint((found.email, standing))
    form = PersonForm(obj=standing, email=found.email, seen=seen)
    form.department.choices = [(NONE, _("none")), *_departments(standing.department)]
    form.language.choices = list(languages().items())
    form.role.choices = [(role, _role_name(role)) for role in ROLES if _may_choose(role, standing)]
    if request.method == "POST" and form.validate():
        try:
            staffing.change_person(
                found, form.standing(standing.leads), form.email.data, form.seen.data, current_user.person
            )
        except StaffRefusal as refused:
            _refuse(form, refused, seen)
        else:
            flash(_("%(name)s is up to date.", name=form.name.data))
            return redirect(url_for("staff.person", person_id=person_id))
    bounce = Bounce.get_or_none(Bounce.person == found, Bounce.email == found.email)
    page = render_template("staff/person.html", form=form, person=found, leads=company.leads_of(found), bounce=bounce)
    return (page, 422) if form.errors else page


def _departments(also: str) -> list[tuple[str, str]]:
    """(key, name) of those there are, and of the one in which the person is, whatever has become of it."""
    query = Department.select().where(Department.active | (Department.key == also)).order_by(Department.name)
    return [(department.key, department.name) for department in query]


def _role_name(role: str) -> str:
    return {"": _("nothing of others"), "hr": _("all that HR sees"), "admin": _("all, as an administrator")}[role]


def _may_choose(role: str, standing: Standing) -> bool:
    return role != "admin" or current_user.person.role == "admin" or standing.role == "admin"


def _refuse(form: FlaskForm, refused: StaffRefusal, seen: str) -> None:
    """Show why at its field; pressing the button again is about what is stored now."""
    if refused.field:
        getattr(form, refused.field).errors = [refusal(refused)]
    else:
        form.seen.data = seen
        form.form_errors.append(refusal(refused))


# --- One department ------------------------------------------------------------------------------------------------


class DepartmentForm(FlaskForm):
    """What HR keeps about a department."""

    name = NameField(_l("Name"))
    division = ChoiceField(_l("Belongs to the division"))
    leads = SelectMultipleField(_l("Leads"), validate_choice=False, coerce=one_line)
    more_leads = StringField(_l("Further leads, by their e-mail addresses"), filters=[one_line])
    active = BooleanField(_l("Active: its people are asked, and others are asked about it"))
    seen = HiddenField()

    def validate_more_leads(self, field: Field) -> None:
        if unknown := staffing.unknown_addresses(self.added()):
            raise ValidationError(_("Nobody who is active has the address %(emails)s.", emails=", ".join(unknown)))

    def added(self) -> list[str]:
        return self.more_leads.data.lower().replace(",", " ").replace(";", " ").split()

    def facts(self) -> DepartmentFacts:
        leads = sorted({*(self.leads.data or ()), *self.added()})
        return DepartmentFacts(self.name.data, self.division.data, self.active.data, tuple(leads))


@blueprint.route("/departments/new", methods=["GET", "POST"])
@hr_only
def new_department() -> str | Response | tuple[str, int]:
    """Add a department."""
    form = DepartmentForm(active=True)
    form.division.choices = [(NONE, _("no division")), *_departments(NONE)]
    if request.method == "POST" and form.validate():
        key = slug(form.name.data)[:80]
        try:
            if not key:
                raise StaffRefusal("name", _l("Write a name with letters or digits."))
            staffing.add_department(key, form.facts())
        except StaffRefusal as refused:
            _refuse(form, refused, "")
        else:
            flash(_("%(name)s is added. Say next which departments it uses.", name=form.name.data))
            return redirect(url_for("linking.grid", client=key))
    page = render_template("staff/department.html", form=form, department=None, leads=[])
    return (page, 422) if form.errors else page


@blueprint.route("/departments/<key>", methods=["GET", "POST"])
@hr_only
def department(key: str) -> str | Response | tuple[str, int]:
    """See and change one department."""
    found = Department.get_or_none(Department.key == key) or abort(404)
    facts, leads = staffing.facts_of(found), staffing.leads_of(found)
    seen = fingerprint(facts)
    form = DepartmentForm(obj=facts, seen=seen)
    form.leads.choices = [(lead.email, lead.name) for lead in leads]
    others = [(other, name) for other, name in _departments(facts.division) if other != key]
    form.division.choices = [(NONE, _("no division")), *others]
    if request.method == "POST" and form.validate():
        try:
            staffing.change_department(found, form.facts(), form.seen.data)
        except StaffRefusal as refused:
            _refuse(form, refused, seen)
        else:
            flash(_("%(name)s is up to date.", name=form.name.data))
            return redirect(url_for("staff.department", key=key))
    page = render_template("staff/department.html", form=form, department=found, leads=leads)
    return (page, 422) if form.errors else page
