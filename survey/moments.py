"""What everybody is shown and seldom changes is asked of the database once in a moment, which lasts a few seconds.

A moment begins and ends for everything at once, so what is made of remembered things is remembered no longer than they
are. Each process remembers by itself. Inside a transaction the database is asked: whether a wave is open, an invitation
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
    kept: dict[Hashable, tuple[tuple[Database, float], T]] = {}

    @wraps(ask)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        bound = database.obj
        if bound.in_transaction():
            return ask(*args, **kwargs)
        moment = bound, time.monotonic() // SECONDS
        key = (args, *sorted(kwargs.items())) if kwargs else args
        found = kept.get(key)
        if found is None or found[0] != moment:
            if len(kept) >= MOST:
                kept.clear()
            found = kept[key] = moment, ask(*args, **kwargs)
        return found[1]

    return remembered
