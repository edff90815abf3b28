"""The database: the tables as they are meant, up to date, and nothing left in its files."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner
from peewee import Database, OperationalError, SqliteDatabase

from survey.cli import main
from survey.database import (
    bind,
    empty_log,
    insert_rows,
    leave_no_trace,
    migrations,
    open_database,
    pending_migrations,
    upgrade,
)
from survey.models import TABLES, UNORDERED, Department, Invitation, Rating, database
from survey.settings import Settings
from tests.cast import Company
from tests.servers import wait_until

HISTORY = "schema_migration"
WITHOUT_ROWID = " WITHOUT ROWID"


@pytest.fixture
def nothing_yet(tmp_path: Path) -> Settings:
    """Settings whose home folder is empty."""
    return Settings.from_environment({}, home=str(tmp_path / "new"), secret_key="a key for tests")


def schema(of: Database = database) -> dict[str, str]:
    """{name of a table or index: the statement that makes it}"""
    found = of.execute_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: statement for name, statement in found if not name.startswith(HISTORY)}


def bytes_on_disk(settings: Settings) -> bytes:
    return b"".join(path.read_bytes() for path in settings.home_folder.glob("espejo.sqlite3*"))


# Tables


@pytest.mark.sqlite
def test_the_migrations_make_the_tables_of_the_models(settings: Settings) -> None:
    migrated = {name: statement.removesuffix(WITHOUT_ROWID) for name, statement in schema().items()}
    memory = SqliteDatabase(":memory:")
    with memory, memory.bind_ctx(TABLES):
        memory.create_tables(TABLES)
        assert migrated == schema(memory)


@pytest.mark.sqlite
def test_exactly_the_tables_of_invitations_and_answers_keep_no_row_numbers(settings: Settings) -> None:
    unnumbered = {name for name, statement in schema().items() if statement.endswith(WITHOUT_ROWID)}
    assert unnumbered == {table._meta.table_name for table in UNORDERED}


@pytest.mark.sqlite
def test_a_rating_has_no_row_number(settings: Settings) -> None:
    with pytest.raises(OperationalError, match="no such column: rowid"):
        database.execute_sql("SELECT rowid FROM rating")


@pytest.mark.sqlite
def test_ratings_lie_in_the_order_of_their_random_ids(company: Company) -> None:
    company.answer(company.open_wave())
    ids = [key for key, *_ in database.execute_sql("SELECT * FROM rating")]
    assert ids == sorted(ids)


def test_every_table_is_listed(settings: Settings) -> None:
    assert set(database.get_tables()) == {table._meta.table_name for table in TABLES} | {HISTORY}


def test_what_is_referred_to_cannot_be_deleted(company: Company) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        company.departments["Legal"].delete_instance()


# Migrations


def test_a_new_database_has_every_migration_pending(nothing_yet: Settings) -> None:
    bind(nothing_yet)
    assert pending_migrations() == [migration.name for migration in migrations()]
    assert pending_migrations()[0].startswith("0001")
    database.close()


def test_upgrading_applies_what_is_pending_once(nothing_yet: Settings) -> None:
    bind(nothing_yet)
    pending = pending_migrations()
    assert [upgrade(nothing_yet), upgrade(nothing_yet)] == [pending, []]


def test_opening_brings_the_database_up_to_date(nothing_yet: Settings) -> None:
    open_database(nothing_yet)
    assert pending_migrations() == []
    database.close()


def test_upgrading_keeps_what_is_there(company: Company, settings: Settings) -> None:
    upgrade(settings)
    assert Department.select().count() == 5


def test_processes_that_start_at_once_upgrade_once(nothing_yet: Settings) -> None:
    bind(nothing_yet)
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda _: upgrade(nothing_yet), range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]
    database.close()


def test_status_tells_of_what_is_pending_and_fails_until_it_is_applied(
    nothing_yet: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPEJO_HOME", nothing_yet.home)
    told = CliRunner().invoke(main, ["db", "status"])
    assert (told.exit_code, told.output.split()[0]) == (1, "PENDING")
    assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    told = CliRunner().invoke(main, ["db", "status"])
    assert (told.exit_code, told.output.split()[0]) == (0, "applied")


# How SQLite is used


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)]
)
def test_every_connection_is_careful(
    settings: Settings, shipped: dict[str, object], monkeypatch: pytest.MonkeyPatch, pragma: str, value: object
) -> None:
    monkeypatch.setattr("survey.database.SQLITE_PRAGMAS", shipped)
    bind(settings)
    assert database.execute_sql(f"PRAGMA {pragma}").fetchone() == (value,)


@pytest.mark.sqlite
def test_a_writer_queues_at_the_beginning_of_its_transaction(settings: Settings) -> None:
    other = sqlite3.connect(settings.home_folder / "espejo.sqlite3", timeout=0)
    with closing(other), database.atomic(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")


def test_binding_again_leaves_no_connection_open(settings: Settings, nothing_yet: Settings) -> None:
    first = database.obj
    Department.select().count()
    bind(nothing_yet)
    assert first.is_closed()


# No trace


@pytest.mark.sqlite
def test_what_was_deleted_is_in_no_file_any_more(company: Company, settings: Settings) -> None:
    company.answer(company.open_wave())
    assert b'{"diligence": ' in bytes_on_disk(settings)
    Rating.delete().execute()
    leave_no_trace()
    assert b'{"diligence": ' not in bytes_on_disk(settings)


@pytest.mark.sqlite
def test_the_write_ahead_log_is_empty_afterwards(company: Company, settings: Settings) -> None:
    Department.update(name="Ventas").where(Department.name == "Sales").execute()
    leave_no_trace()
    assert (settings.home_folder / "espejo.sqlite3-wal").stat().st_size == 0


@pytest.mark.sqlite
def test_while_somebody_reads_it_is_said_that_traces_are_left(company: Company, settings: Settings) -> None:
    company.answer(company.open_wave())
    with closing(sqlite3.connect(settings.home_folder / "espejo.sqlite3")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM rating").fetchone()
        Rating.delete().execute()
        database.execute_sql("PRAGMA busy_timeout = 10")
        with pytest.raises(OperationalError):
            leave_no_trace()
    leave_no_trace()
    assert b'{"diligence": ' not in bytes_on_disk(settings)


@pytest.mark.sqlite
def test_the_log_is_emptied_once_nobody_else_is_writing_it_back(
    company: Company, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another connection that stores an answer may be doing that at the moment; SQLite does not wait for it."""
    company.answer(company.open_wave())
    execute = database.obj.execute_sql
    busy = iter([1, 1])

    def at_first_busy(sql: str, *words: Any) -> Any:
        if "checkpoint" in sql and next(busy, None):
            return execute("SELECT 1, -1, -1")
        return execute(sql, *words)

    monkeypatch.setattr(database.obj, "execute_sql", at_first_busy)
    leave_no_trace()
    assert next(busy, None) is None
    assert (settings.home_folder / "espejo.sqlite3-wal").stat().st_size == 0


def test_leaving_no_trace_keeps_everything_else(company: Company) -> None:
    company.answer(company.open_wave())
    leave_no_trace()
    assert (Rating.select().count(), Invitation.select().where(Invitation.answered).count()) == (3 * 59, 59)


@pytest.mark.parametrize("rows", [0, 1, 499, 500, 501, 1001])
def test_many_rows_are_inserted_as_they_come_and_those_that_are_there_are_left_out(
    settings: Settings, rows: int
) -> None:
    columns = (Department.id, Department.key, Department.name, Department.active)
    with database.atomic():
        insert_rows(Department, columns, ((number, f"d{number}", f"D {number}", True) for number in range(rows)))
        insert_rows(Department, columns, [(0, "d0", "Another", True), (rows, "last", "Last", True)], ignore=True)
    found = list(Department.select(Department.id).order_by(Department.id).tuples())
    assert found == [(number,) for number in range(max(rows, 1) + (rows > 0))]
    assert not Department.select().where(Department.name == "Another").exists() or rows == 0


@pytest.mark.sqlite
def test_the_log_is_emptied_while_connections_stay_open(company: Company, settings: Settings) -> None:
    with database.connection_context():
        Department.update(name="Informatics").where(Department.key == "it").execute()
        log = settings.home_folder / "espejo.sqlite3-wal"
        assert log.stat().st_size
        assert empty_log(settings)
        assert not log.stat().st_size
        assert Department.get(Department.key == "it").name == "Informatics"


@pytest.mark.sqlite
def test_whoever_reads_puts_the_emptying_of_the_log_off(company: Company, settings: Settings) -> None:
    with closing(sqlite3.connect(settings.home_folder / "espejo.sqlite3")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM department").fetchone()
        with database.connection_context():
            Department.update(name="Informatics").where(Department.key == "it").execute()
            assert not empty_log(settings)
            reader.rollback()
            assert empty_log(settings)


@pytest.mark.sqlite
def test_whoever_writes_is_waited_for_until_the_log_can_be_emptied(company: Company, settings: Settings) -> None:
    emptied: list[bool] = []
    emptying = Thread(target=lambda: emptied.append(empty_log(settings)))
    with database.connection_context():
        Department.update(name="Informatics").where(Department.key == "it").execute()
        with database.atomic():
            emptying.start()
            wait_until(lambda: database.obj._turns._queue, every_seconds=0.001)
            assert not emptied
        emptying.join()
        assert emptied == [True]
        assert not (settings.home_folder / "espejo.sqlite3-wal").stat().st_size
