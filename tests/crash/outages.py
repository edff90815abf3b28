"""The database locked by another process, or restarted, under load: no answer is lost, and all goes on by itself.

python -m tests.crash.outages --locks 3 --restarts 8
"""

import argparse
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from survey.database import BUSY_TIMEOUT_SECONDS, open_database
from survey.models import database
from survey.settings import Settings
from tests.crash.counting import Count, count, post_all
from tests.crash.postgres import PostgreSQL
from tests.engines import settings_in
from tests.servers import Installation, is_well, wait_until
from tests.visitors import open_links

LONGER_SECONDS = 1.0  # a lock is held for this much longer than anybody waits for it
DOWN_SECONDS = 0.5
MODES = ("fast", "immediate")  # how PostgreSQL is stopped: in order, and as in a crash
REST = 1 / 3  # of the time that an outage took: until the next one, so that who waited has a chance
ANSWERS_BETWEEN = 150  # about as many come in between two outages

Outage = Callable[[], AbstractContextManager[None]]


@dataclass
class Outlasted:
    """What became of the answers, and what the server said of itself during the outages."""

    outages: int = 0
    alive: int = 0  # outages during which /livez answered
    unready: int = 0  # outages during which /readyz was not content
    slowest_seconds: float = 0  # from the end of an outage until /readyz is content
    log: str = ""
    count: Count | None = None

    @property
    def holds(self) -> bool:
        return self.count is not None and self.count.holds and self.count.put_off > 0 and "/r/" not in self.log

    def lines(self) -> list[str]:
        return [
            f"outages: {self.outages}, /livez answered in {self.alive}, /readyz refused in {self.unready}, "
            f"ready again {self.slowest_seconds:.1f} s after the end at most",
            *(self.count.lines() if self.count else ()),
        ]


def outlast(settings: Settings, folder: Path, answers: int, outage: Outage, *words: str) -> Outlasted:
    """Post answers to one server, started with `words`, while the database is away again and again."""
    open_database(settings)
    links = open_links(settings, answers)[:answers]
    database.close()
    installed = Installation(
        folder, home=settings.home, secret_key=settings.secret_key, database_url=settings.database_url, smtp_url=""
    )
    found = Outlasted()
    with (
        installed.serving(*words, program="tests.crash.lives", may_fail=True) as address,
        ThreadPoolExecutor(1) as thread,
    ):
        posting = thread.submit(post_all, address, links)
        time.sleep(random.uniform(0, 0.2))
        while not posting.done():
            began = time.monotonic()
            with outage():
                found.outages += 1
                found.alive += is_well(f"{address}/livez")
                found.unready += not is_well(f"{address}/readyz")
            ended = time.monotonic()
            wait_until(lambda: is_well(f"{address}/readyz"))
            found.slowest_seconds = max(found.slowest_seconds, time.monotonic() - ended)
            time.sleep(REST * (ended - began))
        found.count = count(posting.result())
    found.log = (folder / "log.txt").read_text()
    return found


def lock(folder: Path, answers: int, busy_seconds: float) -> Outlasted:
    """Another process writes to SQLite for longer than the server waits, which is `busy_seconds`."""
    settings = settings_in(folder / "home")

    @contextmanager
    def held() -> Iterator[None]:
        with closing(sqlite3.connect(settings.home_folder / "espejo.sqlite3", isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            until = time.monotonic() + busy_seconds + LONGER_SECONDS
            yield
            time.sleep(max(0, until - time.monotonic()))
            writer.execute("ROLLBACK")

    return outlast(settings, folder, answers, held, "--busy-seconds", str(busy_seconds))


def restart(folder: Path, answers: int) -> Outlasted:
    """PostgreSQL is stopped, in order and by crash in turn, and started again."""
    modes = cycle(MODES)
    with PostgreSQL() as postgres:

        @contextmanager
        def stopped() -> Iterator[None]:
            postgres.stop(next(modes))
            yield
            time.sleep(DOWN_SECONDS)
            postgres.start()

        return outlast(settings_in(folder / "home", database_url=postgres.url), folder, answers, stopped)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--locks", type=int, default=3)
    asked.add_argument("--restarts", type=int, default=8)
    chosen = asked.parse_args()
    held = True
    for title, times, run in (
        ("SQLite locked", chosen.locks, lambda folder, n: lock(folder, n, BUSY_TIMEOUT_SECONDS)),
        ("PostgreSQL restarted", chosen.restarts, restart),
    ):
        with TemporaryDirectory() as folder:
            found = run(Path(folder), times * ANSWERS_BETWEEN)
        print("\n".join([f"{title}:", *found.lines()]))
        held = held and found.holds
    sys.exit(not held)


if __name__ == "__main__":
    main()
