"""The attacker: tells which answers each published figure sums, hands the sums to the solver, and counts the cost."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from survey.measure.scale import points
from tests.attack.companies import Atom, Truth
from tests.attack.published import Figure, Shown
from tests.attack.solver import Findings, Sum, attack, tally

APPROXIMATE_BELOW = 10  # answers
STEP = 5  # points: what an approximate mean is rounded to


class Unexplained(AssertionError):
    """A figure is published that is not the sum that the page says it is."""


@dataclass
class Cost:
    """What merging takes from the reader."""

    cells: int = 0  # provider × client department with at least one rater
    alone: int = 0  # of these, shown alone
    answers: int = 0  # scores given
    published: int = 0  # of these, in some published figure
    rated_by_few: int = 0  # of the others: about a provider that fewer than k people rated
    dropped: int = 0  # of the others: on an item that fewer than k people answered about the provider

    def add(self, other: "Cost") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class Outcome:
    figures: int
    findings: Findings
    cost: Cost
    totals_of_all: bool  # totals hold answers that are in no published cell
    by_view: Counter[str] = field(default_factory=Counter)  # how many figures of each kind


def break_in(
    figures: Collection[Figure],
    truth: Truth,
    k: int,
    divisions: Mapping[str, str],
    raters: Mapping[tuple[int, str], Mapping[int, str]],
) -> Outcome:
    """What `figures` tell of the answers in `truth`."""
    cells = {found: _cell(found, truth) for found in figures if found.is_cell}
    for found, atoms in cells.items():
        if not _agrees(found.shown, atoms, truth):
            raise Unexplained(f"{found} is not what these clients answered.")
    base = frozenset(chain.from_iterable(cells.values()))
    totals_of_all = False
    sums = _explain(figures, cells, base, truth, divisions)
    if isinstance(sums, Figure):
        unexplained, totals_of_all = sums, True
        sums = _explain(figures, cells, frozenset(truth), truth, divisions)
        if isinstance(sums, Figure):
            raise Unexplained(f"{unexplained} is no sum of what is published, nor are totals those of all answers.")
    cost = _cost(cells, truth, k, raters)
    return Outcome(len(figures), attack(sums.values(), truth, k), cost, totals_of_all, Counter(map(_view, figures)))


def _explain(
    figures: Iterable[Figure],
    cells: Mapping[Figure, Sum],
    within: Sum,
    truth: Truth,
    divisions: Mapping[str, str],
) -> dict[Figure, Sum] | Figure:
    """The answers that each figure sums, where totals are over `within`; or the first figure that they do not give."""
    by_place: dict[tuple[int, str], list[Atom]] = defaultdict(list)
    for atom in within:
        by_place[atom.wave, atom.item].append(atom)
    sums = dict(cells)
    for found in figures:
        if found in sums:
            continue
        near = [atom for wave in found.waves for atom in by_place[wave, found.item]]
        sums[found] = frozenset(atom for atom in near if _is_about(atom, found, divisions))
        if not _agrees(found.shown, sums[found], truth):
            return found
    return sums


def _cell(found: Figure, truth: Truth) -> Sum:
    (wave,), (provider,) = found.waves, found.providers
    return frozenset(
        atom
        for atom in truth
        if (atom.wave, atom.provider, atom.item) == (wave, provider, found.item) and atom.clients <= found.clients
    )


def _is_about(atom: Atom, found: Figure, divisions: Mapping[str, str]) -> bool:
    if found.providers is not None and atom.provider not in found.providers:
        return False
    if found.clients is None:
        return True
    clients = {divisions[client] for client in atom.clients} if found.by_division else atom.clients
    return clients <= found.clients


def _agrees(shown: Shown, atoms: Sum, truth: Truth) -> bool:
    """Whether the mean of these answers is the one shown."""
    counts = [sum(column) for column in zip(*(tally(truth[atom]) for atom in atoms), strict=True)]
    n = sum(counts)
    if not n or shown.approximate != (n < APPROXIMATE_BELOW):
        return False
    mean = sum(count * points(score) for score, count in enumerate(counts, start=1)) / n
    if shown.approximate:
        return shown.mean == min(95, max(5, STEP * int(mean / STEP + 0.5 + 1e-9)))
    return shown.mean == int(mean + 0.5 + 1e-9)


def _view(found: Figure) -> str:
    who = "company" if found.providers is None else "provider" if found.clients is None else "cell"
    return " ".join(filter(None, [who, found.view, "over waves" * (len(found.waves) > 1)]))


def _cost(
    cells: Mapping[Figure, Sum], truth: Truth, k: int, raters: Mapping[tuple[int, str], Mapping[int, str]]
) -> Cost:
    """Cells of providers and client departments by their raters, and answers by what became of them."""
    shown_alone = {
        (found.waves[0], provider, client)
        for found in cells
        if len(found.clients) == 1
        for provider in found.providers
        for client in found.clients
    }
    rated = {(wave, provider, client) for (wave, provider), who in raters.items() for client in who.values()}
    published = frozenset(chain.from_iterable(cells.values()))
    missing = [atom for atom in truth if atom not in published]
    few = [atom for atom in missing if len(raters[atom.wave, atom.provider]) < k]
    lost, lost_to_few = (sum(len(truth[atom]) for atom in some) for some in (missing, few))
    answers = sum(map(len, truth.values()))
    return Cost(len(rated), len(rated & shown_alone), answers, answers - lost, lost_to_few, lost - lost_to_few)
