"""Answers about different providers are kept apart from the moment they come, and are gone once they are counted.

Until now a response lay whole until its wave closed, and ratings were kept for good although nothing read them. Client
groups were made for a provider; now each of its items has its own, so the tallies name their provider themselves.

Releases are told in another form, so their digests are made again; one that had been altered before is left as it is,
to be found. Without `down`: what has been parted cannot be joined.
"""

import json
import secrets
from collections import defaultdict
from hashlib import sha256

from peewee import *

SCORES = range(1, 6)
ROWS_AT_ONCE = 500


def tables(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Wave(Table):
        id = AutoField()

    class Department(Table):
        id = AutoField()

    class ClientGroup(Table):
        id = AutoField()

    def required(model):
        return ForeignKeyField(model, backref="+", on_delete="RESTRICT")

    class Rated(Table):
        wave = required(Wave)
        provider = required(Department)
        raters = IntegerField(constraints=[Check("raters >= 3")])

        class Meta:
            primary_key = CompositeKey("wave", "provider")

    class Tally(Table):
        wave = required(Wave)
        item = CharField(max_length=40)
        provider = required(Department)
        client_group = required(ClientGroup)
        n1 = IntegerField()
        n2 = IntegerField()
        n3 = IntegerField()
        n4 = IntegerField()
        n5 = IntegerField()

        class Meta:
            primary_key = CompositeKey("wave", "item", "provider", "client_group")
            constraints = [
                Check("n1 >= 0 AND n2 >= 0 AND n3 >= 0 AND n4 >= 0 AND n5 >= 0"),
                Check("n1 + n2 + n3 + n4 + n5 >= 3"),
            ]

    class Rating(Table):
        id = CharField(primary_key=True)
        wave_id = IntegerField()
        provider_id = IntegerField()
        client_group_id = IntegerField()
        answers = TextField()

    class Comment(Table):
        id = CharField(primary_key=True)
        wave_id = IntegerField()
        provider_id = IntegerField()
        kind = CharField()
        text = TextField()

    return Rated, Tally, Rating, Comment


def up(migrator, db):
    rated, tally, rating, comment = tables(db)
    intact = _intact(db)
    cells = _all(db, "SELECT wave_id, provider_id, raters FROM cell")
    tallies = _all(
        db,
        "SELECT wave_id, item, provider_id, client_group_id, n1, n2, n3, n4, n5 "
        "FROM tally JOIN cell ON cell.id = tally.cell_id",
    )
    db.execute_sql("DROP TABLE tally")
    db.execute_sql("DROP TABLE cell")
    db.create_tables([rated, tally])
    raters = defaultdict(int)
    for wave, provider, people in cells:
        raters[wave, provider] += people
    _insert(rated, ["wave_id", "provider_id", "raters"], [(*place, people) for place, people in raters.items()])
    _insert(tally, [field.column_name for field in tally._meta.sorted_fields], tallies)
    _part_responses(db, rating, comment)
    for wave in intact:
        digest = sha256(_document(db, wave)).hexdigest()
        tell = "UPDATE release SET digest = {0} WHERE wave_id = {0}".format(_placeholder(db))
        db.execute_sql(tell, (digest, wave))
    db.execute_sql(f"UPDATE release SET rewritten = {_false(db)}")


def _part_responses(db, rating, comment):
    """The answers of open waves, each about its provider, under ids of their own; those of closed waves go."""
    db.execute_sql("DELETE FROM rating")
    ratings, comments = [], []
    for wave, group, payload in _all(db, "SELECT wave_id, client_group_id, payload FROM response"):
        for said in json.loads(payload):
            if said["answers"]:
                answers = json.dumps(said["answers"], sort_keys=True)
                ratings.append((secrets.token_hex(16), wave, said["provider"], group, answers))
            if said.get("comment"):
                comments.append((secrets.token_hex(16), wave, said["provider"], said["kind"], said["comment"]))
    _insert(rating, ["id", "wave_id", "provider_id", "client_group_id", "answers"], sorted(ratings))
    _insert(comment, ["id", "wave_id", "provider_id", "kind", "text"], sorted(comments))
    db.execute_sql("DROP TABLE response")


def _insert(table, columns, rows):
    fields = [table._meta.columns[column] for column in columns]
    for chunk in chunked(rows, ROWS_AT_ONCE):
        table.insert_many(chunk, fields).execute()


# --- A release's digest, as it was and as it is -------------------------------------------------------------------


def _intact(db):
    """The waves whose release is, byte for byte, what was released."""
    return [
        wave
        for wave, digest in _all(db, "SELECT wave_id, digest FROM release")
        if sha256(_document_before(db, wave)).hexdigest() == digest
    ]


def _document_before(db, wave):
    members = _members(db, wave)
    tallies = defaultdict(dict)
    of_wave = "FROM cell JOIN tally ON tally.cell_id = cell.id WHERE wave_id = {}".format(_placeholder(db))
    for cell, item, *counts in _all(db, f"SELECT cell.id, item, n1, n2, n3, n4, n5 {of_wave}", wave):
        tallies[cell][item] = counts
    cells = "SELECT id, provider_id, client_group_id, raters FROM cell WHERE wave_id = {}".format(_placeholder(db))
    rows = [
        {"provider": provider, "clients": members[group], "raters": raters, "tallies": tallies[cell]}
        for cell, provider, group, raters in _all(db, cells, wave)
    ]
    return _json(db, wave, members, cells=sorted(rows, key=lambda row: (row["provider"], row["clients"])))


def _document(db, wave):
    members = _members(db, wave)
    tallies = "SELECT provider_id, client_group_id, item, n1, n2, n3, n4, n5 FROM tally WHERE wave_id = {}"
    rows = [
        {"provider": provider, "clients": members[group], "item": item, "counts": counts}
        for provider, group, item, *counts in _all(db, tallies.format(_placeholder(db)), wave)
    ]
    raters = "SELECT provider_id, raters FROM rated WHERE wave_id = {} ORDER BY provider_id".format(_placeholder(db))
    return _json(
        db,
        wave,
        members,
        raters=_all(db, raters, wave),
        tallies=sorted(rows, key=lambda row: (row["provider"], row["item"], row["clients"])),
    )


def _json(db, wave, members, **told):
    ((day, k),) = _all(db, "SELECT local_date, min_group FROM wave WHERE id = {}".format(_placeholder(db)), wave)
    groups = "SELECT id, invited, answered FROM client_group WHERE provider_id IS NULL AND wave_id = {}"
    participation = [
        {"clients": members[group], "invited": invited, "answered": answered}
        for group, invited, answered in _all(db, groups.format(_placeholder(db)), wave)
    ]
    participation.sort(key=lambda row: row["clients"])
    told |= {"wave": wave, "date": str(day), "min_group": k, "participation": participation}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def _members(db, wave):
    """{client group: its departments, sorted}"""
    query = (
        "SELECT client_group_id, department_id FROM client_group_department "
        "JOIN client_group ON client_group.id = client_group_id WHERE wave_id = {} ORDER BY department_id"
    )
    members = defaultdict(list)
    for group, department in _all(db, query.format(_placeholder(db)), wave):
        members[group].append(department)
    return members


def _all(db, query, *values):
    return db.execute_sql(query, values).fetchall()


def _placeholder(db):
    return "?" if isinstance(db, SqliteDatabase) else "%s"


def _false(db):
    return "0" if isinstance(db, SqliteDatabase) else "false"
