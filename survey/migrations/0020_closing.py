"""A wave is closing from when it takes no answers any more until what it publishes stands; HR sees how far that is."""

from peewee import *

BEFORE = "state IN ('planned', 'open', 'closed', 'cancelled')"
AFTER = "state IN ('planned', 'open', 'closing', 'closed', 'cancelled')"


def up(migrator, db):
    _allow(db, BEFORE, AFTER)
    migrator.migrate(migrator.add_column("wave", "counted", SmallIntegerField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("wave", "counted"))
    _allow(db, AFTER, BEFORE)


def _allow(db, before, after):
    if isinstance(db, SqliteDatabase):
        _make_again(db, before, after)
    else:
        for (constraint,) in _checks_of_state(db):
            db.execute_sql(f'ALTER TABLE wave DROP CONSTRAINT "{constraint}"')
        db.execute_sql(f"ALTER TABLE wave ADD CHECK ({after})")


def _make_again(db, before, after):
    """Copy the waves into a table made by a changed statement; those that refer to it go by its name."""
    made = "SELECT sql FROM sqlite_master WHERE tbl_name = 'wave' AND sql IS NOT NULL AND type = ?"
    ((table,),) = db.execute_sql(made, ("table",)).fetchall()
    indexes = db.execute_sql(made, ("index",)).fetchall()
    changed = table.replace(before, after, 1)
    assert changed != table
    db.execute_sql(changed.replace('"wave"', '"wave_after"', 1))
    db.execute_sql("INSERT INTO wave_after SELECT * FROM wave ORDER BY id")
    db.execute_sql("DROP TABLE wave")
    db.execute_sql("ALTER TABLE wave_after RENAME TO wave")
    for (index,) in indexes:
        db.execute_sql(index)


def _checks_of_state(db):
    return db.execute_sql(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'wave'::regclass AND contype = 'c' "
        "AND pg_get_constraintdef(oid) LIKE '%%state%%'"
    ).fetchall()
