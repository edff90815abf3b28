"""Which thread serves which request: in lanes, so that nobody waits behind others who take longer.

Threads of one Python process get in each other's way: whenever SQLite is asked something another one takes over, and
eight of them serve half as many as one alone. So on SQLite answers, which all take about as long, are served one at a
time; what takes longer than usual, as it waits for the database maybe, is replaced by another thread until it ends.
Another database is waited for at every statement, so there a few are served at once.
"""

import time
from threading import Event, Thread, get_ident
from typing import Protocol

from waitress.task import ThreadedTaskDispatcher

from survey.models import database

THREADS = 8  # for all that has no lane of its own
MOST_ANSWERS = 8  # threads for answers, those included that are stuck
LONG_SECONDS = 0.1
LOOK_EVERY_SECONDS = 0.05
WATCHED = ("/livez", "/readyz", "/metrics")  # each has a thread of its own
ANSWERS = "/r/"  # where an answer's address begins


class Task(Protocol):
    """A request, as waitress hands it to a thread."""

    def service(self) -> None: ...

    def cancel(self) -> None: ...


class Lane(ThreadedTaskDispatcher):
    """Threads that close their connection to the database when they end."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)

    def handler_thread(self, thread_no: int) -> None:
        try:
            super().handler_thread(thread_no)
        finally:
            if database.obj is not None:
                database.close()


class FewAtOnce(Lane):
    """A lane of few threads, each of which is replaced while it serves a request for long."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._usual = self._now = threads
        self._begun: dict[int, float] = {}  # when each thread has begun what it serves
        self._ended = Event()
        Thread(target=self._watch, daemon=True).start()

    def add_task(self, task: Task) -> None:
        super().add_task(_Timed(task, self._begun))

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_SECONDS):
            long_ago = time.monotonic() - LONG_SECONDS
            stuck = sum(begun < long_ago for begun in list(self._begun.values()))
            wanted = min(self._usual + stuck, MOST_ANSWERS)
            if wanted != self._now:
                self._now = wanted
                self.set_thread_count(wanted)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        self._ended.set()
        return bool(super().shutdown(cancel_pending, timeout))


class _Timed:
    """A task that tells since when it is being served."""

    def __init__(self, task: Task, begun: dict[int, float]) -> None:
        self._task, self._begun = task, begun

    def service(self) -> None:
        self._begun[get_ident()] = time.monotonic()
        try:
            self._task.service()
        finally:
            del self._begun[get_ident()]

    def cancel(self) -> None:
        self._task.cancel()


class Dispatcher(Lane):
    """Whoever looks after the server never waits behind its visitors, or it would be taken for dead when it is busy.

    Nor does who answers wait behind HR, whose pages take longer.
    """

    def __init__(self, answers_at_once: int, threads: int = THREADS) -> None:
        super().__init__(threads)
        self._watched = {path: Lane(1) for path in WATCHED}
        self._answers = FewAtOnce(answers_at_once)

    def add_task(self, task) -> None:  # type: ignore[no-untyped-def] # as waitress has it
        path = task.requests[0].path
        if path.startswith(ANSWERS):
            self._answers.add_task(task)
        elif lane := self._watched.get(path):
            lane.add_task(task)
        else:
            super().add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        for lane in (self._answers, *self._watched.values()):
            lane.shutdown(cancel_pending, timeout)
        return bool(super().shutdown(cancel_pending, timeout))
