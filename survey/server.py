"""Web and scheduler in one process, behind waitress; or several such processes on one address."""

import logging
import os
import re
import resource
import signal
import socket
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import wait
from tempfile import TemporaryDirectory
from threading import Event, Thread
from types import FrameType
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from waitress import create_server
from waitress.server import BaseWSGIServer

from survey.channels import FILE_BYTES, channel_class
from survey.database import DATABASE_ERRORS, empty_log, is_sqlite
from survey.dispatching import Dispatcher
from survey.scheduler import Clockwork, add_jobs
from survey.settings import COUNTED_TOGETHER, Settings
from survey.transport import Transport

log = logging.getLogger(__name__)

BACKLOG = 1024  # connections that may wait
CONNECTIONS = 800  # that are open at once; most of them are of browsers that may ask for more
IDLE_SECONDS = 5  # after which such a one is closed: waitress looks at all of them again and again
PROXY_IDLE_SECONDS = 150  # for a proxy's, which are few: longer than it keeps them, or it would send into a closed one
ANSWERS_AT_ONCE = 4  # where the database is another process
EMPTY_EVERY_SECONDS = 1.0


class WithoutSecrets(logging.Filter):
    """waitress names the page that a visitor left, and the visitor's address; we keep only that it happened."""

    WHOM = re.compile(r"(?<=serving )\S+|(?<= connected )(?:\(.*?\)|\S+)")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.WHOM.sub("…", record.getMessage()), ()
        return True


class Server:
    """The pages, and the clock beside them: every job may run twice, so each process may have one of its own."""

    def __init__(
        self,
        make_app: Callable[[], Flask],
        settings: Settings,
        host: str,
        port: int,
        *,
        with_clock: bool = True,
        transport: Transport | None = None,
    ) -> None:
        """`make_app` is called in each process, so that no connection is shared. Raises OSError for a bad address."""
        self._make_app, self._settings = make_app, settings
        self._with_clock, self._transport = with_clock, transport
        self._socket = socket.create_server((host, port), backlog=BACKLOG)

    def run(self, workers: int = 1) -> None:
        """Serve until SIGTERM or Ctrl-C; a worker that dies is replaced."""
        if workers == 1:
            self._serve()
            return
        with TemporaryDirectory(prefix="espejo-counts-") as folder:
            os.environ[COUNTED_TOGETHER] = folder  # read when a worker loads the library
            self._keep_running(workers)

    def _keep_running(self, workers: int) -> None:
        signal.signal(signal.SIGTERM, _leave)
        start = get_context("fork").Process
        processes = [start(target=self._serve) for _ in range(workers)]
        try:
            for process in processes:
                process.start()
            while True:
                wait([process.sentinel for process in processes])
                for place, process in enumerate(processes):
                    if not process.is_alive():
                        log.error("A worker ended with %s; it is replaced.", process.exitcode)
                        processes[place] = start(target=self._serve)
                        processes[place].start()
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()

    def _serve(self) -> None:
        signal.signal(signal.SIGTERM, _leave)
        _allow_open_files()
        logging.getLogger("waitress").addFilter(WithoutSecrets())
        app = self._make_app()
        app.config["KEPT_CONNECTIONS"] = True
        stop_clock = self._start_clock(app) if self._with_clock else None
        stop_emptying = self._start_emptying() if is_sqlite() else None
        try:
            idle_seconds = PROXY_IDLE_SECONDS if int(self._settings.trusted_proxies) else IDLE_SECONDS
            listening(app, self._socket, 1 if is_sqlite() else ANSWERS_AT_ONCE, idle_seconds).run()
        finally:
            for stop in (stop_clock, stop_emptying):
                if stop:
                    stop()

    def _start_clock(self, app: Flask) -> Callable[[], None]:
        """Start it; the function that stops it."""
        from survey.web.meters import timed  # here, so that it is loaded in each worker

        scheduler = BackgroundScheduler(timezone="UTC")
        clockwork = Clockwork(app, self._settings, self._transport)
        if self._settings.metrics_token:
            clockwork.jobs = timed(clockwork.jobs)
        clock = add_jobs(scheduler, clockwork)
        scheduler.start()

        def stop() -> None:
            scheduler.shutdown()
            clock.resign()

        return stop

    def _start_emptying(self) -> Callable[[], object]:
        """Keep SQLite's log short, since no connection closes that would empty it; the function that ends that."""
        stopped = Event()

        def empty() -> None:
            while not stopped.wait(EMPTY_EVERY_SECONDS):
                try:
                    empty_log(self._settings)
                except (OSError, *DATABASE_ERRORS) as error:
                    log.warning("SQLite's log could not be emptied; it is tried again: %s", error)

        Thread(target=empty, daemon=True).start()
        return stopped.set


def listening(
    app: Flask, address: socket.socket, answers_at_once: int, idle_seconds: int = IDLE_SECONDS
) -> BaseWSGIServer:
    """A server of the pages that listens already. It keeps no access log: a list of addresses would hold tokens."""
    from survey.web.frame import may_send_files  # here, so that commands need not load the pages

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # below, it writes a line for each who waits
    server = create_server(
        app,
        sockets=[address],
        ident=None,
        clear_untrusted_proxy_headers=False,
        max_request_body_size=FILE_BYTES + 1,  # or waitress would store a gigabyte
        connection_limit=CONNECTIONS,
        channel_timeout=idle_seconds,
        cleanup_interval=idle_seconds // 2,
        asyncore_use_poll=True,  # select() knows no more than 1,024 files
        _dispatcher=Dispatcher(answers_at_once),
    )
    server.channel_class = channel_class(partial(may_send_files, app))
    return server


def _allow_open_files() -> None:
    """As many as the system lets a process have: connections are files, and so is what is sent to them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _leave(_signal: int, _frame: FrameType | None) -> Any:
    """End as Ctrl-C does: what is under way is finished, then the process stops."""
    raise SystemExit(0)
