"""HR's pages with ten million answers behind them, beside as few as the same departments can publish anything with."""

import gc
import random
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from peewee import Database

from survey import closing as release
from survey.database import bind, insert_rows, open_database
from survey.measure.scale import COMMENT_KINDS, ITEMS
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Comment,
    Department,
    ExternalImport,
    ExternalTally,
    Pulse,
    Rated,
    Receipt,
    Release,
    Reply,
    Source,
    Tally,
    Touchpoint,
    TouchpointDepartment,
    Wave,
    database,
    random_id,
)
from survey.settings import Settings
from tests.bench import giant
from tests.bench.others import signed_in
from tests.bench.table import Row
from tests.cast import DAY, K
from tests.engines import settings_in
from tests.large import CLIENTS
from tests.web.pages import addresses

WAVES = 12
FEW, MANY = 8, 10_000_000  # answers in each tally; answers in all
TALLIES = WAVES * giant.DEPARTMENTS * (CLIENTS - 1) * len(ITEMS)
ANSWERS_TO_A_COMMENT = 120  # one rating in twenty comes with a comment
COMPLAINTS_TO_A_RECEIPT = 3  # and one writer of a complaint in three takes a receipt for the reply
PEOPLE = 600
NOT_HERE = re.compile(r"/0{32}|/mirror/")  # what is uploaded or written by somebody
GROWN, MILLISECONDS = 1.2, 100

TALLY = (
    *(Tally.wave, Tally.item, Tally.provider, Tally.client_group),
    *(getattr(Tally, f"n{score}") for score in range(1, 6)),
)
SCORE = (
    *(ExternalTally.external_import, ExternalTally.touchpoint, ExternalTally.item),
    *(ExternalTally.starts_on, ExternalTally.ends_on, ExternalTally.points, ExternalTally.n, ExternalTally.sd),
)


@dataclass(frozen=True)
class Price:
    """What the server pays for a page: milliseconds of CPU time, and queries."""

    milliseconds: float
    queries: int


def measure(runs: int, many: int = MANY) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        homes = settings_in(Path(folder) / "few"), settings_in(Path(folder) / "many")
        answers = [_fill(settings, each) for settings, each in zip(homes, (FEW, many // TALLIES), strict=True)]
        paid = _prices(homes, runs)
    growth = {path: median(much / little for little, much in pairs(prices)) for path, prices in paid.items()}
    cost = {path: median(much for _, much in pairs(prices)) for path, prices in paid.items()}
    queries = {path: tuple(price.queries for price in prices[-1]) for path, prices in paid.items()}
    worst, slowest = max(growth, key=growth.__getitem__), max(cost, key=cost.__getitem__)
    busiest = max(queries, key=lambda path: (queries[path][1] - queries[path][0], queries[path][1]))
    told = f"HR's pages, {answers[1]:,} answers beside {answers[0]:,}"
    yield Row(f"{told}: grows most: {worst}", "times", growth[worst], 1, GROWN, at_least=False)
    yield Row(f"the slowest: {slowest}", "ms", cost[slowest], MILLISECONDS, 1, at_least=False)
    yield Row(f"most queries: {busiest}", "queries", queries[busiest][1], queries[busiest][0], 1, at_least=False)


def pairs(prices: Sequence[tuple[Price, Price]]) -> list[tuple[float, float]]:
    """Milliseconds with few answers and with many, read one right after the other."""
    return [(few.milliseconds, many.milliseconds) for few, many in prices]


def _prices(homes: Iterable[Settings], runs: int) -> dict[str, list[tuple[Price, Price]]]:
    """What each page costs in each of two homes, time after time; they take turns at every page, so that what else the
    machine does hits both alike.
    """
    readers = [(bind(settings), signed_in(settings)) for settings in homes]
    paid: dict[str, list[tuple[Price, Price]]] = {}
    for run in range(runs + 1):
        gc.freeze()  # what lasts, so that the collection below is quick
        for path in hr_pages(readers[0][1].application):
            few, many = (_price(home, client, path) for home, client in readers)
            if run:  # the first time templates are compiled, and figures remembered
                paid.setdefault(path, []).append((few, many))
    gc.unfreeze()
    return paid


def hr_pages(app: Flask) -> list[str]:
    """Every page of HR's that can be read by itself."""
    with database.connection_context():
        values = {"key": Department.get().key, "wave_id": Wave.get(Wave.state == "open").id, "name": "gap"}
    found = {page.path for page in addresses(app, **values) if page.method == "GET" and page.path.startswith("/hr/")}
    return sorted(path for path in found if not NOT_HERE.search(path))


def _price(home: Database, client: FlaskClient, path: str) -> Price:
    database.initialize(home)
    gc.collect()  # else whatever page is read when there is much to collect pays for the others
    queries = 0
    execute = home.execute_sql

    def counted(*words: Any, **options: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*words, **options)

    home.execute_sql = counted
    begun = time.process_time()
    with client.get(path) as answer:
        answer.get_data()
    milliseconds = 1000 * (time.process_time() - begun)
    del home.execute_sql
    return Price(milliseconds, queries)


def _fill(settings: Settings, each: int) -> int:
    """Twelve releases of sixty departments with `each` answers in each tally, what customers say, and an open wave."""
    chance = random.Random(1)
    open_database(settings)
    with database.atomic():
        links = giant.company(PEOPLE)
        pulse = giant.pulse("large")
        for number in range(WAVES):
            _release(pulse, number, links, each, chance)
        _customers(sorted(links), chance)
        giant.small_wave(links)
    database.close()
    return each * TALLIES


def _release(pulse: Pulse, number: int, links: giant.Links, each: int, chance: random.Random) -> None:
    opened = int(time.time()) - 91 * DAY * (WAVES - number)
    closed, day = opened + 14 * DAY, datetime.fromtimestamp(opened, UTC).date()
    wave = Wave.create(
        pulse=pulse, occurrence=number - WAVES, local_date=day, opens_at=opened, opened_at=opened, closes_at=closed,
        closed_at=closed, state="closed", min_group=K,
    )  # fmt: skip
    alone = {client: _group(wave, [client]) for client in links}
    clients = {provider: [client for client in links if provider in links[client]] for provider in links}
    tallies = [
        (wave.id, item, provider, group, *_counts(each, chance))
        for provider, its in clients.items()
        for group in [*(alone[client] for client in its[:-2]), _group(wave, its[-2:], provider)]
        for item in ITEMS
    ]
    insert_rows(Tally, TALLY, tallies)
    raters = each * (CLIENTS - 1)
    insert_rows(Rated, (Rated.wave, Rated.provider, Rated.raters), ((wave.id, provider, raters) for provider in links))
    number = each * len(ITEMS) * (CLIENTS - 1) // ANSWERS_TO_A_COMMENT
    said = {provider: [(random_id(), kind) for kind in islice(cycle(COMMENT_KINDS), number)] for provider in links}
    rows = ((id_, wave.id, of, kind, "They answer within the day. " * 4) for of in said for id_, kind in said[of])
    insert_rows(Comment, (Comment.id, Comment.wave, Comment.provider, Comment.kind, Comment.text), rows)
    for its in said.values():
        complaints = [id_ for id_, kind in its if kind == "complaint"]
        _conversations(wave, complaints[::COMPLAINTS_TO_A_RECEIPT], day, chance)
    Release.create(wave=wave, released_at=closed, digest=release.digest(wave), rewritten=True)


def _conversations(wave: Wave, complaints: list[str], opened: date, chance: random.Random) -> None:
    """A receipt for each of these complaints, and the department's reply to every other one."""
    receipts = ((sha256(comment.encode()).hexdigest(), wave.id, comment) for comment in complaints)
    insert_rows(Receipt, (Receipt.digest, Receipt.wave, Receipt.comment), receipts)
    replies = (
        (random_id(), comment, 1, 0, "We have looked into it. " * 4, opened + timedelta(days=15 + chance.randrange(20)))
        for comment in complaints[::2]
    )
    reply = (Reply.id, Reply.comment, Reply.sequence, Reply.by_client, Reply.text, Reply.replied_on)
    insert_rows(Reply, reply, replies)


def _group(wave: Wave, departments: list[int], provider: int | None = None) -> int:
    people = {} if provider else {"invited": PEOPLE // giant.DEPARTMENTS, "answered": K}
    group = ClientGroup.create(wave=wave, provider=provider, **people)
    for department in departments:
        ClientGroupDepartment.create(client_group=group, department=department)
    return group.id


def _counts(each: int, chance: random.Random) -> tuple[int, ...]:
    """`each` answers, half of them fours."""
    rest = each - each // 2
    low = chance.randint(0, rest // 2)
    return 0, low, rest - low - low // 2, each // 2, low // 2


def _customers(departments: list[int], chance: random.Random) -> None:
    """A touchpoint of each department, with a score a month and item for three years."""
    source = Source.create(key="desk", name="Desk")
    file = ExternalImport.create(source=source, file_name="f", digest="d", imported_at=0, answers=1, left_out=0)
    today = datetime.now(UTC).date()
    for department in departments:
        touchpoint = Touchpoint.create(source=source, key=str(department), name=f"Counter {department}")
        TouchpointDepartment.create(touchpoint=touchpoint, department=department, weight=1)
        days = [today - timedelta(days=30 * month) for month in range(36)]
        rows = (
            (file.id, touchpoint.id, item, day, day, chance.uniform(50, 90), 200, 20.0)
            for item in ITEMS
            for day in days
        )
        insert_rows(ExternalTally, SCORE, rows)
