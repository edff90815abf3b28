"""What customers say: the touchpoints they rate, the departments behind those, and each department's score outside."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from peewee import JOIN, Case, fn

from survey.measure.statistics import Estimate, estimate_from_groups, weighted_mean
from survey.models import Department, ExternalTally, Source, Touchpoint, TouchpointDepartment, database

WINDOW_DAYS = 365


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


# --- Scores outside ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outside:
    """What customers say about a department on an item, in points."""

    estimate: Estimate
    attributed: bool  # from touchpoints that HR gave it, as it has none of its own for this item
    starts_on: date
    ends_on: date
    touchpoints: tuple[str, ...]  # names


class CountingScore(NamedTuple):
    """Answers about one touchpoint that average `points`, in the window of a department and an item."""

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


def outside_scores(until: date) -> dict[tuple[int, str], Outside]:
    """What customers say, by (department id, item), as of the end of `until`; missing with fewer than two answers.

    Scores count when all their days are among the 365 that end with the department's latest score on that item, and
    that latest score always does. Where a department has a touchpoint of its own, attributed ones do not count; the
    mean of several is weighted.
    Two queries, whatever the number of departments.
    """
    own_first: dict[tuple[int, str], list[CountingScore]] = {}
    for score in _counting(until):
        known = own_first.setdefault((score.department, score.item), [])
        if not known or known[0].attributed == score.attributed:
            known.append(score)
    found = {key: _outside(scores) for key, scores in own_first.items()}
    return {key: outside for key, outside in found.items() if outside}


def _counting(until: date) -> list[CountingScore]:
    """Every score in the window of its department and item, those of own touchpoints first:

    (4, "overall", False, 11, "Restaurants", 1.0, 75.0, 0.0, 915, 2017-05-05, 2017-05-30)
    (4, "overall", False, 11, "Restaurants", 1.0, 100.0, 0.0, 434, 2017-05-05, 2017-05-30)
    """
    link, tally = TouchpointDepartment, ExternalTally
    counts = tally.superseded_by.is_null() & (tally.ends_on <= until)
    latest = (
        link.select(link.department, link.attributed, tally.item, fn.MAX(tally.ends_on).alias("last_day"))
        .join(tally, on=link.touchpoint == tally.touchpoint)
        .where(counts)
        .group_by(link.department, link.attributed, tally.item)
    )
    last_days = {last_day for *_, last_day in latest.tuples()}
    if not last_days:
        return []
    windows = [(last_day, last_day - timedelta(days=WINDOW_DAYS - 1)) for last_day in sorted(last_days)]
    same = (
        (latest.c.department_id == link.department)
        & (latest.c.attributed == link.attributed)
        & (latest.c.item == tally.item)
    )
    in_window = (tally.starts_on >= Case(latest.c.last_day, windows)) | (tally.ends_on == latest.c.last_day)
    score: tuple[Any, ...] = (
        *(link.department, tally.item, link.attributed),
        *(Touchpoint.id, Touchpoint.name, link.weight),
        *(tally.points, tally.sd),
    )
    query = (
        tally.select(*score, fn.SUM(tally.n), fn.MIN(tally.starts_on), fn.MAX(tally.ends_on))
        .join(Touchpoint)
        .join(link, on=link.touchpoint == Touchpoint.id)
        .join(latest, on=same)
        .where(counts, in_window)
        .group_by(*score)
        .order_by(link.attributed, Touchpoint.name, tally.points)
    )
    return [CountingScore(*row) for row in query.tuples()]


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
    return Outside(
        estimate=estimate,
        attributed=used[0].attributed,
        starts_on=min(score.starts_on for score in used),
        ends_on=max(score.ends_on for score in used),
        touchpoints=tuple(dict.fromkeys(score.name for score in used)),
    )
