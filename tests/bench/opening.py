"""Opening a wave for a million people, and reminding them, in many short transactions, until all mails are queued."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from peewee import fn

from survey.database import BUSY_TIMEOUT_SECONDS, bind, open_database
from survey.models import Invitation, Message, Pulse, Reminder, Wave, database
from survey.outbox import REMINDER
from survey.reminding import remind
from survey.settings import Settings
from survey.waves import invite_due, open_now
from tests.bench import giant
from tests.bench.apart import Taken, taken
from tests.bench.others import ANSWER, PAGE, others
from tests.bench.table import Row, medians
from tests.cast import K
from tests.engines import settings_in

PEOPLE = 1_000_000
SECONDS, MEGABYTES, PAGE_MS = 90, 600, 500
PULSE = "giant"


def measure(runs: int, people: int = PEOPLE) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        open_database(settings_in(made))
        _prepare(people)
        database.close()

        def once() -> tuple[float, ...]:
            settings = settings_in(shutil.copytree(made, Path(folder) / "copy"))
            found, again = _opened(settings, people), _reminded(settings, people)
            shutil.rmtree(Path(folder) / "copy")
            figures = found.seconds, found.megabytes, 1000 * found.waits[PAGE], found.waits[ANSWER]
            return *figures, again.seconds, again.waits[ANSWER]

        seconds, megabytes, page, answer, reminding, meanwhile = medians(runs, once)
    told = f"opening a wave for {people:,} people"
    yield Row(told, "s", seconds, SECONDS, 1, at_least=False)
    yield Row(f"{told}: memory", "MB", megabytes, MEGABYTES, 1, at_least=False)
    yield Row("the longest wait for a page meanwhile", "ms", page, PAGE_MS, 1, at_least=False)
    yield Row("the longest wait of an answer to another wave", "s", answer, BUSY_TIMEOUT_SECONDS, 1, at_least=False)
    yield Row(f"reminding {people:,} people", "s", reminding, SECONDS, 1, at_least=False)
    yield Row("the longest wait of an answer to another wave", "s", meanwhile, BUSY_TIMEOUT_SECONDS, 1, at_least=False)


def _prepare(people: int) -> None:
    """The giant's pulse, and another one that is open for a small department, which answers meanwhile."""
    links = giant.company(people)
    giant.pulse(PULSE)
    giant.small_wave(links)


def _opened(settings: Settings, people: int) -> Taken:
    bind(settings)
    with database.connection_context():
        running = Wave.get(Wave.state == "open")
    found = taken(open_the_giant, settings, others(settings, running))
    with database.connection_context():
        wave = Wave.get(Wave.state == "open", Wave.id != running.id)
        invited, mails = (table.select().where(table.wave == wave).count() for table in (Invitation, Message))
        if not invited == mails == people:
            raise AssertionError(f"{invited} invitations and {mails} mails for {people} people.")
    return found


def _reminded(settings: Settings, people: int) -> Taken:
    with database.connection_context():
        running = Wave.get(Wave.state == "open", Wave.pulse != Pulse.get(Pulse.key == PULSE))
    found = taken(remind_of_the_giant, settings, others(settings, running))
    with database.connection_context():
        mails = Message.select().where(Message.kind == REMINDER).count()
        if mails != people:
            raise AssertionError(f"{mails} reminders for {people} people.")
    return found


def remind_of_the_giant() -> None:
    giant = Wave.get(Wave.pulse == Pulse.get(Pulse.key == PULSE), Wave.state == "open")
    remind(giant, Reminder.select(fn.MIN(Reminder.due_at)).where(Reminder.wave == giant).scalar())


def open_the_giant() -> None:
    now = int(time.time())
    open_now(Pulse.get(Pulse.key == PULSE), now, K)
    invite_due(now)
