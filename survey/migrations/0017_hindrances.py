"""What leads say hinders serving their clients better."""

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

    class Person(Table):
        id = AutoField()

    def required(model):
        return ForeignKeyField(model, backref="+", on_delete="RESTRICT")

    class Hindrance(Table):
        wave = required(Wave)
        department = required(Department)
        person = required(Person)
        reason = CharField(
            max_length=9, constraints=[Check("reason IN ('resources', 'people', 'culture', 'nothing')")]
        )

        class Meta:
            primary_key = CompositeKey("wave", "department", "person", "reason")
            without_rowid = isinstance(db, SqliteDatabase)

    return (Hindrance,)


def up(migrator, db):
    db.create_tables(tables(db))


def down(migrator, db):
    db.drop_tables(tables(db))
