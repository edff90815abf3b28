"""Claimed against confirmed: what the clients of a commitment say of what its department says is done.

Part of the gate: it decides what is shown of their answers, by the same rules as of everything else. Of a commitment
one sum is ever told, that of all its clients who were asked, so that nothing can be taken from it.
"""

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from peewee import JOIN, Query, fn

from survey.measure.noticing import Hearing, hearing
from survey.models import ASKED, RUNNING, Commitment, NoticeQuestion, NoticeTally, Wave
from survey.prepared import prepared


@dataclass(frozen=True)
class Asked:
    """A wave that asks about a commitment, and who noticed it and who has not, where that is counted."""

    day: date  # of its opening
    is_open: bool
    k: int
    noticed: int | None
    not_yet: int | None


class Stage(StrEnum):
    """How far a claim that something is done has come."""

    NOBODY = "nobody"  # it names no client who could be asked
    WAITING = "waiting"  # its clients are asked when the next wave opens
    PASSED_OVER = "passed over"  # a wave has opened since and did not ask: too few people, or others came first
    ASKED = "asked"  # in the wave that is open
    TOO_FEW = "too few"  # answered, for anything to be told
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"


@dataclass(frozen=True)
class Confirmation:
    """Where a claim stands; `asked_on` is when the wave opened that asks its clients, or has asked them."""

    stage: Stage
    asked_on: date | None = None
    hearing: Hearing | None = None

    @property
    def is_confirmed(self) -> bool:
        return self.stage is Stage.CONFIRMED


def of(commitments: Collection[Commitment], named: Container[int]) -> dict[int, Confirmation]:
    """{commitment: what its clients say}, of those of `commitments` that are done, by id.

    `named` holds the ids of those that name clients. Two queries at most.
    """
    done = [commitment for commitment in commitments if commitment.state == "done"]
    asked = {found: Asked(*told) for found, *told in _asked([each.id for each in done])} if done else {}
    unasked = [found.id for found in done if found.id not in asked and found.id in named]
    passed = {found for (found,) in _passed_over.raw(unasked)} if unasked else set()
    return {
        found.id: confirmation(asked[found.id]) if found.id in asked else Confirmation(_before(found.id, named, passed))
        for found in done
    }


def _before(commitment: int, named: Container[int], passed: Container[int]) -> Stage:
    """Where a claim stands that no wave has asked about."""
    if commitment not in named:
        return Stage.NOBODY
    return Stage.PASSED_OVER if commitment in passed else Stage.WAITING


def confirmation(asked: Asked) -> Confirmation:
    """What a wave's tally says of a commitment."""
    if asked.is_open:
        return Confirmation(Stage.ASKED, asked.day)
    found = None if asked.noticed is None or asked.not_yet is None else hearing(asked.noticed, asked.not_yet, asked.k)
    if found is None:
        return Confirmation(Stage.TOO_FEW, asked.day)
    return Confirmation(Stage.CONFIRMED if found.confirms else Stage.NOT_CONFIRMED, asked.day, found)


def heard() -> tuple[int, int]:
    """Of how many commitments enough clients have said whether they noticed, and how many of these they confirm."""
    query = NoticeTally.select(NoticeTally.noticed, NoticeTally.not_yet, Wave.min_group).join(Wave)
    query = query.where(Wave.state == "closed")
    found = [told for counts in query.tuples() if (told := hearing(*counts))]
    return len(found), sum(told.confirms for told in found)


@prepared
def _asked(commitments: Sequence[int]) -> Query:
    """Commitments, the waves that ask about them, and what was counted."""
    return (
        NoticeQuestion.select(
            NoticeQuestion.commitment,
            Wave.local_date,
            Wave.state.in_(RUNNING),
            Wave.min_group,
            NoticeTally.noticed,
            NoticeTally.not_yet,
        )
        .join(Wave)
        .join(NoticeTally, JOIN.LEFT_OUTER, on=NoticeTally.commitment == NoticeQuestion.commitment)
        .where(NoticeQuestion.commitment.in_(commitments))
        .distinct()
        .tuples()
    )


@prepared
def _passed_over(commitments: Sequence[int]) -> Query:
    """Those that were done before the latest wave of their pulse opened."""
    release, later = Wave.alias(), Wave.alias()
    return (
        Commitment.select(Commitment.id)
        .join(release)
        .join(later, on=later.pulse == release.pulse)
        .where(Commitment.id.in_(commitments), later.state.in_(ASKED))
        .group_by(Commitment.id, Commitment.ended_on)
        .having(fn.MAX(later.local_date) > Commitment.ended_on)
        .tuples()
    )
