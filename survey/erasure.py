"""What is forgotten: traces of arrival, who was asked some time ago, and a person when somebody asks for it.

Releases stay as they are: they hold numbers of groups and never held a person.
"""

from survey.database import by_and_by, delete_by_and_by, leave_no_trace
from survey.models import (
    Bounce,
    Hindrance,
    Invitation,
    Leadership,
    LeadView,
    Message,
    Person,
    Release,
    RosterFile,
    Subscription,
    Upload,
    Wave,
    database,
)
from survey.outbox import OUTLIVING

DAY_SECONDS = 24 * 3600


def forget_due(now: int, days: int) -> int:
    """Part the invitations and mails of waves that ended `days` ago or earlier from their people.

    What an invitation asked about goes too: departments are dealt out in turn, so it says who of a few it was.
    Mails that belong to no closed wave go when they are as old. Returns how many waves had something left to forget.
    """
    closed_by = now - days * DAY_SECONDS
    _forget_other_mails(closed_by, now)
    old = Wave.select(Wave.id).where((Wave.closed_at <= closed_by) | (Wave.cancelled_at <= closed_by))
    remembered = Invitation.select(Invitation.wave).where(Invitation.wave.in_(old), Invitation.person.is_null(False))
    waves = [wave for (wave,) in remembered.distinct().tuples()]
    if not waves:
        return 0
    for wave in waves:
        _forget_whom_it_asked(wave)
    rewrite_due()
    return len(waves)


def _forget_whom_it_asked(wave: int) -> None:
    """The invitations come last: as long as one has its person, all of this is still to do.

    Asked for before and after, the files are rewritten even if this is killed, or another process does that meanwhile.
    """
    _ask_for_a_rewrite()
    for _ in delete_by_and_by(Message.id, (Message.wave == wave) & Message.kind.not_in(OUTLIVING)):
        pass
    asked = (Invitation.wave == wave) & Invitation.person.is_null(False)
    forget = Invitation.update(person=None, providers="")
    for _ in by_and_by(Invitation.id, asked, lambda some: forget.where(some).execute()):
        pass
    _ask_for_a_rewrite()


def _forget_other_mails(queued_by: int, now: int) -> None:
    """Delete mails that outlive their wave: sign-in links, word of missed waves, and what a release causes.

    A summary may leave some days after its wave has closed, and a reminder of what was promised then a year later.
    """
    cancelled = Wave.select(Wave.id).where(Wave.state == "cancelled")
    apart = Message.wave.is_null() | Message.wave.in_(cancelled) | Message.kind.in_(OUTLIVING)
    is_over = Message.state.in_(["sent", "dead", "dropped"]) | (Message.expires_at <= now)
    Message.delete().where(apart, Message.due_at <= queued_by, is_over).execute()


def erase(email: str) -> bool:
    """Remove a person's bytes from the database; False when nobody has this e-mail.

    A link that was mailed to them works until its wave closes: an answer never knew whose it is. Can be repeated when
    it fails because somebody is reading: the files are rewritten whether or not the person is still there.
    """
    person = Person.get_or_none(Person.email == email.strip().lower())
    if person is not None:
        with database.atomic():
            Invitation.update(person=None).where(Invitation.person == person).execute()
            Message.delete().where(Message.person == person).execute()
            Bounce.delete().where(Bounce.person == person).execute()
            Leadership.delete().where(Leadership.person == person).execute()
            Upload.delete().where(Upload.person == person).execute()
            RosterFile.delete().execute()  # any of them may name the person
            Subscription.delete().where(Subscription.person == person).execute()
            LeadView.delete().where(LeadView.person == person).execute()
            Hindrance.delete().where(Hindrance.person == person).execute()
            person.delete_instance()
            _ask_for_a_rewrite()
    if not rewrite_due():
        leave_no_trace()
    return person is not None


def rewrite_due() -> bool:
    """Rewrite the files when that has been asked for; whether it was.

    Closing, cancelling, forgetting and erasing do so at once. When they could not, because somebody was reading or the
    process was killed, the clock does.
    """
    over = Wave.select(Wave.id).where(Wave.state == "closed")  # of one that is closing, answers are still there
    waiting = [release.wave_id for release in Release.select().where(~Release.rewritten, Release.wave.in_(over))]
    cancelled = [wave.id for wave in Wave.select(Wave.id).where(Wave.traces_left, Wave.progress.is_null())]
    if not waiting and not cancelled:
        return False
    leave_no_trace()
    Release.update(rewritten=True).where(Release.wave.in_(waiting)).execute()
    Wave.update(traces_left=False).where(Wave.id.in_(cancelled)).execute()
    return True


def _ask_for_a_rewrite() -> None:
    """In the transaction that deletes, so that it is not forgotten.

    Without a wave that is over nobody's answers can be told from the files.
    """
    Release.update(rewritten=False).execute()
    Wave.update(traces_left=True).where(Wave.traces_left.is_null(False)).execute()
