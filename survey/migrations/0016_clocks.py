"""What leads and HR have been mailed about: unanswered complaints of a release, commitments due soon, and late ones."""

from peewee import *

COLUMNS = (
    ("release", "recalled", SmallIntegerField(default=0)),
    ("commitment", "reminded_on", DateField(null=True)),
    ("commitment", "reported_on", DateField(null=True)),
)


def up(migrator, db):
    for table, column, field in COLUMNS:
        migrator.add_column(table, column, field).run()


def down(migrator, db):
    for table, column, _ in reversed(COLUMNS):
        migrator.drop_column(table, column).run()
