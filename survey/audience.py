"""Who is asked in a wave: whole departments, in groups of at least k, and nobody asked lately; and who has answered."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from peewee import fn

from survey.database import insert_rows
from survey.measure.disclosure import merge
from survey.measure.rotation import providers_to_ask
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Department,
    Invitation,
    Person,
    Pulse,
    PulseDepartment,
    ServiceLink,
    Wave,
    database,
    random_id,
)

PROVIDERS_PER_PERSON = 3
INVITED = (
    *(Invitation.id, Invitation.wave, Invitation.person, Invitation.client_group),
    *(Invitation.providers, Invitation.answered),
)

Providers = dict[int, dict[int, float]]  # {client: {provider: weight}}


@dataclass(frozen=True)
class Audience:
    """Whom a wave asks."""

    people: list[tuple[int, int]]  # (person, department)
    left_out: int  # people who would be asked as well, were they not asked by other waves these days


def find_audience(wave: Wave, rest_days: int) -> tuple[Audience, Providers]:
    """Whom `wave` asks if it opens now, and whom each client department may be asked about.

    A person is asked once in `rest_days` days by all pulses together, counted in the waves' local dates; 0 is no limit.
    """
    providers = _providers_by_client()
    everybody = _people(wave.pulse_id, providers)
    tired, left_to_others = _asked_lately(wave, rest_days), _left_to_others(wave, rest_days)
    people = [row for row in everybody if row[0] not in tired and row[1] not in left_to_others]
    return Audience(people, len(everybody) - len(people)), providers


def invite(wave: Wave, people: Sequence[tuple[int, int]], providers: Providers, k: int) -> None:
    """Make the client groups of `wave`, and one invitation for each of `people`."""
    groups = _make_client_groups(wave, Counter(department for _, department in people), k)
    seats: dict[int, Iterator[int]] = defaultdict(count)

    def asked(department: int) -> str:
        seat = next(seats[department])
        return " ".join(map(str, providers_to_ask(providers[department], PROVIDERS_PER_PERSON, seat, wave.occurrence)))

    rows = (
        (random_id(), wave.id, person, groups[department], asked(department), False) for person, department in people
    )
    insert_rows(Invitation, INVITED, rows)


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


def _people(pulse_id: int, providers: Providers) -> list[tuple[int, int]]:
    """(person, department) of all active people in the pulse's audience whose department uses somebody."""
    departments = _departments_of([pulse_id])[pulse_id]
    query = Person.select(Person.id, Person.department).where(Person.active, Person.department.is_null(False))
    return [
        (person, department)
        for person, department in database.execute(query.order_by(Person.id))  # as it comes: they may be a million
        if department in providers and (not departments or department in departments)
    ]


def _departments_of(pulses: list[int]) -> dict[int, set[int]]:
    """{pulse: the departments it asks}; empty means all."""
    found: dict[int, set[int]] = {pulse: set() for pulse in pulses}
    for row in PulseDepartment.select().where(PulseDepartment.pulse.in_(pulses)):
        found[row.pulse_id].add(row.department_id)
    return found


def _make_client_groups(wave: Wave, invited: Counter[int], k: int) -> dict[int, int]:
    """{department: client group}. Departments with fewer than `k` people are pooled: no response names a smaller one.

    When all departments together have fewer than k people they are one group, and nothing will be published.
    """
    merged = merge(invited, k)
    groups = [(department,) for department in merged.alone] if merged else []
    pooled = merged.together if merged else tuple(sorted(invited))
    group_of = {}
    for departments in [*groups, pooled] if pooled else groups:
        group = ClientGroup.create(wave=wave, invited=sum(invited[department] for department in departments))
        for department in departments:
            ClientGroupDepartment.create(client_group=group, department=department)
            group_of[department] = group.id
    return group_of


# --- Rest ----------------------------------------------------------------------------------------------------------


def _asked_lately(wave: Wave, rest_days: int) -> set[int]:
    """The people whom another wave has asked less than `rest_days` days before this one (or after, if it is late)."""
    rest = timedelta(days=rest_days)
    query = (
        Invitation.select(Invitation.person)
        .join(Wave)
        .where(
            Wave.id != wave.id,
            Wave.local_date > wave.local_date - rest,
            Wave.local_date < wave.local_date + rest,
            Invitation.person.is_null(False),
        )
    )
    return {person for (person,) in database.execute(query)}


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
        .where(Wave.pulse.in_(pulses), ClientGroup.provider.is_null())
        .group_by(Wave.pulse, ClientGroupDepartment.department)
    )
    return {(pulse, department): str(day) for pulse, department, day in query.tuples()}


def answered_so_far(waves: Collection[int]) -> dict[int, int]:
    """{client group: how many of it have answered} of the waves of these ids, of groups of which somebody has.

    Asked by group and answer, as the index has them: of a million people it takes a moment instead of a minute.
    """
    groups = ClientGroup.select(ClientGroup.id).where(ClientGroup.wave.in_(list(waves)))
    query = (
        Invitation.select(Invitation.client_group, fn.COUNT(Invitation.answered))
        .where(Invitation.client_group.in_(groups), Invitation.answered == True)  # noqa: E712 - for the index
        .group_by(Invitation.client_group)
    )
    return dict(query.tuples())
