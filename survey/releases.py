"""The gate: the one place that reads what waves have published, and decides how much of it a reader sees.

Pages, exports, mails and pictures get their figures from here; nothing else reads tallies or comments.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from peewee import Query

from survey import closing, tallies
from survey.measure.disclosure import (
    COMMENTS_FROM,
    Change,
    Figure,
    band,
    change,
    exact_estimate,
    figure,
    whole,
    whole_interval,
)
from survey.measure.gaps import Gap, gap
from survey.measure.scale import COMMENT_KINDS, ITEMS, OVERALL, SHOWN_ITEMS
from survey.measure.statistics import add_counts
from survey.models import (
    ASKED,
    Addition,
    Comment,
    Department,
    Pulse,
    Rated,
    Release,
    Wave,
)
from survey.outside import WINDOW_DAYS, Customers, Outside, customers_at
from survey.people import departments
from survey.prepared import joined, prepared


@dataclass(frozen=True)
class Clients:
    """Whose answers a cell holds: the departments by name; `others` when they are a provider's small groups."""

    departments: tuple[str, ...]
    others: bool


@dataclass(frozen=True)
class ProviderResult:
    """How one provider serves: figures and changes since the last wave by item; empty when nothing may be shown."""

    department: Department
    raters: tuple[int, int | None] | None  # a band of people
    figures: dict[str, Figure]
    changes: dict[str, Change]


@dataclass(frozen=True)
class OutsideFigure:
    """What customers say: whole points. Customers are no group to protect, so their number is told."""

    mean: int
    interval: tuple[int, int]
    n: int
    attributed: bool
    starts_on: date
    ends_on: date
    touchpoints: tuple[str, ...]

    def is_old(self, wave: Wave) -> bool:
        """Whether even the latest of these answers was given more than a year before the wave opened."""
        return self.ends_on < wave.local_date - timedelta(days=WINDOW_DAYS)


@dataclass(frozen=True)
class Sides:
    """Inside against outside of the company or of a department, on one item."""

    inside: Figure | None
    outside: OutsideFigure | None
    gap: Gap


NEITHER = Sides(inside=None, outside=None, gap=gap(None, None))


@dataclass(frozen=True)
class GapRow(Sides):
    department: Department
    item: str


@dataclass(frozen=True)
class PublicComment:
    id: str
    kind: str
    text: str


@dataclass(frozen=True)
class Added:
    """A provider that people of some client departments rated although nobody had asked them about it."""

    provider: int
    clients: frozenset[int]  # departments, by id: one, or several small ones together
    people: tuple[int, int | None]  # a band


# --- Which waves ---------------------------------------------------------------------------------------------------


def released_waves() -> list[Wave]:
    """All closed waves, the latest first."""
    return list(
        Wave.select(Wave, Pulse)
        .join(Pulse)
        .where(Wave.state == "closed")
        .order_by(Wave.closed_at.desc(), Wave.id.desc())
    )


def waves_until(wave: Wave, count: int) -> list[Wave]:
    """`wave` and the released waves of its pulse before it, up to `count` in all, the latest first."""
    query = Wave.select().where(Wave.pulse == wave.pulse_id, Wave.state == "closed", Wave.occurrence <= wave.occurrence)
    return list(query.order_by(Wave.occurrence.desc()).limit(count))


def altered() -> list[Wave]:
    """Closed waves whose release is missing, or not, byte for byte, what was released."""
    digests = dict(Release.select(Release.wave, Release.digest).tuples())
    closed = Wave.select().where(Wave.state == "closed")
    return [wave for wave in closed if closing.digest(wave) != digests.get(wave.id)]


def wave_before(wave: Wave) -> Wave | None:
    """The last wave of the same pulse that closed before this one opened."""
    return next(map(_as_wave, _closed_before.raw(wave.pulse_id, wave.occurrence)), None)


@prepared
def _closed_before(pulse: int, occurrence: int) -> Query:
    earlier = (Wave.pulse == pulse) & (Wave.state == "closed") & (Wave.occurrence < occurrence)
    return Wave.select().where(earlier).order_by(Wave.occurrence.desc()).limit(1)


def _as_wave(row: tuple[Any, ...]) -> Wave:
    """A wave from all its columns."""
    (wave,) = joined(row, Wave)
    return Wave(**wave)


# --- Figures -------------------------------------------------------------------------------------------------------


def provider_results(wave: Wave) -> list[ProviderResult]:
    """How every department serves, by name; those that publish nothing have no figures.

    A department that has been dissolved since is among them where the wave has figures of it.
    """
    before = wave_before(wave)
    published = tallies.sums([wave, before] if before else [wave])
    raters = raters_of(wave)
    results = []
    for department in departments(also=raters):
        figures, changes = {}, {}
        for item in ITEMS:
            counts = published.get((wave.id, department.id, item), ())
            if counts and (shown := figure(counts, wave.min_group)):
                figures[item] = shown
            past = published.get((before.id, department.id, item), ()) if before else ()
            if before and counts and past and (found := change(counts, past, max(wave.min_group, before.min_group))):
                changes[item] = found
        people = raters.get(department.id)
        results.append(ProviderResult(department, band(people) if people else None, figures, changes))
    return results


def raters_of(wave: Wave) -> dict[int, int]:
    """{provider: how many people rated it}, of providers that enough did; for this package, never for a page."""
    return dict(Rated.select(Rated.provider, Rated.raters).where(Rated.wave == wave).tuples())


def client_counts(
    wave: Wave, only: Collection[int] | None = None, items: Sequence[str] = ITEMS
) -> dict[tuple[int, str], tuple[int, ...]]:
    """{(provider, item): all its published answers of score 1 … 5}; for this package, never for a page."""
    return {(provider, item): counts for (_, provider, item), counts in tallies.sums([wave], items, only).items()}


def trend(department: Department, item: str, waves: Sequence[Wave]) -> list[tuple[Wave, Figure | None]]:
    """How a department served on an item in each of `waves`."""
    found = tallies.sums(waves, [item], only=[department.id])
    counts = [found.get((wave.id, department.id, item), ()) for wave in waves]
    return [(wave, figure(each, wave.min_group)) for wave, each in zip(waves, counts, strict=True)]


@dataclass(frozen=True)
class Gaps:
    """Inside and outside in one wave: of the company by item, and of every department and item, in that order."""

    company: dict[str, Sides]
    rows: list[GapRow]


def gaps(wave: Wave, only: Collection[int] | None = None) -> list[GapRow]:
    """Inside, outside and gap of every department and item that has at least one side; by department, then item."""
    rows = all_gaps(wave).rows
    return rows if only is None else [row for row in rows if row.department.id in only]


def all_gaps(wave: Wave) -> Gaps:
    """Inside against outside of the company and of every department, with one side at least."""
    found = both_sides([wave])
    company = {
        item: company for item in SHOWN_ITEMS if (company := found[wave.id, item].company) and company != NEITHER
    }
    known = {department for both in found.values() for department in both.departments}
    rows = [
        GapRow(one.inside, one.outside, one.gap, department, item)
        for department in departments(also=known)
        for item in ITEMS
        if (one := found[wave.id, item].departments.get(department.id))
    ]
    return Gaps(company, rows)


@dataclass(frozen=True)
class BothSides:
    """Inside and outside of a wave on one item: of the company, and of each department that has one side at least."""

    company: Sides
    departments: dict[int, Sides]


_both_sides: tallies.Memory[BothSides] = tallies.Memory(tallies.MOST_SUMS)


def both_sides(waves: Sequence[Wave], items: Sequence[str] = ITEMS) -> dict[tuple[int, str], BothSides]:
    """The two sides of each of `waves`, by id, and items. Six queries at most.

    They are remembered by the release and by what customers say, which is the same object until that changes.
    """
    released = tallies.digests(waves)
    inside = tallies.by_provider(waves, items, released)
    found = {}
    for wave, customers in zip(waves, customers_beside(waves, items), strict=True):
        for item in items:
            key = (released.get(wave.id), item, customers)
            found[wave.id, item] = _both_sides.get(*key) or _both_sides.keep(
                _set_beside(inside[wave.id, item], customers, item, wave.min_group), *key
            )
    return found


def _set_beside(inside: Mapping[int, tuple[int, ...]], customers: Customers, item: str, k: int) -> BothSides:
    outside = {department: found for (department, of), found in customers.departments.items() if of == item}
    return BothSides(
        company=sides(add_counts(inside.values()), customers.company.get(item), k),
        departments={
            department: sides(inside.get(department), outside.get(department), k)
            for department in inside.keys() | outside.keys()
        },
    )


def sides(counts: Sequence[int] | None, customers: Outside | None, k: int) -> Sides:
    """What may be shown of answers inside, beside what customers say."""
    return Sides(
        inside=figure(counts, k) if counts else None,
        outside=_outside_figure(customers) if customers else None,
        gap=gap(exact_estimate(counts, k) if counts else None, customers.estimate if customers else None),
    )


def risen(wave: Wave) -> list[Department]:
    """The departments that serve surely better, all in all, than in the wave before; by the change."""
    before = wave_before(wave)
    if before is None:
        return []
    found = tallies.sums([wave, before], [OVERALL])
    providers = {provider for _, provider, _ in found}

    def counts(of: Wave, provider: int) -> tuple[int, ...]:
        return found.get((of.id, provider, OVERALL), ())

    k = max(wave.min_group, before.min_group)
    changes = {
        provider: rise
        for provider in providers
        if (rise := change(counts(wave, provider), counts(before, provider), k)) and rise.is_real and rise.points > 0
    }
    named = Department.select().where(Department.id.in_(list(changes)))
    return sorted(named, key=lambda department: (-changes[department.id].points, department.name))


def named_clients(wave: Wave, only: Collection[int]) -> dict[int, list[Department]]:
    """{provider: the client departments that its figures name}, by name, of the providers `only`, by id.

    Those that are only shown together with others, as "other departments", are not among them.
    """
    clients: dict[int, set[int]] = {provider: set() for provider in only}
    for atom in tallies.atoms([wave]):
        if atom.provider in clients and not atom.others:
            clients[atom.provider] |= atom.departments
    wanted = {client for found in clients.values() for client in found}
    by_name = list(Department.select().where(Department.id.in_(list(wanted))).order_by(Department.name))
    return {provider: [client for client in by_name if client.id in found] for provider, found in clients.items()}


def heard(waves: Iterable[Wave]) -> set[tuple[int, int]]:
    """(wave, provider) where enough people rated the provider for comments to be shown."""
    enough = {wave.id: max(COMMENTS_FROM, wave.min_group) for wave in waves}
    query = Rated.select(Rated.wave, Rated.provider, Rated.raters).where(Rated.wave.in_(list(enough)))
    return {(wave, provider) for wave, provider, raters in query.tuples() if raters >= enough[wave]}


def comments(wave: Wave, only: Collection[int]) -> dict[int, list[PublicComment]]:
    """{provider: its comments by kind, in no order of time}, of the providers `only`, by id.

    A provider that too few people rated for any comment to be shown is missing.
    """
    said: dict[int, list[PublicComment]] = {provider: [] for _, provider in heard([wave]) if provider in only}
    query = Comment.select(Comment.provider, Comment.id, Comment.kind, Comment.text).where(
        Comment.wave == wave, Comment.provider.in_(list(said))
    )
    for provider, *comment in query.order_by(Comment.id).tuples():
        said[provider].append(PublicComment(*comment))
    for found in said.values():
        found.sort(key=lambda comment: COMMENT_KINDS.index(comment.kind))
    return said


def added(waves: Iterable[Wave]) -> list[Added]:
    """What people added to the departments they were asked about, where enough did; wave by wave, most people first."""
    ids = [wave.id for wave in waves]
    clients = tallies.members(ids)
    rows = (
        Addition.select(Addition.provider, Addition.client_group, Addition.people)
        .where(Addition.wave.in_(ids))
        .order_by(Addition.wave, Addition.people.desc(), Addition.provider, Addition.client_group)
    )
    return [Added(provider, clients[group], band(people)) for provider, group, people in rows.tuples()]


def customers_beside(waves: Sequence[Wave], items: Sequence[str] = ITEMS) -> list[Customers]:
    """What customers said up to the eve of the pulse's next opening, for each wave.

    Customers' scores of a season often arrive after the wave that asked inside. Four queries.
    """
    openings: dict[int, list[tuple[int, date]]] = defaultdict(list)
    query = Wave.select(Wave.pulse, Wave.occurrence, Wave.local_date).where(
        Wave.pulse.in_([wave.pulse_id for wave in waves]), Wave.state.in_(ASKED)
    )
    for pulse, *opening in query.order_by(Wave.occurrence).tuples():
        openings[pulse].append((opening[0], opening[1]))

    def until(wave: Wave) -> date:
        following = (day for number, day in openings[wave.pulse_id] if number > wave.occurrence)
        return next((day - timedelta(days=1) for day in following), date.max)

    return customers_at([until(wave) for wave in waves], items)


def _outside_figure(outside: Outside) -> OutsideFigure:
    return OutsideFigure(
        mean=whole(outside.estimate.mean),
        interval=whole_interval(outside.estimate.interval()),
        n=outside.estimate.n,
        attributed=outside.attributed,
        starts_on=outside.starts_on,
        ends_on=outside.ends_on,
        touchpoints=outside.touchpoints,
    )
