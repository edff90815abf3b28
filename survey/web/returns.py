"""You said, we did: all that departments have done for their clients, for every employee, from a mailed link."""

from typing import Any

from flask import Blueprint, abort, g, render_template, request, url_for

from survey import commitments
from survey.commitments import DONE, LATE, OPEN, Part
from survey.models import Department, Person
from survey.signing import reader
from survey.web.access import limiter, settings, signed_in_only
from survey.web.choices import chosen_department, chosen_page
from survey.web.frame import today
from survey.web.respond import GUESSES

blueprint = Blueprint("returns", __name__, url_prefix="/you-said")

STATES = (DONE, OPEN, LATE)  # each under a heading of its own
AT_ONCE = 20  # commitments on a page
IN_SHORT = 5  # promises beside what is done, before the reader asks for all of them


@blueprint.get("/<token>")
def by_link(token: str) -> str | tuple[str, int]:
    """For the employee whom the link names, as long as they are active. It opens nothing else."""
    found = reader(token, settings())
    person = Person.get_or_none(Person.id == found, Person.active)
    if person is None:
        with limiter.limit(GUESSES):
            return render_template("respond/unknown.html"), 404
    g.reader_language = person.language
    return _page()


@blueprint.get("/")
@signed_in_only
def signed_in() -> str:
    """The same for HR and leads, who have signed in."""
    return _page()


def _page() -> str:
    department, state, number = chosen_department(), _chosen_state(), chosen_page()
    parts = [_part(state, department, number)] if state else _all_parts(department, number)
    pages = max(1, -(-parts[0].total // AT_ONCE))
    if number > pages:
        abort(404)
    return render_template(
        "returns/page.html",
        parts=parts,
        state=state,
        department=department,
        departments=_offered(department),
        number=number,
        pages=pages,
        address=_address,
    )


def _offered(chosen: Department | None) -> list[Department]:
    """Departments with something to read, and the one that is chosen."""
    found = commitments.who_has_promised()
    return found if chosen is None or chosen in found else [*found, chosen]


def _chosen_state() -> str:
    """The state of `?show=`, else an empty text. 404 for any other."""
    asked = request.args.get("show", "")
    return asked if asked in ("", *STATES) else abort(404)


def _part(state: str, department: Department | None, number: int, limit: int = AT_ONCE) -> Part:
    return commitments.part(state, today(), department.id if department else None, (number - 1) * limit, limit)


def _all_parts(department: Department | None, number: int) -> list[Part]:
    """What is done, page by page; beside its first page the promises that come next, and those that are late."""
    promised = [_part(state, department, 1, IN_SHORT) for state in STATES[1:]] if number == 1 else []
    return [_part(DONE, department, number), *promised]


def _address(**changes: Any) -> str:
    """This page with other choices; an empty one is left out."""
    chosen = {name: request.args[name] for name in ("department", "show", "lang") if name in request.args}
    values = {name: value for name, value in (chosen | changes).items() if value}
    return url_for(request.endpoint or "", **(request.view_args or {}), **values)
