"""Web and scheduler in one process, behind gunicorn."""

from collections.abc import Callable
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from gunicorn.app.base import BaseApplication

from survey.outbox import Transport
from survey.scheduler import Clockwork, add_jobs
from survey.settings import Settings

THREADS = 8
STOP_SECONDS = 10  # for requests under way, when the service ends


class Server(BaseApplication):
    """gunicorn, configured from here; each worker runs the clock as well, since every job may run twice."""

    def __init__(
        self,
        make_app: Callable[[], Flask],
        settings: Settings,
        bind: str,
        *,
        workers: int = 1,
        with_clock: bool = True,
        transport: Transport | None = None,
        ready_text: str = "",
    ) -> None:
        self._make_app, self._settings, self._transport = make_app, settings, transport
        self._with_clock, self._ready_text = with_clock, ready_text
        self._given = {"bind": bind, "workers": workers}
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            **self._given,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": STOP_SECONDS,
            "accesslog": None,  # a list of addresses would hold tokens
            "loglevel": "warning",
            "when_ready": lambda _: print(self._ready_text, flush=True),
            "post_worker_init": lambda worker: self._start_clock(worker.app.wsgi()),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._make_app()

    def _start_clock(self, app: Flask) -> None:
        if not self._with_clock:
            return
        scheduler = BackgroundScheduler(timezone="UTC")
        add_jobs(scheduler, Clockwork(app, self._settings, self._transport))
        scheduler.start()
