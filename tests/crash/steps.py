"""Processes killed in the middle of every step of a wave. Whatever the moment, the step has happened whole or not at
all, or a wave is opening, closing or called off, and nothing of it is told, or some are reminded and others are not
yet; done again, it has happened exactly once.

python -m tests.crash.steps             kill -9 after each statement of each step, on SQLite
python -m tests.crash.steps --postgres  the same on PostgreSQL
python -m tests.crash.steps --few       after the first UPDATE, before the queue, before COMMIT, after COMMIT
python -m tests.crash.steps --two-steps a control that commits after its first UPDATE: it must be found out
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from survey import commitments, duties, erasure, opening, outbox, releases, reminding, waves
from survey.commitments import Draft
from survey.models import TABLES, Commitment, Invitation, Lease, Message, Opening, Release, Reminder, Wave, database
from tests.cast import DAY, OPENS, Company, K
from tests.complaining import MADRID, at, complained
from tests.crash.stores import Store, a_store, close

REST = 14  # days
AT_ONCE = 20  # people, of the fifty-nine
MORNING = at("2026-03-24 09:00")
TOLD = {
    Wave: ("pulse", "occurrence", "state", "cancel_reason", "opened_at", "closed_at", "cancelled_at", "left_out"),
    Reminder: ("wave", "sequence", "due_at", "done"),
    Message: ("kind", "wave", "person", "sequence", "state"),
    Invitation: ("wave", "person", "providers", "answered"),
    Release: ("wave", "released_at", "digest", "recalled"),
    Commitment: ("text", "state", "reminded_on", "reported_on"),
}


@dataclass(frozen=True)
class Step:
    """What happens before, and the step that is killed; `halfway` says whether it may have been left as it is now."""

    before: Callable[[Company], object]
    take: Callable[[], object]
    halfway: Callable[[], bool] = lambda: False


def half_answered(company: Company) -> None:
    company.answer(company.open_wave(), share=0.5)


def owing(company: Company) -> None:
    """Finance and IT have complaints that wait, promises that are due, and promises that are late."""
    wave = complained(company, Finance=2, IT=1)
    erasure.rewrite_due()
    for name in ("Finance", "IT"):
        for day in (20, 27):
            draft = Draft("promises", f"{name}, {day}", wave.local_date.replace(day=day))
            commitments.make(wave, company.departments[name], draft, wave.local_date)


def open_in_steps() -> None:
    """As a wave that asks a million people is opened."""
    with patch.object(opening, "INVITED_AT_ONCE", AT_ONCE):
        waves.open_due(OPENS, K, REST)
        waves.invite_due(OPENS)


def is_opening() -> bool:
    """Whether a wave is still to invite people, of whom nobody has been mailed, or is open and still to mail them."""
    is_open = Wave.select().where(Wave.state == "open").exists()
    return Opening.select().exists() and (is_open or not Message.select().exists())


def remind_in_steps() -> None:
    """As a wave that asks a million people is reminded of."""
    with patch.object(reminding, "REMINDED_AT_ONCE", AT_ONCE):
        waves.remind_due(OPENS + 4 * DAY)


def is_reminding() -> bool:
    """Whether some are reminded, and the reminder is still due to the others."""
    is_due = Reminder.select().where(~Reminder.done, Reminder.due_at <= OPENS + 4 * DAY).exists()
    return is_due and Message.select().where(Message.kind == outbox.REMINDER).exists()


def cancel() -> None:
    waves.cancel_wave(Wave.get(Wave.opens_at == OPENS), OPENS + DAY)
    waves.discard_due()


def is_called_off() -> bool:
    """Whether a wave takes no answers any more, and those that it has taken are still to be deleted."""
    return Wave.select().where(Wave.state == "cancelled", Wave.progress.is_null(False)).exists()


def close_to_the_end() -> None:
    waves.close_due(OPENS + 20 * DAY)
    waves.finish_due(OPENS + 20 * DAY)


def is_closing() -> bool:
    """Whether a wave takes no answers any more, and nothing of it has left yet."""
    told = releases.released_waves() or Message.select().where(Message.kind.in_(["summary", "company"]))
    return Wave.select().where(Wave.state == "closing").exists() and not told


STEPS = {
    "open": Step(lambda company: None, lambda: waves.open_due(OPENS, K, REST)),
    "invite": Step(lambda company: None, open_in_steps, is_opening),
    "remind": Step(half_answered, lambda: waves.remind_due(OPENS + 4 * DAY)),
    "mail": Step(lambda company: company.open_wave(), remind_in_steps, is_reminding),
    "close": Step(half_answered, close_to_the_end, is_closing),
    "cancel": Step(half_answered, cancel, is_called_off),
    "recall": Step(owing, lambda: duties.recall_complaints(MORNING, 5)),
    "promise": Step(owing, lambda: duties.recall_promises(MORNING, MADRID)),
    "report": Step(owing, lambda: duties.report_late(MORNING, MADRID)),
    "skip": Step(lambda company: None, lambda: waves.open_due(OPENS + 100 * DAY, K, REST)),
}

Facts = dict[str, list[Any]]


def facts() -> Facts:
    """All that a step changes, and how many rows each table has; without what is random, and numbers that may skip."""
    waves_by_id = {wave.id: f"{wave.pulse_id}/{wave.occurrence}" for wave in Wave.select()}
    found: Facts = {}
    for table, columns in TOLD.items():
        rows = table.select(*(getattr(table, name) for name in columns)).dicts()
        found[table.__name__] = sorted(str({**row, "wave": waves_by_id.get(row.get("wave"))}) for row in rows)
    counted = [table for table in TABLES if table is not Lease]
    return found | {"rows": [(table.__name__, table.select().count()) for table in counted]}


class Death:
    """Ends this process by SIGKILL after its `moment`-th statement; without one, it only writes them down."""

    def __init__(self, moment: int | None, two_steps: bool) -> None:
        self.statements: list[str] = []
        self._moment, self._two_steps = moment, two_steps
        bound = database.obj
        self._begin, self._execute, self._commit = bound.begin, bound.execute_sql, bound.commit
        bound.begin, bound.execute_sql, bound.commit = self.begin, self.execute, self.commit

    def begin(self, *words: Any) -> None:
        self._begin(*words)
        self._reach("BEGIN")

    def execute(self, sql: str, params: Any = None) -> Any:
        cursor = self._execute(sql, params)
        if self._two_steps and sql.startswith("UPDATE") and not any(s.startswith("UPDATE") for s in self.statements):
            self._commit()
            self._begin()
        self._reach(sql)
        return cursor

    def commit(self) -> None:
        self._commit()
        self._reach("COMMIT")

    def _reach(self, statement: str) -> None:
        self.statements.append(statement)
        if len(self.statements) == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(step: Step, moment: int | None, *, two_steps: bool) -> list[str] | None:
    """Take the step in a process of its own; None when it was killed, else its statements."""
    close()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            death = Death(moment, two_steps)
            step.take()
            with os.fdopen(writing, "w") as pipe:
                json.dump([statement[:60] for statement in death.statements], pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == -signal.SIGKILL:
        return None
    assert code == 0, f"It ended by itself, with {code}."
    return json.loads(said)


def few(statements: list[str]) -> list[int]:
    """The moments at which most could go wrong, counted from 1."""
    update = next(place for place, statement in enumerate(statements) if statement.startswith("UPDATE"))
    queued = next((place for place, text in enumerate(statements) if text.startswith('INSERT INTO "message"')), update)
    commits = [place for place, statement in enumerate(statements) if statement == "COMMIT"]
    return sorted({update + 1, queued, *commits, *(place + 1 for place in commits)})


@dataclass
class Kills:
    """What became of one step."""

    name: str
    kills: int = 0
    undone: int = 0  # nothing of it had happened
    done: int = 0  # all of it had
    halfway: int = 0  # as it may be halfway
    broken: list[str] = field(default_factory=list)  # after which statement it was neither, or not once in the end

    def line(self) -> str:
        ends = f"{self.undone} not done, {self.halfway} halfway, {self.done} done, {len(self.broken)} broken"
        where = "".join(f"\n         after {statement}" for statement in self.broken[:5])
        return f"{self.name:<8} {self.kills:>4} kills: {ends}{where}"


def kill_everywhere(name: str, step: Step, store: Store, *, only_few: bool, two_steps: bool) -> Kills:
    """Kill the step at each moment, and look what is there; then take it to its end, twice."""
    store.new()
    with database.atomic():
        company = Company()
    step.before(company)
    before = facts()
    store.keep()
    store.put_back()
    statements = in_a_process(step, None, two_steps=False)
    assert statements
    erasure.rewrite_due()
    after = facts()
    found = Kills(name)
    for moment in few(statements) if only_few else range(1, len(statements) + 1):
        store.put_back()
        if in_a_process(step, moment, two_steps=two_steps) is not None:
            continue
        found.kills += 1
        left, halfway = facts(), step.halfway()
        found.undone += left == before
        found.done += left == after
        found.halfway += halfway
        for _ in range(2):
            step.take()
            erasure.rewrite_due()
        if not (halfway or left in (before, after)) or facts() != after or not is_rewritten():
            found.broken.append(statements[moment - 1])
    return found


def is_rewritten() -> bool:
    """Whether no file is left to be rewritten."""
    return not (Release.select().where(~Release.rewritten).exists() or Wave.select().where(Wave.traces_left).exists())


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--postgres", action="store_true")
    asked.add_argument("--few", action="store_true")
    asked.add_argument("--two-steps", action="store_true")
    asked.add_argument("--step", choices=list(STEPS), action="append", help="only this one; may be repeated")
    chosen = asked.parse_args()
    results = []
    with a_store(on_postgresql=chosen.postgres) as store:
        for name in chosen.step or STEPS:
            found = kill_everywhere(name, STEPS[name], store, only_few=chosen.few, two_steps=chosen.two_steps)
            print(found.line(), flush=True)
            results.append(found)
    broken = sum(len(found.broken) for found in results)
    print(f"{sum(found.kills for found in results)} kills in {len(results)} steps, {broken} broken")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
