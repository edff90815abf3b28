"""Many posts of one link at the same moment, through `espejo serve`: one answer each, and no other word than that.

`pytest -m slow -s tests/test_race.py`; with PostgreSQL: `pytest -m postgres -s tests/test_race.py`.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from survey.audience import PROVIDERS_PER_PERSON
from survey.database import open_database
from survey.models import Invitation, Rating, database
from survey.settings import Settings
from tests.engines import fresh_database, settings_in
from tests.servers import PATIENCE_SECONDS, Installation
from tests.visitors import Browser, Reply, open_links
from tests.web.pages import Link

LINKS, POSTS = 200, 16
LINKS_AT_ONCE = 4  # so that 64 connections are open
SLOWEST_SECONDS = 5.0  # with 64 posts in the queue; alone on two cores it is well under one


def race(address: str, links: list[Link]) -> list[Reply]:
    """The replies to all posts; those of one link leave at the same moment."""

    def send(links: list[Link], together: Barrier, visitor: int) -> list[Reply]:
        replies = []
        with closing(Browser(address)) as browser:
            for link in links:
                form = link.filled(overall=str(visitor % 5 + 1))
                together.wait(PATIENCE_SECONDS)
                replies.append(browser.ask("POST", link.address, form))
        return replies

    with ThreadPoolExecutor(LINKS_AT_ONCE * POSTS) as threads:
        sent = [
            threads.submit(send, links[lane::LINKS_AT_ONCE], together, visitor)
            for lane, together in enumerate([Barrier(POSTS) for _ in range(LINKS_AT_ONCE)])
            for visitor in range(POSTS)
        ]
    return [reply for replies in sent for reply in replies.result()]


def each_link_stores_one_answer(
    installed: Installation, settings: Settings, capsys: pytest.CaptureFixture[str], *words: str
) -> None:
    links = open_links(settings, LINKS)
    database.close()
    with installed.serving("serve", *words) as address:
        started = time.monotonic()
        replies = race(address, links)
        seconds = time.monotonic() - started
    waits = sorted(reply.seconds for reply in replies)
    with capsys.disabled():
        print(f"\n{LINKS} links × {POSTS} posts in {seconds:.1f} s: median {1000 * waits[len(waits) // 2]:.0f} ms, ")
        print(f"99 % within {1000 * waits[int(len(waits) * 0.99)]:.0f} ms, slowest {1000 * waits[-1]:.0f} ms")
    found = Counter((reply.status, reply.heading) for reply in replies)
    assert found == {(200, "Thank you!"): LINKS, (409, "Already received"): LINKS * (POSTS - 1)}
    with database.connection_context():
        assert Rating.select().count() == LINKS * PROVIDERS_PER_PERSON
        assert Invitation.select().where(Invitation.answered).count() == LINKS
    assert waits[-1] < SLOWEST_SECONDS


@pytest.mark.slow
def test_200_links_sent_16_times_at_once_are_200_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_in(tmp_path / "home")
    open_database(settings)
    installed = Installation(tmp_path, secret_key=settings.secret_key, smtp_url="")
    each_link_stores_one_answer(installed, settings, capsys)


@pytest.fixture
def postgres(server: str, tmp_path: Path) -> Iterator[Settings]:
    with fresh_database(server) as address:
        settings = settings_in(tmp_path, database_url=address)
        open_database(settings)
        yield settings


@pytest.mark.postgres
def test_200_links_sent_16_times_at_once_to_postgresql_are_200_answers(
    postgres: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed = Installation(tmp_path, secret_key=postgres.secret_key, smtp_url="", database_url=postgres.database_url)
    each_link_stores_one_answer(installed, postgres, capsys, "--workers", "2")
