"""The cells of a release one after another, for files that are too long for memory: part of the gate."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from peewee import chunked

from survey.measure.disclosure import Figure, figure
from survey.measure.scale import SCORES
from survey.models import ClientGroup, ClientGroupDepartment, Department, Tally, Wave, database
from survey.releases import Clients

PROVIDERS_AT_ONCE = 20
COUNTS = [getattr(Tally, f"n{score}") for score in SCORES]


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
    rated = Tally.select(Tally.provider).where(Tally.wave == wave).distinct().order_by(Tally.provider)
    providers = [provider for (provider,) in rated.tuples()]
    for item in items:
        for some in chunked(providers, PROVIDERS_AT_ONCE):
            yield from _cells(wave, item, some)


def _cells(wave: Wave, item: str, providers: Sequence[int]) -> list[Cell]:
    asked = (Tally.wave == wave) & (Tally.item == item) & Tally.provider.in_(providers)
    clients: dict[int, list[str]] = defaultdict(list)
    groups = Tally.select(Tally.client_group).where(asked)
    members = ClientGroupDepartment.select(ClientGroupDepartment.client_group, Department.name).join(Department)
    for group, name in members.where(ClientGroupDepartment.client_group.in_(groups)).tuples():
        clients[group].append(name)
    tallies = (
        Tally.select(Department.name, ClientGroup.id, ClientGroup.provider, *COUNTS)
        .join(ClientGroup)
        .join(Department, on=Tally.provider == Department.id)
        .where(asked)
        .order_by(Tally.provider, ClientGroup.id)
    )
    return [
        Cell(provider, Clients(tuple(sorted(clients[group])), others is not None), item, found)
        for provider, group, others, *counts in database.execute(tallies)
        if (found := figure(tuple(counts), wave.min_group))
    ]
