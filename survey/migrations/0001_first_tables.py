"""The first tables: people, waves, answers, releases, external scores and mail.

A frozen copy: later changes of survey/models.py come as later migrations.
"""

from peewee import *


def required(model, **options):
    return ForeignKeyField(model, backref="+", on_delete="RESTRICT", **options)


def tables(db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Department(Table):
        id = AutoField()
        key = CharField(max_length=80, unique=True)
        name = CharField(max_length=200)
        parent = required("self", null=True)
        active = BooleanField(default=True)

    class Person(Table):
        id = AutoField()
        email = CharField(max_length=254, unique=True)
        name = CharField(max_length=200)
        department = required(Department, null=True)
        language = CharField(max_length=2, constraints=[Check("language IN ('es', 'en')")])
        role = CharField(max_length=5, default="", constraints=[Check("role IN ('', 'hr', 'admin')")])
        active = BooleanField(default=True)
        sign_ins = IntegerField(default=0)

    class Leadership(Table):
        person = required(Person)
        department = required(Department)

        class Meta:
            primary_key = CompositeKey("person", "department")

    class ServiceLink(Table):
        id = AutoField()
        client = required(Department)
        provider = required(Department)
        weight = FloatField(constraints=[Check("weight >= 0 AND weight <= 1")])

        class Meta:
            indexes = ((("client", "provider"), True),)
            constraints = [Check("client_id <> provider_id")]

    class Pulse(Table):
        id = AutoField()
        key = CharField(max_length=80, unique=True)
        questionnaire = CharField(max_length=80)
        cadence = CharField(max_length=80)
        first_date = DateField()
        timezone = CharField(max_length=64)
        state = CharField(max_length=6, default="active", constraints=[Check("state IN ('active', 'paused')")])

    class PulseDepartment(Table):
        pulse = required(Pulse)
        department = required(Department)

        class Meta:
            primary_key = CompositeKey("pulse", "department")

    class Wave(Table):
        id = AutoField()
        pulse = required(Pulse)
        occurrence = IntegerField()
        local_date = DateField()
        opens_at = BigIntegerField()
        closes_at = BigIntegerField()
        state = CharField(
            max_length=9, default="planned", constraints=[Check("state IN ('planned', 'open', 'closed', 'cancelled')")]
        )
        cancel_reason = CharField(max_length=20, default="")
        min_group = SmallIntegerField(null=True)
        opened_at = BigIntegerField(null=True)
        closed_at = BigIntegerField(null=True)

        class Meta:
            indexes = (
                (("pulse", "local_date"), True),
                (("state", "opens_at"), False),
            )

    class Reminder(Table):
        wave = required(Wave)
        sequence = SmallIntegerField()
        due_at = BigIntegerField()
        done = BooleanField(default=False)

        class Meta:
            primary_key = CompositeKey("wave", "sequence")

    class ClientGroup(Table):
        id = AutoField()
        wave = required(Wave)
        provider = required(Department, null=True)
        invited = IntegerField(null=True)
        answered = IntegerField(null=True)

        class Meta:
            indexes = ((("wave", "provider"), False),)

    class ClientGroupDepartment(Table):
        client_group = required(ClientGroup)
        department = required(Department)

        class Meta:
            primary_key = CompositeKey("client_group", "department")

    class Invitation(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        person = required(Person, null=True)
        client_group = required(ClientGroup)
        providers = TextField()
        answered = BooleanField(default=False)

        class Meta:
            indexes = (
                (("wave", "person"), True),
                (("client_group", "answered"), False),
            )

    class Response(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        client_group = required(ClientGroup)
        after_reminder = BooleanField()
        payload = TextField()

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)

    class Rating(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        provider = required(Department)
        client_group = required(ClientGroup)
        answers = TextField()

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)

    class Comment(Table):
        id = CharField(max_length=32, primary_key=True)
        wave = required(Wave)
        provider = required(Department)
        kind = CharField(max_length=10, constraints=[Check("kind IN ('thanks', 'complaint', 'suggestion')")])
        text = TextField()

        class Meta:
            without_rowid = isinstance(db, SqliteDatabase)
            indexes = ((("wave", "provider"), False),)

    class Cell(Table):
        id = AutoField()
        wave = required(Wave)
        provider = required(Department)
        client_group = required(ClientGroup)
        raters = IntegerField(constraints=[Check("raters >= 3")])

        class Meta:
            indexes = ((("wave", "provider", "client_group"), True),)

    class Tally(Table):
        cell = required(Cell)
        item = CharField(max_length=40)
        n1 = IntegerField()
        n2 = IntegerField()
        n3 = IntegerField()
        n4 = IntegerField()
        n5 = IntegerField()

        class Meta:
            primary_key = CompositeKey("cell", "item")
            constraints = [Check("n1 >= 0 AND n2 >= 0 AND n3 >= 0 AND n4 >= 0 AND n5 >= 0")]

    class Release(Table):
        wave = required(Wave, primary_key=True)
        released_at = BigIntegerField()
        digest = CharField(max_length=64)
        rewritten = BooleanField(default=False)

    class Source(Table):
        id = AutoField()
        key = CharField(max_length=80, unique=True)
        name = CharField(max_length=200)

    class Touchpoint(Table):
        id = AutoField()
        source = required(Source)
        key = CharField(max_length=120)
        name = CharField(max_length=200)

        class Meta:
            indexes = ((("source", "key"), True),)

    class TouchpointDepartment(Table):
        touchpoint = required(Touchpoint)
        department = required(Department)
        weight = FloatField(constraints=[Check("weight > 0 AND weight <= 1")])
        attributed = BooleanField(default=False)

        class Meta:
            primary_key = CompositeKey("touchpoint", "department")

    class ExternalImport(Table):
        id = AutoField()
        source = required(Source)
        file_name = CharField(max_length=255)
        digest = CharField(max_length=64)
        imported_at = BigIntegerField()
        answers = IntegerField()
        left_out = IntegerField()

        class Meta:
            indexes = ((("source", "digest"), True),)

    class ExternalTally(Table):
        id = AutoField()
        external_import = required(ExternalImport)
        touchpoint = required(Touchpoint)
        item = CharField(max_length=40)
        starts_on = DateField()
        ends_on = DateField()
        points = FloatField(constraints=[Check("points >= 0 AND points <= 100")])
        n = IntegerField(constraints=[Check("n > 0")])
        sd = FloatField(null=True)
        superseded_by = required(ExternalImport, null=True)

        class Meta:
            indexes = ((("touchpoint", "item", "ends_on"), False),)

    class Message(Table):
        id = AutoField()
        kind = CharField(max_length=40)
        wave = required(Wave, null=True)
        person = required(Person)
        sequence = IntegerField(default=0)
        state = CharField(
            max_length=9,
            default="pending",
            constraints=[Check("state IN ('pending', 'sending', 'sent', 'retry', 'dead', 'dropped')")],
        )
        due_at = BigIntegerField()
        expires_at = BigIntegerField(null=True)
        leased_until = BigIntegerField(null=True)
        attempts = SmallIntegerField(default=0)
        reason = TextField(default="")
        mail_id = CharField(max_length=32)

        class Meta:
            indexes = (
                (("kind", "wave", "person", "sequence"), True),
                (("state", "due_at"), False),
            )

    return [
        Department,
        Person,
        Leadership,
        ServiceLink,
        Pulse,
        PulseDepartment,
        Wave,
        Reminder,
        ClientGroup,
        ClientGroupDepartment,
        Invitation,
        Response,
        Rating,
        Comment,
        Cell,
        Tally,
        Release,
        Source,
        Touchpoint,
        TouchpointDepartment,
        ExternalImport,
        ExternalTally,
        Message,
    ]


def up(migrator, db):
    db.create_tables(tables(db))


def down(migrator, db):
    db.drop_tables(tables(db))
