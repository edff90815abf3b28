"""HR's page about who serves whom: providers × clients."""

from flask import Blueprint, render_template

from survey import matrices, releases
from survey.measure.disclosure import Figure
from survey.measure.scale import SHOWN_ITEMS
from survey.web.access import hr_only
from survey.web.choices import DIVISION, chosen_clients, chosen_item, chosen_wave, chosen_window

blueprint = Blueprint("matrix", __name__, url_prefix="/hr/matrix")

NEAR, FAR = 5, 15  # points from the company's mean, where a cell's shade changes


@blueprint.get("")
@hr_only
def table() -> str:
    """Provider × clients on one item; of several waves together, or with the clients by division, when asked."""
    released = releases.released_waves()
    wave = chosen_wave(released)
    item, over, division = chosen_item(), chosen_window(), chosen_clients() == DIVISION
    window = releases.waves_until(wave, over) if wave else []
    make = matrices.by_division if division else matrices.by_department
    return render_template(
        "matrix/table.html",
        waves=released,
        wave=wave,
        window=window,
        item=item,
        items=SHOWN_ITEMS,
        matrix=make(window, item) if window else None,
        others=matrices.OTHERS,
        over=over,
        windows=matrices.WINDOWS,
        division=division,
        k=max((found.min_group for found in window), default=0),
        shade=shade,
    )


def shade(figure: Figure, company: Figure | None) -> str:
    """The class that colours a cell by its distance from the company's mean: "far-below" … "far-above"."""
    distance = figure.mean - company.mean if company else 0
    if abs(distance) < NEAR:
        return "near"
    side = "above" if distance > 0 else "below"
    return f"far-{side}" if abs(distance) >= FAR else side
