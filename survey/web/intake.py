"""What customers say, as HR brings it in: files, and the departments that touchpoints count for."""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import BooleanField, FieldList, FloatField, Form, FormField, SelectField
from wtforms.validators import NumberRange, ValidationError

from survey import outside, people
from survey.models import Department
from survey.outside import LinkedDepartment, TouchpointRow
from survey.web.access import hr_only

blueprint = Blueprint("intake", __name__, url_prefix="/hr")

PLACES = 4  # departments to choose for one touchpoint; more when it has more
NO_DEPARTMENT = 0  # the choice that leaves a place empty


@blueprint.route("/external", methods=["GET", "POST"])
@hr_only
def external() -> str | Response | tuple[str, int]:
    """What customers rate, and which departments it counts for."""
    rows = outside.touchpoints()
    if request.method != "POST":
        return _external_page(rows)
    touchpoint = next((row for row in rows if str(row.id) == request.form.get("touchpoint")), None) or abort(404)
    form = _departments_form(people.departments(), posted=request.form)
    if not form.validate():
        return _external_page(rows, refused={touchpoint.id: form}), 422
    outside.set_departments(touchpoint.id, form.chosen(), form.attributed.data)
    flash(_("%(touchpoint)s now counts for the departments you chose.", touchpoint=touchpoint.name))
    return redirect(url_for("intake.external"))


class WeightField(FloatField):
    """A number with a decimal point, or with the comma that Spanish keyboards offer."""

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([text.replace(",", ".") for text in valuelist])


class DepartmentWeight(Form):
    """A department and its weight; the weight of no department does not matter."""

    department = SelectField(coerce=int)
    weight = WeightField(default=1.0, validators=[NumberRange(min=0.01, max=1)])

    def validate(self, extra_validators: object = None) -> bool:
        return self.department.data == NO_DEPARTMENT or super().validate(extra_validators)


class DepartmentsForm(FlaskForm):
    """The departments that a touchpoint counts for."""

    departments = FieldList(FormField(DepartmentWeight), min_entries=PLACES)
    attributed = BooleanField()

    def validate_departments(self, field: FieldList) -> None:
        if len(self.chosen()) < sum(entry.department.data != NO_DEPARTMENT for entry in field):
            raise ValidationError  # the page says what is expected

    def chosen(self) -> dict[int, float]:
        return {entry.department.data: entry.weight.data for entry in self.departments if entry.department.data}


def _external_page(rows: list[TouchpointRow], refused: dict[int, DepartmentsForm] | None = None) -> str:
    """Every touchpoint with its form; a refused one shows what was posted."""
    refused = refused or {}
    offered = people.departments()
    forms = {row.id: _departments_form(offered, links=row.departments) for row in rows} | refused
    return render_template("intake/external.html", touchpoints=rows, forms=forms, refused=refused)


def _departments_form(
    offered: list[Department], posted: MultiDict[str, str] | None = None, links: Sequence[LinkedDepartment] = ()
) -> DepartmentsForm:
    """The form as it was posted, or as `links` stand."""
    form = DepartmentsForm(
        posted,
        departments=[{"department": link.id, "weight": link.weight} for link in links],
        attributed=any(link.attributed for link in links),
    )
    choices = [(NO_DEPARTMENT, "–"), *((department.id, department.name) for department in offered)]
    for entry in form.departments:
        entry.department.choices = choices
    return form
