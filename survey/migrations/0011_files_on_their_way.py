"""Files that HR has uploaded and not yet imported; mappings kept for the next file."""

from peewee import *


def kept_mapping(db):
    class KeptMapping(Model):
        key = CharField(max_length=80, primary_key=True)
        name = CharField(max_length=80)
        toml = TextField()
        header = CharField(max_length=64)
        kept_at = BigIntegerField()

        class Meta:
            database = db
            legacy_table_names = False

    return KeptMapping


def upload(db):
    class Person(Model):
        id = AutoField()

        class Meta:
            database = db
            legacy_table_names = False

    class Upload(Model):
        id = CharField(max_length=32, primary_key=True)
        person = ForeignKeyField(Person, backref="+", on_delete="RESTRICT")
        file_name = CharField(max_length=255)
        content = BlobField()
        profile = TextField()
        mapping = TextField()
        kept_until = BigIntegerField()

        class Meta:
            database = db
            legacy_table_names = False

    return Upload


def up(migrator, db):
    db.create_tables([kept_mapping(db), upload(db)])


def down(migrator, db):
    db.drop_tables([upload(db), kept_mapping(db)])
