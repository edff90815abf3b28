"""What the reader has chosen in the address of a page: a wave, an item."""

from collections.abc import Sequence

from flask import abort, request

from survey.measure.scale import ITEMS, OVERALL
from survey.models import Wave


def chosen_wave(waves: Sequence[Wave]) -> Wave | None:
    """The wave of `?wave=`, else the first of `waves`; None when there are none. 404 for any other."""
    if not waves:
        return None
    asked = request.args.get("wave")
    if asked is None:
        return waves[0]
    return next((wave for wave in waves if str(wave.id) == asked), None) or abort(404)


def chosen_item() -> str:
    """The item of `?item=`, else `overall`. 404 for any other."""
    item = request.args.get("item", OVERALL)
    return item if item in ITEMS else abort(404)
