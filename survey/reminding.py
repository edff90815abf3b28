"""Reminding: whoever has not answered is mailed once more, some thousand people at a time, while others write.

A reminder is done when all its mails are queued. Whoever is killed before leaves it due, and nobody is queued twice.
"""

from peewee import Expression

from survey import outbox
from survey.models import Invitation, Reminder, Wave, database

PAUSE_SECONDS = 12 * 3600  # a late reminder keeps this distance from the invitation, and the next from it
REMINDED_AT_ONCE = 5000  # people, while others wait to write


def remind(wave: Wave, now: int) -> bool:
    """Queue the last of a wave's due reminders. False when another process was first, or the wave is no longer open.

    The earlier ones are passed over, and so is the next one if it would follow at once.
    """
    due = _last_due(wave, now)
    reminded: int | None = 0  # whom and all before, by id; none when it is everybody
    while due is not None and reminded is not None:
        with database.atomic():
            some = _waiting(wave, reminded)
            reminded = some[-1] if len(some) == REMINDED_AT_ONCE else None
            if not (_is_left(due) if reminded else _take(due, now)):
                return False
            outbox.queue(outbox.REMINDER, some, now, wave=wave, sequence=due.sequence, expires_at=wave.closes_at)
    return due is not None


def _last_due(wave: Wave, now: int) -> Reminder | None:
    due = Reminder.select().where(Reminder.wave == wave, ~Reminder.done, Reminder.due_at <= now)
    return due.order_by(Reminder.due_at.desc()).first()


def _waiting(wave: Wave, after: int) -> list[int]:
    """The next people, by id, who have not answered."""
    unanswered = (Invitation.wave == wave) & (~Invitation.answered) & (Invitation.person > after)
    query = Invitation.select(Invitation.person).where(unanswered).order_by(Invitation.person)
    return [person for (person,) in query.limit(REMINDED_AT_ONCE).tuples()]


def _is_left(due: Reminder) -> bool:
    return Reminder.select().where(_left(due)).exists()


def _take(due: Reminder, now: int) -> bool:
    """Settle a reminder, and what is passed over with it; False when another process was first."""
    if not Reminder.update(done=True).where(_left(due)).execute():
        return False
    with_it = (Reminder.wave == due.wave_id) & (Reminder.due_at <= now + PAUSE_SECONDS)
    Reminder.update(done=True).where(with_it).execute()
    return True


def _left(due: Reminder) -> Expression:
    """Which reminder it is, while it is not settled and its wave is open."""
    still_open = Wave.select(Wave.id).where(Wave.state == "open")
    this_one = (Reminder.wave == due.wave_id) & (Reminder.sequence == due.sequence)
    return this_one & (~Reminder.done) & Reminder.wave.in_(still_open)
