"""The cells of a release one after another, for files that are too long for memory: part of the gate."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from peewee import Query, chunked

from survey import tallies
from survey.measure.disclosure import Figure, figure
from survey.models import ClientGroup, Department, Tally, Wave
from survey.prepared import prepared
from survey.releases import Clients

PROVIDERS_AT_ONCE = 20


class Cell(NamedTuple):
    """How a provider serves a group of clients on an item."""

    provider: str  # name
    clients: Clients
    item: str
    figure: Figure


def cells(wave: Wave, items: Sequence[str]) -> Iterator[Cell]:
    """Every cell of the matrices of one wave, by item, then provider: what may be shown of each published tally.

    A few providers are read at a time, and no query stays open while somebody is busy with a cell: a release never
    changes, so what is read later belongs to what was read before.
    """
    names = dict(Department.select(Department.id, Department.name).tuples())
    clients, k = _clients(wave, names), wave.min_group
    providers = _rated(wave)
    for item in items:
        for some in chunked(providers, PROVIDERS_AT_ONCE):
            for provider, group, *counts in _tallies.raw(wave.id, item, some):
                if found := figure(counts, k):
                    yield Cell(names[provider], clients[group], item, found)


def _rated(wave: Wave) -> list[int]:
    """The providers that enough people rated, by id."""
    rated = Tally.select(Tally.provider).where(Tally.wave == wave).distinct().order_by(Tally.provider)
    return [provider for (provider,) in rated.tuples()]


def _clients(wave: Wave, names: Mapping[int, str]) -> dict[int, Clients]:
    """{client group: whom its cells are about}, of a wave; `names` are the departments' by id."""
    others = dict(ClientGroup.select(ClientGroup.id, ClientGroup.provider).where(ClientGroup.wave == wave).tuples())
    return {
        group: Clients(tuple(sorted(names[department] for department in departments)), others[group] is not None)
        for group, departments in tallies.members([wave.id]).items()
    }


@prepared
def _tallies(wave: int, item: str, providers: Sequence[int]) -> Query:
    asked = (Tally.wave == wave) & (Tally.item == item) & Tally.provider.in_(providers)
    place = (Tally.provider, Tally.client_group)
    return Tally.select(*place, *tallies.COUNTS).where(asked).order_by(*place)
