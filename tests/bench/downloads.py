"""The results of a wave as files: time beside csv.writer alone, memory beside that for a tenth of the rows."""

import csv
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from survey import results
from survey.database import bind, open_database
from survey.measure.scale import ITEMS
from survey.models import Wave, database
from tests.bench.alone import effort
from tests.bench.table import Row, medians
from tests.engines import settings_in
from tests.large import large_release

ROWS = 100_000
GROWTH = 10
DEPARTMENTS = 149  # a prime number, so that each may have as many clients as it takes
FLAT = 1.5
WRITING = 0.1  # csv.writer has its rows; ours are read, guarded by the rules of small groups, and rounded


def measure(runs: int, rows: int = ROWS) -> Iterator[Row]:
    with TemporaryDirectory() as name:
        large, small = (_home(Path(name) / str(count), count) for count in (rows, rows // GROWTH))
        file = Path(name) / "results.csv"
        effort(_keep, large, file)

        def paces() -> tuple[float, ...]:
            return rows / effort(_export, large, "csv").seconds, rows / effort(_copy, file).seconds

        pace, limit = medians(runs, paces)
        yield Row(f"exporting {rows:,} rows of results", "a second", pace, limit, WRITING, at_least=True)
        for form in results.FORMATS:
            times = 1 if form == "xlsx" else runs  # openpyxl takes six times as long as all else

            def memory(form: str = form) -> tuple[float, ...]:
                return tuple(effort(_export, home, form).megabytes for home in (large, small))

            ours, before = medians(times, memory)
            work = f"its memory as {form.upper()}, beside that for {rows // GROWTH:,}"
            yield Row(work, "MB", ours, before, FLAT, at_least=False)


def _home(path: Path, rows: int) -> Path:
    open_database(settings_in(path))
    large_release(DEPARTMENTS, clients_each=max(3, rows // (DEPARTMENTS * len(ITEMS))))
    database.close()
    return path


def _export(home: Path, form: str) -> None:
    bind(settings_in(home))
    with database.connection_context():
        database.execute_sql("PRAGMA cache_size = -1000")  # else SQLite keeps what it has read, up to 16 MB of it
        for _ in results.export(Wave.get(), form):
            pass


def _keep(home: Path, file: Path) -> None:
    bind(settings_in(home))
    with database.connection_context(), file.open("wb") as opened:
        opened.writelines(results.export(Wave.get(), "csv"))


def _copy(file: Path) -> None:
    """The same rows, read and written by the csv module and by nothing else."""
    with file.open(newline="", encoding="utf-8") as opened, TemporaryFile("w", newline="", encoding="utf-8") as copied:
        csv.writer(copied).writerows(csv.reader(opened))
