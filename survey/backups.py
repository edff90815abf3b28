"""A backup of SQLite while everything runs, and bringing it back into an empty database of any kind.

A restored database is set beside its backup table by table, all in one transaction: it is equal, or nothing happened.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peewee import AutoField, CharField, DataError, ForeignKeyField, IntegrityError, Model, SqliteDatabase, chunked, fn

from survey import outbox
from survey.database import is_postgresql, is_sqlite, migrations, migrations_of
from survey.models import TABLES, Lease, MailSwitch, database
from survey.settings import Settings

ROWS_AT_ONCE = 500
MADE_BY_ITSELF = (MailSwitch, Lease)  # rows that are there before anybody has used a database
KEY_MARK_BITS = 31  # a file of SQLite has room for so much

Row = tuple[Any, ...]


class BackupRefused(ValueError):
    """A backup cannot be made or restored; the message says what was found and what to do."""


@dataclass
class Fingerprint:
    """Of rows in whatever order: how many there are, and the sum of their hashes."""

    rows: int = 0
    sum: int = 0

    def add(self, row: Row) -> None:
        self.rows += 1
        self.sum = (self.sum + int.from_bytes(hashlib.sha256(repr(row).encode()).digest())) % 2**256

    def __str__(self) -> str:
        return f"{self.sum:064x}"[:16]


@dataclass
class Copied:
    """One table: its name, and its rows in the backup and in the database."""

    table: str
    backup: Fingerprint = field(default_factory=Fingerprint)
    here: Fingerprint = field(default_factory=Fingerprint)


# --- Making one ------------------------------------------------------------------------------------------------------


def back_up(file: Path, settings: Settings) -> None:
    """Copy the SQLite database that is open to `file`, while everything runs. Raises BackupRefused."""
    if not is_sqlite():
        raise BackupRefused("This database is no SQLite; use pg_dump.")
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, mode=0o600))  # it holds all that the home folder does
    except FileExistsError as error:
        raise BackupRefused(f"{file} exists already; name a new file.") from error
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written ({error.strerror}).") from error
    with ExitStack() as undone:
        undone.callback(file.unlink)
        try:
            _copy_to(file, settings)
        except sqlite3.Error as error:
            raise BackupRefused(f"{file} cannot be written ({error}).") from error
        undone.pop_all()


def _copy_to(file: Path, settings: Settings) -> None:
    with closing(sqlite3.connect(file)) as copy:
        database.connection().backup(copy)
        copy.execute("PRAGMA journal_mode = delete")  # one file, that can be read where nobody may write
        copy.execute(f"PRAGMA user_version = {_key_mark(settings)}")


def _key_mark(settings: Settings) -> int:
    """Tells two secret keys apart, and helps nobody to guess one: scrypt is slow, and most of it is left out."""
    mark = hashlib.scrypt(settings.key().encode(), salt=b"espejo backup", n=2**14, r=8, p=1, dklen=4)
    return int.from_bytes(mark) >> (32 - KEY_MARK_BITS) or 1  # 0 is a file without a mark


# --- Bringing it back ------------------------------------------------------------------------------------------------


def restore(
    file: Path,
    settings: Settings,
    now: int,
    *,
    with_other_key: bool = False,
    report: Callable[[Copied], None] = lambda copied: None,
) -> None:
    """Bring all rows of the backup `file` into the empty database that is open, and compare; then pause mail.

    `report` is told of each table. Memory does not grow with the rows. Raises BackupRefused, and has done nothing then.
    """
    with closing(_opened(file)) as backup:
        _refuse_damaged(file, backup)
        _refuse_other_version(file, backup)
        if not with_other_key:
            _refuse_other_key(file, backup, settings)
        with database.atomic():
            _make_empty()
            for table in TABLES:
                report(_copy(table, backup))
            outbox.pause(now)  # what was waiting when the backup was made may have left since
    if is_postgresql():
        database.execute_sql("ANALYZE")


def _opened(file: Path) -> SqliteDatabase:
    """The backup, to read; nothing is written beside it."""
    for name in (f"{file}-wal", f"{file}-journal"):
        if Path(name).exists():
            raise BackupRefused(f"{file} is in use, or was copied while it was ({name}); make it with espejo backup.")
    if not file.is_file():
        raise BackupRefused(f"{file} is no file.")
    return SqliteDatabase(f"file:{quote(str(file.resolve()))}?immutable=1", uri=True)


def _refuse_damaged(file: Path, backup: SqliteDatabase) -> None:
    try:
        faults = [fault for (fault,) in backup.connection().execute("PRAGMA integrity_check(3)")]
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"{file} is no backup of Espejo, or is damaged ({error}).") from error
    if faults != ["ok"]:
        raise BackupRefused(f"{file} is damaged ({faults[0]}); take another backup.")


def _refuse_other_version(file: Path, backup: SqliteDatabase) -> None:
    found = {migration.name for migration in migrations_of(backup) if migration.applied}
    wanted = {migration.name for migration in migrations()}
    if not found:
        raise BackupRefused(f"{file} is no backup of Espejo.")
    if newer := found - wanted:
        raise BackupRefused(f"{file} was made by a newer Espejo ({max(newer)}); install that one here.")
    if older := wanted - found:
        raise BackupRefused(
            f"{file} was made by an older Espejo ({min(older)} is missing): copy it to an empty folder as "
            "espejo.sqlite3, run espejo db upgrade with ESPEJO_HOME=that folder and without ESPEJO_DATABASE_URL, "
            "then restore that file."
        )


def _refuse_other_key(file: Path, backup: SqliteDatabase, settings: Settings) -> None:
    ((mark,),) = backup.execute_sql("PRAGMA user_version").fetchall()
    if mark not in (0, _key_mark(settings)):
        raise BackupRefused(
            f"{file} was made with another secret key: links in mails that have left would not work here. Set "
            "ESPEJO_SECRET_KEY to the old one, or bring the file secret-key of the old home folder; "
            "--with-other-key restores all the same."
        )


def _make_empty() -> None:
    """Delete what every new database holds. Raises BackupRefused when there is more."""
    for table in TABLES:
        if table not in MADE_BY_ITSELF and table.select().exists():
            raise BackupRefused(
                f"This database is not empty (it has rows in {table._meta.table_name}); name another one in "
                "ESPEJO_DATABASE_URL, or another ESPEJO_HOME."
            )
    for table in MADE_BY_ITSELF:
        table.delete().execute()


def _copy(table: type[Model], backup: SqliteDatabase) -> Copied:
    """All rows of one table, in the order of their keys: where those are random, no order of arrival comes into being.

    Raises BackupRefused when the database does not take them, or gives back others.
    """
    name = table._meta.table_name
    copied = Copied(name)
    _refuse_long_texts(table, backup)
    try:
        _insert(table, _counted(_rows_in(backup, table), copied.backup))
    except (DataError, IntegrityError, ValueError) as error:
        raise BackupRefused(f"The rows of {name} do not fit into this database: {error}") from error
    for row in _rows_here(table):
        copied.here.add(row)
    if copied.here != copied.backup:
        raise BackupRefused(f"The rows of {name} are not the same here as in the backup; nothing was restored.")
    if is_postgresql():
        _number_on(table)
    return copied


def _refuse_long_texts(table: type[Model], backup: SqliteDatabase) -> None:
    """SQLite takes texts of any length; other databases do not."""
    for column in table._meta.sorted_fields:
        if isinstance(column, CharField) and not is_sqlite():
            longer = table.select().where(fn.LENGTH(column) > column.max_length).bind(backup).count(backup)
            if longer:
                raise BackupRefused(
                    f"{table._meta.table_name}.{column.column_name}: {longer} texts are longer than "
                    f"{column.max_length} characters; shorten them in the old database."
                )


def _rows_in(backup: SqliteDatabase, table: type[Model]) -> Iterator[Row]:
    rows = table.select().order_by(*table._meta.get_primary_keys()).tuples()
    return rows.bind(backup).iterator(backup)


def _rows_here(table: type[Model]) -> Iterator[Row]:
    """All rows of the open database, fetched bit by bit."""
    rows = table.select().tuples()
    if is_sqlite():
        yield from rows.iterator()
        return
    with database.connection().cursor(name="restored") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(*rows.sql())
        yield from cursor


def _counted(rows: Iterable[Row], fingerprint: Fingerprint) -> Iterator[Row]:
    for row in rows:
        fingerprint.add(row)
        yield row


def _insert(table: type[Model], rows: Iterable[Row]) -> None:
    """Rows that name another row of the same table (a department its division) do so only when all are there."""
    columns = table._meta.sorted_fields
    own = [place for place, column in enumerate(columns) if _names_its_own_table(column)]
    later = []
    for chunk in chunked(rows, ROWS_AT_ONCE):
        later += [row for row in chunk if any(row[place] is not None for place in own)]
        first = [tuple(None if place in own else value for place, value in enumerate(row)) for row in chunk]
        table.insert_many(first, fields=columns).execute()
    for row in later:
        table.update({columns[place]: row[place] for place in own}).where(table._meta.primary_key == row[0]).execute()


def _names_its_own_table(column: Any) -> bool:
    return isinstance(column, ForeignKeyField) and column.rel_model is column.model


def _number_on(table: type[Model]) -> None:
    """The next row gets the number after the highest; PostgreSQL counts only those that it has given itself."""
    key = table._meta.primary_key
    highest = isinstance(key, AutoField) and table.select(fn.MAX(key)).scalar()
    if highest:
        place = f'"{table._meta.table_name}"', key.column_name
        database.execute_sql("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", (*place, highest))
