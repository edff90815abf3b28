"""Claimed against confirmed over time: how many promises were made after each wave, kept in time, and confirmed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from peewee import Case, fn

from survey import confirmations
from survey.commitments import DONE, CommitmentRow
from survey.confirmations import Stage
from survey.models import Commitment, Wave

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
    promised, done, kept = Commitment.select(fn.COUNT(Commitment.id), *counts).tuples().get()
    heard, confirmed = confirmations.heard()
    return Record(promised, done, kept, heard, confirmed)


def by_wave(rows: Mapping[int, Iterable[CommitmentRow]]) -> dict[int, list[tuple[Wave, Record]]]:
    """{provider: (wave, what became of what it promised after it), the latest first}, of the commitments of each.

    One query.
    """
    promised: dict[tuple[int, int], list[CommitmentRow]] = defaultdict(list)
    for provider, made in rows.items():
        for row in made:
            promised[provider, row.commitment.wave_id].append(row)
    waves = Wave.select().where(Wave.id.in_([wave for _, wave in promised]))
    latest_first = list(waves.order_by(Wave.local_date.desc(), Wave.id.desc()))
    return {
        provider: [
            (wave, record(promised[provider, wave.id])) for wave in latest_first if (provider, wave.id) in promised
        ]
        for provider in rows
    }
