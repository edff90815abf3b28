"""Who is asked in a wave: whole departments, and nobody asked lately; and how many have answered."""

import json
import zlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from peewee import fn

from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Department,
    Invitation,
    Opening,
    Person,
    Pulse,
    PulseDepartment,
    ServiceLink,
    Wave,
    database,
)

PROVIDERS_PER_PERSON = 3

Providers = dict[int, dict[int, float]]  # {client: {provider: weight}}


Waves = tuple[tuple[object, ...], ...]  # (id, state, local date, its pulse's state) of each


@dataclass(frozen=True)
class Everybody:
    """Whom a pulse asks, were nobody to rest."""

    people: list[tuple[int, int]]  # (person, department), in the order of their ids
    providers: Providers  # whom each client department may be asked about


@dataclass(frozen=True)
class Audience:
    """Whom a wave asks."""

    people: list[tuple[int, int]]  # (person, department), in the order of their ids
    providers: Providers  # whom each client department may be asked about
    left_out: int  # people who would be asked as well, were they not asked by other waves these days
    beside: Waves  # the other waves as they stood: while they do, nobody else has been asked since


def find_audience(wave: Wave, rest_days: int, everybody: Everybody | None = None) -> Audience:
    """Whom `wave` asks if it opens now. Of a million people it takes some seconds.

    A person is asked once in `rest_days` days by all pulses together, counted in the waves' local dates; 0 is no limit.
    A wave of a pulse that is not stored needs `everybody`, whom that pulse would ask.
    """
    beside = others(wave)
    everybody = everybody or find_everybody(_departments_of([wave.pulse_id])[wave.pulse_id])
    tired, left_to_others = _asked_lately(wave, rest_days), _left_to_others(wave, rest_days)
    people = [row for row in everybody.people if row[0] not in tired and row[1] not in left_to_others]
    return Audience(people, everybody.providers, len(everybody.people) - len(people), beside)


def find_everybody(departments: Collection[int]) -> Everybody:
    """All active people of these departments (none means all) whose department uses somebody."""
    providers = _providers_by_client()
    query = Person.select(Person.id, Person.department).where(Person.active, Person.department.is_null(False))
    people = [
        (person, department)
        for person, department in database.execute(query.order_by(Person.id))  # as it comes: they may be a million
        if department in providers and (not departments or department in departments)
    ]
    return Everybody(people, providers)


def reach(pulse: int) -> int:
    """How many people a pulse asks when all of them are rested."""
    return len(find_everybody(_departments_of([pulse])[pulse]).people)


def packed(audience: Audience) -> bytes:
    """The people and the providers, as `Opening` keeps them: of a million people two megabytes."""
    people, departments = zip(*audience.people, strict=True) if audience.people else ((), ())
    return zlib.compress(json.dumps([people, departments, list(audience.providers.items())]).encode(), level=1)


def unpacked(kept: bytes) -> tuple[list[tuple[int, int]], Providers]:
    """What `packed` has kept."""
    people, departments, providers = json.loads(zlib.decompress(kept))
    by_client = {
        client: {int(provider): weight for provider, weight in weights.items()} for client, weights in providers
    }
    return list(zip(people, departments, strict=True)), by_client


def others(wave: Wave) -> Waves:
    """Every other wave as it stands."""
    query = Wave.select(Wave.id, Wave.state, Wave.local_date, Pulse.state).join(Pulse).where(Wave.id != wave.id)
    return tuple(query.order_by(Wave.id).tuples())


def _providers_by_client() -> Providers:
    """Over active departments, without weights of 0."""
    links: Providers = defaultdict(dict)
    active = {department.id for department in Department.select(Department.id).where(Department.active)}
    query = ServiceLink.select(ServiceLink.client, ServiceLink.provider, ServiceLink.weight).where(
        ServiceLink.weight > 0
    )
    for client, provider, weight in query.tuples():
        if client in active and provider in active:
            links[client][provider] = weight
    return links


def _departments_of(pulses: list[int]) -> dict[int, set[int]]:
    """{pulse: the departments it asks}; empty means all."""
    found: dict[int, set[int]] = {pulse: set() for pulse in pulses}
    for row in PulseDepartment.select().where(PulseDepartment.pulse.in_(pulses)):
        found[row.pulse_id].add(row.department_id)
    return found


# --- Rest ----------------------------------------------------------------------------------------------------------


def _asked_lately(wave: Wave, rest_days: int) -> set[int]:
    """The people whom another wave has asked less than `rest_days` days before this one (or after, if it is late).

    One that is opening asks all of its people, however many are invited already; one that was called off before it was
    open has asked nobody.
    """
    rest = timedelta(days=rest_days)
    around = (Wave.local_date > wave.local_date - rest) & (Wave.local_date < wave.local_date + rest)
    around &= (Wave.id != wave.id) & Wave.opened_at.is_null(False)
    opening = [kept for (kept,) in Opening.select(Opening.people).join(Wave).where(around).tuples()]
    invited = Invitation.select(Invitation.person).join(Wave).where(around, Invitation.person.is_null(False))
    asked = {person for (person,) in database.execute(invited)}
    return asked.union(person for kept in opening for person, _ in unpacked(kept)[0])


def _left_to_others(wave: Wave, rest_days: int) -> set[int]:
    """The departments whose turn it is in another pulse, which would come while those asked now still rest.

    Of two pulses in each other's way, the one that asked a department longer ago goes first; one that never did goes
    before one that has. When neither has, it is the one whose wave opens first.
    """
    rivals = [
        pulse
        for (pulse,) in Wave.select(Wave.pulse)
        .join(Pulse)
        .where(
            Wave.state == "planned",
            Wave.pulse != wave.pulse_id,
            Pulse.state == "active",
            Wave.local_date >= wave.local_date - timedelta(days=1),  # it may open a day late
            Wave.local_date < wave.local_date + timedelta(days=rest_days),
        )
        .tuples()
    ]
    if not rest_days or not rivals:
        return set()
    last = _last_asked([wave.pulse_id, *rivals])
    audiences = _departments_of(rivals)
    return {
        department
        for (pulse, department), mine in last.items()
        if pulse == wave.pulse_id
        for rival in rivals
        if (not audiences[rival] or department in audiences[rival]) and last.get((rival, department), "") < mine
    }


def _last_asked(pulses: list[int]) -> dict[tuple[int, int], str]:
    """{(pulse, department): the local date of the last wave in which it was asked, as 2026-03-02}"""
    query = (
        ClientGroupDepartment.select(Wave.pulse, ClientGroupDepartment.department, fn.MAX(Wave.local_date))
        .join(ClientGroup)
        .join(Wave)
        .where(Wave.pulse.in_(pulses), Wave.opened_at.is_null(False), ClientGroup.provider.is_null())
        .group_by(Wave.pulse, ClientGroupDepartment.department)
    )
    return {(pulse, department): str(day) for pulse, department, day in query.tuples()}


def answered_so_far(waves: Collection[int]) -> dict[int, int]:
    """{client group: how many of it have answered} of the waves of these ids, of groups of which somebody has.

    They alone stand in an index: of a million people it takes a moment instead of a minute.
    """
    groups = ClientGroup.select(ClientGroup.id).where(ClientGroup.wave.in_(list(waves)))
    query = (
        Invitation.select(Invitation.client_group, fn.COUNT(Invitation.id))
        .where(Invitation.client_group.in_(groups), Invitation.answered)
        .group_by(Invitation.client_group)
    )
    return dict(query.tuples())
