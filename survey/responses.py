"""Accept a response; part it from the person, and its answers from each other."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from peewee import JOIN

from survey.database import is_sqlite
from survey.measure.scale import COMMENT_KINDS, LOW_SCORES, MISSING, MISSING_REASONS, OVERALL, SCORES
from survey.models import Comment, Department, Invitation, Person, Pulse, Rating, Receipt, Wave, database, random_id

COMMENT_CHARACTERS = 2000
WITH_RECEIPT = ("complaint", "suggestion")  # kinds of comment that a department may reply to


class Outcome(StrEnum):
    STORED = "stored"
    ALREADY = "already received"
    CLOSED = "closed"


@dataclass(frozen=True)
class Answer:
    """What one person says about one provider. An item that is missing in `scores` was not answered.

    `missing` says what a low `overall` lacks; it is left out when `overall` is not low.
    """

    provider: int
    scores: Mapping[str, int]
    missing: str | None = None
    comment: str = ""
    comment_kind: str | None = None
    receipt: str | None = None  # SHA-256 of the code that its writer has taken for the comment

    def __post_init__(self) -> None:
        """Raises ValueError for what no page of ours sends."""
        if not all(score in SCORES for score in self.scores.values()):
            raise ValueError(f"Scores are whole numbers from 1 to 5; found {dict(self.scores)}.")
        if self.missing is not None and self.missing not in MISSING_REASONS:
            raise ValueError(f"What is missing is one of {MISSING_REASONS}; found {self.missing!r}.")
        if self.comment and self.comment_kind not in COMMENT_KINDS:
            raise ValueError(f"A comment's kind is one of {COMMENT_KINDS}; found {self.comment_kind!r}.")
        if len(self.comment) > COMMENT_CHARACTERS:
            raise ValueError(f"A comment has at most {COMMENT_CHARACTERS} characters.")
        if self.receipt and not (self.comment and self.comment_kind in WITH_RECEIPT):
            raise ValueError(f"A receipt belongs to a comment whose kind is one of {WITH_RECEIPT}.")

    @property
    def says_nothing(self) -> bool:
        return not self.scores and not self.comment

    def answers(self) -> dict[str, int]:
        """The answers that are tallied, by item."""
        found = dict(self.scores)
        if self.missing is not None and self.scores.get(OVERALL) in LOW_SCORES:
            found[MISSING] = MISSING_REASONS.index(self.missing) + 1
        return found


@dataclass(frozen=True)
class Questions:
    """What an invitation asks: about whom, in which wave, of whom."""

    invitation_id: str
    wave: Wave
    pulse: Pulse
    language: str | None  # none once the person is forgotten
    providers: tuple[Department, ...]
    answered: bool

    @property
    def is_open(self) -> bool:
        return self.wave.state == "open"


def questions(invitation_id: str) -> Questions | None:
    """What the invitation of this id asks; None when there is none. Changes nothing."""
    invitation = (
        Invitation.select(Invitation, Wave, Pulse, Person)
        .join(Wave)
        .join(Pulse)
        .switch(Invitation)
        .join(Person, JOIN.LEFT_OUTER)
        .where(Invitation.id == invitation_id)
        .get_or_none()
    )
    if invitation is None:
        return None
    ids = [int(provider) for provider in invitation.providers.split()]
    departments = {department.id: department for department in Department.select().where(Department.id.in_(ids))}
    return Questions(
        invitation_id=invitation.id,
        wave=invitation.wave,
        pulse=invitation.wave.pulse,
        language=invitation.person.language if invitation.person_id else None,
        providers=tuple(departments[provider] for provider in ids),
        answered=invitation.answered,
    )


def accept(invitation_id: str, answers: Iterable[Answer]) -> Outcome:
    """Store one response for an invitation that exists; its only link with the person is that both are done at once.

    In one transaction: is the wave open? Is the invitation unanswered (a conditional UPDATE, so that of many posts at
    the same time one is stored)? Then what is said of each provider, in rows that name neither the person nor the
    invitation nor each other.

    Raises ValueError for answers about a provider that the invitation does not ask about, or about one twice.
    """
    answers = list(answers)
    with database.atomic():
        invitation = Invitation.get_by_id(invitation_id)
        if Counter(str(answer.provider) for answer in answers) - Counter(invitation.providers.split()):
            raise ValueError("One person says something about each provider asked about once, and about no other.")
        if _state_held(invitation.wave_id) != "open":
            return Outcome.ALREADY if invitation.answered else Outcome.CLOSED
        unanswered = (Invitation.id == invitation_id) & (~Invitation.answered)
        if not Invitation.update(answered=True).where(unanswered).execute():
            return Outcome.ALREADY
        _store(invitation, answers)
    return Outcome.STORED


def _store(invitation: Invitation, answers: Sequence[Answer]) -> None:
    """A rating for each provider with scores, a comment for each with words, under ids that nothing joins; receipts."""
    ratings = [
        {
            "id": random_id(),
            "wave": invitation.wave_id,
            "provider": answer.provider,
            "client_group": invitation.client_group_id,
            "answers": json.dumps(answer.answers(), sort_keys=True),
        }
        for answer in answers
        if answer.scores
    ]
    said = [(random_id(), answer) for answer in answers if answer.comment]
    comments = [
        {
            "id": key,
            "wave": invitation.wave_id,
            "provider": answer.provider,
            "kind": answer.comment_kind,
            "text": answer.comment,
        }
        for key, answer in said
    ]
    receipts = [
        {"digest": answer.receipt, "wave": invitation.wave_id, "comment": key} for key, answer in said if answer.receipt
    ]
    for table, rows in ((Rating, ratings), (Comment, comments), (Receipt, receipts)):
        if rows:
            table.insert_many(rows).execute()


def _state_held(wave_id: int) -> str:
    """The wave's state, which no other transaction can change before this one ends.

    SQLite has one writer at a time anyway; elsewhere a shared lock makes the closing wait for answers under way.
    """
    query = Wave.select(Wave.state).where(Wave.id == wave_id)
    return (query if is_sqlite() else query.for_update("FOR SHARE")).scalar()
