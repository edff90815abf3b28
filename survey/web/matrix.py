"""HR's page about who serves whom: providers × clients, and what lies behind each cell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Blueprint, abort, render_template, url_for

from survey import matrices, releases
from survey.matrices import OTHERS, CellLine, Group, Matrix, Order
from survey.measure.disclosure import Figure
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Department, Wave
from survey.web.access import hr_only
from survey.web.choices import DIVISION, chosen_clients, chosen_item, chosen_order, chosen_wave, chosen_window

blueprint = Blueprint("matrix", __name__, url_prefix="/hr/matrix")

NEAR, FAR = 5, 15  # points from the company's mean, where a cell's shade changes
MANY = 14  # columns, from which their headers stand upright
OTHERS_KEY = "_others"  # in addresses; no department's key begins so
NEXT_ORDER = {Order.NAME: Order.WORST, Order.WORST: Order.BEST, Order.BEST: Order.NAME}  # with each click
ARIA_SORT = {Order.NAME: "none", Order.WORST: "ascending", Order.BEST: "descending"}


@dataclass(frozen=True)
class View:
    """What an address asks of the matrix: these waves together, the latest first, on this item."""

    waves: tuple[Wave, ...]
    item: str
    over: int
    division: bool
    rows: Order
    columns: Order

    @property
    def wave(self) -> Wave:
        return self.waves[0]

    @property
    def arguments(self) -> dict[str, str | int | None]:
        """Its place in an address; what is as usual is left out."""
        return {
            "wave": self.wave.id,
            "item": self.item,
            "over": self.over if self.over > 1 else None,
            "by": DIVISION if self.division else None,
            "rows": None if self.rows is Order.NAME else self.rows,
            "columns": None if self.columns is Order.NAME else self.columns,
        }

    def each_item(self) -> list[Matrix]:
        return matrices.each_item(self.waves, SHOWN_ITEMS, self.division)

    def arranged(self) -> Matrix:
        (found,) = matrices.each_item(self.waves, [self.item], self.division)
        return matrices.arranged(found, self.rows, self.columns)


@dataclass(frozen=True)
class CellView:
    """How one provider serves one group of clients, by item, and how they serve it in return."""

    provider: Department
    clients: tuple[Department, ...]  # none: its "other departments"
    lines: tuple[CellLine, ...]
    back: tuple[CellLine, ...]  # only of one department
    refused: bool


def chosen_view(waves: list[Wave]) -> View | None:
    """None before any wave is released; 404 for what is not offered."""
    item, over, division = chosen_item(), chosen_window(), chosen_clients() == DIVISION
    rows, columns = chosen_order("rows"), chosen_order("columns")
    wave = chosen_wave(waves)
    return wave and View(tuple(releases.waves_until(wave, over)), item, over, division, rows, columns)


def cell_or_404(view: View, key: str, clients: str) -> CellView:
    """The cell that an address names: a provider by key, and its clients as `clients_key` writes them."""
    everybody = {department.key: department for department in matrices.everybody()}
    named = [] if clients == OTHERS_KEY else clients.split(",")
    if key not in everybody or not set(named) <= set(everybody):
        abort(404)
    provider, group = everybody[key], tuple(everybody[name] for name in dict.fromkeys(named))
    tables = view.each_item()
    lines = matrices.cell(tables, provider, frozenset(client.id for client in group) or OTHERS)
    alone = len(group) == 1 and not view.division
    back = matrices.cell(tables, group[0], frozenset([provider.id])) if alone else []
    refused = any(provider.id in table.refused for table in tables)
    return CellView(provider, group, tuple(lines), tuple(back), refused)


@blueprint.get("")
@hr_only
def table() -> str:
    """Provider × clients on one item; of several waves together, or with the clients by division, when asked."""
    released = releases.released_waves()
    view = chosen_view(released)
    if view is None:
        return render_template("matrix/table.html", wave=None)
    keys = {department.id: department.key for department in matrices.everybody()}
    return render_template(
        "matrix/table.html",
        waves=released,
        wave=view.wave,
        view=view,
        items=SHOWN_ITEMS,
        matrix=view.arranged(),
        others=OTHERS,
        windows=matrices.WINDOWS,
        k=max(wave.min_group for wave in view.waves),
        shade=shade,
        leads_to=cell_addresses(view, keys),
        many=MANY,
        next_order=NEXT_ORDER,
        aria_sort=ARIA_SORT,
    )


@blueprint.get("/<key>/<clients>")
@hr_only
def cell(key: str, clients: str) -> str:
    """One cell of the matrix on all items."""
    released = releases.released_waves()
    view = chosen_view(released) or abort(404)
    return render_template(
        "matrix/cell.html", waves=released, wave=view.wave, view=view, cell=cell_or_404(view, key, clients)
    )


def cell_addresses(view: View, keys: Mapping[int, str]) -> Callable[[Department, Group], str]:
    """What gives the address of a cell; what those of all cells have in common is written once."""
    shared: dict[str, Any] = dict(view.arguments, rows=None, columns=None)
    head, _between, tail = url_for("matrix.cell", key="0", clients="1", **shared).partition("/0/1")
    return lambda provider, group: f"{head}/{quote(provider.key)}/{quote(clients_key(group, keys), safe=',')}{tail}"


def clients_key(group: Group, keys: Mapping[int, str]) -> str:
    """A column in an address: "finance", "it,legal"."""
    return ",".join(sorted(keys[department] for department in group)) or OTHERS_KEY


def shade(figure: Figure, company: Figure | None) -> str:
    """The class that colours a cell by its distance from the company's mean: "far-below" … "far-above"."""
    distance = figure.mean - company.mean if company else 0
    if abs(distance) < NEAR:
        return "near"
    side = "above" if distance > 0 else "below"
    return f"far-{side}" if abs(distance) >= FAR else side
