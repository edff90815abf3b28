"""The gate: the one place that reads what waves have published, and decides how much of it a reader sees.

Pages, exports, mails and pictures get their figures from here; nothing else reads tallies or comments.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from peewee import fn

from survey import closing
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
from survey.measure.scale import COMMENT_KINDS, ITEMS, SCORES, SHOWN_ITEMS
from survey.measure.statistics import add_counts
from survey.models import (
    Addition,
    ClientGroup,
    ClientGroupDepartment,
    Comment,
    Department,
    Invitation,
    Pulse,
    Rated,
    Release,
    Tally,
    Wave,
)
from survey.outside import Outside, outside_scores
from survey.people import departments

Key = TypeVar("Key", bound=Hashable)

COUNTS = [getattr(Tally, f"n{score}") for score in SCORES]


@dataclass(frozen=True)
class Clients:
    """Whose answers a cell holds: the departments by name; `others` when they are a provider's small groups."""

    departments: tuple[str, ...]
    others: bool


@dataclass(frozen=True)
class Atom:
    """One published tally: for the modules of this package that add them up, never for a page."""

    wave: int
    provider: int
    departments: frozenset[int]  # the clients, by id
    others: bool  # the clients are a provider's small groups, put together
    item: str
    counts: tuple[int, ...]


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


@dataclass(frozen=True)
class GapRow:
    department: Department
    item: str
    inside: Figure | None
    outside: OutsideFigure | None
    gap: Gap


@dataclass(frozen=True)
class Participation:
    """How many were asked and have answered; of groups of at least k people."""

    clients: Clients
    invited: int
    answered: int

    @property
    def percent(self) -> int:
        return whole(100 * self.answered / self.invited) if self.invited else 0


@dataclass(frozen=True)
class PublicComment:
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
    return (
        Wave.select()
        .where(Wave.pulse == wave.pulse_id, Wave.state == "closed", Wave.occurrence < wave.occurrence)
        .order_by(Wave.occurrence.desc())
        .first()
    )


# --- Figures -------------------------------------------------------------------------------------------------------


def provider_results(wave: Wave) -> list[ProviderResult]:
    """How every department serves, by name; those that publish nothing have no figures.

    A department that has been dissolved since is among them where the wave has figures of it.
    """
    before = wave_before(wave)
    now_counts = _by(atoms([wave]), lambda atom: (atom.provider, atom.item))
    past_counts = _by(atoms([before]) if before else [], lambda atom: (atom.provider, atom.item))
    raters = raters_of(wave)
    results = []
    for department in departments(also=raters):
        figures, changes = {}, {}
        for item in ITEMS:
            counts = now_counts.get((department.id, item), ())
            if counts and (shown := figure(counts, wave.min_group)):
                figures[item] = shown
            past = past_counts.get((department.id, item), ())
            if before and counts and past and (found := change(counts, past, max(wave.min_group, before.min_group))):
                changes[item] = found
        people = raters.get(department.id)
        results.append(ProviderResult(department, band(people) if people else None, figures, changes))
    return results


def raters_of(wave: Wave) -> dict[int, int]:
    """{provider: how many people rated it}, of providers that enough did; for this package, never for a page."""
    return dict(Rated.select(Rated.provider, Rated.raters).where(Rated.wave == wave).tuples())


def client_counts(wave: Wave, only: Collection[int]) -> dict[tuple[int, str], tuple[int, ...]]:
    """{(provider, item): all its published answers of score 1 … 5}; for this package, never for a page."""
    return _by((atom for atom in atoms([wave]) if atom.provider in only), lambda atom: (atom.provider, atom.item))


def company_figures(wave: Wave) -> dict[str, Figure]:
    """All that is published, summed, by item."""
    sums = _by(atoms([wave]), lambda atom: atom.item)
    return {item: shown for item in SHOWN_ITEMS if item in sums and (shown := figure(sums[item], wave.min_group))}


def trend(department: Department, item: str, waves: Sequence[Wave]) -> list[tuple[Wave, Figure | None]]:
    """How a department served on an item in each of `waves`."""
    sums = _by(
        (atom for atom in atoms(waves, [item]) if atom.provider == department.id), lambda atom: (atom.wave, atom.item)
    )
    return [(wave, figure(sums[wave.id, item], wave.min_group) if (wave.id, item) in sums else None) for wave in waves]


def gaps(wave: Wave, only: Collection[int] | None = None) -> list[GapRow]:
    """Inside, outside and gap of every department and item that has at least one side; by department, then item."""
    inside = _by(atoms([wave]), lambda atom: (atom.provider, atom.item))
    outside = outside_scores(until=_outside_until(wave))
    rows = []
    for department in departments(also={provider for provider, _ in inside}):
        if only is not None and department.id not in only:
            continue
        for item in ITEMS:
            counts, customers = inside.get((department.id, item)), outside.get((department.id, item))
            if counts is None and customers is None:
                continue
            rows.append(
                GapRow(
                    department,
                    item,
                    figure(counts, wave.min_group) if counts else None,
                    _outside_figure(customers) if customers else None,
                    gap(
                        exact_estimate(counts, wave.min_group) if counts else None,
                        customers.estimate if customers else None,
                    ),
                )
            )
    return rows


def comments(wave: Wave, only: Collection[int]) -> dict[int, list[PublicComment]]:
    """{provider: its comments by kind, in no order of time}, of the providers `only`, by id.

    A provider that too few people rated for any comment to be shown is missing.
    """
    enough = max(COMMENTS_FROM, wave.min_group)
    said: dict[int, list[PublicComment]] = {
        provider: [] for provider, raters in raters_of(wave).items() if provider in only and raters >= enough
    }
    query = Comment.select(Comment.provider, Comment.kind, Comment.text).where(
        Comment.wave == wave, Comment.provider.in_(list(said))
    )
    for provider, *comment in query.order_by(Comment.id).tuples():
        said[provider].append(PublicComment(*comment))
    for found in said.values():
        found.sort(key=lambda comment: COMMENT_KINDS.index(comment.kind))
    return said


def participation(wave: Wave) -> list[Participation]:
    """Who was asked and has answered, by client group (each of at least k people), by name.

    A company of fewer than k people is one group, of which nothing is told.
    """
    clients = _clients(wave)
    counted = _answered_so_far(wave) if wave.state == "open" else {}
    rows = [
        Participation(
            clients[group.id], group.invited, counted.get(group.id, 0) if group.answered is None else group.answered
        )
        for group in ClientGroup.select().where(
            ClientGroup.wave == wave, ClientGroup.provider.is_null(), ClientGroup.invited >= wave.min_group
        )
    ]
    return sorted(rows, key=lambda row: row.clients.departments)


def whole_participation(rows: Iterable[Participation]) -> Participation:
    """All groups together."""
    rows = list(rows)
    return Participation(Clients((), others=False), sum(row.invited for row in rows), sum(row.answered for row in rows))


def added(waves: Iterable[Wave]) -> list[Added]:
    """What people added to the departments they were asked about, where enough did; wave by wave, most people first."""
    ids = [wave.id for wave in waves]
    clients = _members(ids)
    rows = (
        Addition.select(Addition.provider, Addition.client_group, Addition.people)
        .where(Addition.wave.in_(ids))
        .order_by(Addition.wave, Addition.people.desc(), Addition.provider, Addition.client_group)
    )
    return [Added(provider, clients[group], band(people)) for provider, group, people in rows.tuples()]


# --- Reading what is published -------------------------------------------------------------------------------------


def atoms(waves: Iterable[Wave], items: Sequence[str] = ITEMS) -> list[Atom]:
    """Every published tally of these waves and items. Two queries."""
    ids = [wave.id for wave in waves]
    clients = _members(ids)
    tallies = (
        Tally.select(Tally.wave, Tally.provider, ClientGroup.id, ClientGroup.provider, Tally.item, *COUNTS)
        .join(ClientGroup)
        .where(Tally.wave.in_(ids), Tally.item.in_(items))
        .order_by(Tally.provider, ClientGroup.id)
    )
    return [
        Atom(wave, provider, clients[group], others is not None, item, tuple(counts))
        for wave, provider, group, others, item, *counts in tallies.tuples()
    ]


def _members(waves: Collection[int]) -> dict[int, frozenset[int]]:
    """{client group: its departments}, by id, of the waves of these ids"""
    memberships = ClientGroupDepartment.select(ClientGroup.id, ClientGroupDepartment.department).join(ClientGroup)
    members: dict[int, list[int]] = defaultdict(list)
    for group, department in memberships.where(ClientGroup.wave.in_(waves)).tuples():
        members[group].append(department)
    return {group: frozenset(found) for group, found in members.items()}


def _by(atoms: Iterable[Atom], key: Callable[[Atom], Key]) -> dict[Key, tuple[int, ...]]:
    """The atoms' counts, summed by `key(atom)`."""
    grouped: dict[Key, list[tuple[int, ...]]] = defaultdict(list)
    for atom in atoms:
        grouped[key(atom)].append(atom.counts)
    return {place: add_counts(tallies) for place, tallies in grouped.items()}


def _shown(sums: Mapping[Key, Sequence[int]], k: int) -> dict[Key, Figure]:
    """The sums that may be shown, as figures."""
    return {key: found for key, counts in sums.items() if (found := figure(counts, k))}


def _clients(wave: Wave) -> dict[int, Clients]:
    """{client group made at opening: who is in it}"""
    query = (
        ClientGroupDepartment.select(ClientGroup.id, Department.name)
        .join(ClientGroup)
        .switch(ClientGroupDepartment)
        .join(Department)
        .where(ClientGroup.wave == wave, ClientGroup.provider.is_null())
        .order_by(Department.name)
    )
    names: dict[int, list[str]] = defaultdict(list)
    for group, name in query.tuples():
        names[group].append(name)
    return {group: Clients(tuple(found), others=False) for group, found in names.items()}


def _answered_so_far(wave: Wave) -> dict[int, int]:
    query = (
        Invitation.select(Invitation.client_group, fn.COUNT(Invitation.id))
        .where(Invitation.wave == wave, Invitation.answered)
        .group_by(Invitation.client_group)
    )
    return dict(query.tuples())


def _outside_until(wave: Wave) -> date:
    """The last day whose external scores are set beside a wave: the eve of the pulse's next opening.

    Customers' scores of a season often arrive after the wave that asked inside.
    """
    following = (
        Wave.select(Wave.local_date)
        .where(Wave.pulse == wave.pulse_id, Wave.occurrence > wave.occurrence, Wave.state.in_(["open", "closed"]))
        .order_by(Wave.occurrence)
        .scalar()
    )
    return following - timedelta(days=1) if following else date.max


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
