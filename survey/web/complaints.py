"""HR's page about complaints: how soon each department answers them, wave by wave."""

from flask import Blueprint, render_template

from survey import releases
from survey.complaints import Clocks, clocks_until
from survey.models import Wave
from survey.web.access import hr_only, settings
from survey.web.choices import chosen_wave
from survey.web.frame import now
from survey.web.pictures import HISTORY_WAVES

blueprint = Blueprint("complaints", __name__, url_prefix="/hr")


@blueprint.get("/complaints")
@hr_only
def page() -> str:
    """How soon complaints had a reply in the chosen wave, and in those before it."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    if wave is None:
        return render_template("complaints/page.html", wave=None)
    found = clocks_of(wave, released)
    return render_template(
        "complaints/page.html", waves=released, wave=wave, clocks=found, within=settings().reply_days
    )


def clocks_of(wave: Wave, released: list[Wave], *only: int) -> Clocks:
    """The clocks of a wave and of those before it, as they stand now."""
    return clocks_until(wave, released, now(), HISTORY_WAVES, only)
