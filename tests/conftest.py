"""One fresh database for each test, a fixed moment, and no network but loopback."""

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from survey import create_app
from survey.database import bind, open_database
from survey.models import Person, database
from survey.settings import Settings
from survey.signing import sign_in_token
from tests.cast import Company


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


@pytest.fixture
def company(settings: Settings) -> Company:
    """The cast of tests/cast.py in a fresh database."""
    with database.atomic():
        return Company()


@pytest.fixture
def app(settings: Settings) -> Flask:
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, settings: Settings) -> Callable[[Person], FlaskClient]:
    """A browser that `person` has signed in, through the link that a mail would bring."""

    def signed_in(person: Person) -> FlaskClient:
        client = app.test_client()
        current = Person.get_by_id(person.id)
        token = sign_in_token(current.id, current.sign_ins, settings)
        assert client.post(f"/login/{token}").status_code == 302
        return client

    return signed_in


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection that leaves this machine fails the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address[0]}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
