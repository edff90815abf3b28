"""What whoever runs Espejo watches: is mail stuck, does the clock tick, is a wave late? The same on every host.

Nothing in them tells who came or when: neither mails that are settled are counted, as one that was not needed any more
tells that somebody has answered, nor reminders.
"""

from dataclasses import dataclass

from peewee import fn

from survey import leases, outbox, waves
from survey.models import Message, Wave

UNSETTLED = ("pending", "sending", "retry", "dead")


@dataclass(frozen=True)
class Vitals:
    mails: dict[str, int]  # by state, of UNSETTLED
    mail_waits_seconds: int  # for how long the mail that was due first has been due
    mail_is_paused: bool
    waves_open: int
    waves_late: int  # that should have opened or closed
    clock_holder: str  # "host:process:…"; empty when nothing runs the clock
    ticked_seconds_ago: int | None  # none when no clock has ever run


def vitals(now: int) -> Vitals:
    """What the database says at `now`."""
    lease = leases.standing()
    return Vitals(
        mails={**dict.fromkeys(UNSETTLED, 0), **_unsettled()},
        mail_waits_seconds=max(0, now - (_first_due() or now)),
        mail_is_paused=outbox.paused_since() is not None,
        waves_open=Wave.select().where(Wave.state == "open").count(),
        waves_late=len(waves.overdue(now)),
        clock_holder=lease.holder if leases.is_held(lease, now) else "",
        ticked_seconds_ago=max(0, now - lease.ticked_at) if lease.ticked_at else None,
    )


def _unsettled() -> dict[str, int]:
    return outbox.state_counts(UNSETTLED)


def _first_due() -> int | None:
    """Of reminders, only of those that nobody has tried: see outbox.state_counts."""
    is_told = (Message.state == "retry") & (Message.kind != outbox.REMINDER)
    return Message.select(fn.MIN(Message.due_at)).where((Message.state == "pending") | is_told).scalar()
