"""What those who answer get back at once: what the departments they work with have changed, and will change.

All of it comes from releases and from commitments made after them; of figures, only that one has risen.
"""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from datetime import date

from peewee import Query

from survey import commitments, releases
from survey.commitments import DONE, LATE, OPEN, CommitmentRow
from survey.models import Department, ServiceLink, Wave
from survey.prepared import prepared

MOST = 5  # commitments shown to whoever has answered


@dataclass(frozen=True)
class SinceLastTime:
    """The one thing to tell before the first question; nothing at all when nothing has been reported."""

    commitment: CommitmentRow | None = None  # done since the wave before, or still in time
    risen: Department | None = None  # serves its clients better than in the wave before that
    is_first: bool = False  # the pulse has asked nobody before

    @property
    def told(self) -> tuple[Hashable, ...]:
        """All that a page tells of it."""
        return self.commitment and self.commitment.told, self.risen and self.risen.name, self.is_first


def since_last_time(wave: Wave, department: int | None, asked: Collection[int], today: date) -> SinceLastTime:
    """What has changed for somebody of `department` who is asked about the providers `asked` in `wave`.

    Best a commitment that was kept, then one that is still in time, then a department asked about that surely rose.
    """
    before = releases.wave_before(wave)
    if before is None:
        return SinceLastTime(is_first=True)
    if found := news(before, department, asked, today):
        return SinceLastTime(commitment=found)
    return SinceLastTime(risen=next(iter(releases.risen(before, asked)), None))


def news(before: Wave, department: int | None, asked: Collection[int], today: date) -> CommitmentRow | None:
    """The latest commitment that was kept since the wave `before` opened; else the latest that is still in time."""
    providers = works_with(department, asked)
    if kept := commitments.latest(providers, today, 1, [DONE], since=before.local_date):
        return kept[0]
    promised = commitments.latest(providers, today, MOST, [OPEN])
    return next((row for row in promised if row.state != LATE), None)


def you_said_we_did(department: int | None, asked: Collection[int], today: date) -> list[CommitmentRow]:
    """The latest commitments, open and done, of the departments that `department` works with, the latest first."""
    return commitments.latest(works_with(department, asked), today, MOST)


def works_with(department: int | None, asked: Collection[int]) -> set[int]:
    """The departments that a client uses, and those that somebody of it is asked about."""
    return {provider for (provider,) in _used_by.raw(department)}.union(asked)


@prepared
def _used_by(client: int | None) -> Query:
    used = ServiceLink.select(ServiceLink.provider).where(ServiceLink.client == client, ServiceLink.weight > 0)
    return used.tuples()
