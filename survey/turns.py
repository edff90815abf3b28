"""SQLite has one writer at a time. Those of one process queue for it here, in order, so that nobody starves.

Left to themselves they would sleep and try again, each for longer each time: under load some wait for seconds, while
others come and go. Another process's writer is still waited for in SQLite, by the one at the head of the queue alone.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from peewee import OperationalError, SqliteDatabase

PATIENT = 4  # in the queue; it must be less than the threads of a server, or a locked database would take all of them
IMPATIENT_SECONDS = 2.0  # for whoever comes when so many wait already
WORTH_COUNTING_SECONDS = 0.05  # of a wait in the queue: SQLite is given that much less time


_thread = threading.local()


def before_each_commit(deed: Callable[[], None]) -> None:
    """Have this done whenever the thread that calls this is about to commit: others may use the time the disk takes."""
    _thread.before_commit = deed


class Turns:
    """Whose turn it is; each is handed on to whoever has waited longest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._queue: deque[threading.Event] = deque()

    def take(self, seconds: float) -> float:
        """Wait for one's turn, for as long as that; how long it took. Raises OperationalError when it does not come."""
        began = time.monotonic()
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return 0
            mine = threading.Event()
            patience = seconds if len(self._queue) < PATIENT else min(seconds, IMPATIENT_SECONDS)
            self._queue.append(mine)
        if not mine.wait(patience):
            self._leave(mine)
        return time.monotonic() - began

    def _leave(self, mine: threading.Event) -> None:
        with self._lock:
            if not mine.is_set():  # else the turn came at the last moment
                self._queue.remove(mine)
                raise OperationalError("database is locked: too many others write")

    def hand_on(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._is_taken = False


class OneWriter(SqliteDatabase):
    """SQLite, whose transactions in this process take turns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._turns, self._own = Turns(), threading.local()
        super().__init__(*args, **kwargs)

    def begin(self, lock_type: str | None = None) -> None:
        waited = self._turns.take(self._timeout)
        self._own.has_turn = True
        try:
            self._begin_within(self._timeout - waited, lock_type)
        except BaseException:
            self._hand_on()
            raise

    def _begin_within(self, seconds: float, lock_type: str | None) -> None:
        """Begin; who has waited in the queue waits no longer in all than who has not."""
        if seconds > self._timeout - WORTH_COUNTING_SECONDS:
            super().begin(lock_type)
            return
        self._be_patient(max(0, seconds))
        try:
            super().begin(lock_type)
        finally:
            self._be_patient(self._timeout)

    def _be_patient(self, seconds: float) -> None:
        self.execute_sql(f"PRAGMA busy_timeout = {int(1000 * seconds)}")

    def commit(self) -> Any:
        if before := getattr(_thread, "before_commit", None):
            before()
        done = super().commit()
        self._hand_on()  # when it fails, a rollback follows
        return done

    def rollback(self) -> Any:
        try:
            return super().rollback()
        finally:
            self._hand_on()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For what writes without a transaction: nobody of this process writes meanwhile."""
        self._turns.take(self._timeout)
        try:
            yield
        finally:
            self._turns.hand_on()

    def _hand_on(self) -> None:
        if getattr(self._own, "has_turn", False):
            self._own.has_turn = False
            self._turns.hand_on()
