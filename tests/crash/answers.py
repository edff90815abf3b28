"""Answers posted while the server is killed: none that was acknowledged is lost, none is stored twice.

python -m tests.crash.answers --answers 10000 --kills 200, and --postgres for a run on PostgreSQL; --two-steps is the
control, a server that commits the invitation before the answer, which this test must find out.
"""

import argparse
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from survey.database import open_database
from survey.models import database
from survey.settings import Settings
from tests.crash.counting import Count, count, post_all
from tests.crash.lives import POINTS
from tests.crash.postgres import PostgreSQL
from tests.engines import settings_in
from tests.servers import Installation
from tests.visitors import open_links

SHARE_FOR_KILLS = 0.8  # of the answers: the last lives must have some left


@dataclass(frozen=True)
class Survived:
    """What became of the answers, how often each kind of death came, and how long it all took."""

    count: Count
    deaths: Counter[str]
    seconds: float

    @property
    def at_set_points(self) -> int:
        return sum(self.deaths[point] for point in POINTS)

    def lines(self) -> list[str]:
        return [
            f"killed: {self.deaths.total()} times, {self.at_set_points} of them at set points, in {self.seconds:.0f} s",
            *(f"  {point}: {times}" for point, times in self.deaths.items()),
            *self.count.lines(),
        ]


def survive(settings: Settings, folder: Path, answers: int, kills: int, *, two_steps: bool = False) -> Survived:
    """Post `answers` answers while the server is killed `kills` times. `settings` may name any database."""
    open_database(settings)
    links = open_links(settings, answers)[:answers]
    database.close()
    deaths = folder / "deaths.txt"
    deaths.touch()
    words = [
        "--kills",
        str(kills),
        "--answers-a-life",
        str(int(SHARE_FOR_KILLS * answers / kills)),
        "--deaths",
        str(deaths),
    ]
    installed = Installation(
        folder, home=settings.home, secret_key=settings.secret_key, database_url=settings.database_url, smtp_url=""
    )
    started = time.monotonic()
    with installed.serving(*words, *["--two-steps"] * two_steps, program="tests.crash.lives") as address:
        clients = post_all(address, links)
    seconds = time.monotonic() - started
    return Survived(count(clients), Counter(deaths.read_text().splitlines()), seconds)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--answers", type=int, default=10_000)
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--postgres", action="store_true")
    asked.add_argument("--two-steps", action="store_true")
    chosen = asked.parse_args()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        url = stack.enter_context(PostgreSQL()).url if chosen.postgres else ""
        settings = settings_in(Path(folder) / "home", database_url=url)
        found = survive(settings, Path(folder), chosen.answers, chosen.kills, two_steps=chosen.two_steps)
    print("\n".join(found.lines()))
    sys.exit(not found.count.holds or found.deaths.total() < chosen.kills)


if __name__ == "__main__":
    main()
