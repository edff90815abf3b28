"""A backup brought back, on SQLite and on PostgreSQL: every row, every link, every figure; or nothing at all."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from survey import backups, create_app, outbox
from survey.backups import BackupRefused, back_up, restore
from survey.database import is_postgresql, open_database
from survey.models import (
    TABLES,
    UNORDERED,
    Department,
    Invitation,
    KeptMapping,
    Lease,
    MailSwitch,
    Message,
    Person,
    Pulse,
    Rating,
    Upload,
    Wave,
    database,
)
from survey.responses import Answer
from survey.settings import Settings
from survey.signing import invitation_token, sign_in_token
from tests.cast import OPENS, Company, all_fours
from tests.engines import Files, fresh_database, settings_in
from tests.web.pages import everything, tables

pytestmark = pytest.mark.sqlite  # PostgreSQL has backups of its own

LATER = OPENS + 30 * 24 * 3600
PAGES = ("/hr/", "/hr/matrix", "/hr/departments/finance", "/hr/people", "/hr/pulses")


@pytest.fixture
def used(company: Company) -> Company:
    """A company with a release, an open wave that some have answered, comments, receipts, files, odd texts."""

    def play() -> Wave:
        company.released_wave(
            lambda provider: Answer(provider, {"overall": 2, "promises": 5}, "means", "Bien ‘así’ 🙃", "thanks")
        )
        company.answer(wave := company.open_wave(), all_fours, share=0.5)
        return wave

    company.once("a release, and answers of half", play)
    division = Department.create(key="all", name="Everything")  # a division whose number is above its departments'
    Department.update(parent=division).where(Department.key == "finance").execute()
    upload = {"file_name": "c.csv", "content": b"\0\xff\n", "profile": "{}", "mapping": "{}", "kept_until": OPENS}
    Upload.create(person=company.hanna, **upload)
    KeptMapping.create(key="desk", name="Help desk", toml="x = 1", header="0" * 64, kept_at=OPENS)
    return company


@pytest.fixture
def backup(used: Company, settings: Settings, tmp_path: Path) -> Path:
    back_up(tmp_path / "copy.sqlite3", settings)
    return tmp_path / "copy.sqlite3"


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, empty_database: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty database on another machine: SQLite, unless a test asks for both kinds."""
    home = tmp_path / "elsewhere"
    if getattr(request, "param", "sqlite") == "sqlite":
        Files(tmp_path).begin(empty_database, settings_in(home))
        yield settings_in(home)
    else:
        with fresh_database(request.getfixturevalue("server")) as address:
            yield settings_in(home, database_url=address)


on_both = pytest.mark.parametrize(
    "elsewhere", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


Restore = Callable[..., list[backups.Copied]]


@pytest.fixture
def restored(backup: Path, elsewhere: Settings) -> Restore:
    """Opens the other database and restores the backup into it; what is told of each table."""

    def run(file: Path = backup, settings: Settings = elsewhere, **options: bool) -> list[backups.Copied]:
        told: list[backups.Copied] = []
        open_database(settings)
        restore(file, settings, LATER, report=told.append, **options)
        return told

    return run


def seen_by_hanna(settings: Settings) -> list[object]:
    """Every figure on HR's pages, for somebody who signs in with a link."""
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    hanna, browser = Person.get(Person.role == "hr"), app.test_client()
    assert browser.post(f"/login/{sign_in_token(hanna.id, hanna.sign_ins, settings)}").status_code == 302
    return [tables(browser.get(page).text) for page in PAGES]


@on_both
def test_every_row_comes_back_and_is_told(restored: Restore) -> None:
    before = everything()
    told = restored()
    found = everything()
    assert found.pop("MailSwitch") == [(1, LATER)]
    assert found.items() <= before.items()
    assert [copied.table for copied in told] == [table._meta.table_name for table in TABLES]
    assert all(copied.here == copied.backup for copied in told)
    assert {copied.backup.rows for copied in told if copied.table in ("invitation", "upload")} == {118, 1}


@on_both
def test_pages_show_the_same_figures_and_links_go_on(
    restored: Restore, settings: Settings, elsewhere: Settings
) -> None:
    before = seen_by_hanna(settings)
    answered = Invitation.get(Invitation.answered, Invitation.person.is_null(False))
    unanswered = Invitation.get(~Invitation.answered)
    restored()
    assert any(before)
    assert seen_by_hanna(elsewhere) == before
    browser = create_app(elsewhere).test_client()
    assert browser.get(f"/r/{invitation_token(unanswered.id, settings)}").status_code == 200
    assert "csrf_token" not in browser.get(f"/r/{invitation_token(answered.id, settings)}").text
    assert browser.get("/readyz").status_code == 200


@on_both
def test_new_rows_get_new_numbers(restored: Restore) -> None:
    before = {table: table.select().count() for table in (Person, Department, Pulse, Message)}
    restored()
    Person.create(email="new@mirror.example", name="New", language="es")
    Department.create(key="new", name="New")
    outbox.queue(outbox.SIGN_IN, [Person.get(Person.email == "new@mirror.example").id], LATER)
    Pulse.create(
        key="new", questionnaire="five-practices", cadence="weekly", first_date=date(2027, 1, 4), timezone="UTC"
    )
    assert {table: table.select().count() for table in before} == {table: n + 1 for table, n in before.items()}


def test_mail_is_paused_until_somebody_has_looked(restored: Restore) -> None:
    restored()
    assert outbox.paused_since() == LATER
    assert Message.select().where(Message.state == "pending").exists()


@on_both
def test_no_order_of_arrival_comes_into_being(restored: Restore) -> None:
    restored()
    for table in UNORDERED:
        keys = ", ".join(f'"{key.column_name}"' for key in table._meta.get_primary_keys())
        order = "ctid" if is_postgresql() else keys
        found = list(database.execute_sql(f'SELECT {keys} FROM "{table._meta.table_name}" ORDER BY {order}'))
        assert found == sorted(found)
    if is_postgresql():
        assert len(set(database.execute_sql("SELECT xmin, xmax FROM rating"))) == 1


def test_a_database_in_use_is_left_alone(restored: Restore, elsewhere: Settings) -> None:
    open_database(elsewhere)
    Company()
    before = everything()
    with pytest.raises(BackupRefused, match=r"not empty .it has rows in department"):
        restored()
    assert everything() == before


def test_a_scheduler_that_ran_once_is_no_use(restored: Restore, elsewhere: Settings) -> None:
    open_database(elsewhere)
    Lease.create(name="clock", holder="web1:1", until=OPENS, ticked_at=OPENS)
    restored()
    assert Lease.select().count() == 0


def change(file: Path, *statements: str) -> Path:
    """A copy of a backup that something has happened to."""
    changed = Path(shutil.copy(file, file.with_name("changed.sqlite3")))
    with closing(sqlite3.connect(changed)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return changed


@pytest.mark.parametrize(
    ("happened", "says"),
    [
        ("DELETE FROM schema_migration WHERE name LIKE '0014%'", "older Espejo .0014_own_views is missing."),
        (
            "INSERT INTO schema_migration (name, applied) VALUES ('9999_later', '2026-03-02')",
            "newer Espejo .9999_later.",
        ),
        ("DROP TABLE schema_migration", "is no backup of Espejo"),
        ("DELETE FROM department WHERE key = 'sales'", "do not fit into this database"),
        ("PRAGMA user_version = 7", "another secret key"),
    ],
)
def test_what_does_not_belong_here_is_refused_whole(restored: Restore, backup: Path, happened: str, says: str) -> None:
    with pytest.raises(BackupRefused, match=says):
        restored(change(backup, happened))
    assert not Department.select().exists()
    assert MailSwitch.get().paused_at is None


def test_a_damaged_file_is_refused(restored: Restore, backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    halves = {
        "half": whole[: len(whole) // 2],
        "letter": b"This is a letter. " * 900,
        "zeros": whole[:8192] + bytes(40_000),
    }
    for name, content in halves.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BackupRefused, match=r"damaged|no backup"):
            restored(tmp_path / name)
    with pytest.raises(BackupRefused, match="is no file"):
        restored(tmp_path / "nowhere")


def test_a_file_that_is_in_use_is_refused(restored: Restore, settings: Settings) -> None:
    in_use = settings.home_folder / "espejo.sqlite3"
    with closing(sqlite3.connect(in_use)) as other, other:
        other.execute("UPDATE mail_switch SET paused_at = 1")
        with pytest.raises(BackupRefused, match="is in use"):
            restored(in_use)


def test_another_key_is_refused_unless_it_is_meant(restored: Restore, elsewhere: Settings) -> None:
    other = replace(elsewhere, secret_key="another key")
    with pytest.raises(BackupRefused, match="--with-other-key"):
        restored(settings=other)
    assert len(restored(settings=other, with_other_key=True)) == len(TABLES)


@on_both
def test_rows_that_come_back_changed_are_found_out(restored: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = backups._insert

    def careless(table: type, rows: Iterator[tuple[object, ...]]) -> None:
        insert(table, rows)
        if table is Rating:
            Rating.update(answers="{}").where(Rating.id == Rating.select(Rating.id).limit(1)).execute()

    monkeypatch.setattr(backups, "_insert", careless)
    with pytest.raises(BackupRefused, match="rating are not the same"):
        restored()
    assert not Department.select().exists()


@pytest.mark.postgres
def test_a_text_that_only_sqlite_takes_is_named(backup: Path, server: str, tmp_path: Path) -> None:
    with fresh_database(server) as address:
        elsewhere = settings_in(tmp_path / "elsewhere", database_url=address)
        open_database(elsewhere)
        too_long = change(backup, "UPDATE department SET name = printf('%0300d', 7) WHERE key = 'sales'")
        with pytest.raises(BackupRefused, match=r"department\.name: 1 texts are longer than 200 characters"):
            restore(too_long, elsewhere, LATER)


def test_a_backup_is_its_owners_alone(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600


def test_no_file_is_written_over(company: Company, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(BackupRefused, match="exists already"):
        back_up(tmp_path / "taken", settings)
    assert (tmp_path / "taken").read_text() == "mine"


def test_half_a_backup_is_not_left_behind(
    company: Company, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_settings: Settings) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(backups, "_key_mark", fail)
    with pytest.raises(BackupRefused, match="disk is full"):
        back_up(tmp_path / "copy.sqlite3", settings)
    assert not (tmp_path / "copy.sqlite3").exists()


def test_a_folder_that_is_not_there_is_named(company: Company, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="nowhere/copy cannot be written"):
        back_up(tmp_path / "nowhere" / "copy", settings)


def test_postgresql_has_backups_of_its_own(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    monkeypatch.setattr(backups, "is_sqlite", lambda: False)
    with pytest.raises(BackupRefused, match="use pg_dump"):
        back_up(tmp_path / "copy", settings)
