"""What HR's pages show, as files: every table under the address of its page, as CSV or XLSX."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile

from flask import Blueprint, Response, abort, request
from werkzeug.utils import secure_filename
from werkzeug.wsgi import wrap_file

from survey import commitments, exports, findings, histories, releases, results
from survey.exports import Table
from survey.measure.scale import OVERALL
from survey.models import Wave
from survey.turnout import turnout_until
from survey.web.access import department_or_404, hr_only, settings
from survey.web.choices import chosen_item, chosen_wave
from survey.web.compare import chosen_comparisons
from survey.web.complaints import clocks_of
from survey.web.department import Portrait, portrait
from survey.web.frame import today
from survey.web.hr import DUE_WITHIN_DAYS
from survey.web.matrix import cell_or_404, chosen_view
from survey.web.pictures import HISTORY_WAVES, of_practices

blueprint = Blueprint("download", __name__, url_prefix="/hr")

HELD_BYTES = 1_000_000  # of a file, in memory
FORM = "<any(csv, xlsx):form>"


@blueprint.get("/results.<any(csv, xlsx, json):form>")
@hr_only
def release(form: str) -> Response:
    """All that the chosen wave has released."""
    wave = _wave_or_404()
    return _file(results.export(wave, form), "", wave, form)


@blueprint.get(f"/matrix.{FORM}")
@hr_only
def matrix(form: str) -> Response:
    view = chosen_view(releases.released_waves()) or abort(404)
    return _table(exports.matrix(view.arranged()), view.wave, form)


@blueprint.get(f"/matrix/<key>/<clients>.{FORM}")
@hr_only
def cell(key: str, clients: str, form: str) -> Response:
    view = chosen_view(releases.released_waves()) or abort(404)
    found = cell_or_404(view, key, clients)
    return _table(exports.cell(found.provider, found.lines), view.wave, form)


@blueprint.get(f"/departments/<key>/<any(items, missing, clients, providers, trend, complaints):table>.{FORM}")
@hr_only
def department(key: str, table: str, form: str) -> Response:
    released = releases.released_waves()
    wave = chosen_wave(released) or abort(404)
    return _table(_of_department(portrait(department_or_404(key), wave, released), table), wave, form)


@blueprint.get(f"/providers.{FORM}")
@hr_only
def providers(form: str) -> Response:
    """How each department serves, all in all."""
    wave = _wave_or_404()
    return _table(exports.providers(releases.provider_results(wave), OVERALL), wave, form)


@blueprint.get(f"/participation.{FORM}")
@hr_only
def participation(form: str) -> Response:
    wave = _wave_or_404()
    return _table(exports.participation(turnout_until(wave, []).groups), wave, form)


@blueprint.get(f"/turnout.{FORM}")
@hr_only
def turnout(form: str) -> Response:
    """Who answered, by division, beside earlier waves."""
    wave = _wave_or_404()
    return _table(exports.turnout(turnout_until(wave, releases.released_waves())), wave, form)


@blueprint.get(f"/badly-served.{FORM}")
@hr_only
def badly_served(form: str) -> Response:
    wave = _wave_or_404()
    return _table(exports.badly_served(findings.badly_served(wave)), wave, form)


@blueprint.get(f"/facades.{FORM}")
@hr_only
def facades(form: str) -> Response:
    wave = _wave_or_404()
    return _table(exports.facades(findings.facades(releases.gaps(wave))), wave, form)


@blueprint.get(f"/changes.{FORM}")
@hr_only
def changes(form: str) -> Response:
    wave = _wave_or_404()
    return _table(exports.changes(findings.real_changes(releases.provider_results(wave))), wave, form)


@blueprint.get(f"/commitments.{FORM}")
@hr_only
def commitments_due(form: str) -> Response:
    """What is late or due soon, whatever the wave."""
    return _table(exports.commitments(commitments.due(today(), DUE_WITHIN_DAYS)), _wave_or_404(), form)


@blueprint.get(f"/complaints.{FORM}")
@hr_only
def complaints(form: str) -> Response:
    """How soon complaints were answered, by department and wave."""
    released = releases.released_waves()
    wave = chosen_wave(released) or abort(404)
    return _table(exports.complaints(clocks_of(wave, released), settings().reply_days), wave, form)


@blueprint.get(f"/practices.{FORM}")
@hr_only
def practices(form: str) -> Response:
    wave = _wave_or_404()
    return _table(exports.practices(of_practices(releases.all_gaps(wave).company)), wave, form)


@blueprint.get(f"/over-time.{FORM}")
@hr_only
def history(form: str) -> Response:
    """Inside and outside on the chosen item, of the company and of each department, wave by wave."""
    wave, item = _wave_or_404(), chosen_item()
    found = histories.history(releases.waves_until(wave, HISTORY_WAVES), item)
    return _table(exports.history(found, item), wave, form)


@blueprint.get(f"/gap.{FORM}")
@hr_only
def gap(form: str) -> Response:
    """Inside against outside on the chosen item."""
    wave, item = _wave_or_404(), chosen_item()
    return _table(exports.gaps(row for row in releases.gaps(wave) if row.item == item), wave, form)


@blueprint.get(f"/compare.{FORM}")
@hr_only
def compare(form: str) -> Response:
    choice = chosen_comparisons(releases.released_waves()) or abort(404)
    return _table(exports.comparisons(choice.found), choice.wave, form)


def _of_department(about: Portrait, table: str) -> Table:
    of = about.department
    make = {
        "items": lambda: exports.items(of, about.summary.lines),
        "missing": lambda: exports.missing(of, about.missing),
        "clients": lambda: exports.clients(of, OVERALL, about.serves),
        "providers": lambda: exports.providers_of(of, OVERALL, about.uses),
        "trend": lambda: exports.trend(of, OVERALL, about.trend),
        "complaints": lambda: exports.complaints_of(of, about.complaints, settings().reply_days),
    }
    return make[table]()


def _wave_or_404() -> Wave:
    return chosen_wave(releases.released_waves()) or abort(404)


def _table(table: Table, wave: Wave, form: str) -> Response:
    return _file(table.export(form), f"-{table.name}", wave, form)


def _file(content: Iterator[bytes], table: str, wave: Wave, form: str) -> Response:
    name = secure_filename(f"espejo-{wave.pulse.key}-{wave.local_date}{table}.{form}")  # a key may be in any letters
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_whole(content), mimetype=results.FORMATS[form], headers=headers, direct_passthrough=True)


def _whole(content: Iterator[bytes]) -> Iterable[bytes]:
    """The same once all of it is there, on disk when it is long: what fails halfway is an error page and never half a
    file, and whoever reads slowly keeps neither the database nor a thread waiting.
    """
    with ExitStack() as stack:
        file = stack.enter_context(SpooledTemporaryFile(HELD_BYTES))
        file.writelines(content)
        length = file.tell()
        file.seek(0)
        if length <= HELD_BYTES:
            return [file.read()]
        stack.pop_all()  # the server closes it
        return wrap_file(request.environ, file)
