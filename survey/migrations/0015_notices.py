"""Whether the clients of a commitment have noticed that it is done: what is asked, answered and counted."""

from peewee import *
from playhouse.cockroachdb import CockroachDatabase

# PostgreSQL's planner keeps no sample of these: see 0002. Own views came without.
SAMPLED = (
    ("own_view", "id"),
    ("own_view", "answers"),
    ("mirrored", "invitation_id"),
    ("lead_view", "answers"),
    ("notice", "id"),
    ("notice", "commitment_id"),
    ("notice", "noticed"),
)


def tables(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Wave(Table):
        id = AutoField()

    class Department(Table):
        id = AutoField()

    class Commitment(Table):
        id = AutoField()

    def required(model, **options):
        return ForeignKeyField(model, backref="+", on_delete="RESTRICT", **options)

    class NoticeQuestion(Table):
        wave = required(Wave)
        commitment = required(Commitment)
        department = required(Department)

        class Meta:
            primary_key = CompositeKey("wave", "commitment", "department")

    class Notice(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        commitment = required(Commitment)
        noticed = BooleanField()

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)

    class NoticeTally(Table):
        wave = required(Wave)
        commitment = required(Commitment, unique=True)
        noticed = IntegerField()
        not_yet = IntegerField()

        class Meta:
            primary_key = CompositeKey("wave", "commitment")
            constraints = [Check("noticed >= 0 AND not_yet >= 0"), Check("noticed + not_yet >= 3")]

    return NoticeQuestion, Notice, NoticeTally


def up(migrator, db):
    db.create_tables(tables(db))
    if isinstance(db, PostgresqlDatabase) and not isinstance(db, CockroachDatabase):
        for table, column in SAMPLED:
            db.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STATISTICS 0')


def down(migrator, db):
    db.drop_tables(tables(db))
