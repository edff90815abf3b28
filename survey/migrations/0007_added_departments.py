"""Ratings of departments that a person was not asked about, and how many people of a client group gave one."""

from peewee import *


def tables(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Wave(Table):
        id = AutoField()

    class Department(Table):
        id = AutoField()

    class ClientGroup(Table):
        id = AutoField()

    def required(model):
        return ForeignKeyField(model, backref="+", on_delete="RESTRICT")

    class Before(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        provider = required(Department)
        client_group = required(ClientGroup)
        answers = TextField()

        class Meta:
            table_name = "rating"
            without_rowid = isinstance(db, SqliteDatabase)

    class Rating(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        provider = required(Department)
        client_group = required(ClientGroup)
        answers = TextField()
        added = BooleanField(default=False)

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)

    class Addition(Table):
        wave = required(Wave)
        client_group = required(ClientGroup)
        provider = required(Department)
        people = IntegerField(constraints=[Check("people >= 3")])

        class Meta:
            primary_key = CompositeKey("wave", "client_group", "provider")

    return Before, Rating, Addition


def up(migrator, db):
    before, rating, addition = tables(db)
    if isinstance(db, SqliteDatabase):
        _make_again(db, before, rating, added="0")
    else:
        db.execute_sql("ALTER TABLE rating ADD COLUMN added BOOLEAN NOT NULL DEFAULT false")
        db.execute_sql("ALTER TABLE rating ALTER COLUMN added DROP DEFAULT")
    db.create_tables([addition])


def down(migrator, db):
    before, rating, addition = tables(db)
    db.drop_tables([addition])
    if isinstance(db, SqliteDatabase):
        _make_again(db, rating, before)
    else:
        db.execute_sql("ALTER TABLE rating DROP COLUMN added")


def _make_again(db, old, new, **more):
    """Copy the ratings into a table with other columns; `more`: what stands in new ones. No table refers to them."""
    for (index,) in db.execute_sql(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'rating' AND sql IS NOT NULL"
    ).fetchall():
        db.execute_sql(f'DROP INDEX "{index}"')
    db.execute_sql("ALTER TABLE rating RENAME TO rating_before")
    new.create_table(safe=False)
    both = [f'"{name}"' for name in old._meta.columns if name in new._meta.columns]
    into, values = ", ".join([*both, *more]), ", ".join([*both, *more.values()])
    db.execute_sql(f"INSERT INTO rating ({into}) SELECT {values} FROM rating_before ORDER BY id")
    db.execute_sql("DROP TABLE rating_before")
