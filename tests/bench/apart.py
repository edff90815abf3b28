"""What one step of the clock takes in a process of its own: time, memory, and how long others wait meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from survey.database import bind
from survey.models import database
from survey.settings import Settings
from tests.bench.alone import forget_peak, megabytes

Step = Callable[[], object]


@dataclass(frozen=True)
class Taken:
    seconds: float
    megabytes: float  # the most at any moment, Python and Espejo included
    waits: dict[str, float]  # the longest, in seconds, of each of the others' deeds


def taken(step: Step, settings: Settings, meanwhile: dict[str, Step]) -> Taken:
    """Take `step`, a function of a module, while this process does what others do, over and over.

    Raises RuntimeError when the step fails.
    """
    context = get_context("spawn")  # a process that shares no memory with this one
    theirs, ours = context.Pipe(duplex=False)
    process = context.Process(target=_alone, args=(step, settings, ours))
    process.start()
    waits = dict.fromkeys(meanwhile, 0.0)
    while process.is_alive() and not theirs.poll(timeout=0.05):
        for name, deed in meanwhile.items():
            waits[name] = max(waits[name], _seconds(deed))
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{step.__name__} ended with {process.exitcode}.")
    seconds, megabytes = theirs.recv()
    return Taken(seconds, megabytes, waits)


def _alone(step: Step, settings: Settings, pipe: Any) -> None:
    forget_peak()  # a process begins with the peak of the one that started it
    bind(settings)
    with database.connection_context():
        seconds = _seconds(step)
    pipe.send((seconds, megabytes("VmHWM")))


def _seconds(deed: Step) -> float:
    begun = time.monotonic()
    deed()
    return time.monotonic() - begun
