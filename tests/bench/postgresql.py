"""A respondent's session on PostgreSQL, by 1, 2 and 4 processes of `espejo serve`: where it stops growing.

Clients, server and database share the machine's cores: once there are more processes than cores the ratio says more of
the machine than of Espejo, and must only not fall much.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from survey.database import open_database
from survey.models import database
from survey.settings import Settings
from tests.bench.clients import respond
from tests.bench.company import open_large_wave
from tests.bench.table import Row, medians
from tests.crash.postgres import PostgreSQL
from tests.engines import settings_in
from tests.servers import Installation
from tests.visitors import unanswered

SESSIONS = 400  # in one run, for each number of processes
WARMING_UP = 100  # for each process, so that all of them have begun and read their templates
WORKERS = (1, 2, 4)
AIMS = {2: 1.0, 4: 0.9}  # of what half as many processes do


def measure(runs: int, sessions: int = SESSIONS) -> Iterator[Row]:
    with TemporaryDirectory() as folder, ExitStack() as stack:
        postgres = stack.enter_context(PostgreSQL())
        settings = settings_in(Path(folder) / "home", database_url=postgres.url)
        open_database(settings)
        links = unanswered(open_large_wave(len(WORKERS) * sessions * runs + sum(WORKERS) * WARMING_UP), settings)
        database.close()
        addresses = [stack.enter_context(_serving(Path(folder), settings, workers)) for workers in WORKERS]
        fresh = iter(links)
        for workers, address in zip(WORKERS, addresses, strict=True):
            respond(address, [next(fresh) for _ in range(workers * WARMING_UP)])

        def once() -> list[float]:
            return [sessions / respond(address, [next(fresh) for _ in range(sessions)])[1] for address in addresses]

        rates = dict(zip(WORKERS, medians(runs, once), strict=True))
    for workers, aim in AIMS.items():
        half = workers // 2
        title = f"PostgreSQL: sessions by {workers} processes, beside {half}"
        yield Row(title, "a second", rates[workers], rates[half], aim, at_least=True)


def _serving(folder: Path, settings: Settings, workers: int):
    own = folder / str(workers)
    own.mkdir()
    installed = Installation(
        own, home=settings.home, secret_key=settings.secret_key, database_url=settings.database_url, smtp_url=""
    )
    return installed.serving("serve", "--no-scheduler", "--workers", str(workers))
