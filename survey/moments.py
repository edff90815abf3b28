"""What everybody is shown and seldom changes is asked of the database once in a while: it may be a few seconds old.

Each process remembers by itself. Inside a transaction the database is asked: whether a wave is open, an invitation
unanswered and a department one that may be added is decided there. What else a page has offered holds as offered.
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
    asked: Database | None = None

    @wraps(ask)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal asked
        bound, now = database.obj, time.monotonic()
        if bound.in_transaction():
            return ask(*args, **kwargs)
        if bound is not asked or len(kept) >= MOST:
            kept.clear()
            asked = bound
        key = (args, *sorted(kwargs.items())) if kwargs else args
        found = kept.get(key)
        if found is None or now - found[0] >= SECONDS:
            found = kept[key] = now, ask(*args, **kwargs)
        return found[1]

    return remembered
