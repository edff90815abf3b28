"""Opening a wave: everybody whom it asks is invited, then it takes answers, and then the invitations are mailed.

Whom it asks is decided once and kept until the last mail is queued. In a large company they are a million, and others
go on reading and writing meanwhile, so they are invited in many short transactions, in the order of their ids. Each one
notes first how far it comes, if nobody else has come so far: whoever is killed leaves the rest, two may be at it at
once, and nobody is invited twice. Until all are invited the wave is opening, takes no answers, and mails nobody.

Who leaves in those minutes, or works elsewhere from now on, is asked as decided, and who comes is not: as if that had
happened just after the opening. Who is erased keeps a place among those invited, without a name, as whoever is erased
later does.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from survey import notices, outbox, progress
from survey.audience import PROVIDERS_PER_PERSON, Audience, Providers, find_audience, packed, unpacked
from survey.database import delete_by_and_by, insert_rows
from survey.measure.disclosure import merge
from survey.measure.rotation import providers_to_ask
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Invitation,
    Opening,
    Person,
    Wave,
    database,
    random_id,
)

log = logging.getLogger(__name__)

INVITED_AT_ONCE = 5000  # people, or mails to them, while others wait to write

INVITED = (
    *(Invitation.id, Invitation.wave, Invitation.person, Invitation.client_group),
    *(Invitation.providers, Invitation.answered),
)


# --- Deciding ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """Whom a wave would ask, ready to be stored."""

    audience: Audience
    kept: bytes

    @property
    def takes_long(self) -> bool:
        """Whether so many are asked that nobody should wait for it."""
        return len(self.audience.people) > INVITED_AT_ONCE


def draft(wave: Wave, rest_days: int) -> Draft:
    """Whom `wave` asks if it opens now. It may take seconds, so that it is done before others have to wait."""
    audience = find_audience(wave, rest_days)
    return Draft(audience, packed(audience))


def begin(wave: Wave, drafted: Draft, k: int, room: int) -> None:
    """Store whom `wave` asks, its client groups, and what they may have noticed. Part of deciding that it opens.

    `room`: how many taps more a person will give.
    """
    invited = Counter(department for _, department in drafted.audience.people)
    _make_client_groups(wave, invited, k)
    notices.freeze(wave, invited, k, room)
    Opening.create(wave=wave, people=drafted.kept)


def _make_client_groups(wave: Wave, invited: Counter[int], k: int) -> None:
    """Departments with fewer than `k` people are pooled, so that no response names a smaller group.

    When all departments together have fewer than k people they are one group, and nothing will be published.
    """
    merged = merge(invited, k)
    groups = [(department,) for department in merged.alone] if merged else []
    pooled = merged.together if merged else tuple(sorted(invited))
    for departments in [*groups, pooled] if pooled else groups:
        group = ClientGroup.create(wave=wave, invited=sum(invited[department] for department in departments))
        for department in departments:
            ClientGroupDepartment.create(client_group=group, department=department)


# --- Inviting ------------------------------------------------------------------------------------------------------


def finish(wave: Wave, now: int) -> bool:
    """Invite whoever is not yet, let the wave take answers, and queue the mails.

    Whoever is killed may begin again. False when another process is at it, or the wave has been called off.
    """
    begun = Opening.select(Opening, Wave.state).join(Wave).where(Opening.wave == wave).first()
    if begun is None:
        return False
    people, providers = unpacked(begun.people)
    done = begun.done
    if begun.wave.state == "opening":
        if not (_invite_all(wave, people, providers, done) and _let_answer(wave)):
            return False
        done = len(people)
    return _mail_all(wave, people, done, now)


def _invite_all(wave: Wave, people: Sequence[tuple[int, int]], providers: Providers, done: int) -> bool:
    """Invite all but the first `done`; False when that is not ours to do."""
    groups, seats = _groups_of(wave), _seats(people)
    for first in range(done, len(people), INVITED_AT_ONCE):
        some = people[first : first + INVITED_AT_ONCE]
        rows = [
            (random_id(), wave.id, person, groups[department], _asked(providers[department], seat, wave), False)
            for (person, department), seat in zip(some, seats[first : first + INVITED_AT_ONCE], strict=True)
        ]
        with database.atomic():
            if not _claim(wave, first, len(some)):
                return False
            here = _still_here(some)
            insert_rows(Invitation, INVITED, ((*row[:2], row[2] if row[2] in here else None, *row[3:]) for row in rows))
        if (invited := first + len(some)) < len(people):
            log.info("Wave %d is being opened: %d people are invited.", wave.id, invited)
            progress.tell(wave, "opening", invited / len(people))
    return True


def _let_answer(wave: Wave) -> bool:
    is_opening = (Wave.id == wave.id) & (Wave.state == "opening")
    return bool(Wave.update(state="open", progress=None).where(is_opening).execute())


def _mail_all(wave: Wave, people: Sequence[tuple[int, int]], done: int, now: int) -> bool:
    """Queue the mails to all whom `done` does not count yet, and forget the decision; False when others are at it.

    A wave that has been closed meanwhile mails nobody any more.
    """
    for first in range(done - len(people), len(people), INVITED_AT_ONCE):
        some = people[first : first + INVITED_AT_ONCE]
        with database.atomic():
            if not _claim(wave, len(people) + first, len(some)):
                return False
            here = _still_here(some)
            to = (person for person, _ in some if person in here)
            outbox.queue(outbox.INVITATION, to, now, wave=wave, expires_at=wave.closes_at)
    return bool(Opening.delete().where(Opening.wave == wave).execute())


def give_up(wave: Wave) -> None:
    """Invite and mail nobody any more. Part of the transaction that closes or cancels the wave."""
    Opening.delete().where(Opening.wave == wave).execute()


def undoing_takes_long(wave: Wave) -> bool:
    """Whether so many had been invited, before the wave was called off, that nobody should wait for their deletion."""
    many = Invitation.select().where(Invitation.wave == wave).limit(1).offset(INVITED_AT_ONCE).exists()
    return Wave.get_by_id(wave.id).opened_at is None and many


def undo(wave: Wave) -> None:
    """Delete the invitations of a cancelled wave that never was open, some at a time."""
    if wave.opened_at is not None:
        return
    for _ in delete_by_and_by(Invitation.id, Invitation.wave == wave):
        pass
    groups = ClientGroup.select(ClientGroup.id).where(ClientGroup.wave == wave)
    ClientGroupDepartment.delete().where(ClientGroupDepartment.client_group.in_(groups)).execute()
    ClientGroup.delete().where(ClientGroup.wave == wave).execute()


def _claim(wave: Wave, done: int, more: int) -> bool:
    """Do the next of the work, unless another process has, or the wave was called off. Part of a transaction."""
    as_read = (Opening.wave == wave) & (Opening.done == done)
    return bool(Opening.update(done=done + more).where(as_read).execute())


def _still_here(some: Sequence[tuple[int, int]]) -> set[int]:
    """Whoever of these people, in the order of their ids, has not been erased."""
    query = Person.select(Person.id).where(Person.id.between(some[0][0], some[-1][0]))
    return {person for (person,) in database.execute(query)}


def _groups_of(wave: Wave) -> dict[int, int]:
    """{department: its client group}"""
    columns = (ClientGroupDepartment.department, ClientGroupDepartment.client_group)
    return dict(ClientGroupDepartment.select(*columns).join(ClientGroup).where(ClientGroup.wave == wave).tuples())


def _seats(people: Sequence[tuple[int, int]]) -> list[int]:
    """The seat of each in the own department, whoever is invited first: 0, 1 …"""
    next_seat: dict[int, Iterator[int]] = defaultdict(count)
    return [next(next_seat[department]) for _, department in people]


def _asked(providers: dict[int, float], seat: int, wave: Wave) -> str:
    return " ".join(map(str, providers_to_ask(providers, PROVIDERS_PER_PERSON, seat, wave.occurrence)))
