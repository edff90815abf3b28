"""One fresh database for each test, a fixed moment, and no network but loopback."""

import socket
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.templating import Environment
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from survey import charts, create_app, emails, moments, scheduler
from survey.database import SQLITE_PRAGMAS, bind, open_database
from survey.models import Person, database
from survey.settings import Settings
from survey.web import access, hr
from survey.web.frame import Espejo
from tests.cast import Company
from tests.engines import Engine, Files, Server, running_server


@pytest.fixture(scope="session", autouse=True)
def shipped() -> dict[str, object]:
    """What SQLite is told outside of tests. Here it waits for no disk, as nobody pulls the plug while tests run."""
    pragmas = dict(SQLITE_PRAGMAS)
    SQLITE_PRAGMAS["synchronous"] = "off"
    return pragmas


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL."""
    with running_server() as address:
        yield address


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """What the databases of all tests are kept in."""
    if not request.config.getoption("postgresql"):
        yield Files(tmp_path_factory.mktemp("kept"))
        return
    engine = Server(request.getfixturevalue("server"))
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def one_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests travel in time, which the clock of a PostgreSQL does not; tests/test_postgres.py is about that one."""
    if request.config.getoption("postgresql"):
        monkeypatch.setattr(scheduler, "server_clock", lambda: None)


@pytest.fixture(autouse=True)
def no_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test changes shows at once; tests/test_moments.py is about what is remembered."""
    monkeypatch.setattr(moments, "SECONDS", 1e-9)


@pytest.fixture(scope="session")
def empty_database(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with every migration applied, copied for each test."""
    settings = engine.settings(tmp_path_factory.mktemp("empty"))
    open_database(settings)
    database.close()
    return engine.keep(settings)


@pytest.fixture
def settings(engine: Engine, tmp_path: Path, empty_database: str, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings that name a fresh database; the tables are bound to it."""
    settings = engine.settings(tmp_path / "home")
    if "company" not in request.fixturenames:  # which puts its own there
        engine.begin(empty_database, settings)
    bind(settings)
    yield settings
    if not database.is_closed():
        database.close()
    engine.drop(settings)


@pytest.fixture(scope="session")
def cast(engine: Engine, empty_database: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Company]:
    """A database with the cast of tests/cast.py, copied for each test."""
    settings = engine.settings(tmp_path_factory.mktemp("cast"))
    engine.begin(empty_database, settings)
    bind(settings)
    with database.connection_context(), database.atomic():
        company = Company()
    return engine.keep(settings), company


@pytest.fixture(scope="session")
def first_parts(engine: Engine, cast: tuple[str, Company], tmp_path_factory: pytest.TempPathFactory) -> None:
    """What most tests begin with is played now, before any test changes how it goes."""
    kept, company = cast
    company = deepcopy(company)
    settings = engine.settings(tmp_path_factory.mktemp("parts"))
    for part in (company.open_wave, company.released_wave):
        engine.begin(kept, settings)
        bind(settings)
        company.shelf = engine.shelf(kept, settings)
        part()
        database.close()


@pytest.fixture
def company(engine: Engine, first_parts: None, settings: Settings, cast: tuple[str, Company]) -> Company:
    """The cast in a fresh database."""
    kept, company = cast
    assert database.is_closed(), "Ask for the company before anything is written."
    engine.begin(kept, settings)
    company = deepcopy(company)
    company.shelf = engine.shelf(kept, settings)
    return company


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(pytestconfig: pytest.Config) -> None:
    """A template is compiled once as it is, for all applications of all processes and runs."""
    folder = pytestconfig.cache.mkdir("templates")
    Espejo.jinja_environment = partial(Environment, bytecode_cache=FileSystemBytecodeCache(str(folder)))


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> None:
    """A picture is drawn once in a process: what is drawn depends on nothing else than what is to be drawn."""
    hr.to_png = emails.to_png = cache(charts.to_png)  # type: ignore[attr-defined]


Pages = tuple[Flask, dict[str, Any]]  # and what their configuration is to begin with


@pytest.fixture(scope="session")
def one_app(engine: Engine, empty_database: str, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The pages, put together once: it costs more than most tests."""
    app = create_app(engine.settings(tmp_path_factory.mktemp("app")))
    return app, dict(app.config)


@pytest.fixture(scope="session")
def one_demo(engine: Engine, empty_database: str, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The same of the demo."""
    app = create_app(engine.settings(tmp_path_factory.mktemp("app")), demo=True)
    return app, dict(app.config)


@pytest.fixture
def app(settings: Settings, one_app: Pages, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The pages, without limits on attempts and without keys in forms; the tests of those switch them on."""
    return _as_new(one_app, settings, monkeypatch)


@pytest.fixture
def demo(settings: Settings, one_demo: Pages, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The same with the pages of the demo."""
    return _as_new(one_demo, settings, monkeypatch)


def _as_new(pages: Pages, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flask:
    app, config = pages
    app.config.clear()
    app.config.update(config, ESPEJO=settings, SECRET_KEY=settings.key(), TESTING=True, WTF_CSRF_ENABLED=False)
    access.limiter.reset()
    monkeypatch.setattr(access.limiter, "enabled", False)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask) -> Callable[[Person], FlaskClient]:
    """A browser that `person` has signed in; tests/web/test_account.py does so by the mailed link."""

    def signed_in(person: Person) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session.update(_user_id=access.session_of(person), _fresh=True)
        return client

    return signed_in


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Headless Chromium."""
    from tests.browser import launched  # here, so that whoever needs no browser does not load one

    with launched() as browser:
        yield browser


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The address of the pages, whose forms need their keys; a test may change what lies behind meanwhile."""
    from tests.browser import serving

    app.config["WTF_CSRF_ENABLED"] = True
    with serving(app) as address:
        yield address


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection that leaves this machine fails the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address[0]}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
