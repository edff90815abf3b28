"""What is forgotten: traces of arrival, who was asked some time ago, and a person when somebody asks for it.

Releases stay as they are: they hold numbers of groups and never held a person.
"""

from survey.database import leave_no_trace
from survey.models import Invitation, Leadership, Message, Person, Release, Wave, database

DAY_SECONDS = 24 * 3600
PERSONAL_TABLES = (Person, Leadership, Invitation, Message)  # where a person's bytes stand


def forget_due(now: int, days: int) -> int:
    """Part the invitations and mails of waves that closed `days` ago or earlier from their people.

    Returns how many waves had something left to forget.
    """
    closed_by = now - days * DAY_SECONDS
    old = Wave.select(Wave.id).where((Wave.state == "closed") & (Wave.closed_at <= closed_by))
    remembered = Invitation.select(Invitation.wave).where(Invitation.wave.in_(old), Invitation.person.is_null(False))
    waves = [wave for (wave,) in remembered.distinct().tuples()]
    if not waves:
        return 0
    with database.atomic():
        Invitation.update(person=None).where(Invitation.wave.in_(waves)).execute()
        Message.delete().where(Message.wave.in_(waves)).execute()
    leave_no_trace(PERSONAL_TABLES)
    return len(waves)


def erase(email: str) -> bool:
    """Remove a person's bytes from the database; False when nobody has this e-mail.

    A link that was mailed to them works until its wave closes: an answer never knew whose it is.
    """
    person = Person.get_or_none(Person.email == email.strip().lower())
    if person is None:
        return False
    with database.atomic():
        Invitation.update(person=None).where(Invitation.person == person).execute()
        Message.delete().where(Message.person == person).execute()
        Leadership.delete().where(Leadership.person == person).execute()
        person.delete_instance()
    leave_no_trace(PERSONAL_TABLES)
    return True


def rewrite_due() -> bool:
    """Rewrite the files when a wave has closed since that was last done; whether it was due.

    Closing does so at once. When it could not, because somebody was reading or the process was killed, the clock does.
    """
    waiting = ~Release.rewritten
    if not Release.select().where(waiting).exists():
        return False
    leave_no_trace()
    Release.update(rewritten=True).where(waiting).execute()
    return True
