"""Who serves whom: providers × clients, of one wave, of several together, or with the clients by division.

Every view adds up whole published atoms (tallies.atoms) and nothing else, so none tells more than they do.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, TypeVar

from survey import tallies
from survey.measure.disclosure import Figure, common_groups, figure
from survey.measure.statistics import add_counts
from survey.models import Department, Wave
from survey.releases import Clients
from survey.tallies import Atom

Key = TypeVar("Key", bound=Hashable)

WINDOWS = (1, 2, 3, 4)  # how many waves may be shown together

Group = frozenset[int]  # departments, by id
OTHERS: Group = frozenset()  # the column of those whom a provider's answers only show together


@dataclass(frozen=True)
class Matrix:
    """How each provider (row) serves each group of clients (column) on one item."""

    item: str
    providers: tuple[Department, ...]
    columns: tuple[tuple[Group, Clients], ...]
    cells: dict[tuple[int, Group], Figure]  # by provider and column (a group, or OTHERS)
    others: dict[int, Clients]  # by provider: who is in its "other departments"
    members: dict[int, Group]  # the same by id
    serves: dict[int, Figure]  # margin by provider
    served: dict[Group, Figure]  # margin by column: over the providers where it stands alone
    company: Figure | None
    refused: dict[int, Clients]  # by provider: the published group that this view would have to split


def by_department(waves: Sequence[Wave], item: str) -> Matrix:
    """Clients by department, of one wave or of several together."""
    (found,) = each_item(waves, [item])
    return found


def by_division(waves: Sequence[Wave], item: str) -> Matrix:
    """Clients by division, of one wave or of several together."""
    (found,) = each_item(waves, [item], division=True)
    return found


def each_item(waves: Sequence[Wave], items: Sequence[str], division: bool = False) -> list[Matrix]:
    """The matrix of each item, the clients by department or by division, in a fixed number of queries."""
    departments, by_item = everybody(), defaultdict(list)
    for atom in tallies.atoms(waves, items):
        by_item[atom.item].append(atom)
    if division:
        parents = {department.id: department.parent_id or department.id for department in departments}
        return [_matrix(departments, waves, item, *_by_parents(by_item[item], parents)) for item in items]
    return [_matrix(departments, waves, item, _by_common_groups(by_item[item])) for item in items]


def _by_common_groups(atoms: Sequence[Atom]) -> dict[Atom, Group]:
    """The column of each atom.

    Of several waves, the groups are those that can be added up from what each wave has published: who was shown only
    together with others in one of them is so in all.
    """
    partitions: dict[int, dict[int, list[Group]]] = defaultdict(lambda: defaultdict(list))
    for atom in atoms:
        partitions[atom.provider][atom.wave].append(atom.departments)
    groups = {provider: common_groups(by_wave.values()) for provider, by_wave in partitions.items()}

    def group_of(atom: Atom) -> Group:
        return next(group for group in groups[atom.provider] if atom.departments <= group)

    mixed = {(atom.provider, group_of(atom)) for atom in atoms if atom.others}
    return {atom: OTHERS if (atom.provider, group_of(atom)) in mixed else group_of(atom) for atom in atoms}


def _by_parents(atoms: Sequence[Atom], parents: Mapping[int, int]) -> tuple[dict[Atom, Group], dict[int, Group]]:
    """The column of each atom by division (a department without one stands for itself), and who is refused:

    a provider one of whose published groups holds departments of several divisions, with that group. Showing the
    divisions would split it, and tell of fewer people than were published together.
    """
    columns: dict[Atom, Group] = {}
    refused: dict[int, Group] = {}
    for atom in atoms:
        columns[atom] = frozenset(parents[department] for department in atom.departments)
        if len(columns[atom]) > 1:
            refused[atom.provider] = atom.departments
    return columns, refused


def everybody() -> list[Department]:
    """All departments by name, those that have been dissolved too: old figures keep their names."""
    return list(Department.select().order_by(Department.name))


def _matrix(
    everybody: Sequence[Department],
    waves: Sequence[Wave],
    item: str,
    columns: Mapping[Atom, Group],
    refused: Mapping[int, Group] | None = None,
) -> Matrix:
    """The matrix of these atoms, each in its column; the providers `refused` keep nothing but their margin."""
    refused = refused or {}
    k = max((wave.min_group for wave in waves), default=0)
    names = {department.id: department.name for department in everybody}

    def clients(group: Iterable[int], others: bool = False) -> Clients:
        return Clients(tuple(sorted(names[department] for department in group)), others)

    def shown(place: Callable[[Atom], Key], atoms: Iterable[Atom]) -> dict[Key, Figure]:
        sums: dict[Key, list[tuple[int, ...]]] = defaultdict(list)
        for atom in atoms:
            sums[place(atom)].append(atom.counts)
        return {key: found for key, counts in sums.items() if (found := figure(add_counts(counts), k))}

    kept = [atom for atom in columns if atom.provider not in refused]
    alone = [atom for atom in kept if columns[atom] != OTHERS]
    others: dict[int, set[int]] = defaultdict(set)
    for atom in kept:
        if columns[atom] == OTHERS:
            others[atom.provider] |= atom.departments
    serves = shown(lambda atom: atom.provider, columns)
    named = {group: clients(group) for group in {columns[atom] for atom in alone}}
    return Matrix(
        item=item,
        providers=tuple(department for department in everybody if department.id in serves),
        columns=tuple(sorted(named.items(), key=lambda column: column[1].departments)),
        cells=shown(lambda atom: (atom.provider, columns[atom]), kept),
        others={provider: clients(group, others=True) for provider, group in others.items()},
        members={provider: frozenset(group) for provider, group in others.items()},
        serves=serves,
        served=shown(lambda atom: columns[atom], alone),
        company=shown(lambda atom: atom.item, columns).get(item),
        refused={provider: clients(group, others=True) for provider, group in refused.items()},
    )


def as_provider(table: Matrix, department: Department) -> list[tuple[Clients, Figure]]:
    """How a department serves each of its clients; those that are only shown together come last."""
    rows = [
        (clients, table.cells[department.id, group])
        for group, clients in table.columns
        if (department.id, group) in table.cells
    ]
    if (department.id, OTHERS) in table.cells:
        rows.append((table.others[department.id], table.cells[department.id, OTHERS]))
    return rows


def as_client(table: Matrix, department: Department) -> list[tuple[Department, Clients, Figure]]:
    """How each provider serves a department, where it stands alone or in the group it was asked in."""
    return [
        (provider, clients, table.cells[provider.id, group])
        for group, clients in table.columns
        if department.id in group
        for provider in table.providers
        if (provider.id, group) in table.cells
    ]


class Order(StrEnum):
    """How rows or columns are sorted: by name, or by what their margin says."""

    NAME = "name"
    BEST = "best"  # the best first
    WORST = "worst"


def arranged(table: Matrix, providers: Order, columns: Order) -> Matrix:
    """The matrix with its providers sorted by how they serve and its columns by how they are served; ties by name."""
    return replace(
        table,
        providers=_sorted(table.providers, providers, lambda provider: table.serves.get(provider.id)),
        columns=_sorted(table.columns, columns, lambda column: table.served.get(column[0])),
    )


def _sorted(named: tuple[Key, ...], order: Order, margin: Callable[[Key], Figure | None]) -> tuple[Key, ...]:
    """What is sorted by name already, by its margin; what has none comes last."""

    def place(one: Key) -> tuple[bool, int]:
        found = margin(one)
        return found is None, found.mean * (-1 if order is Order.BEST else 1) if found else 0

    return named if order is Order.NAME else tuple(sorted(named, key=place))


class CellLine(NamedTuple):
    """How a provider serves a group of clients on an item."""

    item: str
    figure: Figure | None
    clients: Clients | None  # with whom the group is shown on this item; None when nothing is shown


def cell(tables: Iterable[Matrix], provider: Department, group: Group) -> list[CellLine]:
    """The cell of a provider and a group (or OTHERS) in the matrix of each item.

    Each item is merged by its own answers, so on another item the group may stand in a larger one: that is shown then.
    """
    return [CellLine(table.item, *_shown_with(table, provider, group)) for table in tables]


def _shown_with(table: Matrix, provider: Department, group: Group) -> tuple[Figure | None, Clients | None]:
    rest = table.others.get(provider.id)
    if group != OTHERS:
        for column, clients in table.columns:
            if group <= column and (provider.id, column) in table.cells:
                return table.cells[provider.id, column], clients
        if rest is None or not group <= table.members[provider.id]:
            return None, None
    return table.cells.get((provider.id, OTHERS)), rest
