"""The tables of HR's pages as files: the same figures, under English headers that never change.

Means, intervals and differences are points, 0–100; numbers of people are bands; days are ISO.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from survey.commitments import CommitmentRow
from survey.comparisons import Comparisons, Side
from survey.complaints import Clock, Clocks
from survey.findings import BadlyServed, Family, RealChange
from survey.histories import History
from survey.matrices import OTHERS, CellLine, Matrix
from survey.measure.disclosure import Change, Figure
from survey.measure.scale import SCORES
from survey.models import Department, Wave
from survey.releases import Clients, GapRow, OutsideFigure, ProviderResult, Sides
from survey.results import ALL_CLIENTS, client_text
from survey.sheets import in_pieces, write_csv, write_xlsx
from survey.shortfalls import Shortfall
from survey.summaries import Line
from survey.turnout import Participation, Turnout

Row = tuple[object, ...]

FIGURE = ("people_from", "people_to", "mean", "approximate", "low", "high", "favourable_percent")
SPREAD = tuple(f"percent_{score}" for score in SCORES)
OUTSIDE = ("outside", "outside_low", "outside_high", "outside_n", "outside_attributed", "outside_from", "outside_to")
GAP = ("gap", "gap_low", "gap_high", "state")
INSIDE_OUTSIDE = (*FIGURE, *OUTSIDE, *GAP)
SIDES = ("department", "wave", "date", "asked")
CHANGE = ("change", "change_low", "change_high", "change_is_real")
DIFFERENCE = ("difference", "difference_low", "difference_high")
FAMILY = ("p_corrected", "compared")
CLOCK = (
    *("complaints", "answered", "in_time", "within_working_days", "in_time_percent"),
    *("half_within_working_days", "waiting", "waited_working_days"),
)


@dataclass(frozen=True)
class Table:
    """Rows under a header; `name` is the file's, without wave or ending."""

    name: str
    header: Sequence[str]
    rows: Iterable[Row]

    def export(self, form: str) -> Iterator[bytes]:
        """As "csv" or "xlsx", piece by piece."""
        if form == "csv":
            return in_pieces(write_csv(self.header, self.rows))
        return write_xlsx(self.name[:31], self.header, self.rows)  # the longest name that a sheet may have


# --- Who serves whom -----------------------------------------------------------------------------------------------


def matrix(table: Matrix) -> Table:
    """A row for each cell and each margin, in the page's order; "all" stands for a margin's other side."""
    return Table("matrix", ("item", "provider", "clients", *FIGURE), list(_matrix_rows(table)))


def _matrix_rows(table: Matrix) -> Iterator[Row]:
    for provider in table.providers:
        yield (table.item, provider.name, ALL_CLIENTS, *_figure(table.serves[provider.id]))
        for group, clients in [*table.columns, (OTHERS, table.others.get(provider.id))]:
            if clients and (found := table.cells.get((provider.id, group))):
                yield (table.item, provider.name, client_text(clients), *_figure(found))
    if table.company:
        yield (table.item, ALL_CLIENTS, ALL_CLIENTS, *_figure(table.company))
    for group, clients in table.columns:
        if found := table.served.get(group):
            yield (table.item, ALL_CLIENTS, client_text(clients), *_figure(found))


def cell(provider: Department, lines: Iterable[CellLine]) -> Table:
    """One provider and one group of clients, by item, with the share of each score."""
    rows: list[Row] = [
        (line.item, provider.name, client_text(line.clients), *_figure(line.figure), *_spread(line.figure))
        for line in lines
        if line.figure and line.clients
    ]
    return Table(f"matrix-{provider.key}", ("item", "provider", "clients", *FIGURE, *SPREAD), rows)


# --- One department ------------------------------------------------------------------------------------------------


def items(department: Department, lines: Iterable[Line]) -> Table:
    """How a department serves, by item: the share of each score, the change, customers and the gap."""
    header = ("department", "item", *FIGURE, *SPREAD, *CHANGE, *OUTSIDE, *GAP)
    rows: list[Row] = [
        (
            department.name,
            line.item,
            *_figure(line.figure),
            *_spread(line.figure),
            *_change(line.change),
            *_outside(line.gap.outside if line.gap else None),
            *_gap(line.gap),
        )
        for line in lines
    ]
    return Table(f"{department.key}-items", header, rows)


def clients(department: Department, item: str, found: Iterable[tuple[Clients, Figure]]) -> Table:
    """Whom a department serves."""
    rows: list[Row] = [(item, department.name, client_text(group), *_figure(figure)) for group, figure in found]
    return Table(f"{department.key}-clients", ("item", "provider", "clients", *FIGURE), rows)


def providers_of(department: Department, item: str, found: Iterable[tuple[Department, Clients, Figure]]) -> Table:
    """Who serves a department."""
    rows: list[Row] = [(item, provider.name, client_text(group), *_figure(figure)) for provider, group, figure in found]
    return Table(f"{department.key}-providers", ("item", "provider", "clients", *FIGURE), rows)


def trend(department: Department, item: str, found: Iterable[tuple[Wave, Figure | None]]) -> Table:
    """How a department has served, wave by wave."""
    rows: list[Row] = [
        (department.name, item, wave.id, str(wave.local_date), *_figure(figure)) for wave, figure in found
    ]
    return Table(f"{department.key}-trend", ("department", "item", "wave", "date", *FIGURE), rows)


def missing(department: Department, found: Shortfall | None) -> Table:
    """What is missing where a department serves badly, in percent."""
    rows: list[Row] = []
    if found:
        rows = [(department.name, reason, share, *found.people) for reason, share in found.shares.items()]
    return Table(f"{department.key}-missing", ("department", "missing", "percent", "people_from", "people_to"), rows)


def complaints_of(department: Department, found: Iterable[tuple[Wave, Clock]], within: int) -> Table:
    """How soon a department answered complaints, the latest wave first."""
    rows: list[Row] = [
        (department.name, wave.id, str(wave.local_date), *_clock(clock, within)) for wave, clock in found
    ]
    return Table(f"{department.key}-complaints", ("department", "wave", "date", *CLOCK), rows)


# --- The company ---------------------------------------------------------------------------------------------------


def providers(found: Iterable[ProviderResult], item: str) -> Table:
    """How each department serves on an item; without a mean where too few rated it."""
    rows: list[Row] = [
        (result.department.name, item, *_figure(result.figures.get(item)), *_change(result.changes.get(item)))
        for result in found
    ]
    return Table("providers", ("department", "item", *FIGURE, *CHANGE), rows)


def participation(found: Iterable[Participation]) -> Table:
    rows: list[Row] = [(client_text(row.clients), row.invited, row.answered, row.percent) for row in found]
    return Table("participation", ("departments", "invited", "answered", "percent"), rows)


def turnout(found: Turnout) -> Table:
    """Who answered, by division and wave, the latest first; "all" stands for the whole company."""
    cells = [(ALL_CLIENTS, found.wholes), *((client_text(clients), cells) for clients, cells in found.rows)]
    rows: list[Row] = [
        (divisions, wave.id, str(wave.local_date), wave.state, cell.invited, cell.answered, cell.percent)
        for divisions, several in cells
        for wave, cell in zip(found.waves, several, strict=True)
        if cell
    ]
    return Table("turnout", ("divisions", "wave", "date", "state", "invited", "answered", "percent"), rows)


def commitments(found: Iterable[CommitmentRow]) -> Table:
    """What departments have promised, and by when."""
    rows: list[Row] = [
        (
            *(row.commitment.provider.name, row.commitment.item, row.commitment.text),
            *(str(row.commitment.made_on), str(row.commitment.due_on), row.state, ", ".join(row.clients)),
        )
        for row in found
    ]
    return Table("commitments", ("department", "item", "text", "made_on", "due_on", "state", "credited"), rows)


def complaints(found: Clocks, within: int) -> Table:
    """How soon complaints were answered, by department and wave, the latest first; "all" stands for the company."""
    several = [(ALL_CLIENTS, found.company), *((department.name, clocks) for department, clocks in found.departments)]
    rows: list[Row] = [
        (name, wave.id, str(wave.local_date), *_clock(clock, within))
        for name, clocks in several
        for wave, clock in zip(found.waves, clocks, strict=True)
        if clock
    ]
    return Table("complaints", ("department", "wave", "date", *CLOCK), rows)


# --- What stands out -----------------------------------------------------------------------------------------------


def badly_served(found: Family[BadlyServed]) -> Table:
    """Who is served badly, by whom; the difference is to all other answers of the wave."""
    rows: list[Row] = [
        (
            *(client_text(one.clients), one.provider.name, *_figure(one.figure)),
            *(*_ends(one.difference.points, one.difference.interval), one.p, found.compared),
        )
        for one in found.found
    ]
    return Table("badly-served", ("clients", "provider", *FIGURE, *DIFFERENCE, *FAMILY), rows)


def changes(found: Family[RealChange]) -> Table:
    """What changed since the wave before, by more than chance would."""
    rows: list[Row] = [
        (one.department.name, one.item, *_figure(one.now), *_change(one.change), one.p, found.compared)
        for one in found.found
    ]
    return Table("changes", ("department", "item", *FIGURE, *CHANGE, *FAMILY), rows)


def facades(found: Iterable[GapRow]) -> Table:
    """Where customers are served better than colleagues."""
    return replace(gaps(found), name="facades")


# --- Inside and outside --------------------------------------------------------------------------------------------


def practices(found: Mapping[str, Sides]) -> Table:
    """The company's inside and outside, practice by practice."""
    return Table("practices", ("item", *INSIDE_OUTSIDE), [(item, *_sides(sides)) for item, sides in found.items()])


def history(found: History, item: str) -> Table:
    """Inside and outside on an item, of the company ("all") and of each department, the earliest wave first."""
    several = [(ALL_CLIENTS, found.company), *((department.name, sides) for department, sides in found.departments)]
    rows: list[Row] = [
        (name, item, wave.id, str(wave.local_date), *_sides(sides))
        for name, of_waves in several
        for wave, sides in zip(found.waves, of_waves, strict=True)
    ]
    return Table("over-time", ("department", "item", "wave", "date", *INSIDE_OUTSIDE), rows)


def gaps(found: Iterable[GapRow]) -> Table:
    """Inside against outside, department by department."""
    rows: list[Row] = [(row.department.name, row.item, *_sides(row)) for row in found]
    return Table("gap", ("department", "item", *INSIDE_OUTSIDE), rows)


def comparisons(found: Comparisons) -> Table:
    """What is compared: a − b, with p corrected for all `compared` comparisons."""
    header = (
        *("item", *(f"a_{name}" for name in SIDES), "a_mean", *(f"b_{name}" for name in SIDES), "b_mean"),
        *("difference", "low", "high", "p_corrected", "compared", "verdict"),
    )
    rows: list[Row] = [
        (
            row.item,
            *_side(row.a),
            row.a_figure.mean if row.a_figure else None,
            *_side(row.b),
            row.b_figure.mean if row.b_figure else None,
            *(_ends(row.difference.points, row.difference.interval) if row.difference else (None,) * 3),
            row.p,
            found.family,
            str(row.verdict),
        )
        for row in found.rows
    ]
    return Table("compare", header, rows)


# --- The cells of a row --------------------------------------------------------------------------------------------


def _figure(found: Figure | None) -> Row:
    if found is None:
        return (None,) * len(FIGURE)
    low, high = found.interval or (None, None)
    return (*found.people, found.mean, found.approximate, low, high, found.favourable)


def _spread(found: Figure | None) -> Row:
    return (found and found.distribution) or (None,) * len(SPREAD)


def _change(found: Change | None) -> Row:
    return (*_ends(found.points, found.interval), found.is_real) if found else (None,) * len(CHANGE)


def _outside(found: OutsideFigure | None) -> Row:
    if found is None:
        return (None,) * len(OUTSIDE)
    days = str(found.starts_on), str(found.ends_on)
    return (*_ends(found.mean, found.interval), found.n, found.attributed, *days)


def _sides(found: Sides) -> Row:
    return (*_figure(found.inside), *_outside(found.outside), *_gap(found))


def _gap(row: Sides | None) -> Row:
    if row is None or row.outside is None:
        return (None,) * len(GAP)
    found = row.gap.difference
    return (*(_ends(found.points, found.interval) if found else (None,) * 3), str(row.gap.state))


def _side(side: Side) -> Row:
    asked = "customers" if side.outside else "colleagues"
    return (side.department.name, side.wave.id, str(side.wave.local_date), asked)


def _clock(found: Clock, within: int) -> Row:
    counts = (found.total, found.answered, found.in_time(within), within, found.percent_in_time(within))
    return (*counts, found.half, found.waiting, found.waited if found.waiting else None)


def _ends(points: int, interval: tuple[int, int]) -> Row:
    return (points, *interval)
