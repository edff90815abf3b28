"""A wave's figures as rows, for files and programs: the same ones that the pages show."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from survey import releases
from survey.cells import cells
from survey.measure.disclosure import Change, Figure
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Wave
from survey.releases import Clients, GapRow
from survey.sheets import in_pieces, write_csv, write_xlsx

Shown = tuple[int | None, int | None, int | None, bool | None, int | None, int | None, int | None]

ALL_CLIENTS = "all"
FORMATS = {  # ending → type of the file
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ResultRow(NamedTuple):
    """One published figure. Means, intervals and gaps are points, 0–100; numbers of people are bands."""

    wave: int
    date: str
    provider: str  # name
    clients: str  # "all", the departments of a client group, or "others: …"
    item: str
    people_from: int | None = None
    people_to: int | None = None  # empty: no upper end
    mean: int | None = None
    approximate: bool | None = None  # known to the nearest 5 only
    low: int | None = None
    high: int | None = None
    favourable_percent: int | None = None
    change: int | None = None
    outside: int | None = None
    outside_low: int | None = None
    outside_high: int | None = None
    outside_attributed: bool | None = None
    gap: int | None = None
    gap_low: int | None = None
    gap_high: int | None = None
    state: str | None = None


def rows(wave: Wave) -> Iterator[ResultRow]:
    """Every figure of a release: providers with their gaps first, then each cell of the matrix. Read as they are asked
    for, so memory does not grow with the cells.
    """
    return chain(_totals(wave), _cell_rows(wave))


def export(wave: Wave, form: str) -> Iterator[bytes]:
    """The release as a file in one of FORMATS, piece by piece; what fails, fails before the last one."""
    if form == "xlsx":
        return write_xlsx("results", ResultRow._fields, rows(wave))
    return in_pieces(as_csv(wave) if form == "csv" else as_json(wave))


def as_csv(wave: Wave) -> Iterator[str]:
    return write_csv(ResultRow._fields, rows(wave))


def as_json(wave: Wave) -> Iterator[str]:
    """A list with a row on each line."""
    before = "[\n"
    for row in rows(wave):
        yield before + json.dumps(row._asdict(), ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _totals(wave: Wave) -> Iterator[ResultRow]:
    changes = {
        (result.department.id, item): change
        for result in releases.provider_results(wave)
        for item, change in result.changes.items()
    }
    for row in releases.gaps(wave):
        yield _gap_row(wave, row, changes.get((row.department.id, row.item)))


def _cell_rows(wave: Wave) -> Iterator[ResultRow]:
    number, day = wave.id, str(wave.local_date)
    for cell in cells(wave, SHOWN_ITEMS):
        yield ResultRow(number, day, cell.provider, client_text(cell.clients), cell.item, *_shown(cell.figure))


def client_text(clients: Clients) -> str:
    names = ", ".join(clients.departments)
    return f"others: {names}" if clients.others else names


def _gap_row(wave: Wave, row: GapRow, change: Change | None) -> ResultRow:
    outside, difference = row.outside, row.gap.difference
    return ResultRow(
        wave.id,
        str(wave.local_date),
        row.department.name,
        ALL_CLIENTS,
        row.item,
        *_shown(row.inside),
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


def _shown(figure: Figure | None) -> Shown:
    """What a figure shows, from `people_from` to `favourable_percent`."""
    if figure is None:
        return (None,) * 7
    low, high = figure.interval or (None, None)
    return (*figure.people, figure.mean, figure.approximate, low, high, figure.favourable)
