"""A wave's figures as rows, for files and programs: the same ones that the pages show."""

import json
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass, fields

from survey import matrices, releases
from survey.matrices import OTHERS
from survey.measure.disclosure import Change, Figure
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Wave
from survey.releases import Clients, GapRow
from survey.sheets import write_csv, write_xlsx

ALL_CLIENTS = "all"
FORMATS = {  # ending → type of the file
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class ResultRow:
    """One published figure. Means, intervals and gaps are points, 0–100; numbers of people are bands."""

    wave: int
    date: str
    provider: str  # name
    clients: str  # "all", the departments of a client group, or "others: …"
    item: str
    people_from: int | None
    people_to: int | None  # empty: no upper end
    mean: int | None
    approximate: bool | None  # known to the nearest 5 only
    low: int | None
    high: int | None
    favourable_percent: int | None
    change: int | None
    outside: int | None
    outside_low: int | None
    outside_high: int | None
    outside_attributed: bool | None
    gap: int | None
    gap_low: int | None
    gap_high: int | None
    state: str | None


def rows(wave: Wave) -> list[ResultRow]:
    """Every figure of a release: providers with their gaps first, then each cell of the matrix."""
    changes = {
        (result.department.id, item): change
        for result in releases.provider_results(wave)
        for item, change in result.changes.items()
    }
    totals = [_gap_row(wave, row, changes.get((row.department.id, row.item))) for row in releases.gaps(wave)]
    return totals + list(_cell_rows(wave))


def export(wave: Wave, form: str) -> Iterator[bytes]:
    """The release as a file in one of FORMATS, piece by piece."""
    if form == "csv":
        return (line.encode() for line in as_csv(wave))
    return iter([as_xlsx(wave) if form == "xlsx" else as_json(wave).encode()])


def as_csv(wave: Wave) -> Iterator[str]:
    return write_csv([field.name for field in fields(ResultRow)], (astuple(row) for row in rows(wave)))


def as_xlsx(wave: Wave) -> bytes:
    return write_xlsx("results", [field.name for field in fields(ResultRow)], (astuple(row) for row in rows(wave)))


def as_json(wave: Wave) -> str:
    return json.dumps([asdict(row) for row in rows(wave)], ensure_ascii=False, indent=1) + "\n"


def _cell_rows(wave: Wave) -> Iterator[ResultRow]:
    for matrix in matrices.each_item([wave], SHOWN_ITEMS):
        columns = dict(matrix.columns)
        names = {department.id: department.name for department in matrix.providers}
        for (provider, column), figure in matrix.cells.items():
            clients = matrix.others[provider] if column == OTHERS else columns[column]
            yield _row(wave, names[provider], client_text(clients), matrix.item, figure)


def client_text(clients: Clients) -> str:
    names = ", ".join(clients.departments)
    return f"others: {names}" if clients.others else names


def _gap_row(wave: Wave, row: GapRow, change: Change | None) -> ResultRow:
    outside, difference = row.outside, row.gap.difference
    return _row(
        wave,
        row.department.name,
        ALL_CLIENTS,
        row.item,
        row.inside,
        change=change.points if change else None,
        outside=outside.mean if outside else None,
        outside_low=outside.interval[0] if outside else None,
        outside_high=outside.interval[1] if outside else None,
        outside_attributed=outside.attributed if outside else None,
        gap=difference.points if difference else None,
        gap_low=difference.interval[0] if difference else None,
        gap_high=difference.interval[1] if difference else None,
        state=str(row.gap.state),
    )


def _row(
    wave: Wave, provider: str, clients: str, item: str, figure: Figure | None, **others: int | bool | str | None
) -> ResultRow:
    """A row with what `figure` shows; whatever else is not given stays empty."""
    shown: dict[str, int | bool | str | None] = dict.fromkeys(field.name for field in fields(ResultRow))
    if figure is not None:
        low, high = figure.interval or (None, None)
        shown |= {
            "people_from": figure.people[0],
            "people_to": figure.people[1],
            "mean": figure.mean,
            "approximate": figure.approximate,
            "low": low,
            "high": high,
            "favourable_percent": figure.favourable,
        }
    named = {"wave": wave.id, "date": str(wave.local_date), "provider": provider, "clients": clients, "item": item}
    return ResultRow(**{**shown, **named, **others})
