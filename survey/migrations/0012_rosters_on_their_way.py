"""Files of people that HR has uploaded and not yet imported."""

from peewee import *


def roster_file(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Person(Table):
        id = AutoField()

    class RosterFile(Table):
        id = CharField(max_length=32, primary_key=True)
        person = ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
        file_name = CharField(max_length=255)
        content = BlobField()
        complete = BooleanField()
        kept_until = BigIntegerField()

    return RosterFile


def up(migrator, db):
    db.create_tables([roster_file(db)])


def down(migrator, db):
    db.drop_tables([roster_file(db)])
