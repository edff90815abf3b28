"""How departments and their leads see themselves, and what they expect their clients to say."""

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

    class OwnView(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        department = required(Department)
        answers = TextField()

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)

    class Invitation(Table):
        id = CharField(max_length=32, primary_key=True)

    class Mirrored(Table):
        invitation = ForeignKeyField(Invitation, backref="+", on_delete="RESTRICT", primary_key=True)

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)

    class OwnViewTally(Table):
        wave = required(Wave)
        department = required(Department)
        view = CharField(max_length=10, constraints=[Check("view IN ('self', 'prediction')")])
        item = CharField(max_length=40)
        n1 = IntegerField()
        n2 = IntegerField()
        n3 = IntegerField()
        n4 = IntegerField()
        n5 = IntegerField()

        class Meta:
            primary_key = CompositeKey("wave", "department", "view", "item")
            constraints = [Check("n1 + n2 + n3 + n4 + n5 >= 3")]

    class LeadView(Table):
        wave = required(Wave)
        department = required(Department)
        person = required(Person)
        answers = TextField()

        class Meta:
            primary_key = CompositeKey("wave", "department", "person")

    return OwnView, Mirrored, OwnViewTally, LeadView


def up(migrator, db):
    db.create_tables(tables(db))


def down(migrator, db):
    db.drop_tables(tables(db))
