"""Connections with a server: what its address may say, how long it is waited for, and which connection is kept."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from peewee import Database, OperationalError
from playhouse.cockroachdb import CockroachDatabase

from survey.connections import begin_with, readable
from survey.database import ATTEMPTS, bind, open_database, repeated
from survey.models import Department, database
from survey.settings import Settings, SettingsError
from tests.engines import administer, fresh_database, settings_in


def bound_to(address: str, home: Path) -> Database:
    return bind(Settings.from_environment({}, home=str(home), database_url=address))


@pytest.mark.parametrize(("query", "seconds"), [("", 5), ("?connect_timeout=30", 30)])
def test_nobody_waits_long_for_a_postgresql_that_does_not_answer(tmp_path: Path, query: str, seconds: int) -> None:
    bound = bound_to(f"postgresql://espejo@database.example/espejo{query}", tmp_path)
    assert int(bound.connect_params["connect_timeout"]) == seconds
    assert bound.connect_params["tcp_user_timeout"] == 10_000


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("postgresql://me:p%40ss@h1:5432,h2:5433/espejo?target_session_attrs=read-write", "h1,h2", "5432,5433"),
        ("postgresql://me:p%40ss@h1,h2/espejo?target_session_attrs=read-write", "h1,h2", ","),
        ("postgresql://me:p%40ss@/espejo?host=h1,h2&port=1,2&target_session_attrs=read-write", "h1,h2", "1,2"),
    ],
)
def test_a_primary_and_its_standby_may_both_be_named(tmp_path: Path, address: str, host: str, port: str) -> None:
    bound = bound_to(address, tmp_path)
    found = {"host": host, "port": port, "user": "me", "password": "p@ss", "target_session_attrs": "read-write"}
    assert (bound.database, bound.connect_params.items() >= found.items()) == ("espejo", True)


def test_cockroachdb_has_its_own_dialect(tmp_path: Path) -> None:
    bound = bound_to("cockroachdb://h1/espejo", tmp_path)
    assert isinstance(bound, CockroachDatabase)
    assert bound.connect_params.items() >= {"host": "h1", "user": "root", "port": 26257}.items()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("postgresql://h1", "name a database too: postgresql://host/name"),
        ("postgresql://h1/espejo?sslmod=require", 'invalid URI query parameter: "sslmod"'),
    ],
)
def test_an_address_that_names_no_database_is_refused(tmp_path: Path, address: str, says: str) -> None:
    with pytest.raises(SettingsError, match=f"ESPEJO_DATABASE_URL: {says}"):
        bound_to(address, tmp_path)


@pytest.mark.parametrize(
    ("named", "then"),
    [
        ({"host": "h1,h2", "port": "1,2"}, {"host": "h2,h1", "port": "2,1"}),
        ({"host": "h1,h2", "port": "2"}, {"host": "h2,h1", "port": "2,2"}),
        ({"host": "h1,h2"}, {"host": "h2,h1", "port": ","}),
        ({"host": "h2,h1", "port": "2,1"}, {"host": "h2,h1", "port": "2,1"}),
        ({"host": "h2"}, {}),
        ({}, {}),
    ],
)
def test_the_host_that_answered_last_comes_first(named: dict[str, Any], then: dict[str, str]) -> None:
    assert begin_with("h2", 2, named) == then


def test_a_connection_at_rest_is_readable_once_the_other_end_has_left() -> None:
    here, there = socket.socketpair()
    with here:
        with there:
            assert not readable(here.fileno())
        assert readable(here.fileno())


# On PostgreSQL


def backend() -> int:
    ((number,),) = database.execute_sql("SELECT pg_backend_pid()").fetchall()
    return number


@pytest.fixture
def on_postgresql(server: str, tmp_path: Path):
    """Settings of a database that is open in no thread."""
    with fresh_database(server) as address:
        settings = settings_in(tmp_path / "home", database_url=address)
        open_database(settings)
        database.close()
        yield settings


@pytest.fixture
def pages(on_postgresql: Settings) -> Flask:
    from survey import create_app

    app = create_app(on_postgresql)
    app.config["KEPT_CONNECTIONS"] = True
    return app


@pytest.mark.postgres
def test_a_thread_that_lasts_keeps_its_connection(pages: Flask) -> None:
    browser = pages.test_client()
    assert browser.get("/login").status_code == 200
    kept = backend()
    assert browser.get("/login").status_code == 200
    assert backend() == kept
    pages.config["KEPT_CONNECTIONS"] = False
    database.close()
    assert browser.get("/login").status_code == 200
    assert database.is_closed()


@pytest.mark.postgres
def test_a_kept_connection_that_the_server_has_ended_is_replaced_unseen(pages: Flask, on_postgresql: Settings) -> None:
    browser = pages.test_client()
    browser.get("/login")
    kept = backend()
    admin = administer(on_postgresql.database_url)
    admin.execute_sql("SELECT pg_terminate_backend(%s, 5000)", (kept,))
    admin.close()
    assert browser.get("/login").status_code == 200
    assert backend() != kept


@pytest.mark.postgres
def test_of_two_hosts_the_one_that_answers_is_asked_first_from_then_on(on_postgresql: Settings, tmp_path: Path) -> None:
    folder = on_postgresql.database_url.partition("?host=")[2]
    name = on_postgresql.database_url.partition("?")[0].rpartition("/")[2]
    address = f"postgresql://postgres@/{name}?host={tmp_path},{folder}&target_session_attrs=read-write"
    bound = bind(settings_in(tmp_path, database_url=address))
    with database.connection_context():
        assert backend()
    assert bound.connect_params["host"] == f"{folder},{tmp_path}"


class Met(Exception):
    """What the driver says when CockroachDB has refused a transaction."""

    sqlstate = "40001"


@pytest.fixture
def as_cockroach(on_postgresql: Settings) -> Iterator[None]:
    """CockroachDB's dialect, spoken to a PostgreSQL: there is no CockroachDB to be had here."""
    address = on_postgresql.database_url.replace("postgresql:", "cockroachdb:", 1)
    bind(replace(on_postgresql, database_url=f"{address}&port=5432"))
    with database.connection_context():
        yield


@pytest.mark.postgres
@pytest.mark.parametrize("times", [0, ATTEMPTS - 1])
def test_a_transaction_that_meets_another_is_done_again(as_cockroach: None, times: int) -> None:
    left = iter(range(times))

    @repeated
    def hire(name: str) -> str:
        with database.atomic():
            Department.create(key=name, name=name)
            if next(left, None) is not None:
                raise OperationalError(Met(), "restart transaction")
        return name

    assert hire("it") == "it"
    assert [found.key for found in Department.select()] == ["it"]


@pytest.mark.postgres
def test_one_that_never_gets_through_has_changed_nothing(as_cockroach: None) -> None:
    @repeated
    def hire() -> None:
        Department.create(key="it", name="IT")
        raise OperationalError(Met(), "restart transaction")

    with pytest.raises(OperationalError, match="unable to commit"):
        hire()
    assert not Department.select().exists()


def test_elsewhere_a_deed_is_done_once(settings: Settings) -> None:
    done: list[str] = []
    repeated(done.append)("once")
    assert done == ["once"]
