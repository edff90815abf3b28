"""What those who answer get back at once: what the departments they work with have changed, and will change.

All of it comes from releases and from commitments made after them; of figures, only that one has risen.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import date

from survey import commitments, releases
from survey.commitments import DONE, LATE, OPEN, CommitmentRow
from survey.models import Department, ServiceLink, Wave
from survey.moments import once_a_moment


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


@once_a_moment
def since_last_time(wave: Wave, department: int | None, asked: tuple[int, ...], today: date) -> SinceLastTime:
    """What has changed for somebody of `department` who is asked about the providers `asked` in `wave`.

    Best a commitment that was kept, then one that is still in time, then a department asked about that surely rose.
    """
    before = _before(wave)
    if before.wave is None:
        return SinceLastTime(is_first=True)
    if found := news(before.wave, department, asked, today):
        return SinceLastTime(commitment=found)
    return SinceLastTime(risen=next((provider for provider in before.risen if provider.id in asked), None))


@dataclass(frozen=True)
class Before:
    """The last wave of a pulse that closed before another one opened, and who surely rose in it, the most first."""

    wave: Wave | None
    risen: tuple[Department, ...]


@once_a_moment
def _before(wave: Wave) -> Before:
    before = releases.wave_before(wave)
    return Before(before, tuple(releases.risen(before)) if before else ())


def news(before: Wave, department: int | None, asked: Collection[int], today: date) -> CommitmentRow | None:
    """The latest commitment that was kept since the wave `before` opened; else the latest that is still in time."""
    providers = works_with(department, asked)
    kept = commitments.latest(providers, today, 1, (DONE,), since=before.local_date)
    if kept:
        return kept[0]
    promised = (row for row in commitments.latest(providers, today, states=(OPEN,)) if row.state != LATE)
    return next(promised, None)


@once_a_moment
def you_said_we_did(department: int | None, asked: tuple[int, ...], today: date) -> Sequence[CommitmentRow]:
    """The latest commitments, open and done, of the departments that `department` works with, the latest first."""
    return commitments.latest(works_with(department, asked), today)


def works_with(department: int | None, asked: Collection[int]) -> frozenset[int]:
    """The departments that a client uses, and those that somebody of it is asked about."""
    return _used().get(department, frozenset()).union(asked)


@once_a_moment
def _used() -> dict[int | None, frozenset[int]]:
    """{client: the departments that it uses}"""
    found: dict[int | None, set[int]] = defaultdict(set)
    for client, provider in (
        ServiceLink.select(ServiceLink.client, ServiceLink.provider).where(ServiceLink.weight > 0).tuples()
    ):
        found[client].add(provider)
    return {client: frozenset(providers) for client, providers in found.items()}
