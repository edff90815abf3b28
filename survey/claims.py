"""Claimed against confirmed over time: how many promises were made after each wave, kept in time, and confirmed."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from peewee import Case, fn

from survey import confirmations
from survey.commitments import DONE, CommitmentRow
from survey.confirmations import Stage
from survey.models import Commitment, Pulse, Wave

HEARD = (Stage.CONFIRMED, Stage.NOT_CONFIRMED)


@dataclass(frozen=True)
class Record:
    """How many commitments were promised, are done, were done by their day, and what clients said of how many."""

    promised: int
    done: int
    in_time: int
    heard: int  # enough clients have said whether they noticed
    confirmed: int


def record(rows: Iterable[CommitmentRow]) -> Record:
    """What became of these commitments."""
    rows = list(rows)
    done = [row for row in rows if row.state == DONE]
    stages = [row.confirmation.stage for row in done if row.confirmation]
    return Record(
        promised=len(rows),
        done=len(done),
        in_time=sum(row.commitment.ended_on <= row.commitment.due_on for row in done),
        heard=sum(stage in HEARD for stage in stages),
        confirmed=stages.count(Stage.CONFIRMED),
    )


def company() -> Record:
    """What became of all commitments of all departments. Two queries, whatever their number."""
    is_done = Commitment.state == DONE
    in_time = is_done & (Commitment.ended_on <= Commitment.due_on)
    counts = [fn.COALESCE(fn.SUM(Case(None, [(condition, 1)], 0)), 0) for condition in (is_done, in_time)]
    return Record(*Commitment.select(fn.COUNT(Commitment.id), *counts).tuples().get(), *confirmations.heard())


def by_wave(rows: Iterable[CommitmentRow]) -> list[tuple[Wave, Record]]:
    """(wave, what became of what was promised after it), the latest first. One query."""
    promised: dict[int, list[CommitmentRow]] = defaultdict(list)
    for row in rows:
        promised[row.commitment.wave_id].append(row)
    waves = Wave.select(Wave, Pulse).join(Pulse).where(Wave.id.in_(list(promised)))
    return [(wave, record(promised[wave.id])) for wave in waves.order_by(Wave.local_date.desc(), Wave.id.desc())]
