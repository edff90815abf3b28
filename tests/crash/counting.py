"""Answers that can be told apart, the clients that post them until they are acknowledged, and what became of them."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import chain

from survey.database import is_sqlite
from survey.models import Comment, Invitation, Rating, database
from tests.servers import PATIENCE_SECONDS
from tests.visitors import Browser, Reply
from tests.web.pages import Link, form_in

CLIENTS = 8
PAUSE_SECONDS = 0.02  # before a post is tried again
MARK = re.compile(r"Answer (\d+), post (\d+)")


def mark(number: int, post: int) -> str:
    """The comment by which an answer is found again; each post of the same answer has its own."""
    return f"Answer {number}, post {post}"


def comments() -> Iterable[str]:
    """The text of whatever has been said."""
    return [text for (text,) in Comment.select(Comment.text).tuples()]


def stored() -> dict[int, list[int]]:
    """{number of an answer: its posts that are stored}; one post each, if all is well."""
    found = defaultdict(list)
    for number, post in chain.from_iterable(MARK.findall(text) for text in comments()):
        found[int(number)].append(int(post))
    return found


@dataclass(frozen=True)
class Acknowledged:
    """What a client was told: thanks for this post of its answer (`is_first`), or that an earlier one has arrived."""

    number: int
    post: int
    is_first: bool

    def is_kept(self, posts: list[int]) -> bool:
        """Whether what was said is true, given the posts that are stored."""
        return self.post in posts if self.is_first else any(post <= self.post for post in posts)


@dataclass
class Client:
    """Posts answers one after the other over one connection, each until somebody says that it has arrived."""

    address: str
    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)  # numbers of answers that came after the wave had closed
    unanswered: int = 0  # posts without a reply
    put_off: int = 0  # posts that were told to try again
    lost_words: int = 0  # of these, replies that had not kept what was typed
    spans: list[tuple[float, float]] = field(default_factory=list)  # from the first post of each answer to its end

    def __post_init__(self) -> None:
        self._browser = Browser(self.address)
        self._keys: dict[str, str] = {}
        self._cookie = ""

    def fetch_key(self, link: Link) -> None:
        """Open a page once, for the key that all our forms carry."""
        page = self._insist(lambda: self._browser.ask("GET", link.address))
        self._cookie = page.cookie
        self._keys = {"csrf_token": form_in(page.text)["csrf_token"]}

    def send(self, link: Link, number: int) -> None:
        """Post an answer until it is acknowledged, or refused because the wave has closed.

        Whoever gets no reply fills in the form anew; whoever is told to try again sends what that page has kept.
        """
        kept: dict[str, str] = {}
        post = 0
        began = time.monotonic()

        def once() -> Reply:
            nonlocal kept, post
            post += not kept
            form = kept or link.filled(comment=mark(number, post), kind="thanks") | self._keys
            kept = {}
            reply = self._browser.ask("POST", link.address, form, self._cookie)
            if reply.status == 503:
                kept = form_in(reply.text)
                self.lost_words += mark(number, post) not in kept.values()
            return reply

        reply = self._insist(once)
        self.spans.append((began, time.monotonic()))
        if reply.status == 410:
            self.refused.append(number)
        else:
            heading = {200: "Thank you!", 409: "Already received"}
            assert reply.heading == heading.get(reply.status), f"{reply.status}: {reply.text}"
            self.acknowledged.append(Acknowledged(number, post, is_first=reply.status == 200))

    def _insist(self, ask: Callable[[], Reply]) -> Reply:
        """Ask until there is a reply that is not "try again"."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                reply = ask()
            except (OSError, HTTPException):
                self.unanswered += 1
            else:
                if reply.status != 503:
                    return reply
                self.put_off += 1
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("Nobody has answered for a minute.")

    def close(self) -> None:
        self._browser.close()


def post_all(address: str, links: list[Link], clients: list[Client] | None = None) -> list[Client]:
    """Post one answer for each link, by several clients at once; the clients, when all is acknowledged or refused.

    Who gives an empty list of `clients` can watch them meanwhile.
    """
    clients = [] if clients is None else clients
    clients += [Client(address) for _ in links[:CLIENTS]]

    def run(client: Client, lane: int) -> None:
        with closing(client):
            client.fetch_key(links[lane])
            for number in range(lane, len(links), CLIENTS):
                client.send(links[number], number)

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(run, clients, range(len(clients))))
    return clients


@dataclass(frozen=True)
class Count:
    """What clients were told, set beside what the database holds."""

    acknowledged: int
    refused: int
    unanswered: int
    put_off: int
    lost: int  # acknowledged, but not stored
    doubled: int  # stored more than once
    lost_words: int  # replies that asked to try again without what had been typed
    is_sound: bool  # the database is whole, and so is each answer: its invitation, its ratings and its comment

    @property
    def holds(self) -> bool:
        return self.is_sound and not (self.lost or self.doubled or self.lost_words)

    def lines(self) -> list[str]:
        return [
            f"acknowledged: {self.acknowledged}, refused: {self.refused}",
            f"posts without a reply: {self.unanswered}, told to try again: {self.put_off}",
            f"acknowledged but lost: {self.lost}, doubled: {self.doubled}, typed text lost: {self.lost_words}",
            f"database whole: {'yes' if self.is_sound else 'NO'}",
        ]


def count(clients: Iterable[Client]) -> Count:
    """Compare, in the database that the tables are bound to, once everything is quiet."""
    clients = list(clients)
    told = [found for client in clients for found in client.acknowledged]
    with database.connection_context():
        kept = stored()
        answered = [len(found.providers.split()) for found in Invitation.select().where(Invitation.answered)]
        ratings = Rating.select().count()
        is_whole = not is_sqlite() or database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
    return Count(
        acknowledged=len(told),
        refused=sum(len(client.refused) for client in clients),
        unanswered=sum(client.unanswered for client in clients),
        put_off=sum(client.put_off for client in clients),
        lost=sum(not found.is_kept(kept.get(found.number, [])) for found in told),
        doubled=sum(len(posts) > 1 for posts in kept.values()),
        lost_words=sum(client.lost_words for client in clients),
        is_sound=is_whole and len(answered) == len(kept) and sum(answered) == ratings,
    )
