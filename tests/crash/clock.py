"""Clocks that could do harm: two at once, one that is killed, one that stood still for a year, one that is set wrong.

python -m tests.crash.clock             all of it on SQLite; three schedulers are killed, which takes some minutes
python -m tests.crash.clock --postgres  the same on PostgreSQL
python -m tests.crash.clock --short     fewer ticks, and no scheduler is killed
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from survey import create_app, database, leases, outbox, pulses, scheduler, sending, waves
from survey.models import Message, Pulse, Reminder, Wave
from survey.models import database as tables
from survey.scheduler import Clock, Clockwork
from survey.settings import Settings
from survey.transport import Mail
from tests.cast import DAY, OPENS, Company, K
from tests.crash.stores import Store, a_store, close
from tests.mails import read
from tests.servers import PATIENCE_SECONDS, wait_until

MINUTES, HOUR, YEAR = 600, 3600, 365 * DAY
TAKE_OVER_SECONDS = 60
FIRST = date(2026, 3, 2)  # the day of OPENS
CADENCES = ("weekly", "fortnightly", "monthly", "quarterly", "half-yearly")


class Post:
    """Takes mail; knows which, and how often."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def send(self, mail: Mail, meanwhile: Callable[[], None]) -> None:
        self.taken[read(mail)["Message-ID"]] += 1

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Figure:
    """What a fault has led to, and whether that is what must hold."""

    fault: str
    found: str
    holds: bool

    def line(self) -> str:
        return f"{self.fault:<40} {self.found}{'' if self.holds else '   <- BROKEN'}"


@contextmanager
def at(wall: int, steady: int) -> Iterator[None]:
    """As if the clocks showed this."""
    with patch.object(scheduler, "present", lambda: wall), patch.object(scheduler, "_steady", lambda: steady):
        yield


# --- Two at once ---------------------------------------------------------------------------------------------------


def a_busy_day(store: Store) -> Settings:
    """A day on which a wave opens, one reminds, one closes and one has been missed."""
    settings = replace(store.new(), rest_days="0")
    with tables.atomic():
        Company()
        for key, days in {"reminds": -4, "closes": -14, "missed": -3}.items():
            pulses.add_pulse(key, "quarterly", FIRST + timedelta(days=days), "Europe/Madrid")
    for key, days in {"reminds": -4, "closes": -14}.items():
        planned = Wave.select().join(Pulse).where(Pulse.key == key).get()
        assert waves.open_wave(planned, OPENS + days * DAY, K)
        Reminder.update(done=True).where(Reminder.wave == planned, Reminder.due_at < OPENS).execute()
    sending.deliver(OPENS - DAY, lambda message, now: Mail("", "", b""), Post())
    close()
    return settings


def tick_together(settings: Settings, every: int, together: Barrier) -> tuple[Counter[str], Counter[str]]:
    """One scheduler's day, in a process of its own: what it did, and the mails it sent."""
    logging.disable(logging.CRITICAL)  # two who close at once are in each other's way, and try again
    database.bind(settings)
    post = Post()
    clockwork = Clockwork(create_app(settings), settings, post)
    clock, done = Clock(clockwork), Counter[str]()
    counted = {name: lambda now, job=job: done.update(job(now)) or Counter() for name, job in clockwork.jobs.items()}
    clockwork.jobs.update(counted)
    for now in range(OPENS - HOUR, OPENS - HOUR + DAY, every):
        together.wait(PATIENCE_SECONDS)
        with at(now, now):
            for job in clockwork.jobs:
                clock.run(job)
    return +done, post.taken


def start_process(fork: BaseContext, live: Callable[[Connection], None]) -> Connection:
    """Run `live` in a process of its own; what it sends comes out of this end."""
    reading, writing = fork.Pipe(duplex=False)
    fork.Process(target=live, args=[writing]).start()
    writing.close()
    return reading


def two_at_once(store: Store, every: int, *, with_lease: bool) -> Figure:
    """Two processes whose ticks come at the same instants, for 24 hours; without the lease both do everything."""
    settings = a_busy_day(store)
    fork = get_context("fork")
    together = fork.Barrier(2)

    def live(result: Connection) -> None:
        with nullcontext() if with_lease else patch.object(leases, "hold", lambda *_: True):
            result.send(tick_together(settings, every, together))

    done, mails = Counter[str](), Counter[str]()
    for result in [start_process(fork, live) for _ in range(2)]:
        its_steps, its_mails = result.recv()  # EOFError when it has died
        done += its_steps
        mails += its_mails
    database.bind(settings)
    once = {"waves opened": 1, "waves reminded": 1, "waves closed": 1}
    steps = {name: done[name] for name in once}
    queued = Counter(kind for (kind,) in Message.select(Message.kind).where(Message.due_at > OPENS - DAY).tuples())
    expected = {"invitation": 59, "reminder": 59, "summary": 2, "company": 2, "missed": 2}
    missed = Wave.select().where(Wave.cancel_reason == waves.MISSED).count()
    found = ", ".join(f"{name} {n}" for name, n in steps.items())
    found += f", missed {missed}; {sum(queued.values())} mails queued, {sum(mails.values())} sent"
    each_once = set(mails.values()) == {1} and len(mails) == sum(expected.values())
    holds = (steps, queued, missed) == (once, expected, 1) and each_once
    name = f"two schedulers, {DAY // every} ticks, {'lease' if with_lease else 'no lease'}"
    return Figure(name, found, holds)


# --- One that is killed --------------------------------------------------------------------------------------------


@contextmanager
def schedulers(settings: Settings, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two `espejo scheduler`, in processes of their own."""
    started = [start(settings, folder) for _ in range(2)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def start(settings: Settings, folder: Path) -> "subprocess.Popen[bytes]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ESPEJO_")}
    ours = {name: getattr(settings, name) for name in ("home", "database_url", "secret_key")}
    environment = clean | {f"ESPEJO_{name.upper()}": value for name, value in ours.items()}
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen([sys.executable, "-m", "survey", "scheduler"], env=environment, stdout=log, stderr=log)


def holder() -> int:
    """The process that holds the lease; 0 when none does."""
    with tables.connection_context():
        lease = leases.standing()
        return int(lease.holder.split(":")[1]) if leases.is_held(lease, scheduler.present()) else 0


def seconds_until_another_holds(gone: int) -> float:
    began = time.monotonic()
    wait_until(lambda: holder() not in (0, gone))
    return time.monotonic() - began


def killed(store: Store, how: signal.Signals, times: int) -> Figure:
    """Kill the scheduler that runs the clock, again and again; how long until another one does, in real seconds."""
    settings = store.new()
    close()
    waits = []
    with TemporaryDirectory() as folder, schedulers(settings, Path(folder)) as running:
        wait_until(holder)
        for _ in range(times):
            first = holder()
            leader = next(process for process in running if process.pid == first)
            leader.send_signal(how)
            waits.append(seconds_until_another_holds(first))
            leader.wait()
            running[running.index(leader)] = start(settings, Path(folder))
            time.sleep(20)  # until the new one stands by
    found = "taken over after " + ", ".join(f"{seconds:.1f}" for seconds in waits) + " s"
    name = "the one that leads is killed" if how == signal.SIGKILL else "it is stopped in order"
    return Figure(f"{name}, {times} times", found, max(waits) < TAKE_OVER_SECONDS)


# --- A year without running ----------------------------------------------------------------------------------------


def a_year_without_running(store: Store) -> Figure:
    """Five pulses, one with an open wave; then nothing for a year, then two ticks."""
    settings = replace(store.new(), rest_days="0")
    with tables.atomic():
        Company()
        for cadence in CADENCES:
            if cadence != "quarterly":
                pulses.add_pulse(cadence, cadence, FIRST + timedelta(days=1), "Europe/Madrid")
    clockwork = Clockwork(create_app(settings), settings, post := Post())
    clockwork.tick(OPENS)
    asked, post.taken = post.taken.total(), Counter()
    now = OPENS + YEAR + 4 * DAY
    clockwork.tick(now)
    clockwork.tick(now + 30)
    skipped = Wave.select().where(Wave.cancel_reason == waves.MISSED).count()
    late = Counter(kind for (kind,) in Message.select(Message.kind).where(Message.due_at >= now).tuples())
    found = (
        f"{asked} were asked before; after it {skipped} waves skipped, mails: {dict(late)}, sent {post.taken.total()}"
    )
    holds = late == {"missed": 2, "summary": 2, "company": 2} and skipped > 70 and post.taken.total() == 6
    return Figure("a year without running, 5 pulses", found, holds)


# --- A clock that is set -------------------------------------------------------------------------------------------


def set_by(store: Store, seconds: int, *, lasting: int = 2 * DAY) -> Figure:
    """A running scheduler whose clock is set half an hour before a wave opens; `lasting` two days is for good."""
    settings = replace(store.new(), rest_days="0")
    with tables.atomic():
        Company()
    clock = Clock(Clockwork(create_app(settings), settings, Post()))
    close()
    said: list[str] = []
    with patch("survey.watch.log.warning", lambda text, *values: said.append(text % values)):
        for steady in range(0, DAY + 3 * HOUR, MINUTES):
            is_set = HOUR // 2 <= steady < HOUR // 2 + lasting
            with at(OPENS - HOUR + steady + seconds * is_set, steady):
                for job in ("waves", "duties", "forget", "mail"):
                    clock.run(job)
    jumps = [text for text in said if "has jumped" in text]
    opened = Wave.select().where(Wave.opened_at.is_null(False)).count()
    missed = Wave.select().where(Wave.cancel_reason == waves.MISSED).count()
    mails = Message.select().where(Message.kind == outbox.INVITATION).count()
    stays_forth = seconds > DAY and lasting > DAY
    expected = (1 if lasting > DAY else 2, 0 if stays_forth else 1, 1 if stays_forth else 0, 0 if stays_forth else 59)
    found = f"noticed {len(jumps)} times, waves opened {opened}, missed {missed}, invitations {mails}"
    name = f"set {'forth' if seconds > 0 else 'back'} by {timedelta(seconds=abs(seconds))}"
    name += f" for {lasting // 60} min" if lasting < DAY else ""
    return Figure(name.replace(", 0:00:00", ""), found, (len(jumps), opened, missed, mails) == expected)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--postgres", action="store_true")
    asked.add_argument("--short", action="store_true")
    asked.add_argument("--only", nargs="+", metavar="FAULT", help="together lease year back forth leap killed stopped")
    asked.add_argument("--kills", type=int, default=3)
    chosen = asked.parse_args()
    minute, turn = (HOUR, HOUR) if chosen.short else (60, 30)
    faults: dict[str, Callable[[Store], Figure]] = {
        "together": lambda store: two_at_once(store, minute, with_lease=False),
        "lease": lambda store: two_at_once(store, turn, with_lease=True),
        "year": a_year_without_running,
        "back": lambda store: set_by(store, -2 * HOUR),
        "forth": lambda store: set_by(store, 3 * DAY),
        "leap": lambda store: set_by(store, YEAR, lasting=HOUR),
        "killed": lambda store: killed(store, signal.SIGKILL, chosen.kills),
        "stopped": lambda store: killed(store, signal.SIGTERM, chosen.kills),
    }
    names = chosen.only or [name for name in faults if not (chosen.short and name in ("killed", "stopped"))]
    broken = 0
    with a_store(on_postgresql=chosen.postgres) as store:
        for name in names:
            figure = faults[name](store)
            print(figure.line(), flush=True)
            broken += not figure.holds
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
