"""What machines ask."""

import pytest
from peewee import OperationalError

from survey.models import database
from survey.web import api


@pytest.fixture
def away(monkeypatch):
    """A database that nobody can reach."""

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("no such host")

    database.close()
    monkeypatch.setattr(database.obj, "connect", refuse)


def test_a_service_that_is_well_is_alive_and_ready(client):
    assert (client.get("/livez").status_code, client.get("/livez").json) == (200, {"status": "alive"})
    assert (client.get("/readyz").status_code, client.get("/readyz").json) == (200, {"status": "ready"})


def test_without_its_database_it_is_alive_but_not_ready(client, away):
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "the database cannot be reached"})


def test_with_a_pending_migration_it_is_not_ready(client, monkeypatch):
    monkeypatch.setattr(api, "pending_migrations", lambda: ["0002_more"])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "migrations are pending: 0002_more"})
