"""What follows from sums: linear combinations, exactly, and the bounds of counts that cannot be negative.

Every item is a system of its own. Its unknowns are the atoms (wave × provider × client group): how many of the atom's
people gave a score. Each published figure is a known sum of atoms; the attacker is handed its exact counts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from survey.measure.scale import SCORES
from tests.attack.companies import Atom, Truth

PRIME = 2**61 - 1  # arithmetic modulo a prime is exact; the sums hold 0 and 1 only
Row = dict[int, int]  # {unknown: coefficient modulo PRIME}
Sum = frozenset[Atom]


@dataclass(frozen=True)
class Recovery:
    """A combination of what is published that tells of fewer than k people."""

    atoms: frozenset[Atom]
    people: frozenset[int]
    how: str  # "combination" or "bounds"


@dataclass
class Findings:
    recoveries: list[Recovery] = field(default_factory=list)
    undecided: int = 0  # systems where small atoms can be told apart from all others and the search found none
    certified: int = 0  # systems in which nothing smaller than k can follow, whatever the combination
    sums: int = 0  # different published sums
    of_one_mind: int = 0  # of these, published sums whose people all gave the same answer: no sum can hide that


def attack(sums: Iterable[Sum], truth: Truth, k: int) -> Findings:
    """Every set of fewer than `k` people whose answers follow from the exact counts of `sums`."""
    found = Findings()
    by_item: dict[str, set[Sum]] = defaultdict(set)
    for published in sums:
        if published:
            by_item[next(iter(published)).item].add(published)
    for published in by_item.values():
        _attack_item(sorted(published, key=len), truth, k, found)
    return found


def _attack_item(sums: Sequence[Sum], truth: Truth, k: int, found: Findings) -> None:
    found.sums += len(sums)
    kinds = _alike(sums)
    people = [frozenset(person for atom in kind for person in truth[atom]) for kind in kinds]
    small = {number for number, who in enumerate(people) if len(who) < k}
    if not small:
        found.certified += 1
    else:
        combinations = _within(_as_rows(sums, kinds), small)
        recovered = [row for row in combinations if len(_union(people, row)) < k]
        found.recoveries += [
            Recovery(frozenset(atom for kind in row for atom in kinds[kind]), _union(people, row), "combination")
            for row in recovered
        ]
        if combinations and not recovered:
            found.undecided += 1
        found.certified += not combinations
    _attack_by_bounds(sums, truth, k, found)


# --- Linear combinations -------------------------------------------------------------------------------------------


def _alike(sums: Sequence[Sum]) -> list[frozenset[Atom]]:
    """Atoms that enter the same sums, put together.

    Every combination of the sums gives atoms that are alike the same coefficient, so what it tells, it tells of all of
    them together. Where each such kind holds k people or more, no combination whatever tells of fewer.
    """
    enters: dict[Atom, list[int]] = defaultdict(list)
    for number, published in enumerate(sums):
        for atom in published:
            enters[atom].append(number)
    kinds: dict[tuple[int, ...], set[Atom]] = defaultdict(set)
    for atom, numbers in enters.items():
        kinds[tuple(numbers)].add(atom)
    return [frozenset(kind) for kind in kinds.values()]


def _as_rows(sums: Sequence[Sum], kinds: Sequence[frozenset[Atom]]) -> list[Row]:
    kind_of = {atom: number for number, kind in enumerate(kinds) for atom in kind}
    return [dict.fromkeys({kind_of[atom] for atom in published}, 1) for published in sums]


def _within(rows: Iterable[Row], small: Collection[int]) -> list[Row]:
    """All combinations of `rows` that hold unknowns of `small` only, as a reduced basis.

    Gauss–Jordan elimination with the unknowns of `small` last: rows that have lost all the others span exactly these
    combinations. An unknown that is determined by itself is a row by itself, since the reduced form is unique.
    """
    first = [row for row in (dict(row) for row in rows) if row]
    large = sorted({unknown for row in first for unknown in row} - set(small))
    rest = _eliminate(first, large)[1]
    basis, left = _eliminate(rest, sorted(small))
    assert not left
    return basis


def _eliminate(rows: list[Row], unknowns: Iterable[int]) -> tuple[list[Row], list[Row]]:
    """Rows solved for one of `unknowns` each, and what is left of the others once these are gone from them."""
    solved: list[Row] = []
    rows = list(rows)
    for unknown in unknowns:
        place = next((place for place, row in enumerate(rows) if unknown in row), None)
        if place is None:
            continue
        pivot = rows.pop(place)
        inverse = pow(pivot[unknown], -1, PRIME)
        pivot = {column: value * inverse % PRIME for column, value in pivot.items()}
        rows = [row for row in (_without(row, unknown, pivot) for row in rows) if row]
        solved = [_without(row, unknown, pivot) for row in solved]
        solved.append(pivot)
    return solved, rows


def _without(row: Row, unknown: int, pivot: Row) -> Row:
    """`row` less that multiple of `pivot` that takes `unknown` out of it."""
    factor = row.get(unknown, 0)
    if not factor:
        return row
    reduced = dict(row)
    for column, value in pivot.items():
        reduced[column] = (reduced.get(column, 0) - factor * value) % PRIME
        if not reduced[column]:
            del reduced[column]
    return reduced


def _union(people: Sequence[frozenset[int]], kinds: Iterable[int]) -> frozenset[int]:
    return frozenset().union(*(people[kind] for kind in kinds))


# --- Bounds --------------------------------------------------------------------------------------------------------


def _attack_by_bounds(sums: Sequence[Sum], truth: Truth, k: int, found: Findings) -> None:
    """Counts are never negative, nor more than the atom's people, whose number the attacker is told as well.

    A sum whose people all gave one answer tells everybody's; that is counted apart, since no merging prevents it.
    """
    atoms = sorted({atom for published in sums for atom in published}, key=str)
    place = {atom: number for number, atom in enumerate(atoms)}
    enters = np.zeros((len(sums), len(atoms)), dtype=bool)
    for number, published in enumerate(sums):
        enters[number, [place[atom] for atom in published]] = True
    answers = np.array([tally(truth[atom]) for atom in atoms])
    sizes = answers.sum(axis=1)
    known = enters @ answers
    of_one_mind = (known > 0).sum(axis=1) == 1
    found.of_one_mind += int(of_one_mind.sum())
    inherent = enters[of_one_mind].any(axis=0)
    lowest, highest = _tighten(enters, known, sizes)
    determined = (lowest == highest).all(axis=1) & (sizes < k) & ~inherent
    already = {atom for recovery in found.recoveries for atom in recovery.atoms}
    for number in np.flatnonzero(determined):
        if atoms[number] not in already:
            who = frozenset(truth[atoms[number]])
            found.recoveries.append(Recovery(frozenset({atoms[number]}), who, "bounds"))


def _tighten(enters: np.ndarray, known: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most that each atom can hold of each score, by what the sums and its size leave room for."""
    lowest = np.zeros((len(sizes), len(SCORES)), dtype=int)
    highest = np.repeat(sizes[:, None], len(SCORES), axis=1)
    while True:
        before = lowest.copy(), highest.copy()
        room = known - enters @ lowest  # what a sum has left for one atom beyond its least
        need = known - enters @ highest
        for number in range(len(enters)):
            held = enters[number]
            highest[held] = np.minimum(highest[held], before[0][held] + room[number])
            lowest[held] = np.maximum(lowest[held], before[1][held] + need[number])
        others = (highest.sum(axis=1, keepdims=True) - highest, lowest.sum(axis=1, keepdims=True) - lowest)
        lowest = np.maximum(lowest, sizes[:, None] - others[0])
        highest = np.minimum(highest, sizes[:, None] - others[1])
        if (lowest == before[0]).all() and (highest == before[1]).all():
            return lowest, highest


def tally(answers: Mapping[int, int]) -> list[int]:
    """How many of these people gave score 1 … 5."""
    return [sum(score == given for given in answers.values()) for score in SCORES]
