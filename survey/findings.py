"""What stands out in a wave: changes and badly served clients that are more than noise, and the widest façades.

Whoever looks at sixty differences finds three by chance alone. So each family is corrected by Holm (1979): in fewer
than 5 of 100 waves without any difference would even one be named.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from survey import tallies
from survey.measure.disclosure import (
    SIGNIFICANT,
    Change,
    Figure,
    as_change,
    exact_estimate,
    figure,
    shown_probability,
    whole,
)
from survey.measure.gaps import State
from survey.measure.scale import OVERALL
from survey.measure.statistics import add_counts, difference, holm
from survey.models import Department, Wave
from survey.releases import Clients, GapRow, ProviderResult
from survey.tallies import Atom

Found = TypeVar("Found")
Key = TypeVar("Key", bound=Hashable)

LARGEST = 3  # of each kind
MOST_RELEASES = 64  # whose worst are remembered


@dataclass(frozen=True)
class Family(Generic[Found]):
    """The largest that are real, and among how many comparisons they were looked for."""

    found: tuple[Found, ...]
    compared: int


@dataclass(frozen=True)
class RealChange:
    """How one provider's figure on an item changed since the wave before."""

    department: Department
    item: str
    now: Figure
    change: Change
    p: float  # corrected, as it may be shown


@dataclass(frozen=True)
class BadlyServed:
    """Clients who rate a provider lower, all in all, than all other answers of the wave do."""

    provider: Department
    clients: Clients
    figure: Figure
    difference: Change  # to all other answers
    p: float  # corrected, as it may be shown


def real_changes(results: Sequence[ProviderResult]) -> Family[RealChange]:
    """The largest changes of all providers and items."""
    changes = {(result.department.id, item): change for result in results for item, change in result.changes.items()}
    real = _real({key: change.p for key, change in changes.items()})
    found = [
        RealChange(result.department, item, result.figures[item], change, real[result.department.id, item])
        for result in results
        for item, change in result.changes.items()
        if (result.department.id, item) in real
    ]
    found.sort(key=lambda one: -abs(one.change.points))
    return Family(tuple(found[:LARGEST]), compared=len(changes))


def departments_changed(results: Sequence[ProviderResult], item: str) -> frozenset[int]:
    """The ids of the departments whose figure on `item` changed by more than chance, all of them taken together."""
    return frozenset(_real({found.department.id: found.changes[item].p for found in results if item in found.changes}))


def badly_served(wave: Wave) -> Family[BadlyServed]:
    """The clients that are served worst, by whom; only groups of at least ten answers are compared."""
    released = tallies.digests([wave])
    digest = released.get(wave.id)
    worst, compared = _worst.get(digest) or _worst.keep(_find_worst(wave, released), digest)
    named = {department.id: department for department in Department.select()}
    return Family(
        tuple(
            BadlyServed(
                provider=named[atom.provider],
                clients=Clients(tuple(sorted(named[client].name for client in atom.departments)), atom.others),
                figure=shown,
                difference=difference,
                p=p,
            )
            for atom, difference, p in worst
            if (shown := figure(atom.counts, wave.min_group))
        ),
        compared=compared,
    )


Worst = tuple[list[tuple[Atom, Change, float]], int]  # who is served badly, with the corrected p; of how many compared

_worst: tallies.Memory[Worst] = tallies.Memory(MOST_RELEASES)


def _find_worst(wave: Wave, released: Mapping[int, str]) -> Worst:
    atoms = tallies.atoms([wave], [OVERALL], released)
    total = add_counts(atom.counts for atom in atoms)
    compared = {atom: found for atom in atoms if (found := _against_the_rest(atom, total, wave.min_group))}
    real = _real({atom: found.p for atom, found in compared.items()})
    worst = sorted((atom for atom in real if compared[atom].points < 0), key=lambda atom: compared[atom].points)
    return [(atom, compared[atom], real[atom]) for atom in worst[:LARGEST]], len(compared)


def facades(gaps: Iterable[GapRow]) -> list[GapRow]:
    """The widest gaps of departments that serve customers better than colleagues."""
    found = [row for row in gaps if row.gap.state is State.FACADE]
    return sorted(found, key=gap_order)[:LARGEST]


def gap_order(row: GapRow) -> tuple[bool, int]:
    """Façades first and the widest of them at the top; rows without a gap last."""
    found = row.gap.difference
    return found is None, found.points if found else 0


def _against_the_rest(atom: Atom, total: Sequence[int], k: int) -> Change | None:
    """These clients' mean less that of all other answers; None where either is too few."""
    rest = [all_of_them - own for all_of_them, own in zip(total, atom.counts, strict=True)]
    one, all_others = exact_estimate(atom.counts, k), exact_estimate(rest, k)
    if one is None or all_others is None:
        return None
    return as_change(difference(one, all_others), whole(one.mean) - whole(all_others.mean))


def _real(p_values: dict[Key, float]) -> dict[Key, float]:
    """The corrected p of those that are real, as it may be shown."""
    return {key: shown_probability(p) for key, p in holm(p_values).items() if p < SIGNIFICANT}
