"""Receipts for comments, and the replies that they let their holders read. Neither keeps an order of arrival."""

from peewee import *
from playhouse.cockroachdb import CockroachDatabase

SAMPLED = (("receipt", "digest"), ("reply", "id"), ("reply", "text"))  # PostgreSQL's planner keeps no sample: see 0002


def required(model, **options):
    return ForeignKeyField(model, backref="+", on_delete="RESTRICT", **options)


def tables(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Wave(Table):
        id = AutoField()

    class Comment(Table):
        id = CharField(max_length=32, primary_key=True)

    class Receipt(Table):
        digest = CharField(max_length=64, primary_key=True)
        wave = required(Wave)
        comment = required(Comment, null=True, unique=True)

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)

    class Reply(Table):
        id = CharField(max_length=32, primary_key=True)
        comment = required(Comment)
        sequence = SmallIntegerField()
        by_client = BooleanField()
        text = TextField()
        replied_on = DateField(null=True)

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)
            indexes = ((("comment", "sequence"), True),)
            constraints = [Check("by_client = (replied_on IS NULL)")]

    return Receipt, Reply


def up(migrator, db):
    db.create_tables(tables(db))
    if isinstance(db, PostgresqlDatabase) and not isinstance(db, CockroachDatabase):
        for table, column in SAMPLED:
            db.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STATISTICS 0')


def down(migrator, db):
    db.drop_tables(reversed(tables(db)))
