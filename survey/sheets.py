"""Reading CSV files as people make them, naming each fault by line and column; writing cells that are safe to open."""

import codecs
import csv
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self, TextIO

from openpyxl import Workbook
from peewee import chunked

from survey.charts import NOT_XML  # what no XML can hold, neither a picture nor a workbook
from survey.refusal import Sentence, _l
from survey.repeats import Rows, Whole, repeated

DELIMITERS = ",;\t"
FAULTS_SHOWN = 25
CHUNK_BYTES = 1 << 20
LINES_AT_ONCE = 500
NO_TEXT = _l("is no text file; export it as CSV.")
UNREADABLE = _l("cannot be read (%(error)s).")
CELLS = _l("has %(cells)s cells where the header has %(width)s.")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


class ImportRefused(ValueError):
    """A file has faults, so nothing of it was taken in. `faults` says what, where, and what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class Fault(Sentence):
    """What is wrong with a file. As a string it begins with the place: 'scores.csv, line 5, column "Mark": …'."""

    file_name: str  # empty: it is about no place in a file
    line: int | None  # none: it is about the whole file
    column: str | None

    def __new__(
        cls,
        text: str,
        file_name: str = "",
        line: int | None = None,
        column: str | None = None,
        /,
        **values: object,
    ) -> Self:
        place = [file_name] if file_name else []
        place += [f"line {line}"] if line is not None else []
        place += [f'column "{column}"'] if column is not None else []
        told = text % values if values else text
        fault = str.__new__(cls, f"{', '.join(place)}: {told}" if place else told)
        fault.text, fault.values = text, values
        fault.file_name, fault.line, fault.column = file_name, line, column
        return fault


@dataclass
class Faults:
    """Collects what is wrong with a file, so that all of it can be mended at once."""

    file_name: str
    found: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, line: int | None, column: str | None, text: str, /, **values: object) -> None:
        """`text`: a sentence, with named placeholders for `values`."""
        self.count += 1
        if len(self.found) < FAULTS_SHOWN:
            self.found.append(Fault(text, self.file_name, line, column, **values))

    def refuse_if_any(self) -> None:
        """Raise ImportRefused when a fault was added."""
        if self.count > len(self.found):
            self.found.append(Fault(_l("… and %(more)s more."), more=self.count - len(self.found)))
        if self.found:
            raise ImportRefused(self.found)


@dataclass(frozen=True)
class Row:
    line: int  # where it begins in the file; the header is line 1
    cells: dict[str, str]  # by column name; stripped

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


class Sheet:
    """A CSV file: UTF-8 (with or without BOM), UTF-16 with BOM or Windows-1252; commas, semicolons or tabs.

    Iterating yields its rows without holding the file in memory; it can be iterated again. A row whose number of
    cells differs from the header's is a fault and is passed over.
    """

    def __init__(
        self, path: Path, faults: Faults, normalise: Callable[[str], str] = str.casefold, header_rows: int = 1
    ) -> None:
        """`header_rows`: rows before the first answer, of which the first names the columns.

        Raises ImportRefused when the file is missing, empty, no text, or its header names a column twice.
        """
        self._path, self._faults, self._header_rows = path, faults, header_rows
        self.encoding, self._has_quotes, self.digest = _examine(path, faults)
        self.delimiter = max(DELIMITERS, key=lambda sign: len(self._header(sign)))
        self.columns = [normalise(cell.strip()) for cell in self._header(self.delimiter)]
        if not any(self.columns):
            faults.add(1, None, _l("the file has no header."))
        for column in sorted(column for column, times in Counter(self.columns).items() if column and times > 1):
            faults.add(1, column, _l("stands twice in the header."))
        faults.refuse_if_any()

    @property
    def decimal_comma(self) -> bool:
        """Whether "0,5" may be read as a number: commas do not separate the cells."""
        return self.delimiter != ","

    def require(self, *columns: str) -> None:
        """Raise ImportRefused naming every one of `columns` that the header lacks."""
        for column in columns:
            if column not in self.columns:
                found = ", ".join(f'"{name}"' for name in self.columns)
                self._faults.add(1, column, _l("is missing; the header has %(found)s."), found=found)
        self._faults.refuse_if_any()

    def __iter__(self) -> Iterator[Row]:
        for line, cells in self.lines():
            yield Row(line, dict(zip(self.columns, map(str.strip, cells), strict=True)))

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """The rows as (line, cells), not stripped, for files too long to make a dictionary of every row."""
        with self._open() as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            width, line = len(next(reader, [])), 1
            try:
                for _ in range(self._header_rows - 1):
                    next(reader, [])
                line = reader.line_num + 1
                for cells in reader:
                    if len(cells) == width:
                        if any(cells):
                            yield line, cells
                    elif any(cells):
                        self._faults.add(line, None, CELLS, cells=len(cells), width=width)
                    line = reader.line_num + 1
            except (csv.Error, UnicodeError) as error:
                self._faults.add(line, None, UNREADABLE, error=error)

    def blocks(self) -> Iterator[tuple[Rows, Whole]]:
        """The same rows without their lines, much quicker: (some rows, how often each occurs), in another order.

        What is wrong goes to the faults without its line, which `lines` tells.
        """
        with self._open() as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            width = len(next(reader, []))
            empty = [""] * width
            try:
                for _ in range(self._header_rows - 1):
                    next(reader, [])
                for rows, times in repeated(file, self.delimiter, self._has_quotes):
                    are_sound = set(map(len, rows)) == {width} and empty not in rows
                    yield (rows, times) if are_sound else self._sound(rows, times, width)
            except (csv.Error, UnicodeError) as error:
                self._faults.add(None, None, UNREADABLE, error=error)

    def _sound(self, rows: Rows, times: Whole, width: int) -> tuple[Rows, Whole]:
        """Those that are not empty and have as many cells as the header."""
        sound = [any(cells) and len(cells) == width for cells in rows]
        for cells in rows:
            if any(cells) and len(cells) != width:
                self._faults.add(None, None, CELLS, cells=len(cells), width=width)
        return list(compress(rows, sound)), times[sound]

    def _open(self) -> TextIO:
        return self._path.open(encoding=self.encoding, newline="")

    def _header(self, delimiter: str) -> list[str]:
        """The cells of the header, which may hold line breaks between quotes; raises ImportRefused."""
        with self._open() as file:
            try:
                return next(csv.reader(file, delimiter=delimiter), [])
            except (csv.Error, UnicodeError) as error:
                self._faults.add(1, None, UNREADABLE, error=error)
                raise ImportRefused(self._faults.found) from None


def _examine(path: Path, faults: Faults) -> tuple[str, bool, str]:
    """(the file's encoding, whether there may be quotes in it, the SHA-256 of its bytes)

    Raises ImportRefused when it cannot be read as text.
    """
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    wide = codecs.getincrementaldecoder("utf-16")("replace")
    encoding = "utf-8-sig"
    size, has_quotes = 0, False
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                if not size and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    encoding = "utf-16"
                size += len(chunk)
                has_quotes = has_quotes or b'"' in chunk
                digest.update(chunk)
                if encoding == "utf-8-sig" and not _decodes(decoder, chunk):
                    encoding = "cp1252"
                if _holds_nul(wide.decode(chunk) if encoding == "utf-16" else chunk):
                    faults.add(None, None, NO_TEXT)
                    faults.refuse_if_any()
    except OSError as error:
        faults.add(None, None, UNREADABLE, error=error.strerror)
    if not size and not faults.count:
        faults.add(None, None, _l("is empty."))
    if encoding == "utf-8-sig" and not _decodes(decoder, b"", final=True):
        encoding = "cp1252"  # the file ends in half a character
    faults.refuse_if_any()
    return encoding, has_quotes, digest.hexdigest()


def _holds_nul(found: bytes | str) -> bool:
    """What no text has, and PostgreSQL does not take."""
    return b"\0" in found if isinstance(found, bytes) else "\0" in found


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def number(text: str, decimal_comma: bool) -> float | None:
    """The number that `text` writes, or None. "1.234,5" is read only where commas are decimal signs."""
    if decimal_comma and "," in text:
        text = text.replace(".", "").replace(",", ".")
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?", text) else None


def slug(name: str) -> str:
    """A name as a key, without case, accents and signs: "Atención al Cliente" is "atencion-al-cliente"."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return "-".join(re.findall(r"[^\W_]+", plain))


def safe_cell(text: str) -> str:
    """A text that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


class _Line:
    """A file for csv.writer, which hands on what writing to the file gives: here, the line itself."""

    @staticmethod
    def write(line: str) -> str:
        return line


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a CSV file, one at a time."""
    write = csv.writer(_Line).writerow
    for row in chain([header], rows):
        yield write([safe_cell(value) if isinstance(value, str) else value for value in row])


def in_pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Lines in UTF-8, some hundreds together: each piece is written, and maybe sent, by itself."""
    return ("".join(some).encode() for some in chunked(lines, LINES_AT_ONCE))


def write_xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """A workbook with one sheet, in pieces; numbers are numbers, and no text runs as a formula.

    It is made on disk, because a workbook has no beginning before it has its end.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    with TemporaryFile() as file:
        try:
            for row in chain([header], rows):
                sheet.append([safe_cell(NOT_XML.sub("", value)) if isinstance(value, str) else value for value in row])
        finally:
            book.save(file)  # half a sheet as well, which nobody gets: openpyxl leaves files of its own otherwise
        file.seek(0)
        yield from iter(lambda: file.read(CHUNK_BYTES), b"")
