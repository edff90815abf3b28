"""What released waves have published, read once and remembered: part of the gate, for this package, never for a page.

A release never changes, and its digest tells what it holds. So whatever was computed from a release alone is remembered
by its digest: nothing makes it stale, in however many processes. A wave without a release is read every time.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from peewee import Expression, Query, fn

from survey.measure.scale import ITEMS, SCORES
from survey.models import ClientGroup, ClientGroupDepartment, Release, Tally, Wave, database
from survey.prepared import prepared

Value = TypeVar("Value")
Read = Callable[[Collection[int], Collection[str]], Mapping[tuple[int, str], Value]]

COUNTS = [getattr(Tally, f"n{score}") for score in SCORES]
MOST_SUMS = 200  # waves × items remembered: of sixty providers, 10 kB each
MOST_ATOMS = 24  # the same: of sixty providers with a dozen client groups, 300 kB each


@dataclass(frozen=True)
class Atom:
    """One published tally: for the modules of this package that add them up, never for a page."""

    wave: int
    provider: int
    departments: frozenset[int]  # the clients, by id
    others: bool  # the clients are a provider's small groups, put together
    item: str
    counts: tuple[int, ...]


class Memory(Generic[Value]):
    """Up to `most` values, each by the digest of its release and what else it was computed from."""

    def __init__(self, most: int) -> None:
        self._most, self._kept = most, dict[Hashable, Value]()

    def get(self, digest: str | None, *key: Hashable) -> Value | None:
        return self._kept.get((digest, *key))

    def keep(self, value: Value, digest: str | None, *key: Hashable) -> Value:
        """The same value; without a release it is not kept."""
        if digest is not None:
            if len(self._kept) >= self._most:
                self._kept.clear()
            self._kept[digest, *key] = value
        return value

    def forget(self) -> None:
        self._kept.clear()


_sums: Memory[dict[int, tuple[int, ...]]] = Memory(MOST_SUMS)
_atoms: Memory[list[Atom]] = Memory(MOST_ATOMS)


def digests(waves: Iterable[Wave]) -> dict[int, str]:
    """{wave: the digest of its release}, by id, of those that have one."""
    return dict(_digests.raw([wave.id for wave in waves]))


@prepared
def _digests(waves: Sequence[int]) -> Query:
    return Release.select(Release.wave, Release.digest).where(Release.wave.in_(waves)).tuples()


def atoms(waves: Iterable[Wave], items: Sequence[str] = ITEMS, released: Mapping[int, str] | None = None) -> list[Atom]:
    """Every published tally of these waves and items, by provider and client group. Three queries at most.

    Whoever knows the digests of the waves gives them as `released`, and saves one.
    """
    return [atom for found in _read_once(_atoms, waves, items, _read_atoms, released).values() for atom in found]


def sums(
    waves: Iterable[Wave], items: Sequence[str] = ITEMS, only: Collection[int] | None = None
) -> dict[tuple[int, int, str], tuple[int, ...]]:
    """{(wave, provider, item): all its published answers of score 1 … 5}, of the providers `only`. Two queries at most.

    The database adds up, so what is read grows with the providers and not with their clients.
    """
    return {
        (wave, provider, item): counts
        for (wave, item), found in by_provider(waves, items).items()
        for provider, counts in found.items()
        if only is None or provider in only
    }


def by_provider(
    waves: Iterable[Wave], items: Sequence[str] = ITEMS, released: Mapping[int, str] | None = None
) -> dict[tuple[int, str], dict[int, tuple[int, ...]]]:
    """{(wave, item): {provider: all its published answers of score 1 … 5}}. Two queries at most, as above."""
    return _read_once(_sums, waves, items, _read_sums, released)


def _read_once(
    memory: Memory[Value],
    waves: Iterable[Wave],
    items: Sequence[str],
    read: Read[Value],
    released: Mapping[int, str] | None = None,
) -> dict[tuple[int, str], Value]:
    """{(wave, item): what `memory` knows of it}; what it does not know is read together, and remembered."""
    waves = list(waves)
    released = digests(waves) if released is None else released
    known = {(wave.id, item): memory.get(released.get(wave.id), item) for wave in waves for item in items}
    unknown = [place for place, value in known.items() if value is None]
    fresh = read({wave for wave, _ in unknown}, {item for _, item in unknown}) if unknown else {}
    for wave, item in unknown:
        known[wave, item] = memory.keep(fresh[wave, item], released.get(wave), item)
    return cast(dict[tuple[int, str], Value], known)


def _read_sums(waves: Collection[int], items: Collection[str]) -> dict[tuple[int, str], dict[int, tuple[int, ...]]]:
    place = (Tally.wave, Tally.item, Tally.provider)
    query = Tally.select(*place, *(fn.SUM(count) for count in COUNTS)).where(_of(waves, items)).group_by(*place)
    found: dict[tuple[int, str], dict[int, tuple[int, ...]]] = defaultdict(dict)
    for wave, item, provider, *counts in database.execute(query):
        found[wave, item][provider] = tuple(counts)
    return found


def _read_atoms(waves: Collection[int], items: Collection[str]) -> dict[tuple[int, str], list[Atom]]:
    clients = members(waves)
    query = (
        Tally.select(Tally.wave, Tally.provider, ClientGroup.id, ClientGroup.provider, Tally.item, *COUNTS)
        .join(ClientGroup)
        .where(_of(waves, items))
        .order_by(Tally.provider, ClientGroup.id)
    )
    found: dict[tuple[int, str], list[Atom]] = defaultdict(list)
    for wave, provider, group, others, item, *counts in database.execute(query):  # as it comes: they are many
        found[wave, item].append(Atom(wave, provider, clients[group], others is not None, item, tuple(counts)))
    return found


def _of(waves: Collection[int], items: Collection[str]) -> Expression:
    return Tally.wave.in_(list(waves)) & Tally.item.in_(list(items))


def members(waves: Collection[int]) -> dict[int, frozenset[int]]:
    """{client group: its departments}, by id, of the waves of these ids"""
    memberships = ClientGroupDepartment.select(ClientGroup.id, ClientGroupDepartment.department).join(ClientGroup)
    found: dict[int, list[int]] = defaultdict(list)
    for group, department in memberships.where(ClientGroup.wave.in_(list(waves))).tuples():
        found[group].append(department)
    return {group: frozenset(departments) for group, departments in found.items()}
