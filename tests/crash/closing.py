"""Answers posted while their wave closes: each is counted or refused, never both, never neither.

python -m tests.crash.closing --waves 170, and --postgres for a run on PostgreSQL. The pages are served by a process of
their own; the waves are closed by this one.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date
from itertools import count as numbers_from
from pathlib import Path
from tempfile import TemporaryDirectory

from survey import pulses, releases, turnout
from survey.database import open_database
from survey.measure.disclosure import COMMENTS_FROM
from survey.measure.scale import OVERALL
from survey.models import Comment, Department, Person, ServiceLink, Tally, Wave, database
from survey.responses import Answer
from survey.settings import Settings
from tests.cast import LINK, Company
from tests.crash.counting import MARK, Client, mark
from tests.crash.postgres import PostgreSQL
from tests.engines import settings_in
from tests.servers import Installation
from tests.visitors import unanswered

LATE = 3  # people who answer while the wave closes
SENT_WITHIN_SECONDS = 0.1
CLOSED_WITHIN_SECONDS = 0.25  # later, as a post takes a while before it comes to the database
FIRST = date(2050, 1, 3)  # far ahead of any clock but ours


class TinyCompany(Company):
    """Enough people for comments to be published, all clients of one department; asked once a month."""

    def __init__(self) -> None:
        self.departments = {name: Department.create(key=name.lower(), name=name) for name in ("Kitchen", "Guests")}
        people = COMMENTS_FROM + LATE
        Person.insert_many([self._values(f"guest{number}", "Guests") for number in range(people)]).execute()
        ServiceLink.insert_many([(self.departments["Guests"], self.departments["Kitchen"], 1)], LINK).execute()
        self.pulse = pulses.add_pulse("monthly", "monthly", FIRST, "Europe/Madrid")


@dataclass
class Closed:
    """What late answers were told, set beside the releases, over all waves."""

    waves: int = 0
    counted: int = 0
    refused: int = 0
    put_off: int = 0
    both: int = 0  # refused, and yet in the release
    neither: int = 0  # acknowledged, but not in the release
    unequal: int = 0  # waves whose participation, tallies or comments do not say the same

    @property
    def holds(self) -> bool:
        return bool(self.counted and self.refused) and not (self.both or self.neither or self.unequal)

    def lines(self) -> list[str]:
        return [
            f"waves closed: {self.waves}, late answers: {self.counted} counted, {self.refused} refused",
            f"told to try again: {self.put_off}",
            f"refused but counted: {self.both}, acknowledged but not counted: {self.neither}",
            f"releases that contradict themselves: {self.unequal}",
        ]

    def add(self, wave: Wave, early: set[int], clients: list[Client]) -> None:
        """Compare one wave's release with what was told about it."""
        acknowledged = {found.number for client in clients for found in client.acknowledged}
        refused = {number for client in clients for number in client.refused}
        released = {int(number) for number, _ in MARK.findall("\n".join(comments(wave)))}
        counted = {people_in(wave), answers_in(wave), *releases.raters_of(wave).values(), len(released)}
        self.waves += 1
        self.counted += len(acknowledged)
        self.refused += len(refused)
        self.put_off += sum(client.put_off for client in clients)
        self.both += len(refused & released)
        self.neither += len((early | acknowledged) - released)
        self.unequal += counted != {len(early | acknowledged)}


def comments(wave: Wave) -> list[str]:
    return [text for (text,) in Comment.select(Comment.text).where(Comment.wave == wave).tuples()]


def people_in(wave: Wave) -> int:
    """Who answered, as the release tells it."""
    return turnout.whole_participation(turnout.participation(wave)).answered


def answers_in(wave: Wave) -> int:
    """How many answers the one tally sums."""
    found = Tally.get(Tally.wave == wave, Tally.item == OVERALL)
    return found.n1 + found.n2 + found.n3 + found.n4 + found.n5


def close_while_answering(settings: Settings, folder: Path, waves: int, *words: str) -> Closed:
    """Close `waves` waves, each while LATE people send their answers."""
    open_database(settings)
    company = TinyCompany()
    installed = Installation(
        folder, home=settings.home, secret_key=settings.secret_key, database_url=settings.database_url, smtp_url=""
    )
    numbers, closed = numbers_from(), Closed()
    with installed.serving("serve", "--no-scheduler", *words) as address:
        for _ in range(waves):
            wave = company.open_wave()
            early = {next(numbers) for _ in range(COMMENTS_FROM)}
            company.rate(wave, "Guests", len(early), saying(iter(early)))
            clients = race(company, wave, settings, address, numbers)
            closed.add(Wave.get_by_id(wave.id), early, clients)
    database.close()
    return closed


def saying(numbers: Iterator[int]):
    """An answer whose comment can be told apart, for each of `numbers`."""
    return lambda provider: Answer(provider, {OVERALL: 4}, comment=mark(next(numbers), 0), comment_kind="thanks")


def race(company: Company, wave: Wave, settings: Settings, address: str, numbers: Iterator[int]) -> list[Client]:
    """Close the wave while everybody who has not answered does so."""
    links = unanswered(wave, settings)
    clients = [Client(address) for _ in links]
    for client, link in zip(clients, links, strict=True):
        client.fetch_key(link)

    def send(place: int) -> None:
        with closing(clients[place]) as client:
            time.sleep(random.uniform(0, SENT_WITHIN_SECONDS))
            client.send(links[place], next(numbers))

    with ThreadPoolExecutor(len(links)) as threads:
        sending = [threads.submit(send, place) for place in range(len(links))]
        time.sleep(random.uniform(0, CLOSED_WITHIN_SECONDS))
        company.close_wave(wave)
        for sent in sending:
            sent.result()
    return clients


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--waves", type=int, default=170)
    asked.add_argument("--postgres", action="store_true")
    chosen = asked.parse_args()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        url = stack.enter_context(PostgreSQL()).url if chosen.postgres else ""
        settings = settings_in(Path(folder) / "home", database_url=url)
        found = close_while_answering(settings, Path(folder), chosen.waves)
    print("\n".join(found.lines()))
    sys.exit(not found.holds)


if __name__ == "__main__":
    main()
