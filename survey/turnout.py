"""How many were asked and have answered: in a wave by client group, and beside the waves before it by division."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from peewee import JOIN, fn

from survey import audience
from survey.measure.disclosure import whole
from survey.models import ClientGroup, ClientGroupDepartment, Department, Wave
from survey.releases import Clients

COMPARED = 4  # waves side by side


@dataclass(frozen=True)
class Participation:
    """How many were asked and have answered; of groups of at least k people."""

    clients: Clients
    invited: int
    answered: int
    divisions: frozenset[str] = frozenset()  # of the departments; one without a division stands for itself

    @property
    def percent(self) -> int:
        return whole(100 * self.answered / self.invited) if self.invited else 0


@dataclass(frozen=True)
class Turnout:
    """A wave beside the earlier ones of its pulse; each row has an entry for each of `waves`, the latest first."""

    waves: tuple[Wave, ...]
    groups: tuple[Participation, ...]  # of the first wave, as people were asked
    wholes: tuple[Participation, ...]
    rows: tuple[tuple[Clients, tuple[Participation | None, ...]], ...]  # divisions, then groups of several divisions

    @property
    def wave(self) -> Wave:
        return self.waves[0]

    @property
    def has_mixed(self) -> bool:
        """Whether groups of several divisions stand by themselves."""
        return any(len(clients.departments) > 1 for clients, _ in self.rows)

    @property
    def whole(self) -> Participation:
        return self.wholes[0]


# --- One wave --------------------------------------------------------------------------------------------------------


def participation(wave: Wave) -> list[Participation]:
    """Who was asked and has answered, by client group (each of at least k people), by name.

    A company of fewer than k people is one group, of which nothing is told.
    """
    return participations([wave])[wave.id]


def participations(waves: Sequence[Wave]) -> dict[int, list[Participation]]:
    """The participation of each wave, by its id. Three queries, whatever the number of waves."""
    clients, divisions = _clients(waves)
    least = {wave.id: wave.min_group for wave in waves}
    found: dict[int, list[Participation]] = {wave.id: [] for wave in waves}
    columns = (ClientGroup.id, ClientGroup.wave, ClientGroup.invited, ClientGroup.answered)
    made = ClientGroup.select(*columns).where(ClientGroup.wave.in_(list(least)), ClientGroup.provider.is_null())
    groups = list(made.tuples())
    counted = audience.answered_so_far({wave for _, wave, _, answered in groups if answered is None})
    for group, wave, invited, answered in groups:
        if invited >= least[wave]:
            so_far = counted.get(group, 0) if answered is None else answered
            found[wave].append(Participation(clients[group], invited, so_far, divisions[group]))
    return {wave: sorted(rows, key=lambda row: row.clients.departments) for wave, rows in found.items()}


def by_division(rows: Iterable[Participation]) -> list[Participation]:
    """The same rows added up by division, the groups of several divisions last.

    Only whole groups are added up, so nothing is told that the groups do not tell. A group of several divisions would
    have to be split: it stands as it is, and none of its divisions counts it.
    """
    rows = list(rows)
    inside: dict[str, list[Participation]] = defaultdict(list)
    for row in rows:
        if len(row.divisions) == 1:
            inside[min(row.divisions)].append(row)
    found = [
        replace(whole_participation(inside[name]), clients=Clients((name,), others=False)) for name in sorted(inside)
    ]
    return found + [row for row in rows if len(row.divisions) > 1]


def whole_participation(rows: Iterable[Participation]) -> Participation:
    """All groups together."""
    rows = list(rows)
    return Participation(Clients((), others=False), sum(row.invited for row in rows), sum(row.answered for row in rows))


def _clients(waves: Sequence[Wave]) -> tuple[dict[int, Clients], dict[int, frozenset[str]]]:
    """{client group made at opening: who is in it} and {the same: of which divisions they are}"""
    division = Department.alias()
    query = (
        ClientGroupDepartment.select(ClientGroup.id, Department.name, fn.COALESCE(division.name, Department.name))
        .join(ClientGroup)
        .switch(ClientGroupDepartment)
        .join(Department)
        .join(division, JOIN.LEFT_OUTER, on=Department.parent == division.id)
        .where(ClientGroup.wave.in_([wave.id for wave in waves]), ClientGroup.provider.is_null())
        .order_by(Department.name)
    )
    names: dict[int, list[str]] = defaultdict(list)
    divisions: dict[int, set[str]] = defaultdict(set)
    for group, name, of in query.tuples():
        names[group].append(name)
        divisions[group].add(of)
    clients = {group: Clients(tuple(found), others=False) for group, found in names.items()}
    return clients, {group: frozenset(found) for group, found in divisions.items()}


# --- Beside earlier waves --------------------------------------------------------------------------------------------


def turnout_until(wave: Wave, released: Sequence[Wave]) -> Turnout:
    """The turnout of one wave."""
    return turnouts([wave], released)[0]


def turnouts(waves: Sequence[Wave], released: Sequence[Wave]) -> list[Turnout]:
    """The turnout of each of `waves`, beside those among `released`. Three queries."""
    compared = {wave.id: (wave, *_before(wave, released)) for wave in waves}
    found = participations([wave for several in compared.values() for wave in several])
    return [_turnout(several, found) for several in compared.values()]


def _before(wave: Wave, released: Sequence[Wave]) -> list[Wave]:
    earlier = [other for other in released if other.pulse_id == wave.pulse_id and other.occurrence < wave.occurrence]
    return sorted(earlier, key=lambda other: -other.occurrence)[: COMPARED - 1]


def _turnout(waves: tuple[Wave, ...], found: dict[int, list[Participation]]) -> Turnout:
    divided = [{row.clients: row for row in by_division(found[wave.id])} for wave in waves]
    rows = dict.fromkeys(clients for by_clients in divided for clients in by_clients)
    ordered = sorted(rows, key=lambda clients: (len(clients.departments), clients.departments))
    return Turnout(
        waves=waves,
        groups=tuple(found[waves[0].id]),
        wholes=tuple(whole_participation(found[wave.id]) for wave in waves),
        rows=tuple((clients, tuple(by_clients.get(clients) for by_clients in divided)) for clients in ordered),
    )
