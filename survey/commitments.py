"""Closing the loop: what a lead promises after a wave, and what became of it.

The words are the lead's own, and every employee may read them. Only what a release tells goes in: the clients that are
credited are among those that it names, and the suggestion is one that it shows.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import islice

from peewee import ModelSelect, Query, fn

from survey import confirmations, releases
from survey.confirmations import Confirmation
from survey.measure.scale import ITEMS
from survey.models import Commitment, CommitmentClient, Department, Wave, database
from survey.moments import once_a_moment
from survey.prepared import prepared
from survey.refusal import Refusal, _l

TEXT_CHARACTERS = 300  # of a commitment, and of the reason why one was dropped
FARTHEST_DAYS = 2 * 365  # a promise for later than this is none
LATEST = 5  # commitments of one provider in one state that are told at most where the latest are

OPEN, LATE, DONE, DROPPED = "open", "late", "done", "dropped"

NO_RELEASE = _l("A commitment comes from a wave that has closed.")
NO_ITEM = _l("Choose what it is to improve.")
NO_TEXT = _l("Write what will change.")
NO_ADDRESSES = _l("Write it without web addresses: mails quote it, and all their links lead to Espejo.")
TOO_LONG = _l("Write at most %(most)s characters.")
NO_DAY = _l("Choose a day between %(first)s and %(last)s.")
NOT_NAMED = _l("Credit only departments that the results name.")
NO_SUGGESTION = _l("This suggestion is none of this release.")
ALREADY_MADE = _l("This commitment has been made already.")
NO_REASON = _l("Write why it will not be done.")
HAS_ENDED = _l("This commitment has ended already.")


class CommitmentError(Refusal):
    """Why a commitment is not made or changed; `field` is the part of it that must be mended, or empty."""

    def __init__(self, field: str, text: str, **values: object) -> None:
        super().__init__(text, **values)
        self.field = field


@dataclass(frozen=True)
class CommitmentRow:
    """A commitment with its provider, and the names of the clients that it is credited to."""

    commitment: Commitment
    clients: tuple[str, ...]
    state: str  # open, late, done or dropped
    confirmation: Confirmation | None = None  # what its clients say of it; of what is done

    @property
    def last_day(self) -> date:
        """When it ended, or else was made."""
        return self.commitment.ended_on or self.commitment.made_on

    @cached_property
    def told(self) -> tuple[Hashable, ...]:
        """All that a page may tell of it: two rows that are told alike read alike."""
        found = self.commitment
        days = (found.due_on, found.ended_on)
        return (
            found.provider.name,
            found.text,
            self.state,
            *days,
            found.reason,
            self.clients,
            found.suggestion_id,
            self.confirmation,
        )


@dataclass(frozen=True)
class Draft:
    """What a lead promises. `clients` are departments and `suggestion` is a comment, by id."""

    item: str
    text: str
    due_on: date
    clients: Collection[int] = ()
    suggestion: str | None = None


# --- Making and ending ---------------------------------------------------------------------------------------------


def make(wave: Wave, provider: Department, draft: Draft, today: date, *, is_done: bool = False) -> Commitment:
    """Store what `provider` promises after `wave`, or has done already.

    Raises CommitmentError, and stores nothing, when it cannot be.
    """
    text = _one_line(draft.text)
    with database.atomic():
        Department.update(active=Department.active).where(Department.id == provider.id).execute()  # one at a time each
        _check(wave, draft, text, today)
        _check_credits(wave, provider, draft)
        promised = {"wave": wave, "provider": provider, "text": text, "state": OPEN}
        if Commitment.select().filter(**promised).exists():
            raise CommitmentError("", ALREADY_MADE)
        made = Commitment.create(
            **promised, item=draft.item, due_on=draft.due_on, made_on=today, suggestion=draft.suggestion
        )
        rows = [{"commitment": made.id, "department": client} for client in sorted(set(draft.clients))]
        if rows:
            CommitmentClient.insert_many(rows).execute()
        if is_done:
            finish(made, today)
    return made


def finish(commitment: Commitment, today: date) -> None:
    """It is done. Raises CommitmentError when it has ended already."""
    _end(commitment, state=DONE, ended_on=today)


def drop(commitment: Commitment, reason: str, today: date) -> None:
    """It will not be done. Raises CommitmentError without a reason, and when it has ended already."""
    reason = _one_line(reason)
    if not reason:
        raise CommitmentError("reason", NO_REASON)
    if len(reason) > TEXT_CHARACTERS:
        raise CommitmentError("reason", TOO_LONG, most=TEXT_CHARACTERS)
    _end(commitment, state=DROPPED, ended_on=today, reason=reason)


def _end(commitment: Commitment, **values: object) -> None:
    still_open = (Commitment.id == commitment.id) & (Commitment.state == OPEN)
    if not Commitment.update(**values).where(still_open).execute():
        raise CommitmentError("", HAS_ENDED)


def _check(wave: Wave, draft: Draft, text: str, today: date) -> None:
    if wave.state != "closed":
        raise CommitmentError("", NO_RELEASE)
    if not text:
        raise CommitmentError("text", NO_TEXT)
    if "://" in text or "www." in text.lower():
        raise CommitmentError("text", NO_ADDRESSES)
    if len(text) > TEXT_CHARACTERS:
        raise CommitmentError("text", TOO_LONG, most=TEXT_CHARACTERS)
    if draft.item not in ITEMS:
        raise CommitmentError("item", NO_ITEM)
    last = today + timedelta(days=FARTHEST_DAYS)
    if not today <= draft.due_on <= last:
        raise CommitmentError("due_on", NO_DAY, first=today, last=last)


def _check_credits(wave: Wave, provider: Department, draft: Draft) -> None:
    named = {client.id for client in releases.named_clients(wave, [provider.id])[provider.id]}
    if not named.issuperset(draft.clients):
        raise CommitmentError("clients", NOT_NAMED)
    if draft.suggestion is not None and draft.suggestion not in {
        found.id for found in suggestions(releases.comments(wave, [provider.id]).get(provider.id))
    }:
        raise CommitmentError("suggestion", NO_SUGGESTION)


def suggestions(comments: Iterable[releases.PublicComment] | None) -> list[releases.PublicComment]:
    """Those of a provider's comments that a commitment can come from."""
    return [comment for comment in comments or () if comment.kind == "suggestion"]


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())


# --- Reading -------------------------------------------------------------------------------------------------------


def of_providers(providers: Collection[int], today: date) -> dict[int, list[CommitmentRow]]:
    """{provider: its commitments}, those that are open first, by their day; then those that ended, the latest first.

    Every one of `providers` is there. Two queries.
    """
    query = _of(providers).order_by(
        Commitment.ended_on.is_null().desc(), Commitment.ended_on.desc(), Commitment.due_on, Commitment.id
    )
    found: dict[int, list[CommitmentRow]] = {provider: [] for provider in providers}
    for row in _rows(query, today):
        found[row.commitment.provider_id].append(row)
    return found


@once_a_moment
def latest(
    providers: frozenset[int],
    today: date,
    limit: int = LATEST,
    states: tuple[str, ...] = (OPEN, DONE),
    since: date = date.min,
) -> Sequence[CommitmentRow]:
    """The commitments of `providers` in one of `states`, made or ended on `since` or later, the latest first.

    `limit` is LATEST at most.
    """
    found = (
        row
        for row in _recent(today)
        if row.commitment.provider_id in providers and row.commitment.state in states and row.last_day >= since
    )
    return list(islice(found, limit))


@once_a_moment
def _recent(today: date) -> Sequence[CommitmentRow]:
    """The latest of each provider that are open or done, LATEST of each, the latest first: asked once for everybody."""
    last_day = fn.COALESCE(Commitment.ended_on, Commitment.made_on)
    order = (last_day.desc(), Commitment.id.desc())
    place = fn.ROW_NUMBER().over(partition_by=[Commitment.provider, Commitment.state], order_by=order)
    placed = Commitment.select(Commitment.id, place.alias("place")).where(Commitment.state.in_((OPEN, DONE)))
    query = _commitments().join(placed, on=(placed.c.id == Commitment.id)).where(placed.c.place <= LATEST)
    return _rows(query.order_by(*order), today)


def of_suggestion(comment_id: str | None, today: date) -> list[CommitmentRow]:
    """The commitments that come from a suggestion, the first one first."""
    return _rows(_commitments().where(Commitment.suggestion == comment_id).order_by(Commitment.id), today)


def due(today: date, within_days: int) -> list[CommitmentRow]:
    """What departments have promised for the next `within_days`, today and the last day included, by its day.

    Late commitments are among them and stand first; those of departments that are no more are not. Two queries.
    """
    last_day = today + timedelta(days=within_days)
    still_open = (Commitment.state == OPEN) & Department.active
    query = _commitments().where(still_open, Commitment.due_on <= last_day)
    return _rows(query.order_by(Commitment.due_on, Department.name, Commitment.id), today)


@dataclass(frozen=True)
class Part:
    """Some of the company's commitments in one state, and how many there are in all."""

    state: str  # open, late or done
    rows: list[CommitmentRow]
    total: int


def part(state: str, today: date, provider: int | None = None, after: int = 0, limit: int = 20) -> Part:
    """The company's commitments in a state, or one provider's, `limit` of them from number `after` on. Three queries.

    Those that are done come the latest first; the others by their day, without departments that are no more.
    """
    still_open = (Commitment.state == OPEN) & Department.active
    which = {
        DONE: Commitment.state == DONE,
        OPEN: still_open & (Commitment.due_on >= today),
        LATE: still_open & (Commitment.due_on < today),
    }[state]
    query = _commitments().where(which)
    if provider is not None:
        query = query.where(Commitment.provider == provider)
    order = (Commitment.ended_on.desc(), Commitment.id.desc()) if state == DONE else (Commitment.due_on, Commitment.id)
    return Part(state, _rows(query.order_by(*order).offset(after).limit(limit), today), query.count())


def who_has_promised() -> list[Department]:
    """Every department with a commitment that is kept or still to be kept, by name."""
    shown = (Commitment.state == DONE) | ((Commitment.state == OPEN) & Department.active)
    made = Commitment.select(Commitment.provider).join(Department, on=Commitment.provider).where(shown)
    return list(Department.select().where(Department.id.in_(made)).order_by(Department.name))


def _of(providers: Collection[int]) -> ModelSelect:
    return _commitments().where(Commitment.provider.in_(list(providers)))


def _commitments() -> ModelSelect:
    return Commitment.select(Commitment, Department).join(Department, on=Commitment.provider)


def _rows(query: Iterable[Commitment], today: date) -> list[CommitmentRow]:
    commitments = list(query)
    clients: dict[int, list[str]] = defaultdict(list)
    for commitment, name in _credited.raw([commitment.id for commitment in commitments]):
        clients[commitment].append(name)
    heard = confirmations.of(commitments, clients)
    return [
        CommitmentRow(found, tuple(clients[found.id]), _state(found, today), heard.get(found.id))
        for found in commitments
    ]


@prepared
def _credited(commitments: Sequence[int]) -> Query:
    """The names of the clients that commitments are credited to."""
    return (
        CommitmentClient.select(CommitmentClient.commitment, Department.name)
        .join(Department)
        .where(CommitmentClient.commitment.in_(commitments))
        .order_by(Department.name)
        .tuples()
    )


def _state(commitment: Commitment, today: date) -> str:
    return LATE if commitment.state == OPEN and commitment.due_on < today else commitment.state
