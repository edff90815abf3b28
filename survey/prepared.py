"""Queries that are asked for every answer: their SQL is written once, and asked again and again with other values.

To write the SQL of a query takes peewee ten times as long as SQLite takes to answer it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from peewee import Model, Query, Select, Value

from survey.models import database

COLLECTIONS = (list, tuple)  # with an order, so that each value has its place


class _Slot(NamedTuple):
    """Where a value goes: the argument's place, and the place in it when it is a collection."""

    argument: int
    within: int | None = None


@dataclass(frozen=True)
class _Written:
    """A query, its SQL, and its parameters: slots, and what is the same every time."""

    query: Query
    sql: str
    parameters: tuple[Any, ...]


class Prepared:
    """Made by @prepared: a function that gives rows as its query does, or how many rows a statement has changed."""

    def __init__(self, build: Callable[..., Query]) -> None:
        self._build, self.__doc__ = build, build.__doc__
        self._written: dict[tuple[Any, ...], _Written] = {}

    def __call__(self, *values: Any) -> Any:
        found = self._find(values)
        cursor = self._ask(found, values)
        if isinstance(found.query, Select):
            return list(found.query._get_cursor_wrapper(cursor))
        return database.rows_affected(cursor)

    def raw(self, *values: Any) -> list[tuple[Any, ...]]:
        """The rows as the driver gives them: what is neither a number nor a text differs between databases."""
        return self._ask(self._find(values), values).fetchall()

    def _ask(self, found: _Written, values: tuple[Any, ...]) -> Any:
        return database.execute_sql(found.sql, [_fill(value, values) for value in found.parameters])

    def _find(self, values: tuple[Any, ...]) -> _Written:
        """The SQL depends on the kind of database, and on how many values a collection has."""
        key = (type(database.obj), *map(_size, values))
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = self._write(values)
        return found

    def _write(self, values: tuple[Any, ...]) -> _Written:
        query = self._build(*(_slots(place, value) for place, value in enumerate(values)))
        sql, parameters = database.obj.get_sql_context().sql(query).query()
        return _Written(query, sql, tuple(parameters))


def prepared(build: Callable[..., Query]) -> Prepared:
    """Decorates a function that builds a query from its arguments: values of any row, or lists and tuples of them.

    The arguments are compared with columns, given to them, or offered to `.in_()`, and used in no other way. A value is
    handed to the database as it comes.
    """
    return Prepared(build)


def joined(row: Sequence[Any], *tables: type[Model]) -> list[dict[str, Any]]:
    """A raw row that holds all columns of several tables, one table after the other, as a dictionary for each."""
    values = iter(row)
    return [{field.name: field.python_value(next(values)) for field in table._meta.sorted_fields} for table in tables]


def _size(value: object) -> int | None:
    """How many values a collection has; None of a single value."""
    return len(value) if isinstance(value, COLLECTIONS) else None


def _slots(place: int, value: object) -> Value | list[Value]:
    size = _size(value)
    return _slot(place) if size is None else [_slot(place, within) for within in range(size)]


def _slot(place: int, within: int | None = None) -> Value:
    return Value(_Slot(place, within), converter=False, unpack=False)


def _fill(parameter: object, values: tuple[Any, ...]) -> object:
    if not isinstance(parameter, _Slot):
        return parameter
    value = values[parameter.argument]
    return value if parameter.within is None else value[parameter.within]
