"""Service links: which department uses which other one, and how much."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from survey import releases
from survey.models import Department, ServiceLink, database
from survey.people import departments
from survey.refusal import Refusal, _l
from survey.rehearsals import ImportSummary, ignored_columns, rehearsal
from survey.sheets import Faults, Row, Sheet, number, slug

LINK_COLUMNS = ("client", "provider", "weight")

REPEATED = _l("the same client and provider stand on line %(line)s as well.")
NO_LINKS = _l("has no service links in it.")
NO_DEPARTMENT = _l('"%(name)s" is no department; import its people first, or mend the name.')
OWN_PROVIDER = _l("a department cannot be its own provider.")
NO_WEIGHT = _l('"%(text)s" is no weight; write a number from 0 to 1.')
CHANGED_MEANWHILE = _l("Somebody else has changed these links meanwhile. Nothing of yours is stored yet.")

WAVES_OF_SUGGESTIONS = 4

Pair = tuple[int, int]  # client and provider, by id


class LinksChanged(Refusal):
    """Somebody else saved first."""


def import_links(path: Path, *, complete: bool = False, rehearse: bool = False) -> ImportSummary:
    """Take in `client,provider,weight`; all of it, or nothing when there is a fault.

    `complete`: links that are not in the file are removed. Raises sheets.ImportRefused.
    """
    faults = Faults(path.name)
    sheet = Sheet(path, faults)
    sheet.require(*LINK_COLUMNS)
    departments = {department.key: department.id for department in Department.select()}
    wanted: dict[tuple[int, int], float] = {}
    lines: dict[tuple[int, int], int] = {}
    for row in sheet:
        link = _read_link(row, sheet, departments, faults)
        if link is None:
            continue
        pair, weight = link
        if pair in lines:
            faults.add(row.line, None, REPEATED, line=lines[pair])
        lines[pair] = row.line
        wanted[pair] = weight
    if not wanted and not faults.count:
        faults.add(None, None, NO_LINKS)
    faults.refuse_if_any()
    with rehearsal(rehearse):
        summary = _store_links(wanted, complete)
    summary.notices += ignored_columns(sheet, LINK_COLUMNS)
    return summary


def _read_link(
    row: Row, sheet: Sheet, departments: dict[str, int], faults: Faults
) -> tuple[tuple[int, int], float] | None:
    before = faults.count
    for column in ("client", "provider"):
        if slug(row[column]) not in departments:
            faults.add(row.line, column, NO_DEPARTMENT, name=row[column])
    if slug(row["client"]) == slug(row["provider"]):
        faults.add(row.line, "provider", OWN_PROVIDER)
    weight = number(row["weight"], sheet.decimal_comma)
    if weight is None or not 0 <= weight <= 1:
        faults.add(row.line, "weight", NO_WEIGHT, text=row["weight"])
    if faults.count > before or weight is None:
        return None
    return (departments[slug(row["client"])], departments[slug(row["provider"])]), weight


def _store_links(wanted: dict[tuple[int, int], float], complete: bool) -> ImportSummary:
    summary = ImportSummary()
    known = {(link.client_id, link.provider_id): link for link in ServiceLink.select()}
    for (client, provider), weight in wanted.items():
        link = known.get((client, provider))
        if link is None:
            ServiceLink.create(client=client, provider=provider, weight=weight)
            summary.counts["links added"] += 1
        elif link.weight != weight:
            ServiceLink.update(weight=weight).where(ServiceLink.id == link.id).execute()
            summary.counts["links changed"] += 1
        else:
            summary.counts["links unchanged"] += 1
    if complete:
        for pair, link in known.items():
            if pair not in wanted:
                link.delete_instance()
                summary.counts["links removed"] += 1
    return summary


# --- The grid of a page ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """How much clients use providers."""

    clients: list[Department]
    providers: list[Department]
    weights: dict[Pair, float]  # without those of 0

    @property
    def digest(self) -> str:
        """The same links of the same departments have the same digest."""
        pairs = [(client.id, provider.id) for client in self.clients for provider in self.providers]
        told = repr([(pair, self.weights.get(pair, 0)) for pair in sorted(pairs)])
        return hashlib.sha256(told.encode()).hexdigest()


def grid(client: Department | None = None) -> Grid:
    """What all clients, or one of them, use."""
    providers = departments()
    clients = [client] if client else providers
    query = ServiceLink.select(ServiceLink.client, ServiceLink.provider, ServiceLink.weight).where(
        ServiceLink.client.in_(clients), ServiceLink.provider.in_(providers), ServiceLink.weight > 0
    )
    return Grid(clients, providers, {(used_by, uses): weight for used_by, uses, weight in query.tuples()})


def save(wanted: Mapping[Pair, float], seen: str, client: Department | None = None) -> int:
    """Let the links of all clients, or of one, be as `wanted`; a weight of 0 removes one. Returns how many changed.

    `seen`: the digest of the grid that was edited. Raises LinksChanged when it is not what is stored any more.
    """
    with database.atomic():
        _hold(client)
        present = grid(client)
        if present.digest != seen:
            raise LinksChanged(CHANGED_MEANWHILE)
        known = {(one.id, other.id) for one in present.clients for other in present.providers if one != other}
        changed = {
            pair: weight for pair, weight in wanted.items() if pair in known and present.weights.get(pair, 0) != weight
        }
        for (used_by, uses), weight in changed.items():
            _set(used_by, uses, weight)
    return len(changed)


def add(pairs: Iterable[Pair], weight: float) -> int:
    """Link clients with providers that they do not use yet; how many were linked."""
    added = 0
    with database.atomic():
        _hold(None)
        for used_by, uses in pairs:
            found = ServiceLink.get_or_none(ServiceLink.client == used_by, ServiceLink.provider == uses)
            if used_by != uses and (found is None or found.weight == 0):
                _set(used_by, uses, weight)
                added += 1
    return added


def _hold(client: Department | None) -> None:
    """Nobody else saves these links until the transaction ends."""
    held = Department.update(active=Department.active)
    (held.where(Department.id == client.id) if client else held).execute()


def _set(client: int, provider: int, weight: float) -> None:
    this_one = (ServiceLink.client == client) & (ServiceLink.provider == provider)
    if weight == 0:
        ServiceLink.delete().where(this_one).execute()
    elif not ServiceLink.update(weight=weight).where(this_one).execute():
        ServiceLink.create(client=client, provider=provider, weight=weight)


# --- What people added to those they were asked about ---------------------------------------------------------------


@dataclass(frozen=True)
class Suggestion:
    """People of these departments rated a provider that they were not asked about."""

    clients: tuple[Department, ...]  # those among them that are not linked; several were counted together
    provider: Department
    waves: int  # in how many of the last ones
    people: tuple[int, int | None]  # a band, of the last one


def suggestions() -> list[Suggestion]:
    """Links that there are not yet, most often added first; from the last waves that were released."""
    latest = releases.released_waves()[:WAVES_OF_SUGGESTIONS]
    active = {department.id: department for department in departments()}
    linked = set(ServiceLink.select(ServiceLink.client, ServiceLink.provider).where(ServiceLink.weight > 0).tuples())
    found: dict[tuple[frozenset[int], int], list[releases.Added]] = defaultdict(list)
    for added in releases.added(latest):
        missing = frozenset(
            client
            for client in added.clients
            if client in active and client != added.provider and (client, added.provider) not in linked
        )
        if missing and added.provider in active:
            found[missing, added.provider].append(added)
    suggested = [
        Suggestion(
            tuple(sorted((active[client] for client in clients), key=lambda client: client.name)),
            active[provider],
            len(rows),
            rows[-1].people,
        )
        for (clients, provider), rows in found.items()
    ]
    return sorted(suggested, key=lambda one: (-one.waves, -one.people[0], one.provider.name))
