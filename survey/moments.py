"""What everybody is shown and seldom changes is asked of the database once in a while: it may be a few seconds old.

Each process remembers by itself. Nothing is decided by what is remembered: inside a transaction the database is asked.
"""

import time
from collections.abc import Callable, Hashable
from functools import wraps
from typing import ParamSpec, TypeVar

from peewee import Database

from survey.models import database

P = ParamSpec("P")
T = TypeVar("T")

SECONDS = 5.0
MOST = 2000  # answers of one function


def once_a_moment(ask: Callable[P, T]) -> Callable[P, T]:
    """Decorates a function of arguments that can be hashed; whatever it gives is shared, so nobody may change it."""
    kept: dict[Hashable, tuple[float, T]] = {}
    kept_of: list[Database] = []  # the database that was asked

    @wraps(ask)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        if database.in_transaction():
            return ask(*args, **kwargs)
        if kept_of != [database.obj] or len(kept) >= MOST:
            kept.clear()
            kept_of[:] = [database.obj]
        key, now = (args, *sorted(kwargs.items())), time.monotonic()
        made, answer = kept.get(key, (0.0, None))
        if answer is None or now - made >= SECONDS:
            answer = ask(*args, **kwargs)
            kept[key] = now, answer
        return answer

    return remembered
