"""Every migration, on a database that earlier versions made and used."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from peewee import IntegrityError
from playhouse.migrations import Runner

from survey import closing, matrices, outbox, releases, waves
from survey.database import MIGRATIONS, bind, is_sqlite, migrations, pending_migrations, upgrade
from survey.models import Comment, Invitation, Message, Person, Rated, Rating, Release, Tally, Wave, database
from survey.settings import Settings
from tests.engines import fresh_database, settings_in

FIRST = "0001_first_tables"
CLOSED, OPEN, ALTERED = 1, 2, 3  # waves
NAMES = [path.stem for path in sorted(MIGRATIONS.glob("[0-9]*.py"))]
BETWEEN = [pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:-2]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A database with the tables of the first version, in use."""
    if request.param == "sqlite":
        yield from used_since_the_first_version(settings_in(tmp_path / "home"))
    else:
        with fresh_database(request.getfixturevalue("server")) as address:
            yield from used_since_the_first_version(settings_in(tmp_path, database_url=address))


def used_since_the_first_version(settings: Settings) -> Iterator[Settings]:
    bind(settings)
    with database.connection_context():
        Runner(database.obj, str(MIGRATIONS)).up(FIRST)
        with database.atomic():
            fill()
        yield settings


def insert(table: str, **values: object) -> None:
    marks = ", ".join(["?" if is_sqlite() else "%s"] * len(values))
    names = ", ".join(f'"{name}"' for name in values)
    database.execute_sql(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(values.values()))


def fill() -> None:
    """Ten people of two departments rate the third; each row as the first version wrote it."""
    for key, name in ((1, "Sales"), (2, "Finance"), (3, "IT")):
        insert("department", id=key, key=name.lower(), name=name, active=True)
    for number in range(1, 12):
        home = 3 if number == 11 else 1 + number % 2
        person = {"id": number, "email": f"p{number}@mirror.example", "name": f"P {number}", "department_id": home}
        insert("person", **person, language="en", role="", active=True, sign_ins=0)
    insert("leadership", person_id=11, department_id=3)
    for client in (1, 2):
        insert("service_link", id=client, client_id=client, provider_id=3, weight=1.0)
    pulse = {"id": 1, "key": "quarterly", "questionnaire": "five-practices", "cadence": "quarterly"}
    insert("pulse", **pulse, first_date="2026-03-02", timezone="Europe/Madrid", state="active")
    for wave, day, state in (
        (CLOSED, "2026-03-02", "closed"),
        (ALTERED, "2026-06-02", "closed"),
        (OPEN, "2026-09-02", "open"),
    ):
        fill_wave(wave, day, state)


def fill_wave(wave: int, day: str, state: str) -> None:
    times = {"opens_at": 1000 * wave, "closes_at": 1000 * wave + 500, "opened_at": 1000 * wave}
    occurrence = {CLOSED: 0, ALTERED: 1, OPEN: 2}[wave]
    closed_at = times["closes_at"] if state == "closed" else None
    fixed = {"id": wave, "pulse_id": 1, "local_date": day, "state": state, "occurrence": occurrence}
    insert("wave", **fixed, **times, cancel_reason="", min_group=5, closed_at=closed_at)
    insert("reminder", wave_id=wave, sequence=1, due_at=1000 * wave + 100, done=True)
    groups = {1: 10 * wave + 1, 2: 10 * wave + 2}
    for department, group in groups.items():
        insert("client_group", id=group, wave_id=wave, invited=5, answered=5 if closed_at else None)
        insert("client_group_department", client_group_id=group, department_id=department)
    for number in range(1, 11):
        asked = {"wave_id": wave, "person_id": number, "client_group_id": groups[1 + number % 2], "providers": "3"}
        insert("invitation", id=f"{wave}{number:031}", **asked, answered=True)
        mail = {"kind": "invitation", "wave_id": wave, "person_id": number, "sequence": 0, "state": "sent"}
        insert("message", **mail, due_at=1000 * wave, attempts=1, reason="", mail_id=f"{wave}{number:031}")
    if closed_at:
        fill_release(wave, day, groups)
    else:
        for number in range(1, 11):
            said = {
                "provider": 3,
                "answers": {"overall": 1 + number % 5},
                "comment": f"Said {number}",
                "kind": "thanks",
            }
            answer = {"wave_id": wave, "client_group_id": groups[1 + number % 2], "after_reminder": False}
            insert("response", id=f"{number:032}", **answer, payload=json.dumps([said]))


def fill_release(wave: int, day: str, groups: dict[int, int]) -> None:
    counts = [0, 0, 1, 2, 2]
    tally = {f"n{score}": n for score, n in enumerate(counts, start=1)}
    for department, group in groups.items():
        cell = 100 * wave + department
        insert("cell", id=cell, wave_id=wave, provider_id=3, client_group_id=group, raters=5)
        insert("tally", cell_id=cell, item="overall", **tally)
        insert("rating", id=f"{cell:032}", wave_id=wave, provider_id=3, client_group_id=group, answers='{"overall": 3}')
    insert("comment", id=f"{wave:032}", wave_id=wave, provider_id=3, kind="thanks", text="Thanks")
    document = {
        "wave": wave,
        "date": day,
        "min_group": 5,
        "participation": [{"clients": [department], "invited": 5, "answered": 5} for department in (1, 2)],
        "cells": [
            {"provider": 3, "clients": [department], "raters": 5, "tallies": {"overall": counts}}
            for department in (1, 2)
        ],
    }
    told = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    digest = sha256(told).hexdigest() if wave == CLOSED else "0" * 64
    insert("release", wave_id=wave, released_at=1000 * wave + 500, digest=digest, rewritten=True)


@pytest.mark.parametrize("version", [NAMES[0], *BETWEEN, *NAMES[-2:]])
def test_a_database_of_each_version_is_brought_up_to_date_and_goes_on(older: Settings, version: str) -> None:
    Runner(database.obj, str(MIGRATIONS)).up(version)
    upgrade(older)
    assert pending_migrations() == []
    assert Person.select().count() == 11
    assert Invitation.select().where(Invitation.answered).count() == 30
    assert Message.select().where(Message.kind == outbox.INVITATION, Message.state == "sent").count() == 30
    closed, still_open = Wave.get_by_id(CLOSED), Wave.get_by_id(OPEN)
    assert matrices.by_department([closed], "overall").cells.keys() == {(3, frozenset([1])), (3, frozenset([2]))}
    assert waves.close_wave(still_open, still_open.closes_at)
    (result,) = [found for found in releases.provider_results(Wave.get_by_id(OPEN)) if found.figures]
    assert (result.raters, result.figures["overall"].mean) == ((10, 19), 50)
    said = releases.comments(still_open, [3])[3]
    assert sorted(comment.text for comment in said) == sorted(f"Said {number}" for number in range(1, 11))


def test_answers_of_open_waves_are_parted_and_those_of_closed_ones_go(older: Settings) -> None:
    upgrade(older)
    ratings = list(Rating.select(Rating.wave, Rating.provider, Rating.answers).tuples())
    assert sorted(ratings) == sorted((OPEN, 3, f'{{"overall": {1 + number % 5}}}') for number in range(1, 11))
    assert Comment.select().where(Comment.wave == OPEN).count() == 10
    ids = {row.id for table in (Rating, Comment) for row in table.select()}
    assert len(ids) == 22
    assert not ids & {f"{number:032}" for number in range(4, 11)}, "A rating keeps the id of its response."


def test_a_release_keeps_its_numbers_and_its_proof(older: Settings) -> None:
    upgrade(older)
    assert [tuple(found) for found in Rated.select().order_by(Rated.wave).tuples()] == [
        (CLOSED, 3, 10),
        (ALTERED, 3, 10),
    ]
    assert Tally.select().where(Tally.wave == CLOSED, Tally.n4 == 2).count() == 2
    assert [wave.id for wave in releases.altered()] == [ALTERED]
    assert Release.get(Release.wave == CLOSED).digest == closing.digest(Wave.get_by_id(CLOSED))
    assert not Release.select().where(Release.rewritten).exists()


def test_a_wave_that_was_being_closed_stays_so_and_others_may_be_opening(older: Settings) -> None:
    Runner(database.obj, str(MIGRATIONS)).up("0020_closing")
    database.execute_sql("UPDATE wave SET state = 'closing', counted = 40 WHERE id = 2")
    upgrade(older)
    assert (Wave.get_by_id(OPEN).state, Wave.get_by_id(OPEN).progress) == ("closing", 40)
    Wave.update(state="opening").where(Wave.id == OPEN).execute()
    with pytest.raises(IntegrityError):
        Wave.update(state="ajar").where(Wave.id == OPEN).execute()


def test_upgrading_stops_at_the_first_fault_and_changes_nothing(older: Settings) -> None:
    database.execute_sql("UPDATE response SET payload = 'torn' WHERE wave_id = 2")
    before = set(database.get_tables())
    with pytest.raises(Exception, match="Expecting value"):
        upgrade(older)
    assert set(database.get_tables()) == before
    assert [migration.name for migration in migrations() if migration.applied] == NAMES[:2]
