"""The clock: names of jobs to functions, run by APScheduler as schedules/jobs.toml says."""

import logging
import os
import socket
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from secrets import token_hex
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.schedulers.base import BaseScheduler
from flask import Flask
from peewee import PeeweeException

from survey import deliveries, duties, erasure, leases, roster_files, sending, uploads
from survey import waves as steps
from survey.database import UNAVAILABLE, reason_of, server_clock
from survey.emails import composer
from survey.models import database
from survey.sending import MovingClock
from survey.settings import Settings, folder
from survey.smtp import SmtpTransport
from survey.transport import Transport
from survey.watch import Watch

log = logging.getLogger(__name__)

BY_THE_HOLDER = (
    "waves",
    "opening",
    "closing",
    "duties",
    "forget",
)  # by the process that holds the lease; mail is sent by all


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
            "opening": self.opening,
            "closing": self.closing,
            "duties": self.duties,
            "mail": self.mail,
            "forget": self.forget,
        }

    def waves(self, now: int) -> Counter[str]:
        """Close, open and remind, in this order, so that a pulse never has two waves open."""
        k, rest_days = self._settings.smallest_group, int(self._settings.rest_days)
        return Counter(
            {
                "waves closed": len(steps.close_due(now)),
                "waves opened": len(steps.open_due(now, k, rest_days)),
                "waves reminded": steps.remind_due(now),
            }
        )

    def opening(self, now: int) -> Counter[str]:
        """Invite whom the waves ask that are opening, and queue the mails: apart, so that others go on meanwhile."""
        return Counter({"large waves opened": len(steps.invite_due(now))})

    def closing(self, now: int) -> Counter[str]:
        """Finish what takes no answers any more, closed or called off: apart, so that others open meanwhile."""
        return Counter({"waves closed": len(steps.finish_due(now)), "waves deleted": len(steps.discard_due())})

    def duties(self, now: int) -> Counter[str]:
        """Recall to leads what they owe their clients, and tell HR what is late."""
        zone = ZoneInfo(self._settings.timezone)
        return Counter(
            {
                "releases with complaints recalled": duties.recall_complaints(now, self._settings.reply_days),
                "commitments recalled": duties.recall_promises(now, zone),
                "commitments reported late": duties.report_late(now, zone),
            }
        )

    def mail(self, now: int) -> Counter[str]:
        """Deliver what is due; without a mail server it stays queued."""
        if self._transport is None:
            return Counter()
        clock, per_minute = _clock_from(now), self._settings.mail_rate
        report = deliveries.Teller(self._say, clock, per_minute)
        sent = sending.deliver(now, self._compose, self._transport, clock=clock, per_minute=per_minute, report=report)
        return Counter({f"mails {state}": n for state, n in sent.items()})

    def forget(self, now: int) -> Counter[str]:
        """Forget who came when, if closing could not; who was asked long ago; and files that nobody imported."""
        erasure.rewrite_due()
        forgotten = erasure.forget_due(now, int(self._settings.retention_days))
        files = uploads.forget_due(now) + roster_files.forget_due(now)
        return Counter({"waves forgotten": forgotten, "uploads forgotten": files})

    def tick(self, now: int) -> Counter[str]:
        """Do once what is due at `now`: every job, in order, whoever holds the lease."""
        done: Counter[str] = Counter()
        for job in self.jobs.values():
            done += job(now)
        return done


def _clock_from(now: int) -> MovingClock:
    """The moments from `now` on. Steady, so that no lease grows longer when somebody puts the clock back."""
    started = time.monotonic()
    return lambda: now + int(time.monotonic() - started)


class Clock:
    """Makes a clockwork tick by the time that it is: each job with a connection of its own, if this process may run it.

    On PostgreSQL the time is that of the database, so that two machines agree on what is due and whose lease has ended.
    """

    def __init__(self, clockwork: Clockwork) -> None:
        self._jobs = clockwork.jobs
        self._name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"
        self._watch, self._looking = Watch(), Lock()
        self._holds = False

    def run(self, job: str) -> None:
        """Run one job now. A failure is logged, in a line if only the database is away; the next round tries again."""
        try:
            with database.connection_context():
                now = self._look()
                done = self._jobs[job](now) if now and self._may_run(job, now) else Counter()
        except UNAVAILABLE as error:
            log.error("No database for the job %s, which is tried again at its next turn: %s", job, reason_of(error))
            return
        except Exception:
            log.exception("The job %s failed; it is tried again at its next turn.", job)
            return
        if +done:
            log.info("%s: %s", job, ", ".join(f"{what} {n}" for what, n in (+done).items()))

    def resign(self) -> None:
        """Let another process take over at once."""
        try:
            with database.connection_context():
                leases.resign(self._name)
        except PeeweeException as error:
            log.warning("The lease could not be given back; it ends by itself: %s", error)

    def _look(self) -> int | None:
        """What time it is; None while the clock cannot be believed."""
        with self._looking:
            now, steady = present(), _steady()
            return now if self._watch.may_act(now, steady, leases.standing().ticked_at) else None

    def _may_run(self, job: str, now: int) -> bool:
        if job not in BY_THE_HOLDER:
            return True
        held, self._holds = self._holds, leases.hold(self._name, now)
        if held and not self._holds:
            log.warning("Another process runs the clock now; this one stands by.")
        return self._holds


def present() -> int:
    """The moment that it is: by the database's clock where it has one, else by this machine's."""
    return server_clock() or int(time.time())


def _steady() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def read_jobs() -> dict[str, dict[str, Any]]:
    """The jobs of schedules/jobs.toml: {name: {"every_seconds": …}}."""
    return tomllib.loads((folder("schedules") / "jobs.toml").read_text(encoding="utf-8"))


def add_jobs(scheduler: BaseScheduler, clockwork: Clockwork) -> Clock:
    """Give `scheduler` every job of schedules/jobs.toml; the clock that runs them, for resigning at the end."""
    clock = Clock(clockwork)
    for name, job in read_jobs().items():
        scheduler.add_job(
            clock.run,
            "interval",
            args=[name],
            id=name,
            seconds=job["every_seconds"],
            misfire_grace_time=None,  # late is better than never: the database says what is due
            coalesce=True,
            max_instances=1,
        )
    return clock
