"""External answers taken in from a CSV file, beside reading the same file and doing nothing with it."""

import csv
import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from survey import external
from survey.database import bind, open_database
from survey.measure.scale import OVERALL, PRACTICES
from survey.models import database
from tests.bench.alone import effort
from tests.bench.table import Row, medians
from tests.engines import settings_in

ANSWERS = 1_000_000
NOW = 1_772_438_400
GROWTH = 10  # the file that memory is compared with is so much shorter
TOUCHPOINTS, DAYS = 20, 365


def measure(runs: int, answers: int = ANSWERS) -> Iterator[Row]:
    with TemporaryDirectory() as name:
        folder, homes = Path(name), count()
        long, short = _file(folder / "long.csv", answers), _file(folder / "short.csv", answers // GROWTH)

        def once() -> tuple[float, ...]:
            whole, part = (effort(_import, _home(folder / str(next(homes))), file) for file in (long, short))
            return answers / whole.seconds, answers / effort(_read, long).seconds, whole.megabytes, part.megabytes

        pace, limit, memory, before = medians(runs, once)
    yield Row(f"importing {answers:,} external answers", "a second", pace, limit, 0.25, at_least=True)
    yield Row(f"its memory, beside that for {answers // GROWTH:,}", "MB", memory, before, 1.5, at_least=False)


def _file(path: Path, answers: int) -> Path:
    """A year of answers about twenty touchpoints, in no order; each is asked about a practice and all in all."""
    first, chance = date(2025, 1, 1), random.Random(1)
    days = [str(first + timedelta(days=day)) for day in range(DAYS)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("touchpoint", "item", "date", "score"))
        for _ in range(answers):
            place = chance.randrange(TOUCHPOINTS)
            item = chance.choice((PRACTICES[place % len(PRACTICES)], OVERALL))
            writer.writerow((f"Touchpoint {place}", item, chance.choice(days), chance.randint(1, 5)))
    return path


def _home(path: Path) -> Path:
    """An empty database, so that every import is the first."""
    open_database(settings_in(path))
    database.close()
    return path


def _import(home: Path, file: Path) -> None:
    bind(settings_in(home))
    external.import_external(file, None, NOW)
    database.close()


def _read(file: Path) -> None:
    with file.open(newline="", encoding="utf-8") as opened:
        for _ in csv.reader(opened):
            pass
