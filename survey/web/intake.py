"""What customers say, as HR brings it in: a file, step by step; imports undone; what touchpoints count for."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from flask_wtf import FlaskForm
from peewee import IntegrityError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import BooleanField, FieldList, FloatField, Form, FormField, SelectField
from wtforms.validators import NumberRange, ValidationError

from survey import external, imports, kept_mappings, known_exports, outside, people, uploads, wording
from survey.entries import MappingError
from survey.guesses import REASONS
from survey.mapping import FORMS, LONGEST_KEY, Mapping, read_mapping
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Upload
from survey.outside import LinkedDepartment, TouchpointRow
from survey.profiles import Profile
from survey.refusal import Refusal
from survey.sheets import ImportRefused
from survey.web import guide, reading
from survey.web.access import hr_only, settings
from survey.web.fields import one_line
from survey.web.frame import now, takes_files
from survey.web.guide import STEPS, Values

blueprint = Blueprint("intake", __name__, url_prefix="/hr")
for told in (
    *(reading.fault, reading.sentence, reading.left_out_reason, reading.imported_on, reading.one_decimal),
    *(reading.date_format_example, reading.written_like, reading.source_told),
):
    blueprint.add_app_template_filter(told)

PLACES = 4  # departments to choose for one touchpoint; more when it has more
NO_DEPARTMENT = 0  # the choice that leaves a place empty
FIRST_ANSWERS = 8  # shown as they are read
STEP = f"<any({', '.join(STEPS)}):step>"


@blueprint.route("/external", methods=["GET", "POST"], endpoint="external")
@hr_only
def external_scores() -> str | Response | tuple[str, int]:
    """What customers rate, which departments it counts for, and the files that it comes from.

    `?touchpoint=` opens the form of one touchpoint.
    """
    rows = outside.touchpoints()
    chosen = (request.form if request.method == "POST" else request.args).get("touchpoint")
    if request.method != "POST" and chosen is None:
        return _external_page(rows)
    touchpoint = next((row for row in rows if str(row.id) == chosen), None) or abort(404)
    if request.method != "POST":
        return _external_page(rows, opened=touchpoint, form=_departments_form(links=touchpoint.departments))
    form = _departments_form(posted=request.form)
    if not form.validate():
        return _external_page(rows, opened=touchpoint, form=form), 422
    outside.set_departments(touchpoint.id, form.chosen(), form.attributed.data)
    flash(_("%(touchpoint)s now counts for the departments you chose.", touchpoint=touchpoint.name))
    return redirect(url_for("intake.external"))


# --- A file, step by step ------------------------------------------------------------------------------------------


@blueprint.post("/external/uploads")
@takes_files(uploads.MOST_BYTES)
@hr_only
def upload() -> Response | tuple[str, int]:
    """Keep the file that was sent, with a first guess at how to read it."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _external_page(outside.touchpoints(), faults=[_("Choose a file first.")]), 422
    try:
        kept = uploads.keep(current_user.person, file.stream, file.filename, now())
    except ImportRefused as refused:
        return _external_page(outside.touchpoints(), faults=list(map(reading.fault, refused.faults))), 422
    if kept_mappings.made_for(uploads.profile(kept).names):
        return redirect(url_for("intake.check", upload_id=kept.id))
    return redirect(url_for("intake.step", upload_id=kept.id, step=STEPS[0]))


def _upload_or_404(upload_id: str) -> Upload:
    return uploads.find(upload_id, current_user.person, now()) or abort(404)


@blueprint.route(f"/external/uploads/<upload_id>/{STEP}", methods=["GET", "POST"])
@hr_only
def step(upload_id: str, step: str) -> str | Response | tuple[str, int]:
    """One question about the file; the answer is kept, and the next one follows."""
    kept = _upload_or_404(upload_id)
    profile, values = uploads.profile(kept), uploads.mapping(kept)
    if request.method != "POST":
        return _step_page(kept, step, profile, values)
    try:
        known = {row.name: row.key for row in _touchpoints_of(values)}
        uploads.choose(kept, guide.read_step(step, request.form, profile, values, known))
    except Refusal as refusal:
        return _step_page(kept, step, profile, values, wording.refusal(refusal)), 422
    later = STEPS[STEPS.index(step) + 1 :]
    if not later:
        return redirect(url_for("intake.check", upload_id=kept.id))
    return redirect(url_for("intake.step", upload_id=kept.id, step=later[0]))


def _touchpoints_of(values: Values) -> list[TouchpointRow]:
    """What the source of a file has rated before."""
    return [row for row in outside.touchpoints() if row.source == values["source"]["name"]]


def _step_page(kept: Upload, step: str, profile: Profile, values: Values, problem: str = "") -> str:
    """The form of a step as things stand; after a refusal, with what was posted."""
    open_step = guide.first_open_step(profile, values)
    if step not in ("layout", "columns") and open_step == "columns":
        step = "columns"  # the others are about the columns
    return render_template(
        f"intake/{step}.html",
        upload=kept,
        step=step,
        steps=STEPS,
        profile=profile,
        values=values,
        guide=guide,
        problem=problem,
        posted=request.form if problem else None,
        export=known_exports.recognise(profile.names),
        is_recommendation=known_exports.is_recommendation,
        forms=FORMS,
        items=SHOWN_ITEMS,
        reasons=REASONS,
        departments=people.departments() if step == "touchpoints" else [],
        known={row.key: row for row in _touchpoints_of(values)},
        key_length=LONGEST_KEY,
    )


@blueprint.route("/external/uploads/<upload_id>/check", methods=["GET", "POST"])
@hr_only
def check(upload_id: str) -> str | Response | tuple[str, int]:
    """What the file says, read as chosen, with every fault; then the import."""
    kept = _upload_or_404(upload_id)
    profile, values = uploads.profile(kept), uploads.mapping(kept)
    if open_step := guide.first_open_step(profile, values):
        flash(_("One thing is still to be chosen."))
        return redirect(url_for("intake.step", upload_id=kept.id, step=open_step))
    try:
        mapping = read_mapping(kept.file_name, values)
        if request.method == "POST":
            return _import(kept, mapping, profile, values)
        return _check_page(kept, profile, values, mapping)
    except MappingError as error:
        return _check_page(kept, profile, values, None, [str(error)]), 422
    except Refusal as refusal:
        return _check_page(kept, profile, values, mapping, [wording.refusal(refusal)]), 422


def _check_page(
    kept: Upload, profile: Profile, values: Values, mapping: Mapping | None, problems: Sequence[str] = ()
) -> str:
    shown: dict[str, Any] = {"summary": None, "answers": [], "faults": []}
    with uploads.opened(kept) as path:
        try:
            if mapping and mapping.form != "summed":
                shown["answers"] = external.first_answers(path, mapping, FIRST_ANSWERS)
            shown["summary"] = external.import_external(path, mapping, now(), rehearse=True) if mapping else None
        except ImportRefused as refused:
            shown["faults"] = list(map(reading.fault, refused.faults))
    return render_template(
        "intake/check.html",
        upload=kept,
        step="check",
        steps=STEPS,
        profile=profile,
        values=values,
        mapping=mapping,
        problems=problems,
        tallies=reading.tallies(shown["summary"], mapping) if shown["summary"] and mapping else [],
        not_read=reading.columns_not_read(profile.names, values),
        same_header=(same := kept_mappings.made_for(profile.names)),
        keep_as=same.name if same else kept_mappings.free_name(values["source"]["name"], kept.file_name),
        **shown,
    )


def _import(kept: Upload, mapping: Mapping, profile: Profile, values: Values) -> Response | tuple[str, int]:
    """Import the file, and keep the mapping when it was given a name; all of it, or nothing. Raises Refusal."""
    name = one_line(request.form.get("keep_as"))
    if name:
        kept_mappings.key_for(name, values, profile.names)  # refused before anything is stored
    try:
        with uploads.opened(kept) as path:
            summary = external.import_external(path, mapping, now())
    except (ImportRefused, IntegrityError):
        return _check_page(kept, profile, values, mapping), 422  # which names the faults, or that it is there already
    if name:
        kept_mappings.keep(name, values, profile.names, now())
    uploads.forget(kept)
    if summary.already_imported:
        flash(_("%(file)s was imported before, read in the same way; nothing has changed.", file=kept.file_name))
        return redirect(url_for("intake.external"))
    answers = summary.answers.total()
    told = ngettext(
        "%(number)s answer of %(file)s counts from now on.",
        "%(number)s answers of %(file)s count from now on.",
        answers,
        number=wording.number(answers),
        file=kept.file_name,
    )
    flash(told)
    return redirect(url_for("intake.external"))


@blueprint.post("/external/uploads/<upload_id>/cancel")
@hr_only
def cancel(upload_id: str) -> Response:
    """Forget a file that was not imported."""
    kept = _upload_or_404(upload_id)
    uploads.forget(kept)
    flash(_("%(file)s was not imported and is deleted here.", file=kept.file_name))
    return redirect(url_for("intake.external"))


# --- Imports and mappings ------------------------------------------------------------------------------------------


@blueprint.route("/external/imports/<int(max=2147483647):import_id>/undo", methods=["GET", "POST"])
@hr_only
def undo(import_id: int) -> str | Response:
    """Take an import back: first a page that says what goes, then the deed."""
    found = next((row for row in imports.imports() if row.id == import_id), None) or abort(404)
    if request.method != "POST":
        return render_template(
            "intake/undo.html", found=found, undoing=imports.undoing(import_id), timezone=settings().timezone
        )
    imports.undo_import(import_id)
    flash(_("The import of %(file)s is undone.", file=found.file_name))
    return redirect(url_for("intake.external"))


@blueprint.post("/external/mappings/<key>/forget")
@hr_only
def forget_mapping(key: str) -> Response:
    """Forget a kept mapping; what was imported with it stays."""
    if not kept_mappings.forget(key):
        abort(404)
    flash(_("The mapping is forgotten. What was imported with it stays."))
    return redirect(url_for("intake.external"))


# --- What touchpoints count for ------------------------------------------------------------------------------------


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


def _external_page(
    rows: list[TouchpointRow],
    opened: TouchpointRow | None = None,
    form: DepartmentsForm | None = None,
    faults: Sequence[str] = (),
) -> str:
    """Every touchpoint, one of them with its form. `faults` are those of a file."""
    return render_template(
        "intake/external.html",
        touchpoints=rows,
        opened=opened,
        form=form,
        faults=faults,
        imports=imports.imports(),
        mappings=kept_mappings.kept(),
        unfinished=uploads.of(current_user.person, now()),
        timezone=settings().timezone,
        most_megabytes=uploads.MOST_BYTES // 1_000_000,
        tools=[export.name for export in known_exports.EXPORTS],
    )


def _departments_form(
    posted: MultiDict[str, str] | None = None, links: Sequence[LinkedDepartment] = ()
) -> DepartmentsForm:
    """The form as it was posted, or as `links` stand."""
    form = DepartmentsForm(
        posted,
        departments=[{"department": link.id, "weight": link.weight} for link in links],
        attributed=any(link.attributed for link in links),
    )
    choices = [(NO_DEPARTMENT, "–"), *((department.id, department.name) for department in people.departments())]
    for entry in form.departments:
        entry.department.choices = choices
    return form
