"""The tables, in the order of the domain. Instants are UTC seconds since 1970; dates are local to their pulse."""

import secrets
from typing import Any

from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    Check,
    CompositeKey,
    DatabaseProxy,
    DateField,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    TextField,
)

from survey.measure.scale import SCORES

database = DatabaseProxy()


def random_id() -> str:
    """128 random bits in hex: they say nothing about when, or after whom, a row was made."""
    return secrets.token_hex(16)


class Table(Model):
    class Meta:
        database = database
        legacy_table_names = False


def required(model: Any, backref: str = "+", **options: Any) -> ForeignKeyField:
    """A reference that must be there; what it names cannot be deleted while it is."""
    return ForeignKeyField(model, backref=backref, on_delete="RESTRICT", **options)


# --- Who works where, and who uses whom -------------------------------------------------------------------------


class Department(Table):
    """A department, seen as provider and as client."""

    id = AutoField()
    key = CharField(max_length=80, unique=True)  # in addresses and files: "atencion-al-cliente"
    name = CharField(max_length=200)  # as people read it: "Atención al Cliente"
    parent = required("self", null=True)  # the division it belongs to, if any
    active = BooleanField(default=True)


HR_ROLES = ("hr", "admin")  # who may see what HR sees


class Person(Table):
    id = AutoField()
    email = CharField(max_length=254, unique=True)  # lower case: addresses compare without case
    name = CharField(max_length=200)
    department = required(Department, null=True)  # none for an administrator from outside
    language = CharField(max_length=20)  # a code of survey.settings.languages(): "es", "pt-BR"
    role = CharField(max_length=5, default="", constraints=[Check("role IN ('', 'hr', 'admin')")])
    active = BooleanField(default=True)  # an inactive person is never asked, mailed or let in
    sign_ins = IntegerField(default=0)  # counts sign-ins; a sign-in link works for one value of it only
    sessions = IntegerField(default=0)  # counts what ended all sessions; a session works for one value of it only


class Leadership(Table):
    """`person` leads `department`; a department may have several leads, a person several departments."""

    person = required(Person)
    department = required(Department)

    class Meta:
        primary_key = CompositeKey("person", "department")


class ServiceLink(Table):
    """`client` uses `provider`; `weight` (0–1) says how much it depends on it, 0 means it is never asked about."""

    id = AutoField()
    client = required(Department)
    provider = required(Department)
    weight = FloatField(constraints=[Check("weight >= 0 AND weight <= 1")])

    class Meta:
        indexes = ((("client", "provider"), True),)
        constraints = [Check("client_id <> provider_id")]


# --- When people are asked ---------------------------------------------------------------------------------------


class Pulse(Table):
    """A recurring survey: questionnaire + cadence + time zone + audience."""

    id = AutoField()
    key = CharField(max_length=80, unique=True)
    questionnaire = CharField(max_length=80)  # a file of survey/questionnaires, without .toml
    cadence = CharField(max_length=80)  # a file of schedules/cadences, without .toml
    first_date = DateField()  # local date that the cadence counts from
    timezone = CharField(max_length=64)  # IANA name
    state = CharField(max_length=6, default="active", constraints=[Check("state IN ('active', 'paused')")])
    first_occurrence = IntegerField(default=0)  # the number of the occurrence on first_date; above 0 after a shift
    holidays = CharField(max_length=40, default="")  # "ES-MD": whose public holidays are days off; empty: nobody's


class Blackout(Table):
    """Days, from the first to the last included, on which a pulse neither opens a wave nor reminds."""

    pulse = required(Pulse)
    starts_on = DateField()
    ends_on = DateField()

    class Meta:
        primary_key = CompositeKey("pulse", "starts_on", "ends_on")
        constraints = [Check("starts_on <= ends_on")]


class ItemOff(Table):
    """A practice that the pulse's coming waves do not ask about."""

    pulse = required(Pulse)
    item = CharField(max_length=40)  # a key of survey.measure.scale.PRACTICES

    class Meta:
        primary_key = CompositeKey("pulse", "item")


class Rewording(Table):
    """HR's own words for an item, in the pulse's coming waves."""

    pulse = required(Pulse)
    item = CharField(max_length=40)  # a key of survey.measure.scale.ITEMS
    language = CharField(max_length=20)  # a code, as of a person
    text = TextField()  # in place of the questionnaire's

    class Meta:
        primary_key = CompositeKey("pulse", "item", "language")


class PulseDepartment(Table):
    """The audience of a pulse: whole departments. A pulse without a row here asks every department."""

    pulse = required(Pulse)
    department = required(Department)

    class Meta:
        primary_key = CompositeKey("pulse", "department")


# States of a wave.
RUNNING = ("opening", "open", "closing")  # nothing of it is told yet but who has answered
ASKED = (*RUNNING, "closed")  # it has asked people

# Why a wave was cancelled.
MISSED = "missed"  # its day passed while nothing was running
RESTING = "resting"  # other waves asked nearly everybody around that day
SKIPPED = "skipped"  # HR left it out while it was planned
BY_HAND = "by hand"  # HR called it off


class Wave(Table):
    """One run of a pulse: planned → opening → open → closing → closed, or cancelled.

    While it is opening people are invited. It takes answers while it is open. While it is closing they are counted and
    deleted, and nothing is told of them.
    """

    id = AutoField()
    pulse = required(Pulse)
    occurrence = IntegerField()  # 0 for the pulse's first date, 1 for the next …
    local_date = DateField()  # the day it opens, in the pulse's time zone
    opens_at = BigIntegerField()  # planned instant
    closes_at = BigIntegerField()  # planned instant
    state = CharField(
        max_length=9,
        default="planned",
        constraints=[Check("state IN ('planned', 'opening', 'open', 'closing', 'closed', 'cancelled')")],
    )
    cancel_reason = CharField(max_length=20, default="")  # one of those above
    min_group = SmallIntegerField(null=True)  # k, frozen when the wave opens
    opened_at = BigIntegerField(null=True)
    closed_at = BigIntegerField(null=True)  # from when on it took no answers
    day_chosen = BooleanField(default=False)  # HR chose the day, so days off do not move it
    summary_after_days = SmallIntegerField(default=0)  # between closing and the leads' summaries; 0: at once
    cancelled_at = BigIntegerField(null=True)
    left_out = IntegerField(null=True)  # people of the audience who were not asked: they had been lately
    traces_left = BooleanField(null=True)  # its answers were deleted, and the files are still to be rewritten
    questionnaire = TextField(default="")  # JSON: what it asks, in which words, frozen when it opens; see survey.asking
    progress = SmallIntegerField(null=True)  # percent of opening or closing that is done; cancelled: not all is deleted

    class Meta:
        indexes = (
            (("pulse", "local_date"), True),
            (("state", "opens_at"), False),
        )

    @property
    def was_open(self) -> bool:
        """Whether it has taken answers, or takes them."""
        return self.state not in ("planned", "opening")


class Opening(Table):
    """Whom a wave asks that opens, as it was decided; gone when all of them are invited and their mails are queued."""

    wave = required(Wave, primary_key=True)
    people = BlobField()  # see survey.opening
    done = IntegerField(default=0)  # so many of them are invited; once all are, the mails that are queued count on


class Reminder(Table):
    """A reminder of a wave: due once, for whoever has not answered by then."""

    wave = required(Wave)
    sequence = SmallIntegerField()  # 1, 2 …
    due_at = BigIntegerField()
    done = BooleanField(default=False)  # queued, or passed over because the next one was due as well

    class Meta:
        primary_key = CompositeKey("wave", "sequence")


class ClientGroup(Table):
    """Client departments published together.

    Opening a wave makes one for each client department, small departments pooled (`provider` is empty).
    Closing adds "other departments" for a provider where the answers of some groups were too few to stand alone; on
    another item they may be other departments.
    """

    id = AutoField()
    wave = required(Wave)
    provider = required(Department, null=True)  # whose "other departments" this is
    invited = IntegerField(null=True)  # people; of groups made at opening
    answered = IntegerField(null=True)  # people; known once the wave has closed

    class Meta:
        indexes = ((("wave", "provider"), False),)


class ClientGroupDepartment(Table):
    client_group = required(ClientGroup)
    department = required(Department)

    class Meta:
        primary_key = CompositeKey("client_group", "department")


class Invitation(Table):
    """Person × wave: who was asked about whom, and whether they have answered. Never when, nor from where."""

    id = CharField(max_length=32, primary_key=True, default=random_id)
    wave = required(Wave, index=False)  # the pair below begins with it
    person = required(Person, null=True)  # forgotten some time after the wave has closed
    client_group = required(ClientGroup, index=False)  # likewise
    providers = TextField()  # ids of the departments asked about, in order: "4 11 2"
    answered = BooleanField(default=False)

    class Meta:
        indexes = ((("wave", "person"), True),)


# Of those alone who have answered: nobody counts the others, and a wave opens in half the time.
ANSWERED = (Invitation.client_group, Invitation.answered)  # the second one, so that it needs no look at the rows
Invitation.add_index(Invitation.index(*ANSWERED, where=Invitation.answered, name="invitation_answered"))


# --- What people said --------------------------------------------------------------------------------------------


class Rating(Table):
    """What one person says about one provider, until the wave closes. No person, no invitation, no time.

    Nothing joins it with what the same person says about another provider.
    """

    id = CharField(max_length=32, primary_key=True, default=random_id)
    wave = required(Wave)
    provider = required(Department, index=False)
    client_group = required(ClientGroup, index=False)
    answers = TextField()  # JSON: {"promises": 4, "overall": 2, "missing": 1}
    added = BooleanField(default=False)  # the person was not asked about this provider, and added it


class Comment(Table):
    """Free text about one provider. No client group, no scores, no time."""

    id = CharField(max_length=32, primary_key=True, default=random_id)
    wave = required(Wave, index=False)  # the pair below begins with it
    provider = required(Department)
    kind = CharField(max_length=10, constraints=[Check("kind IN ('thanks', 'complaint', 'suggestion')")])
    text = TextField()

    class Meta:
        indexes = ((("wave", "provider"), False),)


class Receipt(Table):
    """A code that was given out with a comment: its hash. Whoever has the code reads the replies; nobody else may."""

    digest = CharField(max_length=64, primary_key=True)  # SHA-256 of the code
    wave = required(Wave)
    comment = required(Comment, null=True, unique=True)  # none when the comment was deleted without being passed on


class Reply(Table):
    """A message below a comment: the department's with its day, or the comment's writer's, without any time."""

    id = CharField(max_length=32, primary_key=True, default=random_id)
    comment = required(Comment)
    sequence = SmallIntegerField()  # 1, 2 …
    by_client = BooleanField()  # the comment's writer says this, not the department
    text = TextField()
    replied_on = DateField(null=True)  # local day of the department's reply

    class Meta:
        indexes = ((("comment", "sequence"), True),)
        constraints = [Check("by_client = (replied_on IS NULL)")]


# --- How departments see themselves ---------------------------------------------------------------------------------


class OwnView(Table):
    """How one of its members thinks a department serves, until the wave closes. No person, no invitation, no time."""

    id = CharField(max_length=32, primary_key=True, default=random_id)
    wave = required(Wave)
    department = required(Department)
    answers = TextField()  # JSON: {"self": {"overall": 4}, "prediction": {"overall": 5}}


class Mirrored(Table):
    """Whoever was sent this invitation has said how their own department serves; known until the wave closes."""

    invitation = required(Invitation, primary_key=True)


class OwnViewTally(Table):
    """How many of a department's members gave each score, of themselves or as what they expect their clients to say."""

    wave = required(Wave)
    department = required(Department)
    view = CharField(max_length=10, constraints=[Check("view IN ('self', 'prediction')")])
    item = CharField(max_length=40)
    n1 = IntegerField()  # answers of score 1
    n2 = IntegerField()
    n3 = IntegerField()
    n4 = IntegerField()
    n5 = IntegerField()

    class Meta:
        primary_key = CompositeKey("wave", "department", "view", "item")
        constraints = [Check(" + ".join(f"n{score}" for score in SCORES) + " >= 3")]


class LeadView(Table):
    """The same from a department's lead. It is shown to nobody else."""

    wave = required(Wave)
    department = required(Department)
    person = required(Person)
    answers = TextField()  # as in OwnView

    class Meta:
        primary_key = CompositeKey("wave", "department", "person")


class Hindrance(Table):
    """What hinders serving clients better, as a department's lead says while the wave is open; HR reads it too."""

    wave = required(Wave)
    department = required(Department)
    person = required(Person)
    reason = CharField(max_length=9, constraints=[Check("reason IN ('resources', 'people', 'culture', 'nothing')")])

    class Meta:
        primary_key = CompositeKey("wave", "department", "person", "reason")


# --- What a closed wave publishes ----------------------------------------------------------------------------------


class Rated(Table):
    """A provider that enough people rated in a closed wave, and how many they were."""

    wave = required(Wave)
    provider = required(Department)
    raters = IntegerField(constraints=[Check("raters >= 3")])

    class Meta:
        primary_key = CompositeKey("wave", "provider")


class Tally(Table):
    """How many answers of each score: provider × client group × item. The one source of every figure inside.

    Each item has client groups of its own, each with enough answers on it.
    """

    wave = required(Wave, index=False)  # the key begins with it
    item = CharField(max_length=40)
    provider = required(Department)
    client_group = required(ClientGroup)
    n1 = IntegerField()  # answers of score 1
    n2 = IntegerField()
    n3 = IntegerField()
    n4 = IntegerField()
    n5 = IntegerField()

    class Meta:
        primary_key = CompositeKey("wave", "item", "provider", "client_group")
        constraints = [
            Check(" AND ".join(f"n{score} >= 0" for score in SCORES)),
            Check(" + ".join(f"n{score}" for score in SCORES) + " >= 3"),
        ]


class Addition(Table):
    """How many people of a client group (as made at opening) rated a provider they had not been asked about."""

    wave = required(Wave)
    client_group = required(ClientGroup)
    provider = required(Department)
    people = IntegerField(constraints=[Check("people >= 3")])

    class Meta:
        primary_key = CompositeKey("wave", "client_group", "provider")


class Release(Table):
    """All that a closed wave publishes. Its digest proves that it has not changed since."""

    wave = required(Wave, primary_key=True)
    released_at = BigIntegerField()
    digest = CharField(max_length=64)  # SHA-256 of the release's canonical JSON
    rewritten = BooleanField(default=False)  # the files hold no trace of who came when any more
    recalled = SmallIntegerField(default=0)  # how often leads were reminded of its complaints; no part of the digest


# --- What providers promise ----------------------------------------------------------------------------------------


class Commitment(Table):
    """What a provider promises its clients after a wave, in its lead's own words: every employee may read them.

    An open one whose day has passed is late.
    """

    id = AutoField()
    wave = required(Wave)  # the release it comes from
    provider = required(Department)
    item = CharField(max_length=40)  # what it is to improve: a practice, or `overall`
    text = TextField()
    due_on = DateField()  # the last day on which it is in time
    state = CharField(max_length=7, default="open", constraints=[Check("state IN ('open', 'done', 'dropped')")])
    made_on = DateField()
    ended_on = DateField(null=True)  # the day it was done or dropped
    reason = TextField(default="")  # why it was dropped
    suggestion = required(Comment, null=True)  # the one it comes from
    reminded_on = DateField(null=True)  # the day its leads were reminded of it
    reported_on = DateField(null=True)  # the day HR was told that it is late

    class Meta:
        indexes = ((("provider", "state"), False),)
        constraints = [
            Check("(state = 'open') = (ended_on IS NULL)"),
            Check("(state = 'dropped') = (reason <> '')"),
        ]


class CommitmentClient(Table):
    """`department` is a client that a commitment is credited to: it had asked for it."""

    commitment = required(Commitment)
    department = required(Department)

    class Meta:
        primary_key = CompositeKey("commitment", "department")


class NoticeQuestion(Table):
    """In this wave the people of `department` are asked whether they noticed what a commitment promised and is done.

    Frozen when the wave opens. A commitment is asked about in one wave only, so that one sum tells of it.
    """

    wave = required(Wave)
    commitment = required(Commitment)
    department = required(Department)

    class Meta:
        primary_key = CompositeKey("wave", "commitment", "department")


class Notice(Table):
    """One person's answer to that, until the wave closes. No person, no invitation, no department, no time."""

    id = CharField(max_length=32, primary_key=True, default=random_id)
    wave = required(Wave)
    commitment = required(Commitment)
    noticed = BooleanField()


class NoticeTally(Table):
    """How many noticed it and how many have not yet: of all the departments that were asked together."""

    wave = required(Wave)
    commitment = required(Commitment, unique=True)
    noticed = IntegerField()
    not_yet = IntegerField()

    class Meta:
        primary_key = CompositeKey("wave", "commitment")
        constraints = [Check("noticed >= 0 AND not_yet >= 0"), Check("noticed + not_yet >= 3")]


# --- What customers say --------------------------------------------------------------------------------------------


class Source(Table):
    """Where external scores come from: a customer survey, a help desk …"""

    id = AutoField()
    key = CharField(max_length=80, unique=True)
    name = CharField(max_length=200)


class Touchpoint(Table):
    """What a source rates."""

    id = AutoField()
    source = required(Source)
    key = CharField(max_length=120)  # as the file writes it
    name = CharField(max_length=200)

    class Meta:
        indexes = ((("source", "key"), True),)


class TouchpointDepartment(Table):
    """A touchpoint counts for a department with a weight; attributed: given by HR for want of scores of its own."""

    touchpoint = required(Touchpoint)
    department = required(Department)
    weight = FloatField(constraints=[Check("weight > 0 AND weight <= 1")])
    attributed = BooleanField(default=False)

    class Meta:
        primary_key = CompositeKey("touchpoint", "department")


class ExternalImport(Table):
    """One imported file."""

    id = AutoField()
    source = required(Source)
    file_name = CharField(max_length=255)
    digest = CharField(max_length=64)  # SHA-256 of the file and of the mapping it was read with
    imported_at = BigIntegerField()
    answers = IntegerField()  # taken in
    left_out = IntegerField()  # blanks, "never used" and other codes that are no answers

    class Meta:
        indexes = ((("source", "digest"), True),)


class ExternalTally(Table):
    """`n` answers about a touchpoint, on an item, in a period, that average `points` (0–100).

    Answers one by one become a row for each score that occurs, with `sd` 0. A figure that a source has summed
    already is one row with its own standard deviation, or none when the source does not give it.
    """

    id = AutoField()
    external_import = required(ExternalImport)
    touchpoint = required(Touchpoint, index=False)  # the index below begins with it
    item = CharField(max_length=40)
    starts_on = DateField()
    ends_on = DateField()  # the last day, included
    points = FloatField(constraints=[Check("points >= 0 AND points <= 100")])
    n = IntegerField(constraints=[Check("n > 0")])
    sd = FloatField(null=True)  # points; empty: the source does not say
    superseded_by = required(ExternalImport, null=True)  # a later file about the same days; this row counts no more

    class Meta:
        indexes = ((("touchpoint", "item", "ends_on"), False),)


class KeptMapping(Table):
    """How to read the files of a source, kept for the next one."""

    key = CharField(max_length=80, primary_key=True)  # as the command line writes it: "help-desk"
    name = CharField(max_length=80)  # as HR wrote it: "Help desk"
    toml = TextField()
    header = CharField(max_length=64)  # SHA-256 of the columns of the file that it was made with
    kept_at = BigIntegerField()


# --- Files on their way in ----------------------------------------------------------------------------------------


class Upload(Table):
    """A file of customers' scores between its upload and its import."""

    id = CharField(max_length=32, primary_key=True, default=random_id)
    person = required(Person)  # who uploaded it, and alone may see it
    file_name = CharField(max_length=255)
    content = BlobField()  # CSV, compressed by zlib
    profile = TextField()  # what stands in its columns, as JSON
    mapping = TextField()  # how it is to be read, as far as that is chosen; JSON
    kept_until = BigIntegerField()  # then it goes, imported or not


class RosterFile(Table):
    """A file of people between its upload and its import."""

    id = CharField(max_length=32, primary_key=True, default=random_id)
    person = required(Person)  # who uploaded it, and alone may see it
    file_name = CharField(max_length=255)
    content = BlobField()  # CSV, compressed by zlib
    complete = BooleanField()  # whoever is not in it is made inactive
    kept_until = BigIntegerField()  # then it goes, imported or not


# --- What is mailed ------------------------------------------------------------------------------------------------


class Message(Table):
    """A mail to be sent, as facts; the text is written when it leaves."""

    id = AutoField()
    kind = CharField(max_length=40)
    wave = required(Wave, null=True, index=False)  # none for a sign-in link
    person = required(Person)
    sequence = IntegerField(default=0)  # the reminder's number; the sign-in's count
    state = CharField(
        max_length=9,
        default="pending",
        constraints=[Check("state IN ('pending', 'sending', 'sent', 'retry', 'dead', 'dropped')")],
    )
    due_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)  # after this instant sending it is pointless
    lease = CharField(max_length=32, null=True)  # the sender that has it in hand; no other one sends it
    leased_until = BigIntegerField(null=True)  # a sender that dies loses it then
    attempts = SmallIntegerField(default=0)  # how often it has been handed to the mail server
    tried_at = BigIntegerField(null=True)  # when it was handed over last; a mail that is dropped keeps what it had
    reason = TextField(default="")  # why it is retried, dead or dropped
    mail_id = CharField(max_length=32, default=random_id)  # the Message-ID stays the same in every copy

    class Meta:
        indexes = (
            (("kind", "wave", "person", "sequence"), True),
            (("wave", "kind", "sequence", "state"), False),
            (("state", "due_at"), False),
            (("tried_at",), False),
        )


class MailSwitch(Table):
    """One row, for all senders: whether mail may leave. Those that share a rate take turns by locking it."""

    id = SmallIntegerField(primary_key=True, default=1, constraints=[Check("id = 1")])
    paused_at = BigIntegerField(null=True)  # since then nothing leaves


class Bounce(Table):
    """The mail server refused a person's address for good; it holds as long as the address is the same."""

    person = required(Person, primary_key=True)
    email = CharField(max_length=254)  # the address that was refused
    reply = TextField()  # the server's words


class Subscription(Table):
    """How often a person wants the summaries that are mailed when a wave closes; without a row, after each."""

    person = required(Person, primary_key=True)
    frequency = CharField(max_length=7, constraints=[Check("frequency IN ('each', 'monthly', 'never')")])


# --- Who runs the clock --------------------------------------------------------------------------------------------


class Lease(Table):
    """The process that runs the clock while others stand by. Without it steps are safe all the same."""

    name = CharField(max_length=20, primary_key=True)
    holder = CharField(max_length=120)  # "host:process:…"; empty when nobody holds it
    until = BigIntegerField()  # who does not renew it by then has lost it
    ticked_at = BigIntegerField()  # when the clock was last known to run


# On SQLite the migrations make these without row numbers, so that they keep no order of arrival, nor of people.
UNORDERED = (Invitation, Rating, Comment, Receipt, Reply, OwnView, Mirrored, Hindrance, Notice)

TABLES = (
    Department,
    Person,
    Leadership,
    ServiceLink,
    Pulse,
    Blackout,
    ItemOff,
    Rewording,
    PulseDepartment,
    Wave,
    Opening,
    Reminder,
    ClientGroup,
    ClientGroupDepartment,
    Invitation,
    Rating,
    Comment,
    Receipt,
    Reply,
    OwnView,
    Mirrored,
    OwnViewTally,
    LeadView,
    Hindrance,
    Rated,
    Tally,
    Addition,
    Release,
    Commitment,
    CommitmentClient,
    NoticeQuestion,
    Notice,
    NoticeTally,
    Source,
    Touchpoint,
    TouchpointDepartment,
    ExternalImport,
    ExternalTally,
    KeptMapping,
    Upload,
    RosterFile,
    Message,
    MailSwitch,
    Bounce,
    Subscription,
    Lease,
)
