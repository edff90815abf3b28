"""Accept a response; part it from the person, and its answers from each other."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from peewee import JOIN, Query, chunked, fn

from survey import notices, people
from survey.database import is_sqlite, repeated
from survey.measure.scale import COMMENT_KINDS, LOW_SCORES, MISSING, MISSING_REASONS, OVERALL, SCORES
from survey.models import (
    Comment,
    Invitation,
    Mirrored,
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
ON_SCALE = frozenset(SCORES)

as_json = json.JSONEncoder(sort_keys=True).encode


class NotAddable(ValueError):
    """A department was to be added that cannot be, or not any more."""


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
        if not ON_SCALE.issuperset(self.scores.values()):
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
    client_group: int | None = None  # none in a preview, which asks nobody
    has_mirrored: bool = False  # the person has said something about the own department

    @property
    def provider_ids(self) -> tuple[int, ...]:
        return tuple([provider.id for provider in self.providers])

    @property
    def addable(self) -> list[Named]:
        """What the person may add, by name: all other active departments."""
        left_out = self.not_addable
        return [found for id_, found in people.active().items() if id_ not in left_out]

    @property
    def is_open(self) -> bool:
        return self.wave.state == "open"


class Alike(TypedDict):
    """What an invitation asks that others ask too: see `Questions`."""

    wave: Wave
    pulse: Pulse
    department_id: int | None
    providers: tuple[Named, ...]
    noticeable: tuple[notices.Question, ...]
    not_addable: frozenset[int | None]
    client_group: int


def questions(invitation_id: str) -> Questions | None:
    """What the invitation of this id asks; None when there is none. Changes nothing."""
    for wave, state, group, providers, answered, mirrored, person, name, language, department in _asked_with.raw(
        invitation_id
    ):
        return Questions(
            invitation_id=invitation_id,
            language=language,
            answered=bool(answered),
            person=name,
            person_id=person,
            has_mirrored=bool(mirrored),
            **_asked_alike(wave, state, group, providers, department, person is not None),
        )
    return None


@once_a_moment
def _asked_alike(
    wave: int, state: str, client_group: int, providers: str, department: int | None, is_known: bool
) -> Alike:
    """What all are asked who are of one client group, now of one department, and asked about the same providers.

    `is_known`: the person has not been forgotten. The state is among the arguments so that a wave is read again when
    it has changed.
    """
    ids = [int(provider) for provider in providers.split()]
    asked_in = wave_asked(wave, state)
    own = _own_departments(wave, client_group, department, is_known)
    return Alike(
        wave=asked_in,
        pulse=asked_in.pulse,
        department_id=department,
        providers=tuple(people.named(ids)),
        noticeable=tuple(notices.told(wave, client_group, department)) if state == "open" else (),
        not_addable=frozenset([*ids, *own]),
        client_group=client_group,
    )


@prepared
def _asked_with(invitation_id: str) -> Query:
    """An invitation with its person, and the state of its wave."""
    has_mirrored = fn.EXISTS(Mirrored.select().where(Mirrored.invitation == Invitation.id))
    invitation = (Invitation.client_group, Invitation.providers, Invitation.answered, has_mirrored)
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


def _own_departments(wave: int, client_group: int, department: int | None, is_known: bool) -> set[int | None]:
    """Where the person works, and worked when the wave opened: nobody answers about their own department.

    A person who has been forgotten may be from any department of the client group.
    """
    group = notices.departments_of(wave, client_group)
    if not is_known:
        return set(group)
    return {department, *(group if len(group) == 1 else ())}


@repeated
def accept(asked: Questions, answers: Collection[Answer], noticed: notices.Answers | None = None) -> Outcome:
    """Store one response to what was asked; its only link with the person is that both are done at once.

    In one transaction: is the wave open, and the invitation unanswered (a conditional UPDATE, so that of many posts at
    the same time one is stored)? Then what is said of each provider, in rows that name neither the person nor the
    invitation nor each other.

    Raises NotAddable for an answer about a provider that is neither asked about nor, by now, one that may be added;
    ValueError for two answers about one provider, for more than MOST_ADDED that are added, and for notices of what the
    invitation does not ask about.
    """
    _refuse_unless_once([answer.provider for answer in answers])
    notices.refuse_unless_asked(asked.noticeable, noticed or {})
    with database.obj.atomic():  # not the proxy, whose every use costs peewee an exception
        hold_state(asked.wave.id)
        _refuse_unless_addable(asked, {answer.provider for answer in answers})
        if not _mark_answered(asked.invitation_id):
            return Outcome.ALREADY if _is_answered(asked.invitation_id) else Outcome.CLOSED
        _store(asked, answers)
        if noticed:
            notices.store(asked.wave, noticed)
    return Outcome.STORED


@prepared
def _mark_answered(invitation_id: str) -> Query:
    is_open = Wave.select().where((Wave.id == Invitation.wave) & (Wave.state == "open"))
    unanswered = (Invitation.id == invitation_id) & (~Invitation.answered)
    return Invitation.update(answered=True).where(unanswered & fn.EXISTS(is_open))


def _is_answered(invitation_id: str) -> bool:
    return Invitation.select().where(Invitation.id == invitation_id, Invitation.answered).exists()


def _refuse_unless_once(about: Sequence[int]) -> None:
    if len(set(about)) < len(about):
        raise ValueError("One person says something about each provider once.")


def _refuse_unless_addable(asked: Questions, about: set[int]) -> None:
    """What may be added is asked of the database anew; few add anything."""
    added = about.difference(asked.provider_ids)
    if not added:
        return
    if len(added) > MOST_ADDED:
        raise ValueError(f"A person may add {MOST_ADDED} departments to those asked about; found {len(added)}.")
    now = questions(asked.invitation_id)
    if not now or not added <= {found.id for found in now.addable}:
        raise NotAddable("A department that is added is an active one, not asked about, and not the person's own.")


def _store(asked: Questions, answers: Collection[Answer]) -> None:
    """A rating for each provider with scores, a comment for each with words, under ids that nothing joins; receipts."""
    wave, about = asked.wave.id, asked.provider_ids
    ratings = [
        value
        for answer in answers
        if answer.scores
        for value in (
            random_id(),
            answer.provider,
            as_json(answer.answers()),
            answer.provider not in about,
            wave,
            asked.client_group,
        )
    ]
    if ratings:
        _add_ratings(ratings)
    for answer in answers:
        if answer.comment:
            comment = random_id()
            _add_comment(comment, wave, answer.provider, answer.comment_kind, answer.comment)
            if answer.receipt:
                _add_receipt(answer.receipt, wave, comment)


@prepared
def _add_ratings(values: Sequence[str | int | None]) -> Query:
    """Rows, one after the other."""
    columns = (Rating.id, Rating.provider, Rating.answers, Rating.added, Rating.wave, Rating.client_group)
    return Rating.insert_many(chunked(values, len(columns)), fields=columns)


@prepared
def _add_comment(key: str, wave: int, provider: int, kind: str, text: str) -> Query:
    return Comment.insert(id=key, wave=wave, provider=provider, kind=kind, text=text)


@prepared
def _add_receipt(digest: str, wave: int, comment: str) -> Query:
    return Receipt.insert(digest=digest, wave=wave, comment=comment)


def state_held(wave_id: int) -> str | None:
    """The wave's state, which no other transaction can change before this one ends."""
    hold_state(wave_id)
    return Wave.select(Wave.state).where(Wave.id == wave_id).scalar()


def hold_state(wave_id: int) -> None:
    """Keep the wave in its state until this transaction ends.

    SQLite has one writer at a time anyway; elsewhere a shared lock makes the closing wait for answers under way.
    """
    if not is_sqlite():
        _held.raw(wave_id)


@prepared
def _held(wave_id: int) -> Query:
    return Wave.select(Wave.id).where(Wave.id == wave_id).for_update("FOR SHARE").tuples()
