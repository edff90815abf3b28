"""From ratings to a release: tallies, client groups large enough to show, comments, and nothing else.

A rating is counted and deleted; what is left of it is one more answer in a tally. Answers that are too few to be shown
in any group are not kept at all.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from peewee import Expression, chunked, fn

from survey import mirrors, notices
from survey.measure.disclosure import COMMENTS_FROM, merge
from survey.measure.scale import SCORES
from survey.models import (
    Addition,
    ClientGroup,
    ClientGroupDepartment,
    Comment,
    Invitation,
    Rated,
    Rating,
    Receipt,
    Release,
    Reply,
    Table,
    Tally,
    Wave,
)

ROWS_AT_ONCE = 500

Answers = dict[int, Counter[int]]  # {client group: how many answers of each score}


@dataclass
class Count:
    """People and answers of a wave, before anything is merged."""

    raters: Counter[int]  # by provider
    answers: dict[tuple[int, str], Answers]  # by provider, item
    added: Counter[tuple[int, int]]  # people by client group and the provider that they added


def publish(wave: Wave, now: int) -> Release:
    """Turn the ratings of a wave into its release. Runs inside the transaction that closes the wave."""
    _freeze_participation(wave)
    count = _count(wave)
    _store_raters(wave, count.raters)
    _store_tallies(wave, count.answers)
    _store_additions(wave, count.added)
    _keep_comments(wave, count.raters)
    Rating.delete().where(Rating.wave == wave).execute()
    mirrors.count(wave)
    notices.count(wave)
    return Release.create(wave=wave, released_at=now, digest=digest(wave))


def discard(wave: Wave) -> None:
    """Delete all that was said in a wave that is cancelled. Runs inside the transaction that cancels it."""
    _forget_who_came_when(wave)
    Rating.delete().where(Rating.wave == wave).execute()
    _drop_comments(Comment.wave == wave)
    _rewrite_receipts(wave)
    mirrors.discard(wave)
    notices.discard(wave)


def document(wave: Wave) -> bytes:
    """All that the wave publishes, as canonical JSON: the same bytes whenever they are made."""
    members = _members(wave)
    tallies = [
        {
            "provider": tally.provider_id,
            "clients": members[tally.client_group_id],
            "item": tally.item,
            "counts": [getattr(tally, f"n{score}") for score in SCORES],
        }
        for tally in Tally.select().where(Tally.wave == wave)
    ]
    participation = [
        {"clients": members[group.id], "invited": group.invited, "answered": group.answered}
        for group in ClientGroup.select().where(ClientGroup.wave == wave, ClientGroup.provider.is_null())
    ]
    raters = Rated.select(Rated.provider, Rated.raters).where(Rated.wave == wave).order_by(Rated.provider)
    # Left out when there are none, so that the digests of waves from before they were counted hold.
    later = {
        "additions": _additions(wave, members),
        "own_views": mirrors.tallies(wave),
        "notices": notices.document(wave),
    }
    return json.dumps(
        {
            "wave": wave.id,
            "date": str(wave.local_date),
            "min_group": wave.min_group,
            "participation": sorted(participation, key=lambda row: row["clients"]),
            "raters": list(raters.tuples()),
            "tallies": sorted(tallies, key=lambda row: (row["provider"], row["item"], row["clients"])),
            **{name: found for name, found in later.items() if found},
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


def _additions(wave: Wave, members: Mapping[int, list[int]]) -> list[dict[str, Any]]:
    rows = [
        {"provider": row.provider_id, "clients": members[row.client_group_id], "people": row.people}
        for row in Addition.select().where(Addition.wave == wave)
    ]
    return sorted(rows, key=lambda row: (row["provider"], row["clients"]))


def _freeze_participation(wave: Wave) -> None:
    """Store how many answered of each group."""
    _forget_who_came_when(wave)
    query = (
        Invitation.select(Invitation.client_group, fn.COUNT(Invitation.id))
        .where(Invitation.wave == wave, Invitation.answered)
        .group_by(Invitation.client_group)
    )
    answered = dict(query.tuples())
    for group in ClientGroup.select().where(ClientGroup.wave == wave):
        ClientGroup.update(answered=answered.get(group.id, 0)).where(ClientGroup.id == group.id).execute()


def _forget_who_came_when(wave: Wave) -> None:
    """Write every invitation anew, all by this one transaction, and all replies to earlier comments.

    PostgreSQL marks each row with the transaction that wrote it last, which until now told who answered after whom.
    """
    Invitation.update(answered=Invitation.answered).where(Invitation.wave == wave).execute()
    Reply.update(text=Reply.text).execute()


def _count(wave: Wave) -> Count:
    count = Count(Counter(), defaultdict(lambda: defaultdict(Counter)), Counter())
    columns = (Rating.provider, Rating.client_group, Rating.answers, Rating.added)
    for provider, group, answers, added in Rating.select(*columns).where(Rating.wave == wave).tuples().iterator():
        count.raters[provider] += 1
        count.added[group, provider] += added
        for item, score in json.loads(answers).items():
            count.answers[provider, item][group][score] += 1
    return count


def _store_raters(wave: Wave, raters: Counter[int]) -> None:
    """How many people rated each provider, of those that enough did."""
    _insert(
        Rated,
        (
            {"wave": wave.id, "provider": provider, "raters": people}
            for provider, people in sorted(raters.items())
            if people >= wave.min_group
        ),
    )


def _store_tallies(wave: Wave, answers: Mapping[tuple[int, str], Answers]) -> None:
    """Sum the answers on each item by the client groups that its own answers are enough for."""
    members = _members(wave)
    others: dict[tuple[int, tuple[int, ...]], int] = {}  # by provider, groups put together: the group made for them

    def shown_as(provider: int, by_group: Answers) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Each client group that is published, and the groups made at opening that it stands for."""
        merged = merge({group: counts.total() for group, counts in by_group.items()}, wave.min_group)
        if merged is None:
            return
        yield from ((group, (group,)) for group in merged.alone)
        if together := merged.together:
            if (provider, together) not in others:
                departments = [department for group in together for department in members[group]]
                others[provider, together] = _make_others(wave, provider, departments)
            yield others[provider, together], together

    rows = []
    for (provider, item), by_group in sorted(answers.items()):
        for published, groups in shown_as(provider, by_group):
            counts = sum((by_group[group] for group in groups), Counter())
            row = {"wave": wave.id, "provider": provider, "client_group": published, "item": item}
            rows.append(row | {f"n{score}": counts[score] for score in SCORES})
    _insert(Tally, rows)


def _store_additions(wave: Wave, added: Counter[tuple[int, int]]) -> None:
    """How many people of a client group added a provider, where enough did."""
    _insert(
        Addition,
        (
            {"wave": wave.id, "client_group": group, "provider": provider, "people": people}
            for (group, provider), people in sorted(added.items())
            if people >= wave.min_group
        ),
    )


def _make_others(wave: Wave, provider: int, departments: Iterable[int]) -> int:
    group = ClientGroup.create(wave=wave, provider=provider)
    rows = [{"client_group": group.id, "department": department} for department in departments]
    ClientGroupDepartment.insert_many(rows).execute()
    return group.id


def _keep_comments(wave: Wave, raters: Counter[int]) -> None:
    """Delete what was written about providers with too few raters; write the rest anew, all by this transaction.

    Comments came under random ids of their own; on PostgreSQL the transactions that wrote them told their order still.
    """
    enough = max(COMMENTS_FROM, wave.min_group)
    heard = [provider for provider, people in raters.items() if people >= enough]
    of_wave = Comment.wave == wave
    _drop_comments(of_wave & Comment.provider.not_in(heard))
    Comment.update(text=Comment.text).where(of_wave).execute()
    _rewrite_receipts(wave)


def _drop_comments(which: Expression) -> None:
    """Delete comments that nobody will read. Their receipts stay, so that whoever has one can be told."""
    Receipt.update(comment=None).where(Receipt.comment.in_(Comment.select(Comment.id).where(which))).execute()
    Comment.delete().where(which).execute()


def _rewrite_receipts(wave: Wave) -> None:
    Receipt.update(comment=Receipt.comment).where(Receipt.wave == wave).execute()


def _insert(table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    for chunk in chunked(rows, ROWS_AT_ONCE):
        table.insert_many(chunk).execute()
