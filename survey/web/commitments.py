"""A lead's commitments: made from a release or a suggestion, and ended; each lead for the own departments alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from survey import claims, commitments, releases, wording
from survey.claims import Record
from survey.commitments import TEXT_CHARACTERS, CommitmentError, CommitmentRow, Draft
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Commitment, Department, Wave
from survey.refusal import _l
from survey.releases import PublicComment
from survey.web.access import leads_only
from survey.web.frame import today

PROMISED = _l("It is promised. Your clients can read it from now on.")

blueprint = Blueprint("commitments", __name__, url_prefix="/lead/commitments")


@dataclass(frozen=True)
class Board:
    """What a department has promised, and what the next commitment can be credited to."""

    rows: list[CommitmentRow]
    record: list[tuple[Wave, Record]]
    clients: list[Department]
    suggestions: list[PublicComment]
    today: date
    items: Sequence[str] = SHOWN_ITEMS
    characters: int = TEXT_CHARACTERS

    def adopted(self, comment_id: str) -> list[CommitmentRow]:
        """What has been made of a suggestion."""
        return [row for row in self.rows if row.commitment.suggestion_id == comment_id]


def boards(wave: Wave, said: Mapping[int, Iterable[PublicComment] | None]) -> dict[int, Board]:
    """{department: its board after `wave`}, for the departments that `said` has comments of, or none, by id."""
    day = today()
    rows, clients = commitments.of_providers(said, day), releases.named_clients(wave, said)
    record = claims.by_wave(rows)
    return {
        department: Board(
            rows[department], record[department], clients[department], commitments.suggestions(comments), day
        )
        for department, comments in said.items()
    }


@blueprint.get("/")
@leads_only
def adopt(departments: list[Department]) -> str:
    """A suggestion of a release, and the form to promise it, or to say that it is done already."""
    wave, department = _meant(departments, request.args)
    board, suggestion = _board(wave, department), request.args.get("suggestion", "")
    found = next((one for one in board.suggestions if one.id == suggestion), None) or abort(404)
    return _form(wave, department, board, MultiDict({"suggestion": found.id}), suggestion=found)


@blueprint.post("/")
@leads_only
def make(departments: list[Department]) -> Response | tuple[str, int]:
    """Commit to something after a release; what cannot be taken comes back as it was filled in."""
    wave, department = _meant(departments, request.form)
    is_done = "done" in request.form
    try:
        commitments.make(wave, department, _draft(is_done), today(), is_done=is_done)
    except CommitmentError as fault:
        told = (fault.field, wording.refusal(fault))
        return _form(wave, department, _board(wave, department), request.form, told), 422
    flash(_("It is done. Your clients can read that as well.") if is_done else _(PROMISED))
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


def _meant(departments: Sequence[Department], said: MultiDict[str, str]) -> tuple[Wave, Department]:
    """The release and the one of the reader's departments that a form or an address means; 404 without either."""
    department = _own(departments, said.get("department", 0, type=int))
    number = said.get("wave", 0, type=int)
    return next((wave for wave in releases.released_waves() if wave.id == number), None) or abort(404), department


def _draft(is_done: bool) -> Draft:
    """What was filled in; what is done already was due today."""
    try:
        due_on = today() if is_done else date.fromisoformat(request.form.get("due_on", ""))
    except ValueError:
        due_on = date.min  # outside of what is offered, as every day that cannot be
    return Draft(
        item=request.form.get("item", ""),
        text=request.form.get("text", ""),
        due_on=due_on,
        clients=request.form.getlist("clients", type=int),
        suggestion=request.form.get("suggestion") or None,
    )


def _board(wave: Wave, department: Department) -> Board:
    said = {department.id: releases.comments(wave, [department.id]).get(department.id)}
    return boards(wave, said)[department.id]


def _form(
    wave: Wave,
    department: Department,
    board: Board,
    posted: MultiDict[str, str],
    fault: tuple[str, str] = ("", ""),
    suggestion: PublicComment | None = None,
) -> str:
    """The form by itself; `fault`: the part that must be mended, and why."""
    return render_template(
        "commitments/commit.html",
        wave=wave,
        department=department,
        board=board,
        posted=posted,
        fault=fault,
        suggestion=suggestion,
    )


def _back(wave_id: int, department: Department) -> Response:
    return redirect(url_for("lead.results", wave=wave_id, _anchor=f"commitments-{department.key}"))
