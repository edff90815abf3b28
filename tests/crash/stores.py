"""A database that can be put back to where it was: a SQLite file, or one of a PostgreSQL of our own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from survey.database import bind, open_database
from survey.models import database
from survey.settings import Settings
from tests.engines import Engine, Files, Server, running_server


class Store:
    """One database, and copies of it."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self._engine, self._settings = engine, engine.settings(home)
        open_database(self._settings)
        self.keep()
        self._empty = self._kept

    def new(self) -> Settings:
        """Bind the tables to an empty database."""
        self._kept = self._empty
        return self.put_back()

    def keep(self) -> None:
        """What stands now is what `put_back` brings back."""
        close()
        self._kept = self._engine.keep(self._settings)

    def put_back(self) -> Settings:
        close()
        self._engine.begin(self._kept, self._settings)
        bind(self._settings)
        return self._settings


@contextmanager
def a_store(*, on_postgresql: bool) -> Iterator[Store]:
    """A store that is gone in the end."""
    with TemporaryDirectory(prefix="espejo-crash-") as folder:
        if not on_postgresql:
            yield Store(Files(Path(folder)), Path(folder) / "home")
            close()
            return
        with running_server() as address:
            engine = Server(address)
            try:
                yield Store(engine, Path(folder))
            finally:
                close()
                engine.close()


def close() -> None:
    """Leave no connection open: neither a copy nor a fork may find one."""
    if database.obj is not None and not database.is_closed():
        database.close()
