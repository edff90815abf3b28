"""Two traces that a database keeps by itself.

SQLite numbers the rows of a table as they come. Invitations come in the order of people, so that a number told who had
been asked, even when the invitation had forgotten it.

PostgreSQL keeps samples of what stands in a column, for its planner. A deleted response would live on among them, whole,
and so would an erased person's address.
"""

from peewee import PostgresqlDatabase, SqliteDatabase
from playhouse.cockroachdb import CockroachDatabase

SAMPLED = (
    ("person", "email"),
    ("person", "name"),
    ("invitation", "id"),
    ("invitation", "providers"),
    ("response", "id"),
    ("response", "payload"),
    ("rating", "id"),
    ("rating", "answers"),
    ("comment", "id"),
    ("comment", "text"),
    ("message", "reason"),
)


def up(migrator, db):
    if isinstance(db, SqliteDatabase):
        _make_again(db, lambda statement: f"{statement} WITHOUT ROWID")
    else:
        _set_statistics(db, 0)


def down(migrator, db):
    if isinstance(db, SqliteDatabase):
        _make_again(db, lambda statement: statement.removesuffix(" WITHOUT ROWID"))
    else:
        _set_statistics(db, -1)


def _make_again(db, change):
    """Copy the invitations into a table made by a changed statement. No other table refers to them."""
    made = "SELECT sql FROM sqlite_master WHERE tbl_name = 'invitation' AND sql IS NOT NULL AND type = ?"
    ((table,),) = db.execute_sql(made, ("table",)).fetchall()
    indexes = db.execute_sql(made, ("index",)).fetchall()
    db.execute_sql("ALTER TABLE invitation RENAME TO invitation_before")
    db.execute_sql(change(table))
    db.execute_sql("INSERT INTO invitation SELECT * FROM invitation_before ORDER BY id")
    db.execute_sql("DROP TABLE invitation_before")
    for (index,) in indexes:
        db.execute_sql(index)


def _set_statistics(db, target):
    if isinstance(db, PostgresqlDatabase) and not isinstance(db, CockroachDatabase):
        for table, column in SAMPLED:
            db.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STATISTICS {target}')
