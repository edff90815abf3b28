"""The results of a wave as CSV, line by line: memory beside that for a tenth of the rows."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from survey import results
from survey.database import bind, open_database
from survey.measure.scale import ITEMS
from survey.models import Wave, database
from tests.bench.alone import Effort, effort
from tests.bench.table import Row, medians
from tests.engines import settings_in
from tests.large import CLIENTS, large_release

ROWS = 100_000
GROWTH = 10
FLAT = 3  # what is told of each department grows with their number, and no cell is kept


def measure(runs: int, rows: int = ROWS) -> Iterator[Row]:
    with TemporaryDirectory() as name:
        large, small = (_home(Path(name) / str(count), count) for count in (rows, rows // GROWTH))

        def once() -> tuple[float, ...]:
            whole, part = effort(_export, large), effort(_export, small)
            return *_figures(whole, rows), *_figures(part, rows // GROWTH)

        pace, memory, pace_before, memory_before = medians(runs, once)
    yield Row(f"exporting {rows:,} rows of results, beside a tenth", "a second", pace, pace_before, 0.5, at_least=True)
    yield Row(f"its memory, beside that for {rows // GROWTH:,}", "MB", memory, memory_before, FLAT, at_least=False)


def _figures(found: Effort, rows: int) -> tuple[float, float]:
    return rows / found.seconds, found.megabytes


def _home(path: Path, rows: int) -> Path:
    open_database(settings_in(path))
    large_release(max(CLIENTS + 1, rows // (CLIENTS * len(ITEMS))))
    database.close()
    return path


def _export(home: Path) -> None:
    bind(settings_in(home))
    with database.connection_context():
        for _ in results.export(Wave.get(), "csv"):
            pass
