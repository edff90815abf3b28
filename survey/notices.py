"""Did you notice? When a department says that a commitment is done, the clients that it names are asked, one tap each.

Only what the lead says is done is asked about: that it was kept is the lead's claim, and who asked for it confirms it.
Of what is open or late the lead claims nothing. Answers are stored like any rating: without a name, and without the
department; counted and deleted when the wave closes, and not kept when they are fewer than k.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from survey.database import delete_by_and_by
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Commitment,
    CommitmentClient,
    Department,
    Notice,
    NoticeQuestion,
    NoticeTally,
    Wave,
    random_id,
)
from survey.moments import once_a_moment

MOST = 2  # such questions for one person in one wave
PAGE_TAPS = 1  # to the page that they have to themselves on a phone
REMEMBERED_DAYS = 365  # what was done longer ago is asked about no more

Answers = Mapping[int, bool]  # {commitment: noticed, or not yet}


@dataclass(frozen=True)
class Question:
    """Did you notice this? Asked of somebody whose department the commitment names."""

    commitment: int
    provider: str
    text: str


# --- Asking --------------------------------------------------------------------------------------------------------


def freeze(wave: Wave, invited: Mapping[int, int], k: int, room: int) -> None:
    """Store what `wave` asks whom. Part of opening it.

    `invited` says how many people of each department are asked anything; `room` how many taps more a person will give.
    What was done last comes first. A department is asked about one commitment of a provider at most, so no two
    sums about the same provider hold the same people. A commitment whose named departments have fewer than `k` people
    left to ask waits for a later wave, until it is too long ago.
    """
    most = min(MOST, room - PAGE_TAPS)
    told: Counter[int] = Counter()  # questions, by department
    pairs: set[tuple[int, int]] = set()  # (department, provider)
    rows = []
    for commitment, provider, clients in _unasked(wave):
        asked = [
            client
            for client in clients
            if invited.get(client) and told[client] < most and (client, provider) not in pairs
        ]
        if sum(invited[client] for client in asked) < k:
            continue
        told.update(asked)
        pairs.update((client, provider) for client in asked)
        rows += [{"wave": wave.id, "commitment": commitment, "department": client} for client in asked]
    if rows:
        NoticeQuestion.insert_many(rows).execute()


def _unasked(wave: Wave) -> list[tuple[int, int, list[int]]]:
    """(commitment, provider, its clients) of what the pulse's providers have done and no wave has asked about.

    The latest first. Two queries.
    """
    query = (
        Commitment.select(Commitment.id, Commitment.provider)
        .join(Wave)
        .switch(Commitment)
        .join(Department)
        .where(
            Commitment.state == "done",
            Commitment.ended_on >= wave.local_date - timedelta(days=REMEMBERED_DAYS),
            Wave.pulse == wave.pulse_id,
            Department.active,
            Commitment.id.not_in(NoticeQuestion.select(NoticeQuestion.commitment)),
        )
        .order_by(Commitment.ended_on.desc(), Commitment.id.desc())
    )
    done = list(query.tuples())
    clients: dict[int, list[int]] = defaultdict(list)
    named = CommitmentClient.select(CommitmentClient.commitment, CommitmentClient.department).where(
        CommitmentClient.commitment.in_([commitment for commitment, _ in done])
    )
    for commitment, client in named.order_by(CommitmentClient.department).tuples():
        clients[commitment].append(client)
    return [(commitment, provider, clients[commitment]) for commitment, provider in done]


def told(wave: int, client_group: int, own: int | None) -> list[Question]:
    """What somebody of a client group, whose department is now `own`, is asked in a wave."""
    asked = _asked(wave)
    return asked.get(_home(wave, client_group, own), []) if asked else []


@once_a_moment
def _asked(wave: int) -> dict[int | None, list[Question]]:
    """What each department is asked in a wave, the latest first."""
    query = (
        NoticeQuestion.select(NoticeQuestion.department, Commitment.id, Department.name, Commitment.text)
        .join(Commitment)
        .join(Department, on=Commitment.provider == Department.id)
        .where(NoticeQuestion.wave == wave)
        .order_by(Commitment.ended_on.desc(), Commitment.id.desc())
    )
    found: dict[int | None, list[Question]] = defaultdict(list)
    for department, *question in query.tuples():
        found[department].append(Question(*question))
    return dict(found)


def departments_of(wave: int, client_group: int) -> tuple[int, ...]:
    """The departments that a client group was made of when its wave opened."""
    return _groups(wave).get(client_group, ())


@once_a_moment
def _groups(wave: int) -> dict[int, tuple[int, ...]]:
    """{client group: its departments} of those that a wave asks."""
    query = ClientGroupDepartment.select(ClientGroupDepartment.client_group, ClientGroupDepartment.department)
    found: dict[int, list[int]] = defaultdict(list)
    for group, department in query.join(ClientGroup).where(ClientGroup.wave == wave).tuples():
        found[group].append(department)
    return {group: tuple(departments) for group, departments in found.items()}


def _home(wave: int, client_group: int, own: int | None) -> int | None:
    departments = departments_of(wave, client_group)
    if len(departments) == 1:
        return departments[0]
    return own if own in departments else None


def refuse_unless_asked(asked: Iterable[Question], said: Answers) -> None:
    """Raises ValueError for a commitment that somebody is not asked about."""
    if said and not said.keys() <= {question.commitment for question in asked}:
        raise ValueError("Only whom a commitment names says whether it was noticed.")


def store(wave: Wave, said: Answers) -> None:
    """Keep what somebody has noticed, in rows that name neither the person nor each other. Part of taking an answer."""
    Notice.insert_many(
        {"id": random_id(), "wave": wave.id, "commitment": commitment, "noticed": noticed}
        for commitment, noticed in said.items()
    ).execute()


# --- Counting ------------------------------------------------------------------------------------------------------


def count(wave: Wave) -> list[dict[str, int]]:
    """The rows of the answers as one tally for each commitment. Part of closing a wave; changes nothing.

    Of a commitment that fewer than k people answered about nothing is kept.
    """
    counted: dict[int, Counter[bool]] = defaultdict(Counter)
    for commitment, noticed in Notice.select(Notice.commitment, Notice.noticed).where(Notice.wave == wave).tuples():
        counted[commitment][bool(noticed)] += 1
    return [
        {"wave": wave.id, "commitment": commitment, "noticed": answers[True], "not_yet": answers[False]}
        for commitment, answers in sorted(counted.items())
        if answers.total() >= wave.min_group
    ]


def store_counted(rows: Sequence[dict[str, int]]) -> None:
    """Store what was counted. Part of closing a wave."""
    for row in rows:
        NoticeTally.create(**row)


def forget(wave: Wave) -> None:
    """Delete the answers, some at a time."""
    for _ in delete_by_and_by(Notice.id, Notice.wave == wave):
        pass


def discard(wave: Wave) -> None:
    """Forget what was asked and said in a wave that is cancelled: a later one may ask again."""
    forget(wave)
    NoticeQuestion.delete().where(NoticeQuestion.wave == wave).execute()


def document(wave: Wave) -> list[dict[str, Any]]:
    """What is told of each commitment that was asked about, in order: of whom, and how many said what."""
    asked: dict[int, list[int]] = defaultdict(list)
    query = NoticeQuestion.select(NoticeQuestion.commitment, NoticeQuestion.department).where(
        NoticeQuestion.wave == wave
    )
    for commitment, department in query.order_by(NoticeQuestion.commitment, NoticeQuestion.department).tuples():
        asked[commitment].append(department)
    columns = (NoticeTally.commitment, NoticeTally.noticed, NoticeTally.not_yet)
    counts = {found: said for found, *said in NoticeTally.select(*columns).where(NoticeTally.wave == wave).tuples()}
    return [
        {"commitment": commitment, "clients": clients, "counts": counts.get(commitment)}
        for commitment, clients in asked.items()
    ]
