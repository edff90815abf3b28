"""Queries that are asked for every answer: their SQL is written once, and asked again and again with other values.

To write the SQL of a query takes peewee ten times as long as SQLite takes to answer it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from operator import itemgetter
from typing import Any

from peewee import Model, Query, Select, Value

from survey.models import database

COLLECTIONS = (list, tuple)  # with an order, so that each value has its place


@dataclass(frozen=True)
class _Slot:
    """Where a value goes: its place among all values, one collection after the other."""

    place: int


@dataclass(frozen=True)
class _Written:
    """A query, its SQL, and how its parameters are picked: from the values, followed by what is fixed."""

    query: Query
    sql: str
    arrange: Callable[[Sequence[Any]], Sequence[Any]]
    fixed: Sequence[Any]

    def parameters(self, values: Sequence[Any]) -> Sequence[Any]:
        return self.arrange((*values, *self.fixed))


class Prepared:
    """Made by @prepared: a function that gives rows as its query does, or how many rows a statement has changed."""

    def __init__(self, build: Callable[..., Query]) -> None:
        self._build, self.__doc__ = build, build.__doc__
        self._written: dict[tuple[Any, ...], _Written] = {}
        self._many: list[int] | None = None  # which arguments are collections, once it was called

    def __call__(self, *values: Any) -> Any:
        found = self._find(values)
        cursor = self._ask(found, values)
        if isinstance(found.query, Select):
            return list(found.query._get_cursor_wrapper(cursor))
        return database.obj.rows_affected(cursor)

    def raw(self, *values: Any) -> list[tuple[Any, ...]]:
        """The rows as the driver gives them: what is neither a number nor a text differs between databases."""
        return self._ask(self._find(values), values).fetchall()

    def _ask(self, found: _Written, values: Sequence[Any]) -> Any:
        return database.obj.execute_sql(found.sql, found.parameters(_flat(values) if self._many else values))

    def _find(self, values: tuple[Any, ...]) -> _Written:
        """The SQL depends on the kind of database, and on how many values a collection has."""
        if self._many is None:
            self._many = [place for place, value in enumerate(values) if isinstance(value, COLLECTIONS)]
        key = (type(database.obj), *([len(values[place]) for place in self._many] if self._many else ()))
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = self._write(values)
        return found

    def _write(self, values: tuple[Any, ...]) -> _Written:
        places = count()
        query = self._build(*[_slots(value, places) for value in values])
        sql, parameters = database.obj.get_sql_context().sql(query).query()
        fixed = [parameter for parameter in parameters if not isinstance(parameter, _Slot)]
        after = count(next(places))
        found = [parameter.place if isinstance(parameter, _Slot) else next(after) for parameter in parameters]
        return _Written(query, sql, _picking(found), fixed)


def prepared(build: Callable[..., Query]) -> Prepared:
    """Decorates a function that builds a query from its arguments: values of any row, or lists and tuples of them.

    The arguments are compared with columns, given to them, or offered to `.in_()`, and used in no other way; what is a
    collection once always is. A value is handed to the database as it comes.
    """
    return Prepared(build)


def joined(row: Sequence[Any], *tables: type[Model]) -> list[dict[str, Any]]:
    """A raw row that holds all columns of several tables, one table after the other, as a dictionary for each."""
    values = iter(row)
    return [{field.name: field.python_value(next(values)) for field in table._meta.sorted_fields} for table in tables]


def _flat(values: Sequence[Any]) -> list[Any]:
    """Those of collections one by one among the others."""
    return list(chain.from_iterable(value if isinstance(value, COLLECTIONS) else (value,) for value in values))


def _picking(found: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """A function that gives the values at these places, in their order."""
    return itemgetter(*found) if len(found) > 1 else lambda values: [values[place] for place in found]


def _slots(value: Any, places: Iterator[int]) -> Value | list[Value]:
    return [_slot(next(places)) for _ in value] if isinstance(value, COLLECTIONS) else _slot(next(places))


def _slot(place: int) -> Value:
    return Value(_Slot(place), converter=False, unpack=False)
