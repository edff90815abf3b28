"""Who has a mail in hand and when it was last tried, the switch that pauses all mail, and refused addresses."""

from peewee import *
from playhouse.cockroachdb import CockroachDatabase

SAMPLED = (("bounce", "email"), ("bounce", "reply"))  # PostgreSQL's planner keeps no sample of these: see 0002


def required(model, **options):
    return ForeignKeyField(model, backref="+", on_delete="RESTRICT", **options)


def tables(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Wave(Table):
        id = AutoField()

    class Person(Table):
        id = AutoField()

    class Before(Table):
        id = AutoField()
        kind = CharField(max_length=40)
        wave = required(Wave, null=True)
        person = required(Person)
        sequence = IntegerField(default=0)
        state = CharField(
            max_length=9,
            default="pending",
            constraints=[Check("state IN ('pending', 'sending', 'sent', 'retry', 'dead', 'dropped')")],
        )
        due_at = BigIntegerField()
        expires_at = BigIntegerField(null=True)
        leased_until = BigIntegerField(null=True)
        attempts = SmallIntegerField(default=0)
        reason = TextField(default="")
        mail_id = CharField(max_length=32)

        class Meta:
            table_name = "message"
            indexes = (
                (("kind", "wave", "person", "sequence"), True),
                (("state", "due_at"), False),
            )

    class Message(Table):
        id = AutoField()
        kind = CharField(max_length=40)
        wave = required(Wave, null=True)
        person = required(Person)
        sequence = IntegerField(default=0)
        state = CharField(
            max_length=9,
            default="pending",
            constraints=[Check("state IN ('pending', 'sending', 'sent', 'retry', 'dead', 'dropped')")],
        )
        due_at = BigIntegerField()
        expires_at = BigIntegerField(null=True)
        lease = CharField(max_length=32, null=True)
        leased_until = BigIntegerField(null=True)
        attempts = SmallIntegerField(default=0)
        tried_at = BigIntegerField(null=True)
        reason = TextField(default="")
        mail_id = CharField(max_length=32)

        class Meta:
            indexes = (
                (("kind", "wave", "person", "sequence"), True),
                (("state", "due_at"), False),
                (("tried_at",), False),
            )

    class MailSwitch(Table):
        id = SmallIntegerField(primary_key=True, default=1, constraints=[Check("id = 1")])
        paused_at = BigIntegerField(null=True)

    class Bounce(Table):
        person = required(Person, primary_key=True)
        email = CharField(max_length=254)
        reply = TextField()

    return Before, Message, MailSwitch, Bounce


def up(migrator, db):
    before, message, switch, bounce = tables(db)
    if isinstance(db, SqliteDatabase):
        _make_again(db, before, message)
    else:
        db.execute_sql("ALTER TABLE message ADD COLUMN lease VARCHAR(32), ADD COLUMN tried_at BIGINT")
        db.execute_sql("CREATE INDEX message_tried_at ON message (tried_at)")
    db.create_tables([switch, bounce])
    switch.create()
    if isinstance(db, PostgresqlDatabase) and not isinstance(db, CockroachDatabase):
        for table, column in SAMPLED:
            db.execute_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STATISTICS 0')


def down(migrator, db):
    before, message, switch, bounce = tables(db)
    db.drop_tables([bounce, switch])
    if isinstance(db, SqliteDatabase):
        _make_again(db, message, before)
    else:
        db.execute_sql("DROP INDEX message_tried_at")
        db.execute_sql("ALTER TABLE message DROP COLUMN lease, DROP COLUMN tried_at")


def _make_again(db, old, new):
    """Copy the mails into a table with other columns. No other table refers to them."""
    for (index,) in db.execute_sql("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'message'").fetchall():
        db.execute_sql(f'DROP INDEX "{index}"')
    db.execute_sql("ALTER TABLE message RENAME TO message_before")
    new.create_table(safe=False)
    both = [name for name in old._meta.columns if name in new._meta.columns]
    columns = ", ".join(f'"{name}"' for name in both)
    db.execute_sql(f"INSERT INTO message ({columns}) SELECT {columns} FROM message_before ORDER BY id")
    db.execute_sql("DROP TABLE message_before")
