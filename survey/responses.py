"""Accept a response; part it from the person, and its answers from each other."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from peewee import JOIN, ModelSelect, Query

from survey import notices, people
from survey.database import is_sqlite, repeated
from survey.measure.scale import COMMENT_KINDS, LOW_SCORES, MISSING, MISSING_REASONS, OVERALL, SCORES
from survey.models import (
    Comment,
    Invitation,
    Person,
    Pulse,
    Rating,
    Receipt,
    Wave,
    database,
    random_id,
)
from survey.moments import once_a_moment
from survey.people import Named
from survey.prepared import prepared

COMMENT_CHARACTERS = 2000
WITH_RECEIPT = ("complaint", "suggestion")  # kinds of comment that a department may reply to
MOST_ADDED = 2  # departments that a person may add to those asked about

as_json = json.JSONEncoder(sort_keys=True).encode


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
    providers: tuple[Named, ...]
    answered: bool
    person: str | None = None  # the name; none once the person is forgotten
    person_id: int | None = None  # none once the person is forgotten
    noticeable: tuple[notices.Question, ...] = ()  # what departments say they have done, and this person may confirm
    not_addable: frozenset[int | None] = frozenset()  # departments that are asked about, or the person's own

    @property
    def provider_ids(self) -> list[int]:
        return [provider.id for provider in self.providers]

    @property
    def addable(self) -> list[Named]:
        """What the person may add, by name: all other active departments."""
        left_out = self.not_addable
        return [found for id_, found in people.active().items() if id_ not in left_out]

    @property
    def is_open(self) -> bool:
        return self.wave.state == "open"


def questions(invitation_id: str) -> Questions | None:
    """What the invitation of this id asks; None when there is none. Changes nothing."""
    for wave, state, group, providers, answered, person, name, language, department in _asked_with.raw(invitation_id):
        ids = [int(provider) for provider in providers.split()]
        asked_in = wave_asked(wave, state)
        return Questions(
            invitation_id=invitation_id,
            wave=asked_in,
            pulse=asked_in.pulse,
            language=language,
            department_id=department,
            providers=tuple(people.named(ids)),
            answered=bool(answered),
            person=name,
            person_id=person,
            noticeable=tuple(notices.told(wave, group, department)) if state == "open" else (),
            not_addable=frozenset([*ids, *_own_departments(wave, group, person, department)]),
        )
    return None


@prepared
def _asked_with(invitation_id: str) -> Query:
    """An invitation with its person, and the state of its wave."""
    invitation = (Invitation.client_group, Invitation.providers, Invitation.answered)
    person = (Person.id, Person.name, Person.language, Person.department)
    return (
        Invitation.select(Wave.id, Wave.state, *invitation, *person)
        .join(Wave)
        .switch(Invitation)
        .join(Person, JOIN.LEFT_OUTER)
        .where(Invitation.id == invitation_id)
        .tuples()
    )


@once_a_moment
def wave_asked(wave: int, state: str | None = None) -> Wave:
    """A wave with its pulse. Many are asked in one, and nobody changes it from here.

    `state` is what it is known to be in, so that it is read again when that has changed.
    """
    return Wave.select(Wave, Pulse).join(Pulse).where(Wave.id == wave).get()


def _own_departments(wave: int, client_group: int, person: int | None, department: int | None) -> set[int | None]:
    """Where the person works, and worked when the wave opened: nobody answers about their own department.

    A person who has been forgotten may be from any department of the client group.
    """
    group = notices.departments_of(wave, client_group)
    if person is None:
        return set(group)
    return {department, *(group if len(group) == 1 else ())}


def _addable(invitation_id: str) -> set[int]:
    asked = questions(invitation_id)
    return {found.id for found in asked.addable} if asked else set()


@repeated
def accept(invitation_id: str, answers: Collection[Answer], noticed: notices.Answers | None = None) -> Outcome:
    """Store one response for an invitation that exists; its only link with the person is that both are done at once.

    In one transaction: is the wave open? Is the invitation unanswered (a conditional UPDATE, so that of many posts at
    the same time one is stored)? Then what is said of each provider, in rows that name neither the person nor the
    invitation nor each other.

    Raises ValueError for two answers about one provider, for answers about providers that the invitation does not ask
    about, except up to MOST_ADDED of those that may be added, and for notices of what it does not ask about.
    """
    answers = list(answers)
    _refuse_unless_once(answers)
    with database.atomic():
        ((wave, client_group, providers, answered, state),) = _invited.raw(invitation_id)
        asked = {int(provider) for provider in providers.split()}
        _refuse_unless_addable(invitation_id, {answer.provider for answer in answers} - asked)
        if state != "open":
            return Outcome.ALREADY if answered else Outcome.CLOSED
        if not _mark_answered(invitation_id):
            return Outcome.ALREADY
        _store(wave, client_group, answers, asked)
        if noticed:
            notices.store(Invitation.get_by_id(invitation_id), noticed)
    return Outcome.STORED


@prepared
def _invited(invitation_id: str) -> Query:
    """An invitation and its wave's state, which no other transaction can change before this one ends."""
    columns = (Invitation.wave, Invitation.client_group, Invitation.providers, Invitation.answered, Wave.state)
    query = Invitation.select(*columns).join(Wave).where(Invitation.id == invitation_id).tuples()
    return _hold_wave(query)


@prepared
def _mark_answered(invitation_id: str) -> Query:
    return Invitation.update(answered=True).where((Invitation.id == invitation_id) & (~Invitation.answered))


def _refuse_unless_once(answers: Sequence[Answer]) -> None:
    if any(times > 1 for times in Counter(answer.provider for answer in answers).values()):
        raise ValueError("One person says something about each provider once.")


def _refuse_unless_addable(invitation_id: str, added: set[int]) -> None:
    if len(added) > MOST_ADDED:
        raise ValueError(f"A person may add {MOST_ADDED} departments to those asked about; found {len(added)}.")
    if added and not added <= _addable(invitation_id):
        raise ValueError("A department that is added is an active one, not asked about, and not the person's own.")


def _store(wave: int, client_group: int, answers: Sequence[Answer], asked: Collection[int]) -> None:
    """A rating for each provider with scores, a comment for each with words, under ids that nothing joins; receipts."""
    if rated := [answer for answer in answers if answer.scores]:
        _add_ratings(
            wave,
            client_group,
            [random_id() for _ in rated],
            [answer.provider for answer in rated],
            [as_json(answer.answers()) for answer in rated],
            [answer.provider not in asked for answer in rated],
        )
    for answer in answers:
        if answer.comment:
            comment = random_id()
            _add_comment(comment, wave, answer.provider, answer.comment_kind, answer.comment)
            if answer.receipt:
                _add_receipt(answer.receipt, wave, comment)


@prepared
def _add_ratings(
    wave: int,
    client_group: int,
    keys: Sequence[str],
    providers: Sequence[int],
    answers: Sequence[str],
    added: Sequence[bool],
) -> Query:
    """A row for each provider, with the values that have its place."""
    columns = (Rating.id, Rating.provider, Rating.answers, Rating.added, Rating.wave, Rating.client_group)
    rows = [(*own, wave, client_group) for own in zip(keys, providers, answers, added, strict=True)]
    return Rating.insert_many(rows, fields=columns)


@prepared
def _add_comment(key: str, wave: int, provider: int, kind: str, text: str) -> Query:
    return Comment.insert(id=key, wave=wave, provider=provider, kind=kind, text=text)


@prepared
def _add_receipt(digest: str, wave: int, comment: str) -> Query:
    return Receipt.insert(digest=digest, wave=wave, comment=comment)


def state_held(wave_id: int) -> str | None:
    """The wave's state, which no other transaction can change before this one ends."""
    return next((state for (state,) in _state_held.raw(wave_id)), None)


@prepared
def _state_held(wave_id: int) -> Query:
    return _hold_wave(Wave.select(Wave.state).where(Wave.id == wave_id).tuples())


def _hold_wave(query: ModelSelect) -> ModelSelect:
    """SQLite has one writer at a time anyway; elsewhere a shared lock makes the closing wait for answers under way."""
    return query if is_sqlite() else query.for_update("FOR SHARE", of=Wave)
