"""A page as a reader sees it: its tables, its lists of figures and its pictures, each under its headings."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

HEADINGS = ("h1", "h2", "h3")


@dataclass
class Cell:
    text: str = ""
    tooltip: str = ""
    span: int = 1
    link: str = ""  # the words of the link in it
    address: str = ""  # and where it leads


@dataclass
class Table:
    headings: dict[str, str]  # the last of each level above it: {"h1": …, "h2": …}
    kind: str  # its class: "matrix"
    head: list[Cell] = field(default_factory=list)
    body: list[list[Cell]] = field(default_factory=list)
    foot: list[Cell] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        return [cell.text for cell in self.head]

    def row(self, cells: list[Cell]) -> dict[str, str]:
        """{column: text}"""
        return {column: cell.text for column, cell in zip(self.columns, cells, strict=True)}


class Page(HTMLParser):
    """Tables, figures of definition lists, and the words of pictures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self.figures: list[tuple[str, str]] = []  # (term, first words of its description)
        self.pictures: list[tuple[dict[str, str], str, str]] = []  # (headings, row's name, what its tooltip says)
        self.alternatives: list[str] = []  # texts in place of pictures
        self._headings: dict[str, str] = {}
        self._open: list[tuple[str, dict[str, str]]] = []
        self._text: list[str] = []
        self._tooltip = ""
        self._link = self._address = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "table":
            self.tables.append(Table(dict(self._headings), given.get("class", "")))
        elif tag == "tr" and self._inside("tbody"):
            self.tables[-1].body.append([])
        elif tag == "small" and self._inside("dd"):
            self._end_description()
        if tag in (*HEADINGS, "th", "td", "dt", "dd", "text", "title"):
            self._text, self._link, self._address = [], "", ""
        if tag == "a":
            self._address = given.get("href", "")
        if tag == "img":
            self.alternatives.append(given.get("alt", ""))
        elif tag not in ("br", "input", "link", "meta", "hr"):
            self._open.append((tag, given))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """A sign that holds nothing."""

    def handle_data(self, text: str) -> None:
        self._text.append(text)

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            opened, given = self._open.pop()
            if opened == tag:
                break
        else:
            return
        text = " ".join("".join(self._text).split())
        if tag in HEADINGS:
            self._headings[tag] = text
        elif tag == "a":
            self._link = text
        elif tag in ("th", "td") and self._inside("table"):
            self._end_cell(Cell(text, given.get("title", ""), int(given.get("colspan", 1)), self._link, self._address))
        elif tag == "dt":
            self.figures.append((text, ""))
        elif tag == "dd":
            self._end_description()
        elif tag == "title" and self._inside("g"):
            self._tooltip = text
        elif tag == "text" and self._tooltip:
            self.pictures.append((dict(self._headings), text, self._tooltip))
            self._tooltip = ""

    def _end_cell(self, cell: Cell) -> None:
        table = self.tables[-1]
        if self._inside("thead"):
            table.head.append(cell)
        elif self._inside("tfoot"):
            table.foot.append(cell)
        else:
            table.body[-1].append(cell)

    def _end_description(self) -> None:
        term, described = self.figures[-1]
        if not described:
            self.figures[-1] = (term, " ".join("".join(self._text).split()))

    def _inside(self, tag: str) -> bool:
        return any(opened == tag for opened, _ in self._open)
