"""A sender that is made to die: it delivers all there is, as if time flew, until it is killed or done."""

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from peewee import fn

from survey import create_app, sending
from survey.database import bind
from survey.emails import composer
from survey.models import Message, database
from survey.settings import Settings
from survey.smtp import SmtpTransport
from survey.transport import Mail

BEFORE_CLAIM, AFTER_CLAIM, BEFORE_SEND, AFTER_DATA = "before claim", "after claim", "before send", "after DATA"
POINTS = (BEFORE_CLAIM, AFTER_CLAIM, BEFORE_SEND, AFTER_DATA)
TIMEOUT_SECONDS = 3.0  # for each of the server's answers; a busy machine must not look like a silent server

At = Callable[[str], None]


def send_all(home: str, smtp_url: str, point: str | None, passes: int) -> None:
    """Deliver until nothing waits any more. At the `passes`-th time it comes to `point`, it kills itself."""
    logging.getLogger("survey").setLevel(logging.CRITICAL)  # much is wrong, and meant to be
    settings = Settings.from_environment({}, home=home, secret_key="a key for tests", smtp_url=smtp_url)
    bind(settings)
    at = _doom(point, passes)
    _claim_with(at)
    compose = composer(create_app(settings), settings)
    with database.connection_context():
        while (moment := next_moment()) is not None:
            sending.deliver(moment, compose, Doomed(smtp_url, at))


class Doomed(SmtpTransport):
    def __init__(self, url: str, at: At) -> None:
        super().__init__(url, TIMEOUT_SECONDS)
        self._at = at

    def send(self, mail: Mail, meanwhile: Callable[[], None]) -> None:
        self._at(BEFORE_SEND)
        super().send(mail, meanwhile)
        self._at(AFTER_DATA)


def next_moment() -> int | None:
    """The next moment at which something is due, or somebody's lease ends; never before the latest try."""
    due = Message.select(fn.MIN(Message.due_at)).where(Message.state.in_(["pending", "retry"])).scalar()
    leased = Message.select(fn.MIN(Message.leased_until)).where(Message.state == "sending").scalar()
    waits = [moment for moment in (due, leased) if moment is not None]
    return max(min(waits), Message.select(fn.MAX(Message.tried_at)).scalar() or 0) if waits else None


def _doom(point: str | None, passes: int) -> At:
    left = passes

    def at(here: str) -> None:
        nonlocal left
        if here == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


def _claim_with(at: At) -> None:
    """Come by the points around each claim."""
    claim = sending._claim

    def claim_between(*given: Any) -> list[Message]:
        at(BEFORE_CLAIM)
        batch = claim(*given)
        if batch:
            at(AFTER_CLAIM)
        return batch

    sending._claim = claim_between
