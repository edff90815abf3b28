"""How often a person wants the summaries that are mailed when a wave closes."""

from peewee import *


def subscription(db):
    class Person(Model):
        id = AutoField()

        class Meta:
            database = db

    class Subscription(Model):
        person = ForeignKeyField(Person, backref="+", on_delete="RESTRICT", primary_key=True)
        frequency = CharField(max_length=7, constraints=[Check("frequency IN ('each', 'monthly', 'never')")])

        class Meta:
            database = db

    return Subscription


def up(migrator, db):
    subscription(db).create_table()


def down(migrator, db):
    subscription(db).drop_table()
