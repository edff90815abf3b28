"""A mail server on a bad day: it refuses, hangs up, falls silent, or takes a mail and does not say so."""

import asyncio
import random
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.servers import free_port, wait_until

SILENCE_SECONDS = 30  # longer than any sender waits


@dataclass(frozen=True)
class Mood:
    """How likely each fault is (0–1)."""

    refuses: float = 0.30  # 451 to RCPT
    hangs_up: float = 0.02  # 421 to RCPT
    falls_silent: float = 0.004  # no answer to RCPT
    cuts: float = 0.04  # takes the mail, then drops the line before it says so
    cuts_silently: float = 0.004  # takes the mail, then says nothing


FRIENDLY = Mood(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Copy:
    """One copy of a mail that the server has taken."""

    to: str
    message_id: str
    link: str


class MailServer:
    def __init__(self, mood: Mood, seed: int, unknown: frozenset[str] = frozenset()) -> None:
        """`unknown` are addresses that it refuses for good."""
        self._mood, self._unknown = mood, unknown
        self._chance = random.Random(seed)
        self.copies: list[Copy] = []
        self.cuts_after_data = 0
        self.tries = 0
        self.open_lines: set[int] = set()
        server = self

        class Listening(Controller):
            def factory(self) -> SMTP:
                return _Line(server)

        self._controller = Listening(server, hostname="127.0.0.1", port=free_port())
        self.url = f"smtp://127.0.0.1:{self._controller.port}"

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.tries += 1
        drawn, mood = self._chance.random(), self._mood
        if address in self._unknown:
            return "550 5.1.1 no such user"
        if drawn < mood.refuses:
            return "451 4.7.1 not now"
        if drawn < mood.refuses + mood.hangs_up:
            return "421 4.3.2 closing down"
        if drawn < mood.refuses + mood.hangs_up + mood.falls_silent:
            await asyncio.sleep(SILENCE_SECONDS)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.copies.append(_copy(envelope.content))
        drawn, mood = self._chance.random(), self._mood
        if drawn < mood.cuts + mood.cuts_silently:
            self.cuts_after_data += 1
            if drawn >= mood.cuts:
                await asyncio.sleep(SILENCE_SECONDS)
            server.transport.abort()
        return "250 OK"

    def wait_until_quiet(self) -> None:
        """Wait until every line is closed: whoever was killed has been heard to the end."""
        wait_until(lambda: not self.open_lines, every_seconds=0.005)


class _Line(SMTP):
    """Says when it opens and closes."""

    def __init__(self, server: MailServer) -> None:
        super().__init__(server, hostname="mail.example")
        self._lines = server.open_lines

    def connection_made(self, transport: Any) -> None:
        self._lines.add(id(self))
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._lines.discard(id(self))


def _copy(content: bytes) -> Copy:
    mail: Any = message_from_bytes(content, policy=policy.default)
    (receiver,) = mail["To"].addresses
    links = re.findall(r"https?://\S+/r/\S+", mail.get_body(("plain",)).get_content())
    return Copy(receiver.addr_spec, mail["Message-ID"], links[0])
