"""Days off: public holidays, blackout dates, a shifted first day, and waves whose day somebody chose."""

from peewee import *


def blackout(db):
    class Pulse(Model):
        id = AutoField()

        class Meta:
            database = db

    class Blackout(Model):
        pulse = ForeignKeyField(Pulse, backref="+", on_delete="RESTRICT")
        starts_on = DateField()
        ends_on = DateField()

        class Meta:
            database = db
            primary_key = CompositeKey("pulse", "starts_on", "ends_on")
            constraints = [Check("starts_on <= ends_on")]

    return Blackout


COLUMNS = (
    ("pulse", "first_occurrence", IntegerField(default=0)),
    ("pulse", "holidays", CharField(max_length=40, default="")),
    ("wave", "day_chosen", BooleanField(default=False)),
    ("wave", "summary_after_days", SmallIntegerField(default=0)),
)


def up(migrator, db):
    for table, column, field in COLUMNS:
        migrator.add_column(table, column, field).run()
    blackout(db).create_table()


def down(migrator, db):
    blackout(db).drop_table()
    for table, column, _ in reversed(COLUMNS):
        migrator.drop_column(table, column).run()
