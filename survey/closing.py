"""From responses to a release: shuffled ratings and comments, tallies, client groups large enough to show.

What can never be shown is not kept: answers about a provider with too few raters are deleted with the responses.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from peewee import chunked, fn

from survey.measure.disclosure import COMMENTS_FROM, merge
from survey.measure.scale import SCORES
from survey.models import (
    Cell,
    ClientGroup,
    ClientGroupDepartment,
    Comment,
    Invitation,
    Rating,
    Release,
    Response,
    Table,
    Tally,
    Wave,
    random_id,
)

ROWS_AT_ONCE = 500

Published = dict[tuple[int, int], int]  # {(provider, client group): the client group it is published as}


@dataclass(frozen=True)
class Said:
    """One response's words about one provider."""

    client_group: int
    provider: int
    answers: dict[str, int]
    comment: str
    kind: str | None


@dataclass
class Count:
    """People and answers of a wave, before anything is merged."""

    raters: Counter[tuple[int, int]]  # by provider, client group
    answers: Counter[tuple[int, int, str, int]]  # by provider, client group, item, score

    def raters_of(self, provider: int) -> int:
        return sum(people for (rated, _), people in self.raters.items() if rated == provider)


def publish(wave: Wave, now: int) -> Release:
    """Turn the responses of a wave into its release. Runs inside the transaction that closes the wave."""
    _freeze_participation(wave)
    count = _count(wave)
    published = _merge_groups(wave, count)
    _store_tallies(wave, count, published)
    _store_ratings_and_comments(wave, count, published)
    Response.delete().where(Response.wave == wave).execute()
    return Release.create(wave=wave, released_at=now, digest=digest(wave))


def discard(wave: Wave) -> None:
    """Delete all that was said in a wave that is cancelled. Runs inside the transaction that cancels it."""
    Response.delete().where(Response.wave == wave).execute()


def document(wave: Wave) -> bytes:
    """All that the wave publishes, as canonical JSON: the same bytes whenever they are made."""
    tallies: dict[int, dict[str, list[int]]] = defaultdict(dict)
    for tally in Tally.select().join(Cell).where(Cell.wave == wave):
        tallies[tally.cell_id][tally.item] = [getattr(tally, f"n{score}") for score in SCORES]
    members = _members(wave)
    rows = [
        {
            "provider": cell.provider_id,
            "clients": members[cell.client_group_id],
            "raters": cell.raters,
            "tallies": tallies[cell.id],
        }
        for cell in Cell.select().where(Cell.wave == wave)
    ]
    participation = [
        {"clients": members[group.id], "invited": group.invited, "answered": group.answered}
        for group in ClientGroup.select().where(ClientGroup.wave == wave, ClientGroup.provider.is_null())
    ]
    return json.dumps(
        {
            "wave": wave.id,
            "date": str(wave.local_date),
            "min_group": wave.min_group,
            "participation": sorted(participation, key=lambda row: row["clients"]),
            "cells": sorted(rows, key=lambda row: (row["provider"], row["clients"])),
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def digest(wave: Wave) -> str:
    return sha256(document(wave)).hexdigest()


def _members(wave: Wave) -> dict[int, list[int]]:
    """{client group: its departments, sorted}"""
    query = (
        ClientGroupDepartment.select(ClientGroupDepartment.client_group, ClientGroupDepartment.department)
        .join(ClientGroup)
        .where(ClientGroup.wave == wave)
        .order_by(ClientGroupDepartment.department)
    )
    members = defaultdict(list)
    for group, department in query.tuples():
        members[group].append(department)
    return members


def _all_said(wave: Wave) -> Iterator[Said]:
    """Everything said in the wave, a response at a time, in the order of the responses' random ids."""
    query = Response.select(Response.client_group, Response.payload).where(Response.wave == wave).order_by(Response.id)
    for client_group, payload in query.tuples().iterator():
        for entry in json.loads(payload):
            yield Said(client_group, entry["provider"], entry["answers"], entry.get("comment", ""), entry.get("kind"))


def _freeze_participation(wave: Wave) -> None:
    """Store how many answered of each group; write every invitation anew, all by this one transaction.

    PostgreSQL marks each row with the transaction that wrote it last, which until now told who answered after whom.
    """
    Invitation.update(answered=Invitation.answered).where(Invitation.wave == wave).execute()
    query = (
        Invitation.select(Invitation.client_group, fn.COUNT(Invitation.id))
        .where(Invitation.wave == wave, Invitation.answered)
        .group_by(Invitation.client_group)
    )
    answered = dict(query.tuples())
    for group in ClientGroup.select().where(ClientGroup.wave == wave):
        ClientGroup.update(answered=answered.get(group.id, 0)).where(ClientGroup.id == group.id).execute()


def _count(wave: Wave) -> Count:
    count = Count(Counter(), Counter())
    for said in _all_said(wave):
        if said.answers:
            count.raters[said.provider, said.client_group] += 1
        for item, score in said.answers.items():
            count.answers[said.provider, said.client_group, item, score] += 1
    return count


def _merge_groups(wave: Wave, count: Count) -> Published:
    """Which groups each provider's raters are published as; without providers that publish nothing."""
    members = _members(wave)
    by_provider: dict[int, dict[int, int]] = defaultdict(dict)
    for (provider, group), people in count.raters.items():
        by_provider[provider][group] = people
    published: Published = {}
    for provider, groups in sorted(by_provider.items()):
        merged = merge(groups, wave.min_group)
        if merged is None:
            continue
        published |= {(provider, group): group for group in merged.alone}
        if merged.together:
            others = _make_others(wave, provider, [members[group] for group in merged.together])
            published |= {(provider, group): others.id for group in merged.together}
    return published


def _make_others(wave: Wave, provider: int, members: list[list[int]]) -> ClientGroup:
    others = ClientGroup.create(wave=wave, provider=provider)
    rows = [{"client_group": others.id, "department": department} for group in members for department in group]
    ClientGroupDepartment.insert_many(rows).execute()
    return others


def _store_tallies(wave: Wave, count: Count, published: Published) -> None:
    """Sum the answers by published group; an item with fewer than k of them is dropped, and so enters no total."""
    people: Counter[tuple[int, int]] = Counter()
    for (provider, group), shown_as in published.items():
        people[provider, shown_as] += count.raters[provider, group]
    cells = {
        (provider, group): Cell.create(wave=wave, provider=provider, client_group=group, raters=raters).id
        for (provider, group), raters in sorted(people.items())
    }
    sums: dict[tuple[int, str], Counter[int]] = defaultdict(Counter)
    for (provider, group, item, score), n in count.answers.items():
        if (provider, group) in published:
            sums[cells[provider, published[provider, group]], item][score] += n
    rows = (
        {"cell": cell, "item": item, **{f"n{score}": tally[score] for score in SCORES}}
        for (cell, item), tally in sorted(sums.items())
        if tally.total() >= wave.min_group
    )
    _insert(Tally, rows)


def _store_ratings_and_comments(wave: Wave, count: Count, published: Published) -> None:
    """Part each response into ratings and comments under new random ids, so that nothing joins them any more."""
    with_comments = {
        provider for provider, _ in published if count.raters_of(provider) >= max(COMMENTS_FROM, wave.min_group)
    }
    ratings = (
        {
            "id": random_id(),
            "wave": wave.id,
            "provider": said.provider,
            "client_group": published[said.provider, said.client_group],
            "answers": json.dumps(said.answers, sort_keys=True),
        }
        for said in _all_said(wave)
        if said.answers and (said.provider, said.client_group) in published
    )
    _insert_shuffled(Rating, ratings)
    comments = (
        {"id": random_id(), "wave": wave.id, "provider": said.provider, "kind": said.kind, "text": said.comment}
        for said in _all_said(wave)
        if said.comment and said.provider in with_comments
    )
    _insert_shuffled(Comment, comments)


def _insert_shuffled(table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    """In the order of their random ids: a database that keeps rows as they come keeps nothing else."""
    _insert(table, sorted(rows, key=lambda row: row["id"]))


def _insert(table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    for chunk in chunked(rows, ROWS_AT_ONCE):
        table.insert_many(chunk).execute()
