"""The demo's company, filled once for all tests that look at it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from survey import create_app, demo
from survey.database import bind, open_database
from survey.models import Message, database
from survey.scheduler import Clockwork
from survey.settings import Settings

NOW = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
MAILS = 10  # written; the others wait


def fill(home: Path, now: int = NOW) -> Settings:
    """Settings of a demo whose mail has been written in part, to save time."""
    settings = demo.settings(home, 8000)
    open_database(settings)
    clockwork = Clockwork(create_app(settings, demo=True), settings, demo.Mailbox(settings))

    def deliver(moment: int) -> None:
        first = Message.select(Message.id).where(Message.state == "pending").order_by(Message.id).limit(MAILS)
        Message.update(due_at=moment + 3600).where(Message.state == "pending", Message.id.not_in(first)).execute()
        assert clockwork.mail(moment) == {"mails sent": MAILS}

    with database.connection_context():
        demo.fill(settings, now, deliver)
    return settings


fill_once = cache(fill)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return fill_once(tmp_path_factory.getbasetemp() / "filled")


@pytest.fixture
def company(filled: Settings) -> Iterator[Settings]:
    """The demo's company; the tables are bound to it."""
    bind(filled)
    with database.connection_context():
        yield filled
