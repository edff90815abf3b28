"""Work in a process of its own, so that what it needs of memory and time can be told."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
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
    before, began = _megabytes(), time.perf_counter()
    work(*given)
    pipe.send(Effort(time.perf_counter() - began, max(LEAST_MEGABYTES, _megabytes() - before)))


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
