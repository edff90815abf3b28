"""The clock: names of jobs to functions, run by APScheduler as schedules/jobs.toml says."""

import logging
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from typing import Any

from apscheduler.schedulers.base import BaseScheduler
from flask import Flask

from survey import deliveries, erasure, outbox
from survey import waves as steps
from survey.emails import composer
from survey.models import database
from survey.outbox import Clock, Transport
from survey.settings import Settings, folder
from survey.smtp import SmtpTransport

log = logging.getLogger(__name__)


class Clockwork:
    """The jobs, for one application. Every job takes the moment it is to act at, and returns what it did, counted."""

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        transport: Transport | None = None,
        say: Callable[[str], None] = log.info,
    ) -> None:
        """`transport` takes the mail in place of the server that the settings name; `say` tells of long deliveries."""
        self._settings, self._say = settings, say
        self._compose = composer(app, settings)
        self._transport = transport or (SmtpTransport(settings.smtp_url) if settings.smtp_url else None)
        self.jobs: dict[str, Callable[[int], Counter[str]]] = {
            "waves": self.waves,
            "mail": self.mail,
            "forget": self.forget,
        }

    def waves(self, now: int) -> Counter[str]:
        """Close, open and remind, in this order, so that a pulse never has two waves open."""
        return Counter(
            {
                "waves closed": len(steps.close_due(now)),
                "waves opened": len(steps.open_due(now, self._settings.smallest_group)),
                "waves reminded": steps.remind_due(now),
            }
        )

    def mail(self, now: int) -> Counter[str]:
        """Deliver what is due; without a mail server it stays queued."""
        if self._transport is None:
            return Counter()
        clock, per_minute = _clock_from(now), self._settings.mail_rate
        report = deliveries.Teller(self._say, clock, per_minute)
        sent = outbox.deliver(now, self._compose, self._transport, clock=clock, per_minute=per_minute, report=report)
        return Counter({f"mails {state}": n for state, n in sent.items()})

    def forget(self, now: int) -> Counter[str]:
        """Forget who came when, if closing could not, and who was asked in waves that closed long ago."""
        erasure.rewrite_due()
        return Counter({"waves forgotten": erasure.forget_due(now, int(self._settings.retention_days))})

    def tick(self, now: int) -> Counter[str]:
        """Do once what is due at `now`: every job, in order."""
        done: Counter[str] = Counter()
        for job in self.jobs.values():
            done += job(now)
        return done


def _clock_from(now: int) -> Clock:
    """The moments from `now` on. Steady, so that no lease grows longer when somebody puts the clock back."""
    started = time.monotonic()
    return lambda: now + int(time.monotonic() - started)


def read_jobs() -> dict[str, dict[str, Any]]:
    """The jobs of schedules/jobs.toml: {name: {"every_seconds": …}}."""
    return tomllib.loads((folder("schedules") / "jobs.toml").read_text(encoding="utf-8"))


def add_jobs(scheduler: BaseScheduler, clockwork: Clockwork) -> None:
    """Give `scheduler` every job of schedules/jobs.toml."""
    for name, job in read_jobs().items():
        scheduler.add_job(
            _run,
            "interval",
            args=[name, clockwork.jobs[name]],
            id=name,
            seconds=job["every_seconds"],
            misfire_grace_time=None,  # late is better than never: the database says what is due
            coalesce=True,
            max_instances=1,
        )


def _run(name: str, job: Callable[[int], Counter[str]]) -> None:
    """Run one job now, with a database connection of its own. A failure is logged; the next round tries again."""
    try:
        with database.connection_context():
            done = job(int(time.time()))
    except Exception:
        log.exception("The job %s failed; it is tried again at its next turn.", name)
        return
    if +done:
        log.info("%s: %s", name, ", ".join(f"{what} {n}" for what, n in (+done).items()))
