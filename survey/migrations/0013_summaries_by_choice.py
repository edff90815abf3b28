"""How often a person wants the summaries that are mailed when a wave closes."""

from peewee import *


def up(migrator, db):
    chosen = CharField(max_length=7, default="each", constraints=[Check("summaries IN ('each', 'monthly', 'never')")])
    migrator.add_column("person", "summaries", chosen).run()


def down(migrator, db):
    migrator.drop_column("person", "summaries").run()
