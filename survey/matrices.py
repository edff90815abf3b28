"""Who serves whom: providers × clients, of one wave, of several together, or with the clients by division.

Every view adds up whole published atoms (releases.atoms) and nothing else, so none tells more than they do.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from survey import releases
from survey.measure.disclosure import Figure, common_groups, figure
from survey.measure.statistics import add_counts
from survey.models import Department, Wave
from survey.releases import Atom, Clients

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
    serves: dict[int, Figure]  # margin by provider
    served: dict[Group, Figure]  # margin by column: over the providers where it stands alone
    company: Figure | None
    refused: dict[int, Clients]  # by provider: the published group that this view would have to split


def by_department(waves: Sequence[Wave], item: str) -> Matrix:
    """Clients by department, of one wave or of several together."""
    (found,) = each_item(waves, [item])
    return found


def each_item(waves: Sequence[Wave], items: Sequence[str]) -> list[Matrix]:
    """by_department for each item, in a fixed number of queries."""
    everybody, by_item = _everybody(), defaultdict(list)
    for atom in releases.atoms(waves, items):
        by_item[atom.item].append(atom)
    return [_matrix(everybody, waves, item, _by_common_groups(by_item[item])) for item in items]


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


def by_division(waves: Sequence[Wave], item: str) -> Matrix:
    """Clients by division, of one wave or of several together; a department without one stands for itself.

    A provider's row is refused when one of its published groups holds departments of several divisions: showing the
    divisions would split it, and tell of fewer people than were published together.
    """
    everybody = _everybody()
    division = {department.id: department.parent_id or department.id for department in everybody}
    columns: dict[Atom, Group] = {}
    refused: dict[int, Group] = {}
    for atom in releases.atoms(waves, [item]):
        found = frozenset(division[department] for department in atom.departments)
        columns[atom] = found
        if len(found) > 1:
            refused[atom.provider] = atom.departments
    return _matrix(everybody, waves, item, columns, refused)


def _everybody() -> list[Department]:
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
