"""Accept a response; part it from the person, and its answers from each other."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from peewee import JOIN

from survey.database import is_sqlite
from survey.measure.scale import COMMENT_KINDS, LOW_SCORES, MISSING, MISSING_REASONS, OVERALL, SCORES
from survey.models import (
    ClientGroupDepartment,
    Comment,
    Department,
    Invitation,
    Person,
    Pulse,
    Rating,
    Receipt,
    Wave,
    database,
    random_id,
)
from survey.people import departments

COMMENT_CHARACTERS = 2000
WITH_RECEIPT = ("complaint", "suggestion")  # kinds of comment that a department may reply to
MOST_ADDED = 2  # departments that a person may add to those asked about


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
    department_id: int | None  # the person's own; none once the person is forgotten
    providers: tuple[Department, ...]
    answered: bool
    person: str | None = None  # the name; none once the person is forgotten
    person_id: int | None = None  # none once the person is forgotten
    addable: tuple[Department, ...] = ()  # what the person may add, by name: all active departments but their own

    @property
    def provider_ids(self) -> list[int]:
        return [provider.id for provider in self.providers]

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
    asked = {department.id: department for department in Department.select().where(Department.id.in_(ids))}
    return Questions(
        invitation_id=invitation.id,
        wave=invitation.wave,
        pulse=invitation.wave.pulse,
        language=invitation.person.language if invitation.person_id else None,
        department_id=invitation.person.department_id if invitation.person_id else None,
        providers=tuple(asked[provider] for provider in ids),
        answered=invitation.answered,
        person=invitation.person.name if invitation.person_id else None,
        person_id=invitation.person_id,
        addable=tuple(_addable(invitation)),
    )


def _addable(invitation: Invitation) -> list[Department]:
    asked = {int(provider) for provider in invitation.providers.split()}
    not_offered = asked | _own_departments(invitation)
    return [department for department in departments() if department.id not in not_offered]


def _own_departments(invitation: Invitation) -> set[int]:
    """Where the person works, and worked when the wave opened: nobody answers about their own department.

    A person who has been forgotten may be from any department of the client group.
    """
    query = ClientGroupDepartment.select(ClientGroupDepartment.department)
    group = {
        department
        for (department,) in query.where(ClientGroupDepartment.client_group == invitation.client_group_id).tuples()
    }
    if not invitation.person_id:
        return group
    return {invitation.person.department_id} | (group if len(group) == 1 else set())


def accept(invitation_id: str, answers: Iterable[Answer]) -> Outcome:
    """Store one response for an invitation that exists; its only link with the person is that both are done at once.

    In one transaction: is the wave open? Is the invitation unanswered (a conditional UPDATE, so that of many posts at
    the same time one is stored)? Then what is said of each provider, in rows that name neither the person nor the
    invitation nor each other.

    Raises ValueError for two answers about one provider, and for answers about providers that the invitation does not
    ask about, except up to MOST_ADDED of those that may be added.
    """
    answers = list(answers)
    with database.atomic():
        invitation = Invitation.get_by_id(invitation_id)
        asked = {int(provider) for provider in invitation.providers.split()}
        _refuse_unless_once(answers)
        _refuse_unless_addable(invitation, {answer.provider for answer in answers} - asked)
        if state_held(invitation.wave_id) != "open":
            return Outcome.ALREADY if invitation.answered else Outcome.CLOSED
        unanswered = (Invitation.id == invitation_id) & (~Invitation.answered)
        if not Invitation.update(answered=True).where(unanswered).execute():
            return Outcome.ALREADY
        _store(invitation, answers, asked)
    return Outcome.STORED


def _refuse_unless_once(answers: Sequence[Answer]) -> None:
    if any(times > 1 for times in Counter(answer.provider for answer in answers).values()):
        raise ValueError("One person says something about each provider once.")


def _refuse_unless_addable(invitation: Invitation, added: set[int]) -> None:
    if len(added) > MOST_ADDED:
        raise ValueError(f"A person may add {MOST_ADDED} departments to those asked about; found {len(added)}.")
    if added and not added <= {department.id for department in _addable(invitation)}:
        raise ValueError("A department that is added is an active one, not asked about, and not the person's own.")


def _store(invitation: Invitation, answers: Sequence[Answer], asked: Collection[int]) -> None:
    """A rating for each provider with scores, a comment for each with words, under ids that nothing joins; receipts."""
    ratings = [
        {
            "id": random_id(),
            "wave": invitation.wave_id,
            "provider": answer.provider,
            "client_group": invitation.client_group_id,
            "answers": json.dumps(answer.answers(), sort_keys=True),
            "added": answer.provider not in asked,
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


def state_held(wave_id: int) -> str:
    """The wave's state, which no other transaction can change before this one ends.

    SQLite has one writer at a time anyway; elsewhere a shared lock makes the closing wait for answers under way.
    """
    query = Wave.select(Wave.state).where(Wave.id == wave_id)
    return (query if is_sqlite() else query.for_update("FOR SHARE")).scalar()
