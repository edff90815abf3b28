"""Commitments: what a provider promises after a wave, and which clients it is credited to."""

from peewee import *


def tables(db):
    class Wave(Model):
        id = AutoField()

        class Meta:
            database = db

    class Department(Model):
        id = AutoField()

        class Meta:
            database = db

    class Comment(Model):
        id = CharField(max_length=32, primary_key=True)

        class Meta:
            database = db

    class Commitment(Model):
        id = AutoField()
        wave = ForeignKeyField(Wave, backref="+", on_delete="RESTRICT")
        provider = ForeignKeyField(Department, backref="+", on_delete="RESTRICT")
        item = CharField(max_length=40)
        text = TextField()
        due_on = DateField()
        state = CharField(max_length=7, constraints=[Check("state IN ('open', 'done', 'dropped')")])
        made_on = DateField()
        ended_on = DateField(null=True)
        reason = TextField()
        suggestion = ForeignKeyField(Comment, backref="+", on_delete="RESTRICT", null=True)

        class Meta:
            database = db
            indexes = ((("provider", "state"), False),)
            constraints = [
                Check("(state = 'open') = (ended_on IS NULL)"),
                Check("(state = 'dropped') = (reason <> '')"),
            ]

    class CommitmentClient(Model):
        commitment = ForeignKeyField(Commitment, backref="+", on_delete="RESTRICT")
        department = ForeignKeyField(Department, backref="+", on_delete="RESTRICT")

        class Meta:
            database = db
            legacy_table_names = False
            primary_key = CompositeKey("commitment", "department")

    return Commitment, CommitmentClient


def up(migrator, db):
    db.create_tables(tables(db))


def down(migrator, db):
    db.drop_tables(reversed(tables(db)))
