"""Only invitations that were answered are counted by client group, so only they need to stand in that index.

It had a place of its own, anywhere, for each of a million people who were invited: that was half the work of a wave.
"""


def up(migrator, db):
    db.execute_sql('DROP INDEX "invitation_client_group_id_answered"')
    db.execute_sql('CREATE INDEX "invitation_answered" ON "invitation" ("client_group_id") WHERE "answered"')


def down(migrator, db):
    db.execute_sql('DROP INDEX "invitation_answered"')
    db.execute_sql(
        'CREATE INDEX "invitation_client_group_id_answered" ON "invitation" ("client_group_id", "answered")'
    )
