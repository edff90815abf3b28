"""Indexes that hold what is counted, and no more, so that a million rows are neither written nor read in vain.

Of invitations only those that were answered are counted by client group; of mails, those of a wave by kind and state.
"""

BEFORE = {
    "invitation_client_group_id_answered": '"invitation" ("client_group_id", "answered")',
    "message_wave_id": '"message" ("wave_id")',
}
AFTER = {
    "invitation_answered": '"invitation" ("client_group_id", "answered") WHERE "answered"',
    "message_wave_id_kind_sequence_state": '"message" ("wave_id", "kind", "sequence", "state")',
}


def up(migrator, db):
    _replace(db, BEFORE, AFTER)


def down(migrator, db):
    _replace(db, AFTER, BEFORE)


def _replace(db, old, new):
    for name in old:
        db.execute_sql(f'DROP INDEX "{name}"')
    for name, what in new.items():
        db.execute_sql(f'CREATE INDEX "{name}" ON {what}')
