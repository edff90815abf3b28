"""Many companies, in several processes, and what the attacker has found in them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.attack.attacker import Cost, Outcome
from tests.attack.companies import Laboratory, hiding_below_k
from tests.attack.run import by_everything, by_export

AT_ONCE = 20  # companies handed to a process at a time
REPORT_EVERY_SECONDS = 60

laboratory: Laboratory  # of this process


@dataclass
class Figures:
    """What a run has found, summed over companies."""

    companies: int = 0
    broken: list[int] = field(default_factory=list)  # seeds of companies in which fewer than k people were told of
    recoveries: int = 0
    undecided: int = 0
    certified: int = 0
    figures: int = 0
    sums: int = 0
    of_one_mind: int = 0
    totals_of_all: int = 0
    cost: Cost = field(default_factory=Cost)

    def add(self, seed: int, outcome: Outcome) -> None:
        found = outcome.findings
        self.companies += 1
        self.broken += [seed] if found.recoveries else []
        self.recoveries += len(found.recoveries)
        self.undecided += found.undecided
        self.certified += found.certified
        self.figures += outcome.figures
        self.sums += found.sums
        self.of_one_mind += found.of_one_mind
        self.totals_of_all += outcome.totals_of_all
        self.cost.add(outcome.cost)

    def lines(self) -> Iterator[str]:
        yield f"{self.companies} companies, {self.figures} figures read, {self.sums} different sums of answers"
        yield f"  companies in which fewer than k people were told of: {len(self.broken)} {self.broken[:5] or ''}"
        yield f"  sets of fewer than k people told of: {self.recoveries}"
        yield f"  systems certified: {self.certified}; undecided: {self.undecided}"
        yield f"  companies whose totals hold more than what is shown: {self.totals_of_all}"
        yield f"  sums whose people all gave one answer (no merging hides that): {percent(self.of_one_mind, self.sums)}"

    def cost_lines(self) -> Iterator[str]:
        cost = self.cost
        yield f"  provider × client department cells still shown alone: {percent(cost.alone, cost.cells)}"
        yield f"  answers that enter some published figure: {percent(cost.published, cost.answers)}"
        yield f"    about a provider that fewer than k people rated: {percent(cost.rated_by_few, cost.answers)}"
        yield f"    on an item that fewer than k people answered at all: {percent(cost.dropped, cost.answers)}"
        rest = cost.answers - cost.rated_by_few
        yield f"  of the answers about providers rated by k or more: {percent(cost.published, rest)}"


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} % ({part} of {whole})" if whole else "none"


def run(job: Callable[[int], tuple[int, Outcome]], seeds: Sequence[int], processes: int, home: Path) -> Figures:
    figures, told = Figures(), time.monotonic()
    with get_context("spawn").Pool(processes, _start, (home,)) as pool:
        for seed, outcome in pool.imap_unordered(job, seeds, min(AT_ONCE, 1 + len(seeds) // 20)):
            figures.add(seed, outcome)
            if time.monotonic() - told > REPORT_EVERY_SECONDS:
                told = time.monotonic()
                print(f"  … {figures.companies} companies so far, {len(figures.broken)} broken", flush=True)
    return figures


def _start(home: Path) -> None:
    global laboratory
    laboratory = Laboratory(home / str(os.getpid()))


def merged(seed: int) -> tuple[int, Outcome]:
    return seed, by_export(laboratory, seed)


def merged_on_all_pages(seed: int) -> tuple[int, Outcome]:
    return seed, by_everything(laboratory, seed)


def hidden(seed: int) -> tuple[int, Outcome]:
    with hiding_below_k():
        return seed, by_export(laboratory, seed)
