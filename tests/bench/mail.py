"""Invitations delivered to a mail server on this machine, beside ready-made bytes over one kept connection."""

import asyncio
import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiosmtpd.smtp import SMTP

from survey import create_app, outbox, sending
from survey.database import open_database
from survey.emails import composer
from survey.models import Message, Person, database
from survey.sending import Compose
from survey.smtp import SmtpTransport
from tests.bench.company import open_large_wave
from tests.bench.table import Row, medians
from tests.engines import settings_in
from tests.servers import free_port, wait_until

MAILS = 400  # in one run
WARM = 20


def measure(runs: int, mails: int = MAILS) -> Iterator[Row]:
    with TemporaryDirectory() as folder, sink() as port:
        settings = settings_in(Path(folder), smtp_url=f"smtp://127.0.0.1:{port}")
        open_database(settings)
        open_large_wave(WARM + runs * mails)
        compose, now = composer(create_app(settings), settings), int(time.time())
        _deliver(now, settings.smtp_url, compose, WARM)

        def once() -> tuple[float, float]:
            ours, ready = _deliver(now, settings.smtp_url, compose, mails), _send_ready(now, port, compose, mails)
            return mails / ours, mails / ready

        ours, limit = medians(runs, once)
        database.close()
    yield Row("invitations delivered over SMTP", "a second", ours, limit, 0.5, at_least=True)


def _deliver(now: int, url: str, compose: Compose, mails: int) -> float:
    """Deliver so many that wait; how many seconds it took."""
    chosen = Message.select(Message.id).where(Message.state == "pending").limit(mails)
    Message.update(due_at=now + 3600).where(Message.state == "pending").execute()
    Message.update(due_at=now).where(Message.id.in_(chosen)).execute()
    began = time.perf_counter()
    outcomes = sending.deliver(now, compose, SmtpTransport(url))
    assert outcomes == {"sent": mails}, outcomes
    return time.perf_counter() - began


def _send_ready(now: int, port: int, compose: Compose, mails: int) -> float:
    """Send one mail's bytes again and again."""
    message = Message.select().where(Message.kind == outbox.INVITATION).first()
    to, ready = Person.get_by_id(message.person_id).email, compose(message, now).content
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as server:
        for _ in range(mails):
            server.sendmail("espejo@mirror.example", [to], ready)
    return time.perf_counter() - began


class _Sink:
    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return "250 OK"


def _serve(port: int) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(loop.create_server(lambda: SMTP(_Sink(), loop=loop), "127.0.0.1", port))
    loop.run_forever()


@contextmanager
def sink() -> Iterator[int]:
    """The port of a mail server in a process of its own, which takes all and keeps nothing."""
    port = free_port()
    process = get_context("spawn").Process(target=_serve, args=(port,), daemon=True)
    process.start()
    wait_until(lambda: _takes_mail(port))
    try:
        yield port
    finally:
        process.terminate()
        process.join()


def _takes_mail(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port):
            return True
    except OSError:
        return False
