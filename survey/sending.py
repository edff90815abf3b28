"""Deliver what is due, try again what failed, and store what became of each mail before the next one leaves."""

import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from peewee import Case, Expression, Field, PeeweeException, Query

from survey.database import is_sqlite
from survey.models import Bounce, MailSwitch, Message, Person, database, random_id
from survey.outbox import ASKING, MINUTE_SECONDS, REMINDER, SIGN_IN, UNWRITABLE, room, why_not_sent
from survey.prepared import prepared
from survey.transport import LineCut, Mail, Refused, Transport, Unreachable

log = logging.getLogger(__name__)

ADDRESS = re.compile(r"\S+@\S+")  # no log names anybody
BATCH = 50  # messages claimed at a time
LEASE_SECONDS = 300  # longer than one mail can take; a sender that dies gives back what it had in hand after this
BACK_OFF_MINUTES = (1, 5, 15, 60, 240)  # then every 240 until it is pointless
UNWRITABLE_TRIES = 3  # a mail that cannot be written then will not be tomorrow either
CUTS_IN_A_ROW = 3  # a server that hangs up on so many mails, one after the other, takes none now


class NotNeeded(Exception):
    """What a mail would tell is no longer so; the message is one of the reasons in `outbox`."""


class Halted(Exception):
    """Mail is paused, or as many as may leave in a minute have left."""


Compose = Callable[[Message, int], Mail]  # raises NotNeeded
MovingClock = Callable[[], int]
Report = Callable[[Counter[str]], None]


def deliver(
    now: int,
    compose: Compose,
    transport: Transport,
    *,
    clock: MovingClock | None = None,
    per_minute: int = 0,
    report: Report | None = None,
) -> Counter[str]:
    """Send what is due; return how many messages ended in which state.

    `clock` tells the moment while the delivery goes on; without it, it takes no time. At most `per_minute` mails leave
    in any 60 seconds (0: no limit), whoever sends them; the rest stays queued. `report` gets the counts so far.

    No transaction is open while the mail server talks. One bad address, or one mail that cannot be written, never
    stops the rest; a server that cannot be reached stops this round. Whenever it is killed, one mail at most has left
    of which that is not stored.
    """
    sender = _Sender(compose, transport, clock or (lambda: now), per_minute, report)
    try:
        sender.send_all()
    except Halted:
        sender.give_back()
    except Unreachable as error:
        log.warning("Mail cannot be sent now: %s", ADDRESS.sub("…", str(error)))
        sender.postpone(str(error))
    finally:
        transport.close()
    return sender.outcomes


@dataclass(frozen=True)
class _Ending:
    """What has become of a message."""

    message: Message
    state: str
    reason: str = ""
    due_at: int | None = None  # as it was
    blames_address: bool = False


class _Sender:
    """One round of one process. What it has in hand bears its lease; when another has taken that over, it lets go.

    One transaction stores how a mail has ended and that the next one leaves: each takes as long as a mail itself. So
    nothing leaves while it is not stored what became of the mail before.
    """

    def __init__(
        self, compose: Compose, transport: Transport, clock: MovingClock, per_minute: int, report: Report | None
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._compose, self._transport = compose, transport
        self._clock, self._per_minute, self._report = clock, per_minute, report
        self._lease = random_id()
        self._ended: list[_Ending] = []  # not stored yet
        self._draft: tuple[int, Mail] | None = None  # the next message, written ahead
        self._cuts = 0  # in a row

    def send_all(self) -> None:
        """Send what is due, batch by batch. Raises Halted and Unreachable."""
        try:
            while batch := _claim(self._lease, self._clock(), room(self._clock(), self._per_minute, BATCH)):
                for message, following in zip(batch, [*batch[1:], None], strict=True):
                    self._send_one(message, following, self._clock())
                self._store_endings()
        finally:
            self._store_endings()

    def _send_one(self, message: Message, following: Message | None, now: int) -> None:
        """Send one claimed message, if it is still ours and must leave. Raises Halted and Unreachable."""
        with self._storing():
            reason = why_not_sent(message, now)
            may_leave = reason is None and self._has_room(now)
            is_ours = may_leave and self._take_turn(message, now)
        if reason:
            self._end(message, "dropped", reason)
        elif not may_leave:
            raise Halted
        elif is_ours:
            self._hand_over(message, following, now)

    def _hand_over(self, message: Message, following: Message | None, now: int) -> None:
        try:
            self._transport.send(self._written(message, now), lambda: self._write_ahead(following, now))
        except NotNeeded as found:
            self._end(message, "dropped", str(found))
        except Refused as refusal:
            self._cuts = 0
            self._refused(message, refusal)
        except LineCut as error:
            self._cut(message, error)
        except Unreachable as error:
            self._try_again(message, str(error))
            raise
        except PeeweeException:
            log.exception("The mail %d (%s) could not be written now.", message.id, message.kind)
            self._try_again(message, UNWRITABLE)  # the database's fault, not the mail's
        except Exception:
            log.exception("The mail %d (%s) could not be written or handed over.", message.id, message.kind)
            self._unwritable(message)
        else:
            self._cuts = 0
            self._end(message, "sent")

    def _written(self, message: Message, now: int) -> Mail:
        drafted, mail = self._draft or (None, None)
        return mail if mail and drafted == message.id else self._compose(message, now)

    def _write_ahead(self, following: Message | None, now: int) -> None:
        """Write the next mail while the server considers one; if it cannot be, its own turn will tell.

        Other kinds than these tell of things that may change until then.
        """
        if following and following.kind in ASKING:
            with suppress(Exception):
                self._draft = following.id, self._compose(following, now)

    def _has_room(self, now: int) -> bool:
        if self._per_minute and not is_sqlite():  # where a transaction that will write is alone anyway
            MailSwitch.select().for_update().get()
        return room(now, self._per_minute, 1) > 0

    def _take_turn(self, message: Message, now: int) -> bool:
        """Count the mail as handed over and renew its lease; False when the lease is another's."""
        message.attempts += 1
        return bool(_try(message.id, self._lease, message.attempts, now, now + LEASE_SECONDS))

    def _refused(self, message: Message, refusal: Refused) -> None:
        if refusal.forever:
            self._end(message, "dead", str(refusal), blames_address=refusal.address)
        else:
            self._try_again(message, str(refusal))

    def _cut(self, message: Message, error: LineCut) -> None:
        """Try this mail again later, as it may have arrived, and the next one at once."""
        self._cuts += 1
        self._try_again(message, str(error))
        if self._cuts >= CUTS_IN_A_ROW:
            raise Unreachable(str(error))

    def _unwritable(self, message: Message) -> None:
        if message.attempts >= UNWRITABLE_TRIES:
            self._end(message, "dead", UNWRITABLE)
        else:
            self._try_again(message, UNWRITABLE)

    def _try_again(self, message: Message, reason: str) -> None:
        self._end(message, "retry", reason, due_at=self._clock() + _wait_seconds(message.attempts))

    def _end(self, message: Message, state: str, reason: str = "", **more: Any) -> None:
        self._ended.append(_Ending(message, state, reason, **more))

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """A transaction that first stores the endings; when it is over, they are counted and told of."""
        with database.atomic():
            states = [ending.state for ending in self._ended if _store(ending, self._lease)]
            yield
        self._ended.clear()
        self.outcomes.update(states)
        if states and self._report:
            self._report(self.outcomes)

    def _store_endings(self) -> None:
        if self._ended:
            with self._storing():
                pass

    def give_back(self) -> None:
        """Let go of what has not been tried, as if it had never been claimed."""
        before = Case(None, [(Message.attempts > 0, "retry")], "pending")
        self._let_go(state=before)

    def postpone(self, reason: str) -> None:
        """Let go of what has not been tried until the server may be back; no try is counted."""
        due_at = self._clock() + _wait_seconds(1)
        self.outcomes["retry"] += self._let_go(state="retry", reason=reason, due_at=due_at)

    def _let_go(self, **values: object) -> int:
        """Change all that is in our hand, which it then is no longer; return how many."""
        ours = (Message.state == "sending") & (Message.lease == self._lease)
        return Message.update(lease=None, leased_until=None, **values).where(ours).execute()


def _store(ending: _Ending, lease: str) -> bool:
    """Store how a message has ended, and let go of it; False when it is not ours any more."""
    message, due_at = ending.message, ending.message.due_at if ending.due_at is None else ending.due_at
    if message.kind != REMINDER:  # whom a reminder goes to has not answered, and a note that comes or goes would tell
        if ending.state == "sent":
            _forget_bounce(message.person_id)
        elif ending.blames_address:
            _note_bounce(message.person_id, ending.reason)
    return bool(_settle(message.id, lease, ending.state, ending.reason, due_at))


@prepared
def _try(message: int, lease: str, attempts: int, now: int, until: int) -> Query:
    """Count a message as handed over, and renew the lease, as long as it is in the hand of this lease."""
    ours = (Message.id == message) & (Message.lease == lease)
    return Message.update(attempts=attempts, tried_at=now, leased_until=until).where(ours)


@prepared
def _settle(message: int, lease: str, state: str, reason: str, due_at: int) -> Query:
    """Let go of a message in another state, as long as it is in the hand of this lease."""
    ours = (Message.id == message) & (Message.lease == lease)
    changed = {"state": state, "reason": reason, "due_at": due_at, "lease": None, "leased_until": None}
    return Message.update(changed).where(ours)


@prepared
def _forget_bounce(person: int) -> Query:
    return Bounce.delete().where(Bounce.person == person)


def _claim(lease: str, now: int, most: int) -> list[Message]:
    """Take up to `most` due messages, so that no other sender takes them while the lease lasts.

    Sign-in links come first, for somebody waits; then what has not been tried, then what has been tried least, so that
    a mail that kills its sender keeps nobody else's back. It takes no longer when a million wait.
    """
    ids: list[int] = []
    with database.atomic():
        for due in (_sign_ins, _untried, _others):
            if len(ids) < most:
                ids += [found for (found,) in due.raw(now, most - len(ids))]
        if not ids:
            return []
        claimed = (
            Message.update(state="sending", lease=lease, leased_until=now + LEASE_SECONDS)
            .where(Message.id.in_(ids))
            .returning(Message)
            .execute()
        )
        return sorted(claimed, key=lambda message: ids.index(message.id))


@prepared
def _sign_ins(now: int, most: int) -> Query:
    return _first(_is_due(now) & (Message.kind == SIGN_IN) & Message.wave.is_null(), most, Message.attempts)


@prepared
def _untried(now: int, most: int) -> Query:
    return _first(_waits("pending", now) & (Message.kind != SIGN_IN), most)


@prepared
def _others(now: int, most: int) -> Query:
    is_due = _waits("retry", now) | _is_left_behind(now)
    return _first(is_due & (Message.kind != SIGN_IN), most, Message.attempts)


def _first(which: Expression, most: int, *order: Field) -> Query:
    """The first of these messages, locked where others might take them as well."""
    query = Message.select(Message.id).where(which).order_by(*order, Message.due_at, Message.id).limit(most).tuples()
    return query if is_sqlite() else query.for_update("FOR UPDATE SKIP LOCKED")


def _is_due(now: int) -> Expression:
    return _waits("pending", now) | _waits("retry", now) | _is_left_behind(now)


def _waits(state: str, now: int) -> Expression:
    return (Message.state == state) & (Message.due_at <= now)


def _is_left_behind(now: int) -> Expression:
    """Its sender has died."""
    return (Message.state == "sending") & (Message.leased_until <= now)


def _note_bounce(person_id: int, reply: str) -> None:
    """Keep what the server said of a person's address, until it takes a mail to it."""
    person = Person.get_or_none(Person.id == person_id)
    if person is None:  # erased while the server was asked
        return
    Bounce.insert(person=person, email=person.email, reply=reply).on_conflict(
        conflict_target=[Bounce.person], preserve=[Bounce.email, Bounce.reply]
    ).execute()


def _wait_seconds(attempts: int) -> int:
    """The back-off after so many attempts, spread by a tenth; never so short that a minute would hold a mail twice."""
    minutes = BACK_OFF_MINUTES[min(attempts, len(BACK_OFF_MINUTES)) - 1]
    return max(MINUTE_SECONDS, int(60 * minutes * random.uniform(0.9, 1.1)))  # noqa: S311 - keeps no secret
