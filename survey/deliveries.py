"""How far the mail is: what is settled, what waits, what failed, and how long the rest will take."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from peewee import JOIN, SQL, fn

from survey import outbox
from survey.models import Bounce, ClientGroup, Department, Message, Person, Pulse, Wave
from survey.outbox import MINUTE_SECONDS
from survey.sending import MovingClock

WAVES_SHOWN = 6
FEWEST_TRIES = 20  # in the last minute, for its pace to tell anything
EVERY_MAILS = 100  # a long delivery tells how far it is so often,
STEPS = 100  # or, as it takes long to count what waits where much does, so often in all,
EVERY_SECONDS = 10  # or so


@dataclass(frozen=True)
class Counts:
    """What has become of some messages.

    `settled` is sent or no longer needed. The two are never told apart: who needs no reminder any more has answered.
    """

    settled: int
    waiting: int  # or being sent
    retry: int
    dead: int

    @property
    def total(self) -> int:
        return self.settled + self.waiting + self.retry + self.dead


@dataclass(frozen=True)
class Delivery:
    """One kind of mail of one wave."""

    wave: Wave  # with its pulse
    kind: str
    sequence: int  # the reminder's number
    counts: Counts | None  # none of reminders: see outbox.state_counts
    is_under_way: bool


def whole() -> Counts:
    """All messages together, but for reminders."""
    return _counts(outbox.state_counts())


def by_wave() -> list[Delivery]:
    """Each kind of mail of the latest waves that have any, the latest first. Three queries.

    A reminder goes to those who have not answered, so it is left out of a wave whose participation is not told.
    """
    query = (
        Message.select(Message.wave, Message.kind, Message.sequence, Message.state, fn.COUNT(SQL("*")))
        .where(Message.wave.is_null(False))
        .group_by(Message.wave, Message.kind, Message.sequence, Message.state)
    )
    states: dict[tuple[int, str, int], dict[str, int]] = defaultdict(dict)
    for wave, kind, sequence, state, count in query.tuples():
        if kind not in outbox.OF_A_DAY:
            states[wave, kind, sequence][state] = count
    told = {
        wave
        for (wave,) in ClientGroup.select(ClientGroup.wave)
        .join(Wave)
        .where(ClientGroup.wave.in_({wave for wave, _, _ in states}), ClientGroup.invited >= Wave.min_group)
        .tuples()
    }
    latest = (
        Wave.select(Wave, Pulse)
        .join(Pulse)
        .where(Wave.id.in_({wave for wave, _, _ in states}))
        .order_by(Wave.opens_at.desc(), Wave.id.desc())
        .limit(WAVES_SHOWN)
    )
    return [
        _delivery(wave, kind, sequence, _counts(states[found, kind, sequence]))
        for wave in latest
        for found, kind, sequence in sorted(states)
        if found == wave.id and (kind != outbox.REMINDER or found in told)
    ]


def _delivery(wave: Wave, kind: str, sequence: int, counts: Counts) -> Delivery:
    is_counted = kind != outbox.REMINDER
    return Delivery(wave, kind, sequence, counts if is_counted else None, is_under_way=bool(counts.waiting))


def failed(most: int) -> list[Message]:
    """Messages with their people that were refused for good, or are to be tried again; not reminders."""
    return list(
        Message.select(Message, Person)
        .join(Person)
        .where(Message.state.in_(["dead", "retry"]), Message.kind != outbox.REMINDER)
        .order_by(Message.state, Message.due_at, Message.id)
        .limit(most)
    )


def bounces() -> list[Bounce]:
    """What the mail server said of active people's addresses, with the people, by name; not of addresses they had."""
    return list(
        Bounce.select(Bounce, Person, Department)
        .join(Person)
        .join(Department, JOIN.LEFT_OUTER)
        .where(Person.active, Bounce.email == Person.email)
        .order_by(Person.name, Person.id)
    )


def minutes_left(waiting: int, now: int, per_minute: int) -> int | None:
    """About how many minutes `waiting` mails will take, at the pace of the last minute and no faster than they may.

    None when there is nothing to go by: fewer than FEWEST_TRIES tell no pace, and then only a rate is one.
    Example: 40 tries in the last 20 seconds are 120 a minute, so 600 take 5.
    """
    lately = Message.tried_at.between(now - MINUTE_SECONDS + 1, now)
    first, tries = Message.select(fn.MIN(Message.tried_at), fn.COUNT(Message.id)).where(lately).tuples().get()
    pace = float(per_minute)
    if tries >= FEWEST_TRIES:
        pace = tries / max(1, now - first) * MINUTE_SECONDS
        pace = min(pace, per_minute) if per_minute else pace
    return ceil(waiting / pace) if pace else None


def line(counts: Counts | None, left: int | None = None, *, is_under_way: bool = False) -> str:
    """A line for the terminal: "300 of 2000 mails settled, 12 to be tried again, about 4 min left"."""
    if counts is None:
        return "under way" if is_under_way else "done"
    parts = [f"{counts.settled} of {counts.total} mails settled"]
    if counts.retry:
        parts.append(f"{counts.retry} to be tried again")
    if counts.dead:
        parts.append(f"{counts.dead} refused for good")
    if counts.waiting and left is not None:
        parts.append(f"about {left} min left")
    return ", ".join(parts)


class Teller:
    """Tells now and then how far one delivery is; short ones are over before it speaks."""

    def __init__(self, say: Callable[[str], None], clock: MovingClock, per_minute: int) -> None:
        self._say, self._clock, self._per_minute = say, clock, per_minute
        self._told_mails, self._told_at, self._step = 0, clock(), EVERY_MAILS

    def __call__(self, outcomes: Counter[str]) -> None:
        now, mails = self._clock(), outcomes.total()
        if mails - self._told_mails < self._step and now - self._told_at < EVERY_SECONDS:
            return
        self._told_mails, self._told_at = mails, now
        waiting = outbox.waiting()
        self._step = max(EVERY_MAILS, waiting // STEPS)
        so_far = Counts(outcomes["sent"] + outcomes["dropped"], waiting, outcomes["retry"], outcomes["dead"])
        self._say(line(so_far, minutes_left(waiting, now, self._per_minute)))


def _counts(states: Mapping[str, int]) -> Counts:
    found = Counter(states)
    return Counts(
        settled=found["sent"] + found["dropped"],
        waiting=found["pending"] + found["sending"],
        retry=found["retry"],
        dead=found["dead"],
    )
