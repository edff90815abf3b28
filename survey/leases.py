"""The lease of the clock: one process opens, reminds and closes; the others stand by and take over when it is gone.

Every step is safe in two processes at once. The lease spares them the work, and says who does it.
"""

import logging

from survey.models import Lease

log = logging.getLogger(__name__)

CLOCK = "clock"
LEASE_SECONDS = 40  # renewed at each turn of the job "waves", so that another process takes over within a minute


def standing() -> Lease:
    """The lease as it stands; nobody's when no clock has ever run."""
    return Lease.get_or_none(Lease.name == CLOCK) or Lease(name=CLOCK, holder="", until=0, ticked_at=0)


def is_held(lease: Lease, now: int) -> bool:
    """Whether somebody holds the lease. One that ends too late was taken before the clock was set back: nobody's."""
    return now < lease.until <= now + LEASE_SECONDS


def hold(holder: str, now: int) -> bool:
    """Take the lease, or renew it; False when another process holds it."""
    lease = standing()
    if lease.holder != holder and is_held(lease, now):
        return False
    if not lease.ticked_at:
        _make()
    unchanged = (Lease.holder == lease.holder) & (Lease.until == lease.until)
    renewed = Lease.update(holder=holder, until=now + LEASE_SECONDS, ticked_at=now)
    if not renewed.where(Lease.name == CLOCK, unchanged | (Lease.holder == holder)).execute():
        return False
    if lease.holder != holder:
        log.info("The clock is run by %s%s.", holder, f"; {lease.holder} has gone" if lease.holder else "")
    return True


def resign(holder: str) -> None:
    """Give the lease back, so that another process need not wait for its end."""
    Lease.update(holder="", until=0).where(Lease.name == CLOCK, Lease.holder == holder).execute()


def note_tick(now: int) -> None:
    """Write down that somebody has made the clock tick by hand: that moment is right, whatever a clock says."""
    _make()
    Lease.update(ticked_at=now).where(Lease.name == CLOCK).execute()


def _make() -> None:
    Lease.insert(name=CLOCK, holder="", until=0, ticked_at=0).on_conflict_ignore().execute()
