"""Everything that is published about waves, read off pages, exports and mails as their readers get them.

Nothing here calls the code that decides what is shown: a figure is what a reader finds in a table, under a name.
"""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from flask.testing import FlaskClient
from openpyxl import load_workbook

from survey.measure.scale import ITEMS
from survey.models import Wave
from tests.attack.pages import Cell, Page, Table

NAMES = {
    "All in all": "overall",
    "Keeps promises": "promises",
    "Acts promptly": "diligence",
    "Adapts": "flexibility",
    "Takes criticism": "openness",
    "Improves": "improvement",
}
POINTS = re.compile(r"(≈ )?(\d+)")


@dataclass(frozen=True)
class Shown:
    """A mean in points; `approximate` when it is told to the nearest 5."""

    mean: int
    approximate: bool


@dataclass(frozen=True)
class Figure:
    """What a reader is told that a number is about. No `providers` or `clients` means all that are published."""

    waves: tuple[int, ...]
    item: str
    providers: frozenset[str] | None
    clients: frozenset[str] | None  # names
    view: str  # "" or "by division", where `clients` names divisions; "margin": how these clients are served
    shown: Shown

    @property
    def by_division(self) -> bool:
        return "division" in self.view

    @property
    def is_cell(self) -> bool:
        """One provider, one group of clients, one wave: what all else is said to be a sum of."""
        return self.clients is not None and len(self.waves) == 1 and not self.view


@dataclass(frozen=True)
class Participants:
    clients: frozenset[str]
    answered: int
    invited: int


def shown(text: str) -> Shown | None:
    """ "≈ 70" or "68" as a figure; None for an empty cell or a dash."""
    if not (found := POINTS.fullmatch(text)):
        assert text in ("", "–"), f'"{text}" stands where a figure should.'
        return None
    return Shown(int(found[2]), bool(found[1]))


def figure(
    waves: Sequence[int],
    item: str,
    text: str,
    providers: Iterable[str] | None = None,
    clients: Iterable[str] | None = None,
    view: str = "",
) -> Iterator[Figure]:
    """The figure that `text` tells, if any."""
    if told := shown(text):
        yield Figure(
            tuple(waves),
            item,
            None if providers is None else frozenset(providers),
            None if clients is None else frozenset(clients),
            view,
            told,
        )


# --- All of it -----------------------------------------------------------------------------------------------------


def everything(
    hr: FlaskClient, leads: Iterable[FlaskClient], waves: Sequence[Wave], keys: Iterable[str]
) -> set[Figure]:
    """Every figure of every page and export about `waves` (all closed ones, in order); `keys`: of departments."""
    ids = [wave.id for wave in waves]
    found: set[Figure] = set()
    for place, wave in enumerate(ids):
        found.update(export_json(hr, wave))
        found.update(export_csv(hr, wave))
        found.update(export_xlsx(hr, wave))
        found.update(overview(hr, wave))
        found.update(behind_cells(hr, wave))
        found.update(table(hr, f"/hr/providers.csv?wave={wave}", [wave]))
        for key in keys:
            found.update(department(hr, key, wave, ids))
            for name in ("items", "clients", "providers", "trend"):
                found.update(table(hr, f"/hr/departments/{key}/{name}.csv?wave={wave}", [wave]))
        for lead in leads:
            found.update(lead_page(lead, wave))
        for item in ITEMS:
            found.update(gaps(hr, wave, item))
            found.update(table(hr, f"/hr/gap.csv?wave={wave}&item={item}", [wave]))
            found.update(compared(hr, ids[: place + 1], item))
            for over in range(1, min(4, place + 1) + 1):
                for by in ("", "division"):
                    window = ids[place + 1 - over : place + 1]
                    found.update(matrix(hr, window, item, by))
                    address = f"/hr/matrix.csv?wave={wave}&item={item}&over={over}&by={by}"
                    found.update(table(hr, address, window, "by division" if by else ""))
    return found


def read(browser: FlaskClient, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status}"
    return answer.get_data(as_text=True)


# --- Exports -------------------------------------------------------------------------------------------------------


def export_json(hr: FlaskClient, wave: int) -> Iterator[Figure]:
    for row in json.loads(read(hr, f"/hr/results.json?wave={wave}")):
        if row["mean"] is not None:
            yield _exported(wave, row, Shown(row["mean"], row["approximate"]))


def export_csv(hr: FlaskClient, wave: int) -> Iterator[Figure]:
    text = read(hr, f"/hr/results.csv?wave={wave}").lstrip("\N{ZERO WIDTH NO-BREAK SPACE}")
    delimiter = ";" if ";" in text.splitlines()[0] else ","
    for row in csv.DictReader(io.StringIO(text), delimiter=delimiter):
        if row["mean"]:
            yield _exported(wave, row, Shown(int(row["mean"]), row["approximate"].lower() in ("true", "1")))


def export_xlsx(hr: FlaskClient, wave: int) -> Iterator[Figure]:
    workbook = load_workbook(io.BytesIO(hr.get(f"/hr/results.xlsx?wave={wave}").data))
    header, *rows = workbook.active.iter_rows(values_only=True)
    for row in (dict(zip(header, values, strict=True)) for values in rows):
        if row["mean"] is not None:
            yield _exported(wave, row, Shown(row["mean"], row["approximate"]))


def table(hr: FlaskClient, address: str, waves: Sequence[int], view: str = "") -> Iterator[Figure]:
    """A page's table as a file: rows about providers, or about clients of all that stand in their column."""
    standing: dict[str, set[str]] = defaultdict(set)
    for row in csv.DictReader(io.StringIO(read(hr, address))):
        if not row["mean"]:
            continue
        provider, clients = row.get("provider") or row["department"], row.get("clients", "all")
        told = f"≈ {row['mean']}" if row["approximate"] == "True" else row["mean"]
        about = [int(row["wave"])] if "wave" in row else waves
        names = clients.removeprefix("others: ").split(", ")
        if clients == "all":
            yield from figure(about, row["item"], told, None if provider == "all" else [provider])
        elif provider == "all":
            yield from figure(about, row["item"], told, standing[clients], names, f"margin {view}".strip())
        else:
            standing[clients].add(provider)
            yield from figure(about, row["item"], told, [provider], names, view)


def _exported(wave: int, row: dict[str, str], told: Shown) -> Figure:
    assert int(row["wave"]) == wave
    names = row["clients"].removeprefix("others: ")
    clients = None if names == "all" else frozenset(names.split(", "))
    return Figure((wave,), row["item"], frozenset([row["provider"]]), clients, "", told)


# --- Pages ---------------------------------------------------------------------------------------------------------


def matrix(hr: FlaskClient, waves: Sequence[int], item: str, by: str = "") -> Iterator[Figure]:
    page = Page(read(hr, f"/hr/matrix?wave={waves[-1]}&item={item}&over={len(waves)}&by={by}"))
    for table in page.tables:
        assert table.kind == "matrix"
        yield from _matrix(table, waves, item, "by division" if by else "")


def _matrix(table: Table, waves: Sequence[int], item: str, view: str) -> Iterator[Figure]:
    """Columns: who serves; all clients; each group; those only shown together, if any. Last row: the margins."""
    with_others = table.columns[-1] == "Other departments"
    columns = [
        column.removesuffix(" together").split(", ") for column in table.columns[2 : -1 if with_others else None]
    ]
    standing: list[set[str]] = [set() for _ in columns]
    for provider, total, *cells in table.body:
        yield from figure(waves, item, total.text, [provider.text])
        if cells and cells[0].text.startswith("not shown"):
            assert len(cells) == 1
            continue
        if with_others:
            others = cells.pop()
            yield from figure(waves, item, others.text, [provider.text], others.tooltip.split(", "), view)
        for clients, cell, providers in zip(columns, cells, standing, strict=True):
            yield from figure(waves, item, cell.text, [provider.text], clients, view)
            if cell.text:
                providers.add(provider.text)
    _, company, *served = table.foot
    yield from figure(waves, item, company.text)
    if with_others:
        assert served.pop().text == ""
    for clients, cell, providers in zip(columns, served, standing, strict=True):
        yield from figure(waves, item, cell.text, providers, clients, f"margin {view}".strip())


def overview(hr: FlaskClient, wave: int) -> Iterator[Figure]:
    page = Page(read(hr, f"/hr/?wave={wave}"))
    for term, text in page.figures:
        if term in NAMES:
            yield from figure([wave], NAMES[term], text)
    for table in page.tables:
        heading = table.headings["h2"]
        if heading == "How each department serves":
            for row in table.body:
                if len(row) == len(table.head):
                    yield from figure([wave], "overall", row[1].text, [row[0].text])
        elif heading == "Who is served badly, and by whom":
            for clients, provider, points, *_ in table.body:
                names = clients.text.removeprefix("Other departments").split(", ")
                yield from figure([wave], "overall", points.text, [provider.link], names)
        elif heading == "Kinder to strangers than to colleagues":
            for provider, item, points, *_ in table.body:
                yield from figure([wave], NAMES[item.text], points.text, [provider.text])
        elif heading == "What changed since the wave before":
            for provider, item, *_, points in table.body:
                yield from figure([wave], NAMES[item.text], points.text, [provider.text])


def turnout(hr: FlaskClient, wave: int) -> Iterator[int]:
    """How many people were asked, of each whole that a closed wave's turnout is told of, and in the file."""
    for table in Page(read(hr, f"/hr/?wave={wave}")).tables:
        if table.columns[:1] == ["Division"]:
            for _, *cells in table.body:
                yield from (int(told[1]) for cell in cells if (told := re.search(r"\d+ of (\d+)", cell.text)))
    for row in csv.DictReader(io.StringIO(read(hr, f"/hr/participation.csv?wave={wave}"))):
        yield int(row["invited"])


def gaps(hr: FlaskClient, wave: int, item: str) -> Iterator[Figure]:
    """Each department's inside, and the company's by practice."""
    page = Page(read(hr, f"/hr/gap?wave={wave}&item={item}"))
    for table in page.tables:
        if table.columns[:2] == ["Department", "Inside"]:
            for row in table.body:
                yield from figure([wave], item, row[1].text, [row[0].link or row[0].text])
        elif table.columns[:2] == ["Practice", "Inside"]:
            for row in table.body:
                yield from figure([wave], NAMES[row[0].text], row[1].text)
    for headings, name, tooltip in page.pictures:
        if told := re.match(r"(.+): inside (≈ \d+|\d+|–).*, outside ", tooltip):
            if headings["h2"] == "The practices side by side":
                yield from figure([wave], NAMES[name], told[2])
            else:
                yield from figure([wave], item, told[2], [told[1]])


def department(hr: FlaskClient, key: str, wave: int, waves: Sequence[int]) -> Iterator[Figure]:
    page = Page(read(hr, f"/hr/departments/{key}?wave={wave}"))
    for table in page.tables:
        name, heading = table.headings["h1"], table.headings["h2"]
        if heading == "How it serves":
            yield from _items(table, wave, name)
        elif heading == "Whom it serves":
            for clients, points, *_ in table.body:
                names = clients.text.removeprefix("Other departments").split(", ")
                yield from figure([wave], "overall", points.text, [name], names)
        elif heading == "Who serves it":
            for provider, points, *_ in table.body:
                yield from _serves_it(provider, points, wave, name)
        elif heading == "Over time, all in all":
            for then, cell in zip(waves, table.body[0], strict=True):
                yield from figure([then], "overall", cell.text, [name])
    yield from _pictured(page, wave, page.tables[0].headings["h1"])


def _serves_it(provider: Cell, points: Cell, wave: int, client: str) -> Iterator[Figure]:
    name, _, together = provider.text.partition("together: ")
    yield from figure([wave], "overall", points.text, [name.strip()], together.split(", ") if together else [client])


def lead_page(lead: FlaskClient, wave: int) -> Iterator[Figure]:
    page = Page(read(lead, f"/lead/?wave={wave}"))
    for table in page.tables:
        if table.columns[0] == "Department":  # of a division
            for provider, points, *_ in table.body:
                yield from () if points.span > 1 else figure([wave], "overall", points.text, [provider.text])
        elif table.columns[:2] == ["Item", "Points"]:
            yield from _items(table, wave, table.headings["h2"])
    for headings, name, tooltip in page.pictures:
        yield from figure([wave], NAMES[name], _mean_of(tooltip), [headings["h2"]])


def _pictured(page: Page, wave: int, provider: str) -> Iterator[Figure]:
    for headings, name, tooltip in page.pictures:
        if headings["h2"] == "How it serves":
            yield from figure([wave], NAMES[name], _mean_of(tooltip), [provider])


def behind_cells(hr: FlaskClient, wave: int) -> Iterator[Figure]:
    """What lies behind every cell of one wave's matrix, on all items."""
    for table in Page(read(hr, f"/hr/matrix?wave={wave}")).tables:
        columns = [column.removesuffix(" together").split(", ") for column in table.columns[2:]]
        for provider, _, *cells in table.body:
            for clients, cell in zip(columns, cells, strict=True):
                if cell.address:
                    yield from _behind(hr, cell.address, wave, provider.text, clients)


def _behind(hr: FlaskClient, address: str, wave: int, provider: str, clients: Sequence[str]) -> Iterator[Figure]:
    """On an item, the clients are those of the column, or those that are named below the item."""
    for table in Page(read(hr, address)).tables:
        for name, points, *_ in table.body:
            item, _, others = name.text.partition("answered by: ")
            told = others.split(", ") if others else clients
            if points.text != "too few answers to show":
                yield from figure([wave], NAMES[item.strip()], points.text, [provider], told)


def compared(hr: FlaskClient, waves: Sequence[int], item: str) -> Iterator[Figure]:
    """The files of the page that compares: departments of the last wave, and all of them with their past."""
    chosen = "".join(f"&wave={wave}" for wave in reversed(waves))
    for of in ("departments", "waves"):
        text = read(hr, f"/hr/compare.csv?of={of}&item={item}{chosen}")
        for row in csv.DictReader(io.StringIO(text)):
            for side in ("a", "b"):
                if row["difference"]:  # then both means are exact
                    where = int(row[f"{side}_wave"])
                    yield from figure([where], row["item"], row[f"{side}_mean"], [row[f"{side}_department"]])


def _mean_of(tooltip: str) -> str:
    """ "≈ 70" of "≈ 70, from 5 to 9 answers", "68" of "68 (60 to 76), from …"."""
    return re.match(r"(≈ )?\d+", tooltip)[0]


def _items(table: Table, wave: int, provider: str) -> Iterator[Figure]:
    for row in table.body:
        yield from figure([wave], NAMES[row[0].text], row[1].text, [provider])


def participation(hr: FlaskClient) -> list[Participants]:
    """Who has answered by now of the waves that are open."""
    rows = []
    for table in Page(read(hr, "/hr/")).tables:
        if table.columns == ["Department", "Answered", "%"]:
            for clients, answered, _ in table.body:
                some, of = re.fullmatch(r"(\d+) of (\d+)", answered.text).groups()
                rows.append(Participants(frozenset(clients.text.split(", ")), int(some), int(of)))
    return rows


# --- Mails ---------------------------------------------------------------------------------------------------------


def summary(mail: EmailMessage, wave: int) -> Iterator[Figure]:
    """A lead's letter: the lines of its text, the tables of its HTML, and the words in place of its pictures."""
    text = _text(mail)
    _, *parts = re.split(r"^(.+)\n-+$", text, flags=re.MULTILINE)  # a department's name is underlined
    for name, lines in zip(parts[::2], parts[1::2], strict=True):
        for item, points in re.findall(r"^- (.+?): ((?:≈ )?\d+)", lines, re.MULTILINE):
            yield from figure([wave], NAMES[item], points, [name])
    page = Page(mail.get_body(("html",)).get_content())
    for table in page.tables:
        if table.columns[:2] in (["Item", "Points"], ["Item", "Clients"]):  # the second beside what was expected
            yield from _items(table, wave, table.headings["h2"])
    for words in page.alternatives:
        if told := re.fullmatch(r"How (.+) serves its clients, 0 to 100: (.+)", words):
            for item, points in re.findall(r"([A-Z][a-z ]+) ((?:≈ )?\d+)", told[2]):
                yield from figure([wave], NAMES[item], points, [told[1]])


def company_summary(mail: EmailMessage, wave: int) -> Iterator[Figure]:
    """HR's letter: the lines of its text, the tables of its HTML, and the words in place of its picture."""
    for name, told in re.findall(r"^- (.+?): (.+)$", _text(mail), re.MULTILINE):
        if name in NAMES:
            yield from figure([wave], NAMES[name], re.match(r"Inside ((?:≈ )?\d+)", told)[1])
        else:
            item, points = re.match(r"(.+?) · .*?(?:Now|Inside) ((?:≈ )?\d+)", told).groups()
            yield from figure([wave], NAMES[item], points, [name])
    page = Page(mail.get_body(("html",)).get_content())
    for table in page.tables:
        if table.columns[:2] == ["Item", "Inside"]:
            for item, inside, *_ in table.body:
                yield from figure([wave], NAMES[item.text], inside.text)
        elif table.columns[:2] == ["Department", "Item"]:
            for row in table.body:
                points = row[table.columns.index("Now" if "Now" in table.columns else "Inside")]
                yield from figure([wave], NAMES[row[1].text], points.text, [row[0].text])
    for words in page.alternatives:
        for item, points in re.findall(r"([A-Z][a-z ]+), Inside ((?:≈ )?\d+)", words):
            yield from figure([wave], NAMES[item], points)


def asked_in(mail: EmailMessage) -> Iterator[int]:
    """How many people were asked, as HR's letter tells it."""
    yield from (int(of) for of in re.findall(r"^\d+ of (\d+) people answered", _text(mail), re.MULTILINE))


def _text(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
