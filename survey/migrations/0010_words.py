"""People may read any language that there is a catalogue for; pulses have words of their own, and waves keep theirs.

Until now the table of people would hold no language but es and en.
"""

from peewee import *

BEFORE = "VARCHAR(2) NOT NULL CHECK (language IN ('es', 'en'))"
AFTER = "VARCHAR(20) NOT NULL"


def tables(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Pulse(Table):
        id = AutoField()

    def of_a_pulse():
        return ForeignKeyField(Pulse, backref="+", on_delete="RESTRICT")

    class ItemOff(Table):
        pulse = of_a_pulse()
        item = CharField(max_length=40)

        class Meta:
            primary_key = CompositeKey("pulse", "item")

    class Rewording(Table):
        pulse = of_a_pulse()
        item = CharField(max_length=40)
        language = CharField(max_length=20)
        text = TextField()

        class Meta:
            primary_key = CompositeKey("pulse", "item", "language")

    return ItemOff, Rewording


def up(migrator, db):
    if isinstance(db, SqliteDatabase):
        _make_again(db, BEFORE, AFTER)
    else:
        for (constraint,) in _checks_of_language(db):
            db.execute_sql(f'ALTER TABLE person DROP CONSTRAINT "{constraint}"')
        db.execute_sql("ALTER TABLE person ALTER COLUMN language TYPE VARCHAR(20)")
    migrator.migrate(migrator.add_column("wave", "questionnaire", TextField(default="")))
    db.create_tables(tables(db))


def down(migrator, db):
    db.drop_tables(tables(db))
    migrator.migrate(migrator.drop_column("wave", "questionnaire"))
    if isinstance(db, SqliteDatabase):
        _make_again(db, AFTER, BEFORE)
    else:
        db.execute_sql("ALTER TABLE person ALTER COLUMN language TYPE VARCHAR(2)")
        db.execute_sql("ALTER TABLE person ADD CHECK (language IN ('es', 'en'))")


def _make_again(db, before, after):
    """Copy the people into a table made by a changed statement; those that refer to it go by its name."""
    made = "SELECT sql FROM sqlite_master WHERE tbl_name = 'person' AND sql IS NOT NULL AND type = ?"
    ((table,),) = db.execute_sql(made, ("table",)).fetchall()
    indexes = db.execute_sql(made, ("index",)).fetchall()
    changed = table.replace(f'"language" {before}', f'"language" {after}', 1)
    assert changed != table
    db.execute_sql(changed.replace('"person"', '"person_after"', 1))
    db.execute_sql("INSERT INTO person_after SELECT * FROM person ORDER BY id")
    db.execute_sql("DROP TABLE person")
    db.execute_sql("ALTER TABLE person_after RENAME TO person")
    for (index,) in indexes:
        db.execute_sql(index)


def _checks_of_language(db):
    return db.execute_sql(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'person'::regclass AND contype = 'c' "
        "AND pg_get_constraintdef(oid) LIKE '%%language%%'"
    ).fetchall()
