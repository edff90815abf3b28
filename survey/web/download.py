"""What HR's pages show, as files."""

from flask import Blueprint, Response, abort

from survey import releases, results
from survey.web.access import hr_only
from survey.web.choices import chosen_wave

blueprint = Blueprint("download", __name__, url_prefix="/hr")


@blueprint.get("/results.<any(csv, xlsx, json):form>")
@hr_only
def release(form: str) -> Response:
    """The chosen release as a file."""
    wave = chosen_wave(releases.released_waves()) or abort(404)
    name = f"espejo-{wave.pulse.key}-{wave.local_date}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(results.export(wave, form), mimetype=results.FORMATS[form], headers=headers)
