"""Queue messages as facts; deliver what is due; try again what failed."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from typing import Protocol

from peewee import JOIN, chunked, fn

from survey.models import Invitation, Message, Person, Wave, database

log = logging.getLogger(__name__)

BATCH = 50  # messages claimed at a time
LEASE_SECONDS = 300  # a sender that dies with a batch in hand gives it back after this
BACK_OFF_MINUTES = (1, 5, 15, 60, 240)  # then every 240 until it is pointless

# Kinds of messages, and what each is for.
INVITATION = "invitation"
REMINDER = "reminder"
SUMMARY = "summary"  # to a lead, when a wave has closed
MISSED = "missed"  # to HR: waves whose day passed while nothing was running
SIGN_IN = "sign-in"

# Why a message was not sent after all.
ANSWERED = "the person has answered"
WAVE_CLOSED = "the wave is no longer open"
LEFT = "the person is no longer active"
EXPIRED = "it had become pointless"


class Unreachable(Exception):
    """The mail server cannot be spoken to; nothing more is tried this time."""


class Refused(Exception):
    """The mail server refused one message; `forever` when trying again is pointless."""

    def __init__(self, reply: str, forever: bool) -> None:
        super().__init__(reply)
        self.forever = forever


class Transport(Protocol):
    def send(self, mail: EmailMessage) -> None:
        """Hand one mail over. Raises Refused or Unreachable."""

    def close(self) -> None:
        """End the conversation."""


Compose = Callable[[Message, int], EmailMessage]


def queue(
    kind: str,
    people: Iterable[int],
    now: int,
    *,
    wave: Wave | None = None,
    sequence: int = 0,
    expires_at: int | None = None,
) -> None:
    """Queue one message of `kind` to each of `people`; those who have it already get no second one."""
    for chunk in chunked(people, 500):
        Message.insert_many(
            [
                {
                    "kind": kind,
                    "wave": wave,
                    "person": person,
                    "sequence": sequence,
                    "due_at": now,
                    "expires_at": expires_at,
                }
                for person in chunk
            ]
        ).on_conflict_ignore().execute()


def deliver(now: int, compose: Compose, transport: Transport) -> Counter[str]:
    """Send what is due; return how many messages ended in which state.

    No transaction is open while the mail server talks. One bad address, or one mail that cannot be written, never
    stops the rest; a server that cannot be reached stops this round.
    """
    outcomes: Counter[str] = Counter()
    try:
        while batch := _claim(now):
            for place, message in enumerate(batch):
                try:
                    outcomes[_deliver_one(message, now, compose, transport)] += 1
                except Unreachable as error:
                    log.warning("Mail cannot be sent now: %s", error)
                    for waiting in batch[place:]:
                        outcomes[_try_again(waiting, now, str(error))] += 1
                    return outcomes
    finally:
        transport.close()
    return outcomes


def _claim(now: int) -> list[Message]:
    """Take up to a batch of due messages, so that no other sender takes them while the lease lasts."""
    due = (Message.state.in_(["pending", "retry"]) & (Message.due_at <= now)) | (
        (Message.state == "sending") & (Message.leased_until <= now)
    )
    with database.atomic():
        ids = [
            row.id for row in Message.select(Message.id).where(due).order_by(Message.due_at, Message.id).limit(BATCH)
        ]
        return list(
            Message.update(state="sending", leased_until=now + LEASE_SECONDS, attempts=Message.attempts + 1)
            .where(Message.id.in_(ids), due)
            .returning(Message)
            .execute()
        )


def _deliver_one(message: Message, now: int, compose: Compose, transport: Transport) -> str:
    """Send one claimed message and return the state it ends in. Raises Unreachable."""
    if reason := why_not_sent(message, now):
        return _end(message, "dropped", reason)
    try:
        transport.send(compose(message, now))
    except Unreachable:
        raise
    except Refused as refusal:
        if refusal.forever:
            return _end(message, "dead", str(refusal))
        return _try_again(message, now, str(refusal))
    except Exception:
        log.exception("The mail %d (%s) could not be written or handed over.", message.id, message.kind)
        return _try_again(message, now, "the mail could not be written or handed over; see the log")
    return _end(message, "sent", "")


def why_not_sent(message: Message, now: int) -> str | None:
    """The reason for which a queued message must not leave any more, or None when it must."""
    if message.expires_at is not None and message.expires_at <= now:
        return EXPIRED
    active, wave_state, answered = (
        Message.select(Person.active, Wave.state, Invitation.answered)
        .join(Person)
        .switch(Message)
        .join(Wave, JOIN.LEFT_OUTER)
        .join(Invitation, JOIN.LEFT_OUTER, on=(Invitation.wave == Wave.id) & (Invitation.person == Message.person))
        .where(Message.id == message.id)
        .tuples()
        .get()
    )
    if not active:
        return LEFT
    if message.kind not in (INVITATION, REMINDER):
        return None
    if wave_state != "open":
        return WAVE_CLOSED
    return ANSWERED if answered else None


def _end(message: Message, state: str, reason: str) -> str:
    Message.update(state=state, reason=reason, leased_until=None).where(Message.id == message.id).execute()
    return state


def _try_again(message: Message, now: int, reason: str) -> str:
    minutes = BACK_OFF_MINUTES[min(message.attempts, len(BACK_OFF_MINUTES)) - 1]
    seconds = int(60 * minutes * random.uniform(0.9, 1.1))  # noqa: S311 - spreads the load, keeps no secret
    Message.update(state="retry", reason=reason, due_at=now + seconds, leased_until=None).where(
        Message.id == message.id
    ).execute()
    return "retry"


def state_counts() -> dict[str, int]:
    """How many messages are in which state."""
    query = Message.select(Message.state, fn.COUNT(Message.id)).group_by(Message.state)
    return dict(query.tuples())
