"""How long the demo and the server take until they answer, and how much memory the server holds then."""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.table import Row, medians
from tests.servers import Installation

DEMO_SECONDS, SERVE_SECONDS, SERVE_MEGABYTES = 10, 2, 150


def measure(runs: int) -> Iterator[Row]:
    def once() -> tuple[float, ...]:
        with TemporaryDirectory() as folder:
            demo, _ = _until_it_answers(Path(folder), "demo")
        with TemporaryDirectory() as folder:
            Installation(Path(folder)).run("db", "upgrade")
            return demo, *_until_it_answers(Path(folder), "serve")

    demo, serve, megabytes = medians(runs, once)
    yield Row("the demo's start, its company made anew", "seconds", demo, DEMO_SECONDS, 1, at_least=False)
    yield Row("`serve`, until it answers", "seconds", serve, SERVE_SECONDS, 1, at_least=False)
    yield Row("its memory then", "MB", megabytes, SERVE_MEGABYTES, 1, at_least=False)


def _until_it_answers(folder: Path, command: str) -> tuple[float, float]:
    """Seconds, and what the process holds then in megabytes."""
    installed, began = Installation(folder), time.monotonic()
    with installed.serving(command):
        return time.monotonic() - began, _resident_megabytes(installed.pid)


def _resident_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
