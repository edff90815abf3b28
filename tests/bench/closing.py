"""Closing a wave of a million responses, beside reading and counting the same rows with nothing else."""

import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from survey.database import BUSY_TIMEOUT_SECONDS, bind, open_database
from survey.measure.scale import ITEMS
from survey.models import Rating, Tally, Wave, database
from survey.settings import Settings
from survey.waves import close_wave
from tests.bench import giant
from tests.bench.apart import Taken, taken
from tests.bench.others import ANSWER, PAGE, others
from tests.bench.table import Row, medians
from tests.engines import settings_in

PEOPLE = 1_000_000
TIMES, MEGABYTES, PAGE_MS = 4, 600, 500


def measure(runs: int, people: int = PEOPLE) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        open_database(settings_in(made))
        links = giant.company(people)
        giant.answered_wave(links, people)
        giant.small_wave(links)
        database.close()

        def once() -> tuple[float, ...]:
            copy = shutil.copytree(made, Path(folder) / "copy")
            limit = read_and_count(copy / "espejo.sqlite3")
            found = _closed(settings_in(copy), people)
            shutil.rmtree(copy)
            return found.seconds, limit, found.megabytes, 1000 * found.waits[PAGE], found.waits[ANSWER]

        seconds, limit, megabytes, page, answer = medians(runs, once)
    told = f"closing a wave of {people:,} responses"
    yield Row(f"{told}, beside counting them", "s", seconds, limit, TIMES, at_least=False)
    yield Row(f"{told}: memory", "MB", megabytes, MEGABYTES, 1, at_least=False)
    yield Row("the longest wait for a page meanwhile", "ms", page, PAGE_MS, 1, at_least=False)
    yield Row("the longest wait of an answer to another wave", "s", answer, BUSY_TIMEOUT_SECONDS, 1, at_least=False)


def read_and_count(file: Path) -> float:
    """The limit: seconds to read every rating and count its answers, straight from the file."""
    begun = time.monotonic()
    counts: Counter[tuple[int, int, str, int]] = Counter()
    database = sqlite3.connect(file)
    for provider, group, answers in database.execute("SELECT provider_id, client_group_id, answers FROM rating"):
        for item, score in json.loads(answers).items():
            counts[provider, group, item, score] += 1
    database.close()
    return time.monotonic() - begun


def _closed(settings: Settings, people: int) -> Taken:
    bind(settings)
    with database.connection_context():
        answered, running = Wave.select().where(Wave.state == "open").order_by(Wave.id)
    found = taken(close_the_giant, settings, others(settings, running))
    with database.connection_context():
        published = sum(tally.n1 + tally.n2 + tally.n3 + tally.n4 + tally.n5 for tally in Tally.select())
        left = Rating.select().where(Rating.wave == answered).count()
        if (published, left) != (people * giant.RATED * len(ITEMS), 0):
            raise AssertionError(f"{published} answers are published and {left} ratings are left of {people} people.")
    return found


def close_the_giant() -> None:
    """The first of the open waves."""
    close_wave(Wave.select().where(Wave.state == "open").order_by(Wave.id).get(), int(time.time()))
