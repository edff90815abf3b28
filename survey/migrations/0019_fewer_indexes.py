"""Indexes that only cost time: each row of what people answer, or are asked, was written into twice as many as are read.

Some begin like another one; the others would only help to delete departments and client groups, which never happens.
"""

UNREAD = (
    ("rating", "provider_id"),
    ("rating", "client_group_id"),
    ("invitation", "wave_id"),
    ("invitation", "client_group_id"),
    ("comment", "wave_id"),
    ("tally", "wave_id"),
    ("external_tally", "touchpoint_id"),
)


def up(migrator, db):
    for table, column in UNREAD:
        db.execute_sql(f'DROP INDEX "{table}_{column}"')


def down(migrator, db):
    for table, column in UNREAD:
        db.execute_sql(f'CREATE INDEX "{table}_{column}" ON "{table}" ("{column}")')
