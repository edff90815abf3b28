"""Work in a process of its own, so that what it needs of memory and time can be told."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

LEAST_MEGABYTES = 1.0  # less than that is noise


@dataclass(frozen=True)
class Effort:
    seconds: float
    megabytes: float  # the most that the process held, less what it held before


def effort(work: Callable[..., object], *given: Any) -> Effort:
    """What `work(*given)` costs in a fresh process, which has imported its module and no more before it starts."""
    ours, theirs = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_work, args=(theirs, work, given))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def _work(pipe: Connection, work: Callable[..., object], given: tuple[Any, ...]) -> None:
    before, began = forget_peak(), time.perf_counter()
    work(*given)
    pipe.send(Effort(time.perf_counter() - began, max(LEAST_MEGABYTES, megabytes("VmHWM") - before)))


def forget_peak() -> float:
    """What the process holds now, from which its peak rises again.

    Not getrusage: there a process begins with the peak of the one that started it, and hides what it needs itself.
    """
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return megabytes("VmRSS")


def megabytes(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
