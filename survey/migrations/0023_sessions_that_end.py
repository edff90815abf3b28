"""Signing out ends a person's sessions on the server as well, wherever their cookies may be."""

from peewee import *


def up(migrator, db):
    migrator.add_column("person", "sessions", IntegerField(default=0)).run()


def down(migrator, db):
    migrator.drop_column("person", "sessions").run()
