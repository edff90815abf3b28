"""What the reader has chosen in the address of a page: a wave, an item, how the clients are grouped."""

import re
from collections.abc import Sequence

from flask import abort, request

from survey.matrices import WINDOWS, Order
from survey.measure.scale import ITEMS, OVERALL
from survey.models import Department, Wave

DIVISION = "division"
PAGE_NUMBER = re.compile("[1-9][0-9]{0,5}")


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


def chosen_window() -> int:
    """How many waves are shown together, by `?over=`, else 1. 404 for any other."""
    over = request.args.get("over", "1")
    return int(over) if over in map(str, WINDOWS) else abort(404)


def chosen_clients() -> str:
    """`division` when `?by=division` asks for it, else an empty text. 404 for any other."""
    by = request.args.get("by", "")
    return by if by in ("", DIVISION) else abort(404)


def chosen_order(name: str) -> Order:
    """How `?rows=` or `?columns=` sorts a matrix, else by name. 404 for any other."""
    asked = request.args.get(name, Order.NAME)
    return Order(asked) if asked in set(Order) else abort(404)


def chosen_department() -> Department | None:
    """The department that `?department=` names by its key; None for an empty one. 404 for any other."""
    key = request.args.get("department", "")
    return (Department.get_or_none(Department.key == key) or abort(404)) if key else None


def chosen_page(name: str = "page", otherwise: int = 1) -> int:
    """The page of a long list by `?page=`, or by `name`, else `otherwise`. 404 for what is no page's number."""
    text = request.args.get(name, str(otherwise))
    return int(text) if PAGE_NUMBER.fullmatch(text) else abort(404)


def chosen_departments(known: Sequence[Department]) -> list[Department]:
    """The departments of `known` that `?department=`, once or several times, names by key. 404 for any other."""
    asked = set(request.args.getlist("department"))
    if asked - {department.key for department in known}:
        abort(404)
    return [department for department in known if department.key in asked]
