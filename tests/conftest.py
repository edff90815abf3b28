"""One fresh database for each test, a fixed moment, and no network but loopback."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from survey.database import bind, open_database
from survey.models import database
from survey.settings import Settings


def settings_in(home: Path) -> Settings:
    return Settings.from_environment({}, home=str(home), secret_key="a key for tests", company="Mirror Ltd")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with every migration applied, copied for each test."""
    home = tmp_path_factory.mktemp("empty")
    open_database(settings_in(home))
    database.close()
    return home / "espejo.sqlite3"


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path) -> Iterator[Settings]:
    """Settings whose home folder holds a fresh database; the tables are bound to it."""
    settings = settings_in(tmp_path / "home")
    shutil.copy(empty_database, settings.make_home() / "espejo.sqlite3")
    bind(settings)
    yield settings
    if not database.is_closed():
        database.close()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection that leaves this machine fails the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address[0]}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
