"""`espejo serve`, life after life: each ends in SIGKILL, most of them at a chosen point between BEGIN and the reply.

python -m tests.crash.lives --port 8000 --kills 200 --answers-a-life 40 --deaths FILE, with Espejo's settings in the
environment. Every life is a process of its own that runs the command; it is forked from one that has imported
everything, so that hundreds of lives cost seconds. The code of Espejo knows nothing of this: only its database
connection and Flask are watched.
"""

import argparse
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from types import FrameType
from typing import Any

import flask
from peewee import Database

from survey import cli, database
from survey.web import hr, lead, planning, respond  # noqa: F401 - imported once, before the first life

POINTS = (
    "after BEGIN",
    "after the UPDATE of the invitation",
    "after the first INSERT",
    "before COMMIT",
    "after COMMIT",
    "before the reply leaves",
)
ANY_MOMENT, AT_START = "at any moment", "while it starts"
# Two of three lives end at a set point.
WAYS = [way for pair in zip(POINTS[::2], POINTS[1::2], (ANY_MOMENT, AT_START, ANY_MOMENT), strict=True) for way in pair]
SOON_SECONDS = 0.03  # a few answers are under way for about so long


@dataclass
class Death:
    """How a life ends: when `point` is reached for the `times`-th time; or some moment after that."""

    point: str
    times: int
    record: Path

    def __post_init__(self) -> None:
        self._counting = threading.Lock()

    def reach(self, point: str) -> None:
        """Called at every point of every transaction that stores an answer, by any thread."""
        if point != (POINTS[0] if self.point == ANY_MOMENT else self.point):
            return
        with self._counting:
            self.times -= 1
            if self.times:
                return
        if self.point == ANY_MOMENT:
            self.come_within(SOON_SECONDS)
        else:
            self.come()

    def come_within(self, seconds: float) -> None:
        threading.Timer(random.uniform(0, seconds), self.come).start()

    def come(self) -> None:
        with self.record.open("a", encoding="ascii") as file:
            file.write(f"{self.point}\n")
        os.kill(os.getpid(), signal.SIGKILL)


class Last(threading.local):
    """What this thread has asked of the database last."""

    statement = ""


def watch(bound: Database, reach: Callable[[str], None], two_steps: bool) -> Database:
    """Call `reach` at each point of each transaction of a request.

    `two_steps` is the control: the UPDATE of the invitation is committed by itself, before the answer.
    """
    begin, execute_sql, commit = bound.begin, bound.execute_sql, bound.commit
    last = Last()

    def watched_begin(*args: Any) -> None:
        begin(*args)
        last.statement = "BEGIN"
        reach_in_request("after BEGIN")

    def watched_execute(sql: str, params: Any = None) -> Any:
        cursor = execute_sql(sql, params)
        if sql.startswith('UPDATE "invitation"'):
            if two_steps and flask.has_request_context():
                commit()
                begin()
            last.statement = "UPDATE"
            reach_in_request("after the UPDATE of the invitation")
        elif sql.startswith("INSERT") and last.statement == "UPDATE":
            last.statement = "INSERT"
            reach_in_request("after the first INSERT")
        return cursor

    def watched_commit() -> None:
        reach_in_request("before COMMIT")
        commit()
        reach_in_request("after COMMIT")

    def reach_in_request(point: str) -> None:
        if flask.has_request_context():
            reach(point)

    bound.begin, bound.execute_sql, bound.commit = watched_begin, watched_execute, watched_commit
    return bound


def live(words: list[str], death: Death | None, two_steps: bool) -> None:
    """Run `espejo serve` in this process, to its end."""
    reach = death.reach if death else lambda point: None
    bind, process = database.bind, flask.Flask.process_response

    def watched_response(app: flask.Flask, response: flask.Response) -> flask.Response:
        made = process(app, response)
        if flask.request.method == "POST":
            reach("before the reply leaves")
        return made

    database.bind = lambda settings: watch(bind(settings), reach, two_steps)
    flask.Flask.process_response = watched_response  # type: ignore[method-assign]
    if death and death.point == AT_START:
        death.come_within(2 * SOON_SECONDS)
    cli.main(["serve", *words], standalone_mode=False)


def one_after_the_other(words: list[str], deaths: list[Death], two_steps: bool) -> None:
    """Live once for each of `deaths`, and once more until SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    for death in [*deaths, None]:
        sys.stdout.flush()
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            random.seed(os.getpid())
            live(words, death, two_steps)
            os._exit(0)
        try:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except SystemExit:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
            raise
        if code != -signal.SIGKILL:
            raise SystemExit(f"A life ended by itself, with {code}.")


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", required=True)
    asked.add_argument("--kills", type=int, default=0)
    asked.add_argument("--answers-a-life", type=int, default=1, help="stored before it ends, on the average")
    asked.add_argument("--deaths", type=Path, default="deaths.txt", help="a line is added to this file at each")
    asked.add_argument("--two-steps", action="store_true")
    asked.add_argument("--busy-seconds", type=float, default=database.BUSY_TIMEOUT_SECONDS, help="wait for a lock")
    chosen = asked.parse_args()
    database.BUSY_TIMEOUT_SECONDS = chosen.busy_seconds
    random.seed(1)
    deaths = [
        Death(way, random.randint(1, 2 * chosen.answers_a_life), chosen.deaths)
        for _, way in zip(range(chosen.kills), cycle(WAYS), strict=False)
    ]
    one_after_the_other(["--port", chosen.port], deaths, chosen.two_steps)


if __name__ == "__main__":
    main()
