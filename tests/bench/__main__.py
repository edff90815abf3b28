"""`python -m tests.bench`: every figure that Espejo is held to, as a ratio to a limit measured in the same run.

Each work is a module of this folder with a function `measure(runs)` that gives rows of the table.
"""

import argparse
import pkgutil
import sys
from collections.abc import Iterable
from importlib import import_module

import tests.bench
from tests.bench.table import HEAD, Row

RUNS = 5


def works() -> list[str]:
    """The names of the modules that measure something, in the order of the alphabet."""
    names = [module.name for module in pkgutil.iter_modules(tests.bench.__path__) if module.name != "__main__"]
    return [name for name in names if hasattr(import_module(f"tests.bench.{name}"), "measure")]


def tell(chosen: Iterable[str], runs: int) -> bool:
    """Print a line as soon as it is known; whether every aim was met."""
    print(HEAD, flush=True)
    rows: list[Row] = []
    for name in chosen:
        for row in import_module(f"tests.bench.{name}").measure(runs):
            print(row, flush=True)
            rows.append(row)
    return all(row.is_met for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = works()
    told = f"of {', '.join(names)}; all when none is named"
    parser.add_argument("works", nargs="*", choices=[[], *names], metavar="work", help=told)
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each is measured; medians are told")
    asked = parser.parse_args()
    sys.exit(not tell(asked.works or names, asked.runs))


if __name__ == "__main__":
    main()
