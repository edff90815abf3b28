"""Which thread serves which request: in lanes, so that nobody waits behind others who take longer.

Threads of one Python process get in each other's way: whenever SQLite is asked something another one takes over, and
eight of them serve half as many as one alone. So on SQLite answers, which all take about as long, are served one at a
time, and the next one while the disk is waited for; what takes longer than usual, as it waits for the database maybe,
holds up nobody. Another database is waited for at every statement, so there a few are served at once.
"""

import logging
import time
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Protocol

from waitress.task import ThreadedTaskDispatcher

from survey.models import database
from survey.turns import before_each_commit

log = logging.getLogger(__name__)

THREADS = 8  # for all that has no lane of its own
MOST_ANSWERS = 8  # threads for answers; most of them are asleep
LONG_SECONDS = 0.1
LOOK_EVERY_SECONDS = 0.05
WATCHED = ("/livez", "/readyz", "/metrics")  # each has a thread of its own
ANSWERS = "/r/"  # where an answer's address begins


class Task(Protocol):
    """A request, as waitress hands it to a thread."""

    def service(self) -> None: ...

    def cancel(self) -> None: ...


def _close_connection() -> None:
    """Close the connection to the database that this thread has kept."""
    if database.obj is not None:
        database.close()


class Lane(ThreadedTaskDispatcher):
    """Threads that close their connection to the database when they end."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)

    def handler_thread(self, thread_no: int) -> None:
        try:
            super().handler_thread(thread_no)
        finally:
            _close_connection()


class FewAtOnce:
    """A lane with few places: who has one serves task after task, and all others sleep.

    Whoever waits for the disk, or serves one task for long, leaves the place to another, finishes the task without one,
    and then waits for the next place that is left.
    """

    def __init__(self, places: int) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock, self._free, self._asleep = Lock(), places, list[_Worker]()
        self._ended = Event()
        self._workers = [_Worker(self) for _ in range(MOST_ANSWERS)]
        self._threads = [Thread(target=worker.work, daemon=True) for worker in self._workers]
        for thread in (*self._threads, Thread(target=self._watch, daemon=True)):
            thread.start()

    def add_task(self, task: Task) -> None:
        self._tasks.put(task)

    def next_task(self, worker: "_Worker") -> Task | None:
        """Wait for a place, unless the worker has one, and then for a task; None when there will be no more."""
        return self._tasks.get() if worker.has_place or self._wait_for_place(worker) else None

    def _wait_for_place(self, worker: "_Worker") -> bool:
        """Whether there was one before the lane ended."""
        with self._lock:
            if self._free and not self._ended.is_set():
                self._free -= 1
                worker.has_place = True
            if worker.has_place or self._ended.is_set():
                return worker.has_place
            worker.called.clear()
            self._asleep.append(worker)
        worker.called.wait()
        return worker.has_place

    def leave(self, worker: "_Worker") -> None:
        """Hand a worker's place on, if it has one, to who has fallen asleep last: that one's connection is warm."""
        with self._lock:
            if not worker.has_place:
                return
            worker.has_place = False
            if self._asleep:
                called = self._asleep.pop()
                called.has_place = True
                called.called.set()
            else:
                self._free += 1

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_SECONDS):
            long_ago = time.monotonic() - LONG_SECONDS
            for worker in self._workers:
                if worker.begun < long_ago:
                    self.leave(worker)

    def shutdown(self, timeout: float = 5) -> None:
        """End what is being served, in so many seconds, and cancel what waits."""
        waiting = []
        with suppress(Empty):
            while True:
                waiting.append(self._tasks.get_nowait())
        with self._lock:
            self._ended.set()
            for worker in self._asleep:
                worker.called.set()
        for _ in self._workers:
            self._tasks.put(None)
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))
        for task in waiting:
            if task:
                task.cancel()


class _Worker:
    """A thread of a lane."""

    def __init__(self, lane: FewAtOnce) -> None:
        self._lane = lane
        self.has_place = False
        self.called = Event()  # to a place, or because the lane ends
        self.begun = inf  # when it began the task that it serves

    def work(self) -> None:
        before_each_commit(lambda: self._lane.leave(self))
        try:
            while task := self._lane.next_task(self):
                self._serve(task)
        finally:
            _close_connection()

    def _serve(self, task: Task) -> None:
        self.begun = time.monotonic()
        try:
            task.service()
        except BaseException:  # waitress lets nothing end its threads either
            log.exception("A request could not be served.")
        finally:
            self.begun = inf


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
        self._answers.shutdown(timeout)
        for lane in self._watched.values():
            lane.shutdown(cancel_pending, timeout)
        return bool(super().shutdown(cancel_pending, timeout))
