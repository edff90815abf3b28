"""Many posts of one link at the same moment, through `espejo serve`: one answer each, and no other word than that.

`pytest -m slow -s tests/test_race.py`; with PostgreSQL: `pytest -m postgres -s tests/test_race.py`.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode, urlsplit

import pytest

from survey.database import open_database
from survey.models import Invitation, Person, Rating, database
from survey.settings import Settings
from survey.signing import invitation_token
from survey.waves import PROVIDERS_PER_PERSON, open_now
from tests.cast import Company, K
from tests.engines import fresh_database, settings_in
from tests.servers import PATIENCE_SECONDS, Installation
from tests.web.pages import Link, csrf_token

LINKS, POSTS = 200, 16
LINKS_AT_ONCE = 4  # so that 64 connections are open
SLOWEST_SECONDS = 5.0  # with 64 posts in the queue; alone on two cores it is well under one


def two_hundred_links(settings: Settings) -> list[Link]:
    """A wave of 200 people that is open now."""
    company = Company()
    more = [company._values(f"more{number}", "Sales") for number in range(LINKS - 59)]
    Person.insert_many(more).execute()
    open_now(company.pulse, int(time.time()), K)
    return [
        Link(invitation_token(found.id, settings), tuple(map(int, found.providers.split())))
        for found in Invitation.select()
    ]


@dataclass(frozen=True)
class Reply:
    status: int
    text: str
    cookie: str
    seconds: float

    @property
    def heading(self) -> str:
        return self.text.split("<h1>")[1].split("</h1>")[0]


class Browser:
    """One visitor; its connection is kept, as browsers do."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)

    def ask(self, method: str, path: str, form: str = "", cookie: str = "") -> Reply:
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        started = time.monotonic()
        self._connection.request(method, f"{path}?lang=en", form, headers)
        answer = self._connection.getresponse()
        text, given = answer.read().decode(), answer.headers["Set-Cookie"] or ""
        return Reply(answer.status, text, given.split(";")[0], time.monotonic() - started)

    def close(self) -> None:
        self._connection.close()


def race(address: str, links: list[Link]) -> list[Reply]:
    """The replies to all posts; those of one link leave at the same moment."""
    with closing(Browser(address)) as browser:
        pages = {link: browser.ask("GET", link.address) for link in links}

    def send(links: list[Link], together: Barrier, visitor: int) -> list[Reply]:
        replies = []
        with closing(Browser(address)) as browser:
            for link in links:
                key = {"csrf_token": csrf_token(pages[link].text)}
                form = urlencode(link.filled(overall=str(visitor % 5 + 1)) | key)
                together.wait(PATIENCE_SECONDS)
                replies.append(browser.ask("POST", link.address, form, pages[link].cookie))
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
    links = two_hundred_links(settings)
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
