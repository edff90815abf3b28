"""One fresh database for each test, a fixed moment, and no network but loopback."""

import shutil
import socket
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache, FileSystemBytecodeCache

from survey import create_app
from survey.database import bind, open_database
from survey.models import Person, database
from survey.settings import Settings
from survey.signing import sign_in_token
from survey.web import access
from tests.cast import Company


def settings_in(home: Path, **given: str) -> Settings:
    return Settings.from_environment({}, home=str(home), secret_key="a key for tests", company="Mirror Ltd", **given)


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


@pytest.fixture(scope="session")
def cast(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Company]:
    """A database file with the cast of tests/cast.py, copied for each test."""
    settings = settings_in(tmp_path_factory.mktemp("cast"))
    file = settings.home_folder / "espejo.sqlite3"
    shutil.copy(empty_database, file)
    bind(settings)
    with database.connection_context(), database.atomic():
        return file, Company()


@pytest.fixture
def company(settings: Settings, cast: tuple[Path, Company]) -> Company:
    """The cast in a fresh database."""
    file, company = cast
    assert database.is_closed(), "Ask for the company before anything is written."
    shutil.copy(file, settings.home_folder / "espejo.sqlite3")
    return deepcopy(company)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """Every test makes the pages anew; their templates are compiled once."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(settings: Settings, compiled_templates: BytecodeCache, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The pages, without limits on attempts and without keys in forms; the tests of those switch them on."""
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.jinja_env.bytecode_cache = compiled_templates
    monkeypatch.setattr(access.limiter, "enabled", False)
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
