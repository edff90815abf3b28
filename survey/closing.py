"""From ratings to a release: tallies, client groups large enough to show, comments, and nothing else.

A rating is counted and deleted; what is left of it is one more answer in a tally. Answers that are too few to be shown
in any group are not kept at all.

Of a large company there are millions, and others go on reading and writing meanwhile. So they are counted without a
transaction, as nothing is added to a wave that is closing; what was counted is stored in a short one; and then they are
deleted in many short ones. Until all of that is done the wave is not closed, and nothing of it is told.
"""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from peewee import Expression, chunked

from survey import audience, mirrors, notices, progress, tallies
from survey.database import ROWS_AT_ONCE, by_and_by, delete_by_and_by, write_anew
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
    database,
)

log = logging.getLogger(__name__)

COUNTED_AT_ONCE = 50_000  # ratings; the log tells after each
READ_KEPT = 50_000  # different ratings whose answers are kept read

Answers = dict[int, Counter[int]]  # {client group: how many answers of each score}


@dataclass
class Count:
    """What was said in a wave, before anything is merged."""

    raters: Counter[int]  # people by provider
    answers: dict[tuple[int, str], Answers]  # by provider, item
    added: Counter[tuple[int, int]]  # people by client group and the provider that they added
    own_views: list[dict[str, int | str]]  # rows, as are:
    noticed: list[dict[str, int]]


def publish(wave: Wave, now: int) -> None:
    """Turn the ratings of a wave that is closing into its release, and delete them. Not inside a transaction.

    Whoever is killed may begin again, and two may do it at once: the one that stores first is the one that has counted,
    and nothing is deleted before that.
    """
    if not Release.select().where(Release.wave == wave).exists():
        _freeze_participation(wave)
        _store(wave, _count(wave), now)
    _forget_answers(wave)


def takes_long(wave: Wave) -> bool:
    """Whether so many have answered that nobody should wait for the wave to be closed."""
    return Rating.select().where(Rating.wave == wave).limit(1).offset(COUNTED_AT_ONCE).exists()


def _store(wave: Wave, count: Count, now: int) -> None:
    """Store all that is published, in one transaction; nothing when another process was first."""
    with database.atomic():
        release = Release.insert(wave=wave, released_at=now, digest="").on_conflict_ignore()
        if not release.as_rowcount().execute():
            return
        _store_raters(wave, count.raters)
        _store_tallies(wave, count.answers)
        _store_additions(wave, count.added)
        _keep_comments(wave, count.raters)
        mirrors.store_counted(count.own_views)
        notices.store_counted(count.noticed)
        Release.update(digest=digest(wave)).where(Release.wave == wave).execute()


def _forget_answers(wave: Wave) -> None:
    """Delete all that was said and is counted."""
    whole, gone = Rating.select().where(Rating.wave == wave).count(), 0
    for deleted in delete_by_and_by(Rating.id, Rating.wave == wave):
        before, gone = gone // COUNTED_AT_ONCE, gone + deleted
        if gone // COUNTED_AT_ONCE > before:
            progress.tell(wave, "closing", (1 + gone / whole) / 2)
    mirrors.forget(wave)
    notices.forget(wave)


def discard(wave: Wave) -> None:
    """Delete all that was said in a wave that is cancelled, some at a time. Whoever is killed may begin again."""
    with database.atomic():
        _forget_who_came_when(wave)
    for _ in delete_by_and_by(Rating.id, Rating.wave == wave):
        pass
    for _ in by_and_by(Comment.id, Comment.wave == wave, _drop_comments):
        pass
    write_anew(Receipt.comment, Receipt.wave == wave)
    mirrors.discard(wave)
    notices.discard(wave)


def document(wave: Wave) -> bytes:
    """All that the wave publishes, as canonical JSON: the same bytes whenever they are made."""
    members = _members(wave)
    counted = [
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
            "tallies": sorted(counted, key=lambda row: (row["provider"], row["item"], row["clients"])),
            **{name: found for name, found in later.items() if found},
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def digest(wave: Wave) -> str:
    return sha256(document(wave)).hexdigest()


def _members(wave: Wave) -> dict[int, list[int]]:
    """{client group: its departments, sorted}"""
    return {group: sorted(found) for group, found in tallies.members([wave.id]).items()}


def _additions(wave: Wave, members: Mapping[int, list[int]]) -> list[dict[str, Any]]:
    rows = [
        {"provider": row.provider_id, "clients": members[row.client_group_id], "people": row.people}
        for row in Addition.select().where(Addition.wave == wave)
    ]
    return sorted(rows, key=lambda row: (row["provider"], row["clients"]))


def _freeze_participation(wave: Wave) -> None:
    """Store how many answered of each group, which is counted on pages until then."""
    answered = audience.answered_so_far([wave.id])
    with database.atomic():
        _forget_who_came_when(wave)
        for group in ClientGroup.select().where(ClientGroup.wave == wave, ClientGroup.provider.is_null()):
            ClientGroup.update(answered=answered.get(group.id, 0)).where(ClientGroup.id == group.id).execute()


def _forget_who_came_when(wave: Wave) -> None:
    """Write every invitation anew, all by this one transaction, and all replies to earlier comments.

    PostgreSQL marks each row with the transaction that wrote it last, which until now told who answered after whom.
    """
    write_anew(Invitation.answered, Invitation.wave == wave)
    write_anew(Reply.text)


def _count(wave: Wave) -> Count:
    """Like ratings are counted before their answers are read, and what is in memory does not grow with their number."""
    raters, added = Counter[int](), Counter[tuple[int, int]]()
    scores: dict[tuple[int, int, str, int], int] = defaultdict(int)  # the innermost loop: one look-up for each answer
    for some in _ratings(wave):
        for (provider, group, answers, was_added), n in Counter(some).items():
            raters[provider] += n
            added[group, provider] += n * was_added
            for item, score in _read(answers):
                scores[provider, group, item, score] += n
    count = Count(
        raters=raters,
        answers=defaultdict(lambda: defaultdict(Counter)),
        added=added,
        own_views=mirrors.count(wave),
        noticed=notices.count(wave),
    )
    for (provider, group, item, score), n in scores.items():
        count.answers[provider, item][group][score] = n
    return count


@lru_cache(maxsize=READ_KEPT)
def _read(answers: str) -> tuple[tuple[str, int], ...]:
    return tuple(json.loads(answers).items())


def _ratings(wave: Wave) -> Iterator[list[tuple[int, int, str, bool]]]:
    """All ratings of a wave as (provider, client group, answers, added), some at a time, in the order of their ids.

    HR's pages and the log tell how far it is, in whole steps, so that they tell nothing of small waves.
    """
    last, counted, whole = "", 0, Rating.select().where(Rating.wave == wave).count()
    query = Rating.select(Rating.id, Rating.provider, Rating.client_group, Rating.answers, Rating.added)
    query = query.where(Rating.wave == wave).order_by(Rating.id).limit(COUNTED_AT_ONCE)
    while some := database.execute(query.where(Rating.id > last)).fetchall():
        yield [row[1:] for row in some]
        last, counted = some[-1][0], counted + COUNTED_AT_ONCE
        if len(some) == COUNTED_AT_ONCE:
            log.info("Wave %d is being closed: %d ratings are counted.", wave.id, counted)
            progress.tell(wave, "closing", counted / max(whole, counted) / 2)


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
    write_anew(Comment.text, of_wave)
    write_anew(Receipt.comment, Receipt.wave == wave)


def _drop_comments(which: Expression) -> int:
    """Delete comments that nobody will read. Their receipts stay, so that whoever has one can be told."""
    Receipt.update(comment=None).where(Receipt.comment.in_(Comment.select(Comment.id).where(which))).execute()
    return Comment.delete().where(which).execute()


def _insert(table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    for chunk in chunked(rows, ROWS_AT_ONCE):
        table.insert_many(chunk).execute()
