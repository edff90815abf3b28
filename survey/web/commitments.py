"""A lead's commitments: made from a release, and ended; each lead for the own departments alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from survey import commitments, releases, wording
from survey.commitments import TEXT_CHARACTERS, CommitmentError, CommitmentRow, Draft
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Commitment, Department, Wave
from survey.refusal import _l
from survey.releases import PublicComment
from survey.web.access import leads_only
from survey.web.frame import today

blueprint = Blueprint("commitments", __name__, url_prefix="/lead/commitments")


@dataclass(frozen=True)
class Board:
    """What a department has promised, and what the next commitment can be credited to."""

    rows: list[CommitmentRow]
    clients: list[Department]
    suggestions: list[PublicComment]
    today: date
    items: Sequence[str] = SHOWN_ITEMS
    characters: int = TEXT_CHARACTERS


def boards(wave: Wave, said: Mapping[int, Iterable[PublicComment] | None]) -> dict[int, Board]:
    """{department: its board after `wave`}, for the departments that `said` has comments of, or none, by id."""
    day = today()
    rows, clients = commitments.of_providers(said, day), releases.named_clients(wave, said)
    return {
        department: Board(rows[department], clients[department], commitments.suggestions(comments), day)
        for department, comments in said.items()
    }


@blueprint.post("/")
@leads_only
def make(departments: list[Department]) -> Response | tuple[str, int]:
    """Commit to something after a release; what cannot be taken comes back as it was filled in."""
    department = _own(departments, request.form.get("department", 0, type=int))
    number = request.form.get("wave", 0, type=int)
    wave = next((wave for wave in releases.released_waves() if wave.id == number), None) or abort(404)
    try:
        commitments.make(wave, department, _draft(), today())
    except CommitmentError as fault:
        return _once_more(wave, department, fault), 422
    flash(_("It is promised. Your clients can read it from now on."))
    return _back(wave.id, department)


@blueprint.post("/<int(max=2147483647):commitment_id>/done")
@leads_only
def finish(departments: list[Department], commitment_id: int) -> Response:
    """What was promised is done."""
    return _end(departments, commitment_id, commitments.finish, _l("It is done. Your clients can read that as well."))


@blueprint.post("/<int(max=2147483647):commitment_id>/drop")
@leads_only
def drop(departments: list[Department], commitment_id: int) -> Response:
    """What was promised will not be done, and why."""

    def dropped(commitment: Commitment, day: date) -> None:
        commitments.drop(commitment, request.form.get("reason", ""), day)

    return _end(departments, commitment_id, dropped, _l("It is dropped, and no longer shown to your clients."))


def _end(
    departments: Sequence[Department], commitment_id: int, deed: Callable[[Commitment, date], None], done: str
) -> Response:
    """End a commitment of one of `departments`, and say so, or why not."""
    commitment = Commitment.get_or_none(Commitment.id == commitment_id) or abort(404)
    department = _own(departments, commitment.provider_id)
    try:
        deed(commitment, today())
    except CommitmentError as fault:
        flash(wording.refusal(fault), "error")
    else:
        flash(_(done))
    return _back(commitment.wave_id, department)


def _own(departments: Sequence[Department], department_id: int) -> Department:
    """The one of the reader's own departments that is meant; 404 when it is somebody else's."""
    return next((own for own in departments if own.id == department_id), None) or abort(404)


def _draft() -> Draft:
    """What was filled in."""
    try:
        due_on = date.fromisoformat(request.form.get("due_on", ""))
    except ValueError:
        due_on = date.min  # outside of what is offered, as every day that cannot be
    return Draft(
        item=request.form.get("item", ""),
        text=request.form.get("text", ""),
        due_on=due_on,
        clients=request.form.getlist("clients", type=int),
        suggestion=request.form.get("suggestion") or None,
    )


def _once_more(wave: Wave, department: Department, fault: CommitmentError) -> str:
    said = {department.id: releases.comments(wave, [department.id]).get(department.id)}
    return render_template(
        "commitments/commit.html",
        wave=wave,
        department=department,
        board=boards(wave, said)[department.id],
        posted=request.form,
        fault=(fault.field, wording.refusal(fault)),
    )


def _back(wave_id: int, department: Department) -> Response:
    return redirect(url_for("lead.results", wave=wave_id, _anchor=f"commitments-{department.key}"))
