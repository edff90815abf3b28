"""Respondents over HTTP, in processes of their own: each keeps one connection, and sends bytes that were made ahead."""

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from urllib.parse import urlencode, urlsplit

from tests.servers import PATIENCE_SECONDS
from tests.web.pages import Link

CLIENTS = 8
COMMENT = "They answer at once, whatever I ask for, and say by when it will be done. Número {number}."
HEADERS = "Host: bench\r\nAccept-Language: es\r\n"


@dataclass(frozen=True)
class Session:
    """How long a page took to come, and its answers to be stored, in seconds."""

    get: float
    post: float


class Connection:
    """A kept one. It reads what it must to know where a reply ends, and no more: the server is what is measured."""

    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        self._socket = socket.create_connection((place.hostname, place.port), PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def ask(self, request: bytes) -> bytes:
        """The body of the reply, which must be a page that was found."""
        self._socket.sendall(request)
        status, length = self._file.readline(), 0
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self._file.read(length)
        assert b" 200 " in status, status + body
        return body

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def get(link: Link) -> bytes:
    return f"GET {link.address} HTTP/1.1\r\n{HEADERS}\r\n".encode()


def post(link: Link, number: int) -> bytes:
    """Fours for all, and a comment, as a browser sends them."""
    form = urlencode(link.filled(comment=COMMENT.format(number=number), kind="thanks") | {"language": "es"}).encode()
    kind = "Content-Type: application/x-www-form-urlencoded\r\n"
    return f"POST {link.address} HTTP/1.1\r\n{HEADERS}{kind}Content-Length: {len(form)}\r\n\r\n".encode() + form


def _respond(address: str, links: Sequence[Link], starts: float, every_seconds: float) -> list[Session]:
    """One session after the other; each at its own time, or as soon as the one before has ended.

    A page's time counts from when it was to begin, so that nobody who had to wait for others is forgotten.
    """
    requests = [(get(link), post(link, number)) for number, link in enumerate(links)]
    connection, sessions = Connection(address), []
    for number, (asking, answering) in enumerate(requests):
        begins = starts + number * every_seconds if every_seconds else time.monotonic()
        time.sleep(max(0, begins - time.monotonic()))
        connection.ask(asking)
        asked = time.monotonic()
        connection.ask(answering)
        sessions.append(Session(asked - begins, time.monotonic() - asked))
    connection.close()
    return sessions


def respond(address: str, links: Sequence[Link], per_second: float = 0) -> tuple[list[Session], float]:
    """A session for each link, by several clients at once; and how many seconds they took together.

    `per_second` is how many begin in a second; 0: as many as can.
    """
    every = CLIENTS / per_second if per_second else 0
    with ProcessPoolExecutor(CLIENTS, mp_context=get_context("fork")) as processes:
        list(processes.map(abs, range(CLIENTS)))  # they are there before the clock starts
        starts = time.monotonic() + 0.2
        lanes = [
            processes.submit(_respond, address, links[lane::CLIENTS], starts + lane * every / CLIENTS, every)
            for lane in range(CLIENTS)
        ]
        began = time.monotonic() if not every else starts
        sessions = [session for lane in lanes for session in lane.result()]
    return sessions, time.monotonic() - began
