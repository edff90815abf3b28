"""Queue messages as facts, and say which may still leave, and how many at a time."""

from collections.abc import Iterable, Sequence

from peewee import JOIN, Query, fn

from survey.database import insert_rows
from survey.models import HR_ROLES, Invitation, Leadership, MailSwitch, Message, Person, Wave, random_id
from survey.prepared import prepared

MINUTE_SECONDS = 60

QUEUED = (
    *(Message.kind, Message.wave, Message.person, Message.sequence, Message.state, Message.due_at, Message.expires_at),
    *(Message.attempts, Message.reason, Message.mail_id),
)

# Kinds of messages, and what each is for.
INVITATION = "invitation"
REMINDER = "reminder"
SUMMARY = "summary"  # to a lead, when a wave has closed
COMPANY = "company"  # to HR, when a wave has closed
MISSED = "missed"  # to HR: waves whose day passed while nothing was running
UNOPENED = "unopened"  # to HR: a wave that is due and may not open until somebody mends what it asks
COMPLAINTS = "complaints"  # to a lead: complaints of a release wait for a reply
PROMISES = "promises"  # to a lead: promises are due soon; to HR when nobody leads the department
OVERDUE = "overdue"  # to HR: promises that are late
SIGN_IN = "sign-in"

ASKING = (INVITATION, REMINDER)  # go to all who are asked
SUMMARIES = (SUMMARY, COMPANY)  # their readers choose how often they come
OF_A_DAY = (PROMISES, OVERDUE)  # numbered by their day, about commitments of whatever wave
OUTLIVING = (*SUMMARIES, COMPLAINTS, *OF_A_DAY)  # may leave when who was asked in their wave has been forgotten

# Why a message was not sent after all.
ANSWERED = "the person has answered"
WAVE_CLOSED = "the wave is no longer open"
LEFT = "the person is no longer active"
OTHER_DUTY = "the person no longer leads, or works for HR"
EXPIRED = "it had become pointless"
MENDED = "what it tells of has been mended"
SETTLED = "what it recalls has been done"
UNWRITABLE = "the mail could not be written or handed over; see the log"


def queue(
    kind: str,
    people: Iterable[int],
    now: int,
    *,
    wave: Wave | None = None,
    sequence: int = 0,
    expires_at: int | None = None,
) -> None:
    """Queue one message of `kind` to each of `people`; those who have it already get no second one."""
    of_wave = wave.id if wave else None
    rows = ((kind, of_wave, person, sequence, "pending", now, expires_at, 0, "", random_id()) for person in people)
    insert_rows(Message, QUEUED, rows, ignore=True)


def resend(now: int, message_id: int | None = None) -> int:
    """Queue a dead message again, or all of them, unless it has become pointless; return how many.

    It stays the same mail, with the same Message-ID and link. Asked twice it is queued once. No reminder is: see
    `state_counts`.
    """
    chosen = (Message.state == "dead") & (Message.expires_at.is_null() | (Message.expires_at > now))
    chosen &= Message.kind != REMINDER
    if message_id is not None:
        chosen &= Message.id == message_id
    return Message.update(state="pending", due_at=now, attempts=0, reason="").where(chosen).execute()


def waiting() -> int:
    """How many mails of any kind are still to be sent for the first time, or in somebody's hand."""
    return Message.select().where(Message.state.in_(["pending", "sending"])).count()


# --- Whether mail may leave ----------------------------------------------------------------------------------------


def pause(now: int) -> None:
    """Let no mail leave, whichever process would send it, until `resume`."""
    MailSwitch.update(paused_at=now).where(MailSwitch.paused_at.is_null()).execute()


def resume() -> None:
    MailSwitch.update(paused_at=None).execute()


def paused_since() -> int | None:
    """The instant at which mail was paused, or None when it may leave."""
    ((paused_at,),) = _switch.raw()
    return paused_at


@prepared
def _switch() -> Query:
    return MailSwitch.select(MailSwitch.paused_at).tuples()


def tried_lately(now: int) -> int:
    """How many mails have been handed over in the 60 seconds up to `now`, by all processes."""
    return Message.select().where(Message.tried_at.between(now - MINUTE_SECONDS + 1, now)).count()


def room(now: int, per_minute: int, most: int) -> int:
    """How many mails may leave at this moment, up to `most`: none while mail is paused."""
    if paused_since() is not None:
        return 0
    return min(most, max(0, per_minute - tried_lately(now))) if per_minute else most


def why_not_sent(message: Message, now: int) -> str | None:
    """The reason for which a queued message must not leave any more, or None when it must."""
    if message.expires_at is not None and message.expires_at <= now:
        return EXPIRED
    erased = (False, "", None, None)  # a moment ago
    active, role, wave_state, answered = next(iter(_standing.raw(message.id)), erased)
    if not active:
        return LEFT
    if message.kind in SUMMARIES and not _may_read(message, role):
        return OTHER_DUTY
    if message.kind == UNOPENED and wave_state != "planned":
        return MENDED
    if message.kind not in ASKING:
        return None
    if wave_state != "open":
        return WAVE_CLOSED
    return ANSWERED if answered and not _is_watched(message) else None


def _is_watched(message: Message) -> bool:
    """Whether HR sees by name what becomes of it: an invitation that was tried and not taken.

    To drop it would tell that its person has answered, so it is tried as if they had not.
    """
    return message.kind == INVITATION and message.tried_at is not None


@prepared
def _standing(message: int) -> Query:
    """Its person: active or not, and the role; the state of its wave; and whether the person has answered."""
    invited = (Invitation.wave == Wave.id) & (Invitation.person == Message.person)
    return (
        Message.select(Person.active, Person.role, Wave.state, Invitation.answered)
        .join(Person)
        .switch(Message)
        .join(Wave, JOIN.LEFT_OUTER)
        .join(Invitation, JOIN.LEFT_OUTER, on=invited)
        .where(Message.id == message)
        .tuples()
    )


def _may_read(summary: Message, role: str) -> bool:
    """Whether its reader still is what a summary was queued for; some leave days after the closing."""
    if summary.kind == COMPANY:
        return role in HR_ROLES
    return Leadership.select().where(Leadership.person == summary.person_id).exists()


def state_counts(only: Sequence[str] = ()) -> dict[str, int]:
    """How many messages are in which state, of all states or of these; a few take no longer where there are many.

    Reminders are not counted: they go to those who have not answered, so that one more or less would tell of somebody
    who is erased, or whose address was made one that is refused.
    """
    counted = Message.select(Message.state, fn.COUNT(Message.id)).where(Message.kind != REMINDER)
    query = counted.group_by(Message.state)
    return dict((query.where(Message.state.in_(only)) if only else query).tuples())
