"""What customers say: the touchpoints they rate, the departments behind those, and each department's score outside."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from peewee import JOIN, Database, ValuesList, fn

from survey.measure.scale import ITEMS
from survey.measure.statistics import Estimate, estimate_from_groups, weighted_mean
from survey.models import (
    Department,
    ExternalImport,
    ExternalTally,
    Source,
    Touchpoint,
    TouchpointDepartment,
    database,
)

WINDOW_DAYS = 365
KEPT = 64  # what a process remembers of what customers said, by days and items: it is the same until the next import


# --- Touchpoints and departments -----------------------------------------------------------------------------------


def set_departments(touchpoint_id: int, weights: dict[int, float], attributed: bool) -> None:
    """Replace the departments that a touchpoint counts for, by id, each with its weight (above 0, at most 1).

    `attributed`: given by HR for want of scores of their own. Raises ValueError for another weight.
    """
    for weight in weights.values():
        if not 0 < weight <= 1:
            raise ValueError(f"The weight {weight:g} cannot be used; write a number above 0 and at most 1.")
    links = [
        {"touchpoint": touchpoint_id, "department": department, "weight": weight, "attributed": attributed}
        for department, weight in weights.items()
    ]
    with database.atomic():
        TouchpointDepartment.delete().where(TouchpointDepartment.touchpoint == touchpoint_id).execute()
        if links:
            TouchpointDepartment.insert_many(links).execute()


def weights_by_key(touchpoint_id: int) -> dict[str, float]:
    """The departments that a touchpoint counts for, by key, each with its weight."""
    links = (
        TouchpointDepartment.select(Department.key, TouchpointDepartment.weight)
        .join(Department)
        .where(TouchpointDepartment.touchpoint == touchpoint_id)
        .order_by(Department.id)
    )
    return dict(links.tuples())


@dataclass(frozen=True)
class LinkedDepartment:
    id: int
    name: str
    weight: float
    attributed: bool


@dataclass(frozen=True)
class TouchpointRow:
    """A touchpoint with the answers that count (n) and the days they are from; no days when there is none."""

    id: int
    source: str
    key: str
    name: str
    answers: int
    starts_on: date | None
    ends_on: date | None
    departments: tuple[LinkedDepartment, ...]


def touchpoints() -> list[TouchpointRow]:
    """Every touchpoint, by source and name, with its departments, the heaviest first."""
    linked: dict[int, list[LinkedDepartment]] = defaultdict(list)
    links = (
        TouchpointDepartment.select(
            TouchpointDepartment.touchpoint,
            Department.id,
            Department.name,
            TouchpointDepartment.weight,
            TouchpointDepartment.attributed,
        )
        .join(Department)
        .order_by(TouchpointDepartment.weight.desc(), Department.name)
    )
    for touchpoint, *department in links.tuples():
        linked[touchpoint].append(LinkedDepartment(*department))
    counting = (ExternalTally.touchpoint == Touchpoint.id) & ExternalTally.superseded_by.is_null()
    rows = (
        Touchpoint.select(
            Touchpoint.id,
            Source.name.alias("source"),
            Touchpoint.key,
            Touchpoint.name,
            fn.COALESCE(fn.SUM(ExternalTally.n), 0).alias("answers"),
            fn.MIN(ExternalTally.starts_on).alias("starts_on"),
            fn.MAX(ExternalTally.ends_on).alias("ends_on"),
        )
        .join(Source)
        .join(ExternalTally, JOIN.LEFT_OUTER, on=counting, src=Touchpoint)
        .group_by(Touchpoint.id, Source.name, Touchpoint.key, Touchpoint.name)
        .order_by(Source.name, Touchpoint.name)
    )
    return [TouchpointRow(**row, departments=tuple(linked[row["id"]])) for row in rows.dicts()]


def unmapped() -> int:
    """How many touchpoints count for no department."""
    counting = TouchpointDepartment.select(TouchpointDepartment.touchpoint)
    return Touchpoint.select().where(Touchpoint.id.not_in(counting)).count()


# --- Scores outside ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outside:
    """What customers say about a department on an item, in points."""

    estimate: Estimate
    attributed: bool  # from touchpoints that HR gave it, as it has none of its own for this item
    starts_on: date
    ends_on: date
    touchpoints: tuple[str, ...]  # names


@dataclass(frozen=True, eq=False)
class Customers:
    """What customers say as of the end of a day: about departments, by (id, item), and about the company, by item.

    Equal to itself alone, so that what is computed from it can be remembered by it.
    """

    departments: dict[tuple[int, str], Outside]
    company: dict[str, Outside]
    too_few: frozenset[tuple[int, str]] = frozenset()  # about these there are answers, yet fewer than two


class CountingScore(NamedTuple):
    """Answers about one touchpoint that average `points`, in the window of a department and an item."""

    place: int  # of the day, among the days asked for
    department: int
    item: str
    attributed: bool
    touchpoint: int
    name: str
    weight: float
    points: float
    sd: float | None
    n: int
    starts_on: date
    ends_on: date


class CountingLink(NamedTuple):
    """A touchpoint as it counts for a department."""

    department: int
    attributed: bool
    touchpoint: int
    name: str
    weight: float


class Span(NamedTuple):
    """The scores of a touchpoint on an item in a window: all that lie within, or end with its last day."""

    touchpoint: int
    item: str
    last_day: date

    @property
    def first_day(self) -> date:
        return self.last_day - timedelta(days=WINDOW_DAYS - 1)


def customers_at(days: Sequence[date], items: Sequence[str] = ITEMS) -> list[Customers]:
    """What customers say as of the end of each of `days`; whatever has fewer than two answers is missing.

    Scores count when all their days are among the 365 that end with the department's latest score on that item, and
    that latest score always does. Where a department has a touchpoint of its own, attributed ones do not count; the
    mean of several is weighted. For the company each answer counts once, like an answer inside, however many
    departments stand behind its touchpoint.
    At most five queries, whatever the number of days and departments; two for what was asked before and is unchanged.
    """
    while True:
        try:
            return list(_remembered(tuple(days), tuple(items), tuple(_links()), _imports(), database.obj))
        except ImportsChanged:
            continue


class ImportsChanged(Exception):
    """A file was imported, or an import undone, while scores were being read."""


@lru_cache(maxsize=KEPT)
def _remembered(
    days: Sequence[date], items: Sequence[str], links: Sequence[CountingLink], imports: str, _of: Database
) -> Sequence[Customers]:
    """What customers say by these links, as of these imports: only they change scores. Raises ImportsChanged."""
    by_day: list[list[CountingScore]] = [[] for _ in days]
    for score in _counting(days, items, links) if days else ():
        by_day[score.place].append(score)
    if _imports() != imports:
        raise ImportsChanged  # what has been read may be of before or after, and is not to be remembered
    return [_customers(scores) for scores in by_day]


def _imports() -> str:
    """Another text whenever a file has been imported, or an import undone."""
    query = ExternalImport.select(ExternalImport.id, ExternalImport.digest).order_by(ExternalImport.id)
    return sha256(repr(list(query.tuples())).encode()).hexdigest()


def _customers(scores: Iterable[CountingScore]) -> Customers:
    own_first: dict[tuple[int, str], list[CountingScore]] = {}
    for score in scores:
        known = own_first.setdefault((score.department, score.item), [])
        if not known or known[0].attributed == score.attributed:
            known.append(score)
    found = {key: _outside(counting) for key, counting in own_first.items()}
    return Customers(
        departments={key: outside for key, outside in found.items() if outside},
        company=_company(own_first.values()),
        too_few=frozenset(key for key, outside in found.items() if outside is None),
    )


def _company(counting: Iterable[list[CountingScore]]) -> dict[str, Outside]:
    """All answers on an item together, each touchpoint as it counts for the first of its departments."""
    first: dict[tuple[str, int], int] = {}
    by_item: dict[str, list[CountingScore]] = defaultdict(list)
    for score in (score for scores in counting for score in scores):
        if first.setdefault((score.item, score.touchpoint), score.department) == score.department:
            by_item[score.item].append(score)
    return {
        item: _described(estimate, scores, attributed=False)
        for item, scores in by_item.items()
        if (estimate := estimate_from_groups((score.points, score.n, score.sd) for score in scores))
    }


def _counting(days: Sequence[date], items: Sequence[str], links: Sequence[CountingLink]) -> list[CountingScore]:
    """Every score in the window of its day, department and item, those of own touchpoints first:

    (0, 4, "overall", False, 11, "Restaurants", 1.0, 75.0, 0.0, 915, 2017-05-05, 2017-05-30)
    (0, 4, "overall", False, 11, "Restaurants", 1.0, 100.0, 0.0, 434, 2017-05-05, 2017-05-30)
    """
    latest = _latest(days, items)
    window_ends: dict[tuple[int, int, bool, str], date] = {}
    for link in links:
        for place, item, last_day in latest[link.touchpoint]:
            window = (place, link.department, link.attributed, item)
            window_ends[window] = max(last_day, window_ends.get(window, last_day))
    spans = [
        (link, place, Span(link.touchpoint, item, window_ends[place, link.department, link.attributed, item]))
        for link in links
        for place, item, _ in latest[link.touchpoint]
    ]
    scores = _scores({span for *_, span in spans})
    return [
        CountingScore(
            *(place, link.department, span.item, link.attributed, link.touchpoint, link.name, link.weight), *score
        )
        for link, place, span in spans
        for score in scores[span]
    ]


def _links() -> list[CountingLink]:
    """Which touchpoint counts for which department, own ones first."""
    link = TouchpointDepartment
    query = link.select(link.department, link.attributed, Touchpoint.id, Touchpoint.name, link.weight).join(Touchpoint)
    return [CountingLink(*row) for row in query.order_by(link.attributed, Touchpoint.name, link.department).tuples()]


def _latest(days: Sequence[date], items: Sequence[str]) -> dict[int, list[tuple[int, str, date]]]:
    """{touchpoint: (place of the day, item, the last day that it has a score of by then)}

    Asked one by one, so that the database looks each up in its index instead of reading all scores.
    """
    tally = ExternalTally
    asked = ValuesList(list(enumerate(days)), alias="asked")
    named = ValuesList([(item,) for item in items], alias="named")
    place, until = asked.c.column1, asked.c.column2  # SQLite and PostgreSQL name the columns of a list of values so
    item = named.c.column1
    counts = (tally.touchpoint == Touchpoint.id) & (tally.item == item) & tally.superseded_by.is_null()
    last_day = tally.select(fn.MAX(tally.ends_on)).where(counts, tally.ends_on <= until)
    query = Touchpoint.select(Touchpoint.id, place, item, last_day)
    found: dict[int, list[tuple[int, str, date]]] = defaultdict(list)
    for touchpoint, at, of, day in query.join(asked, JOIN.CROSS).join(named, JOIN.CROSS).tuples():
        if day:
            found[touchpoint].append((at, of, tally.ends_on.python_value(day)))
    return found


def _scores(spans: Iterable[Span]) -> dict[Span, list[tuple[Any, ...]]]:
    """{span: points, sd, answers, first and last day of each score that occurs, the lowest first}"""
    tally, asked = ExternalTally, dict(enumerate(spans))
    found: dict[Span, list[tuple[Any, ...]]] = defaultdict(list)
    if not asked:
        return found
    rows = [(number, span.touchpoint, span.item, span.first_day, span.last_day) for number, span in asked.items()]
    span = ValuesList(rows, alias="span")
    number, touchpoint, item, first_day, last_day = (getattr(span.c, f"column{place}") for place in range(1, 6))
    within = (tally.starts_on >= first_day) | (tally.ends_on == last_day)
    on = (tally.touchpoint == touchpoint) & (tally.item == item) & tally.ends_on.between(first_day, last_day) & within
    query = (
        tally.select(number, tally.points, tally.sd, fn.SUM(tally.n), fn.MIN(tally.starts_on), fn.MAX(tally.ends_on))
        .join(span, on=on)
        .where(tally.superseded_by.is_null())
        .group_by(number, tally.points, tally.sd)
        .order_by(tally.points)
    )
    for place, *score in query.tuples():
        found[asked[place]].append(tuple(score))
    return found


def _outside(scores: list[CountingScore]) -> Outside | None:
    """The weighted mean of the touchpoints that have enough answers; None when none has."""
    by_touchpoint: dict[int, list[CountingScore]] = defaultdict(list)
    for score in scores:
        by_touchpoint[score.touchpoint].append(score)
    weighted: list[tuple[float, Estimate]] = []
    used: list[CountingScore] = []
    for of_one in by_touchpoint.values():
        estimate = estimate_from_groups((score.points, score.n, score.sd) for score in of_one)
        if estimate:
            weighted.append((of_one[0].weight, estimate))
            used += of_one
    estimate = weighted_mean(weighted)
    if estimate is None:
        return None
    return _described(estimate, used, used[0].attributed)


def _described(estimate: Estimate, scores: Sequence[CountingScore], attributed: bool) -> Outside:
    return Outside(
        estimate=estimate,
        attributed=attributed,
        starts_on=min(score.starts_on for score in scores),
        ends_on=max(score.ends_on for score in scores),
        touchpoints=tuple(dict.fromkeys(score.name for score in scores)),
    )
