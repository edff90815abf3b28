"""Opening the database, bringing its tables up to date, and leaving no trace in its files."""

import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from peewee import (
    Database,
    Expression,
    Field,
    InterfaceError,
    InternalError,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
    SqliteDatabase,
    chunked,
)
from playhouse.cockroachdb import CockroachDatabase
from playhouse.migrations import Migration, Runner

from survey.connections import server
from survey.models import (
    UNORDERED,
    Bounce,
    Leadership,
    LeadView,
    Message,
    Opening,
    Person,
    RosterFile,
    Table,
    Upload,
    database,
)
from survey.settings import Settings
from survey.turns import OneWriter

P = ParamSpec("P")
T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_SECONDS = 15
ROWS_AT_ONCE = 500  # in one statement
CHANGED_AT_ONCE = 2000  # rows, while others wait to write
ADVISORY_LOCK = 0x657370656A6F  # "espejo": held on PostgreSQL while migrations run
TURN_LOCK = 0x7475726E  # "turn": held on PostgreSQL while it is decided who is asked
ATTEMPTS = 10  # of a transaction that meets others
# Where people and what they said stand.
TELLING = (*UNORDERED, Opening, Message, Bounce, Leadership, LeadView, Upload, RosterFile, Person)

# What may go wrong with a database; SQLite's own error comes through while rows are being read.
DATABASE_ERRORS = (PeeweeException, sqlite3.Error)
# Among these, what passes by itself or by mending the machine: it is away, full, locked, or can only be read.
UNAVAILABLE = (OperationalError, InterfaceError, InternalError, sqlite3.OperationalError)

# Emptying SQLite's log keeps writers waiting until all of it is written back; this does the most of it without.
WRITE_LOG_BACK = "PRAGMA wal_checkpoint(PASSIVE)"

SQLITE_PRAGMAS = {
    "journal_mode": "wal",  # readers never wait for the writer
    "synchronous": "full",  # an acknowledged answer survives a power cut
    "foreign_keys": 1,
    "secure_delete": 1,  # deleted bytes are overwritten, not only forgotten
    "cache_size": -16000,  # KiB
}


def reason_of(error: Exception) -> str:
    """Why the database is away, in the one line that a log has for it."""
    cause: BaseException = error
    while isinstance(cause.__context__, DATABASE_ERRORS):  # a rollback may have failed after what had failed before
        cause = cause.__context__
    return str(*cause.args[:1]).partition("\n")[0]


def open_database(settings: Settings) -> Database:
    """Bind the tables to the database that `settings` name, and bring it up to date."""
    bound = bind(settings)
    upgrade(settings)
    return bound


def bind(settings: Settings) -> Database:
    """Bind the tables to the database that `settings` name, as it stands."""
    if settings.database_url:
        bound = server(settings.database_url)
    else:
        bound = OneWriter(
            str(settings.make_home() / "espejo.sqlite3"),
            pragmas=SQLITE_PRAGMAS,
            timeout=BUSY_TIMEOUT_SECONDS,
            lock_type="IMMEDIATE",  # a writer queues at BEGIN instead of failing later
        )
    if database.obj is not None and not database.is_closed():
        database.close()
    database.initialize(bound)
    return bound


def migrations() -> list[Migration]:
    """Every migration, applied or not, in order."""
    return migrations_of(database.obj)  # not the proxy: migrations ask which database it is


def migrations_of(found: Database) -> list[Migration]:
    """The same of another database than the one that is bound."""
    return Runner(found, str(MIGRATIONS)).status()


def pending_migrations() -> list[str]:
    return [migration.name for migration in migrations() if not migration.applied]


def upgrade(settings: Settings) -> list[str]:
    """Apply what is pending, guarded against a second process that starts at the same time; return the names."""
    with database.connection_context():
        if not pending_migrations():
            return []
        with _alone(settings):
            return Runner(database.obj, str(MIGRATIONS)).up()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold a lock that no second process on the same database can hold."""
    if is_sqlite():
        with open(settings.make_home() / "upgrade.lock", "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    elif is_postgresql():
        database.execute_sql("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        try:
            yield
        finally:
            database.execute_sql("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))
    else:
        yield  # CockroachDB has no advisory locks


def take_turns() -> None:
    """Wait until no other transaction decides who is asked, and keep others waiting until this one ends.

    SQLite has one writer anyway, and CockroachDB refuses one of two transactions that get in each other's way.
    """
    if is_postgresql():
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (TURN_LOCK,))


def repeated(deed: Callable[P, T]) -> Callable[P, T]:
    """A deed of one transaction, done again when CockroachDB refuses it because it met another: peewee sees to that.

    It may run more than once, so all it does must be in the database. Other databases let one wait for the other.
    """

    @wraps(deed)
    def until_done(*args: P.args, **kwargs: P.kwargs) -> T:
        if not isinstance(database.obj, CockroachDatabase) or database.in_transaction():
            return deed(*args, **kwargs)
        return cast(T, database.obj.run_transaction(lambda _: deed(*args, **kwargs), max_attempts=ATTEMPTS))

    return until_done


def insert_rows(
    table: type[Table], columns: Sequence[Field], rows: Iterable[Sequence[Any]], *, ignore: bool = False
) -> None:
    """Insert many rows as they come, so that memory does not grow with them; `ignore`: leave out those that are there.

    Each row has a value for each of `columns`, as the database stores it. Peewee takes ten times as long to word a
    statement as the database to do it, so it is worded once. Inside a transaction.
    """
    query = table.insert_many([[None] * len(columns)], columns)
    statement, _ = (query.on_conflict_ignore() if ignore else query).sql()
    for some in chunked(rows, ROWS_AT_ONCE):
        database.cursor().executemany(statement, some)


def write_anew(column: Field, which: Expression | None = None) -> None:
    """Let rows be written last by this transaction, whichever wrote them before; their values stay.

    PostgreSQL marks each row with the transaction that wrote it, which tells what came after what. SQLite does not.
    """
    if not is_sqlite():
        query = column.model.update({column: column})
        (query if which is None else query.where(which)).execute()


def delete_by_and_by(key: Field, which: Expression) -> Iterator[int]:
    """Delete rows some at a time; yields how many."""
    return by_and_by(key, which, lambda some: key.model.delete().where(some).execute())


def by_and_by(key: Field, which: Expression, change: Callable[[Expression], int]) -> Iterator[int]:
    """`change` (or delete) rows some at a time, in the order of their key, while others write; yields how many.

    Each time is a transaction of its own: whoever is killed leaves the rest.
    """
    ahead = which
    while True:
        begun = time.monotonic()
        with database.atomic():
            keys = key.model.select(key).where(ahead).order_by(key)
            last = keys.limit(1).offset(CHANGED_AT_ONCE - 1).scalar()
            changed = change(ahead if last is None else ahead & (key <= last))
        yield changed
        if last is None:
            return
        ahead = which & (key > last)
        time.sleep(time.monotonic() - begun)  # others have waited that long


def server_clock() -> int | None:
    """The time that PostgreSQL tells, the same for every machine that uses it; SQLite has no clock of its own."""
    if not is_postgresql():
        return None
    return int(database.execute_sql("SELECT extract(epoch FROM clock_timestamp())").fetchone()[0])


def is_sqlite() -> bool:
    return isinstance(database.obj, SqliteDatabase)


def is_postgresql() -> bool:
    """CockroachDB speaks the same language, but has neither advisory locks nor CLUSTER."""
    return isinstance(database.obj, PostgresqlDatabase) and not isinstance(database.obj, CockroachDatabase)


def leave_no_trace() -> None:
    """Rewrite the files so that nothing deleted and no order of arrival is left in them. Not inside a transaction.

    PostgreSQL rewrites the tables of people and answers, in the order of their keys; SQLite rewrites all, and whoever
    writes waits for it: of a million people, some seconds. Raises OperationalError when somebody reads for so long that
    it cannot be done now.
    """
    if is_sqlite():
        with database.obj.alone():
            database.execute_sql("VACUUM")
        if not _empty_the_log():
            raise OperationalError("The write-ahead log could not be emptied: somebody is reading.")
    elif is_postgresql():
        for table in TELLING:
            name = table._meta.table_name
            database.execute_sql(f'CLUSTER "{name}" USING "{name}_pkey"')


def _empty_the_log() -> bool:
    """Whether SQLite's write-ahead log could be emptied.

    SQLite waits for readers by itself, but not for another connection that is writing the log back just now, which
    whoever stores an answer may be doing: it tells so by -1.
    """
    database.execute_sql(WRITE_LOG_BACK).fetchone()
    for _ in range(BUSY_TIMEOUT_SECONDS * 10):
        is_busy, pages, _done = database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not is_busy or pages != -1:  # it is empty, there is none, or whoever reads is in the way
            break
        time.sleep(0.1)
    return not is_busy


def empty_log(settings: Settings) -> bool:
    """Move what SQLite's write-ahead log holds into the database, and empty it; False when somebody is in the way.

    Writers of this process are waited for; those of others, and readers, are not. Raises OperationalError when one of
    the former takes too long.

    The log tells which rows were written together: an answer and the invitation that it came with. Connections that
    stay open would leave that in it for long.
    """
    file = settings.home_folder / "espejo.sqlite3"
    log = file.with_name(f"{file.name}-wal")
    if not log.exists() or not log.stat().st_size:
        return True
    with closing(sqlite3.connect(file, timeout=0)) as own:
        own.execute(WRITE_LOG_BACK).fetchone()
        with database.obj.alone():  # under load somebody would be in the way most of the time
            (is_busy, *_) = own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy
