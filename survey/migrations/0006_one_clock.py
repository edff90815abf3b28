"""Who runs the clock; when a wave was cancelled; how many people were left out of it because they had been asked lately."""

from peewee import *

COLUMNS = {
    "cancelled_at": BigIntegerField(null=True),
    "left_out": IntegerField(null=True),
    "traces_left": BooleanField(null=True),
}


def lease(db):
    class Lease(Model):
        name = CharField(max_length=20, primary_key=True)
        holder = CharField(max_length=120)
        until = BigIntegerField()
        ticked_at = BigIntegerField()

        class Meta:
            database = db
            legacy_table_names = False

    return Lease


def up(migrator, db):
    migrator.migrate(*(migrator.add_column("wave", name, column) for name, column in COLUMNS.items()))
    db.create_tables([lease(db)])


def down(migrator, db):
    db.drop_tables([lease(db)])
    migrator.migrate(*(migrator.drop_column("wave", name) for name in COLUMNS))
