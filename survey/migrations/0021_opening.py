"""A wave is opening from when it is decided whom it asks until all of them are invited; HR sees how far that is."""

from importlib import import_module

from peewee import *

BEFORE = "state IN ('planned', 'open', 'closing', 'closed', 'cancelled')"
AFTER = "state IN ('planned', 'opening', 'open', 'closing', 'closed', 'cancelled')"

allow = import_module("survey.migrations.0020_closing")._allow


class Wave(Model):
    class Meta:
        table_name = "wave"


class Opening(Model):
    wave = ForeignKeyField(Wave, primary_key=True, on_delete="RESTRICT")
    people = BlobField()
    done = IntegerField(default=0)

    class Meta:
        table_name = "opening"


def up(migrator, db):
    allow(db, BEFORE, AFTER)
    migrator.migrate(migrator.rename_column("wave", "counted", "progress"))
    with db.bind_ctx([Wave, Opening]):
        db.create_tables([Opening])


def down(migrator, db):
    with db.bind_ctx([Wave, Opening]):
        db.drop_tables([Opening])
    migrator.migrate(migrator.rename_column("wave", "progress", "counted"))
    allow(db, AFTER, BEFORE)
