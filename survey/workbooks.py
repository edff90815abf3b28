"""XLSX workbooks, read as the CSV file that a spreadsheet would export, within bounds of memory and time."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, LargeZipFile, ZipFile

import openpyxl  # reads XML with defusedxml, which must be installed
from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from survey.refusal import _l
from survey.sheets import Faults

SIGNATURE = b"PK\x03\x04"
MOST_UNPACKED = 300_000_000  # bytes of all parts; a sheet of them is read piece by piece
MOST_SHARED = 30_000_000  # bytes of any other part, which is held in memory whole
MOST_PARTS = 2000
MOST_CELLS = 3_000_000
MOST_COLUMNS = 1000
UNREADABLE = (BadZipFile, LargeZipFile, InvalidFileException, ParseError, DefusedXmlException, KeyError, ValueError)

if not openpyxl.DEFUSEDXML:
    raise ImportError("openpyxl reads without defusedxml, so a workbook could fill the memory: install defusedxml.")


def is_workbook(start: bytes) -> bool:
    return start.startswith(SIGNATURE)


def to_csv(workbook: BinaryIO, faults: Faults) -> bytes:
    """The first sheet as CSV in UTF-8, formulas by the value that was last computed.

    Raises ImportRefused when it is no workbook, or larger than can be read here.
    """
    _refuse_bombs(workbook, faults)
    workbook.seek(0)
    target = io.StringIO()
    writer = csv.writer(target)
    try:
        for row in _rows(workbook, faults):
            writer.writerow(row)
    except (*UNREADABLE, TypeError, AttributeError, IndexError, EOFError, OSError) as error:
        if not faults.count:
            faults.add(None, None, _l("cannot be read as a workbook; export it as CSV."))
            faults.refuse_if_any()
        raise error from None
    return target.getvalue().encode()


def _refuse_bombs(workbook: BinaryIO, faults: Faults) -> None:
    """A few kilobytes can unpack to gigabytes; a part never unpacks to more than its entry says."""
    try:
        with ZipFile(workbook) as archive:
            parts = archive.infolist()
    except (*UNREADABLE, OSError):
        faults.add(None, None, _l("cannot be read as a workbook; export it as CSV."))
        faults.refuse_if_any()
    shared = sum(part.file_size for part in parts if not part.filename.startswith("xl/worksheets/"))
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED or shared > MOST_SHARED:
        faults.add(None, None, _l("unpacks to more than can be read here; export it as CSV."))
        faults.refuse_if_any()


def _rows(workbook: BinaryIO, faults: Faults) -> Iterator[list[str]]:
    """The rows of the first sheet, all as wide as the first one or wider; raises ImportRefused."""
    book = openpyxl.load_workbook(workbook, read_only=True, data_only=True, keep_links=False)
    try:
        if not book.worksheets:
            faults.add(None, None, _l("is empty."))
            faults.refuse_if_any()
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # which a file may claim as it likes
        cells = width = 0
        for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            row = [_text(value) for value in values]
            while row and not row[-1]:
                row.pop()
            width = width or len(row)
            cells += max(len(row), 1)
            if len(row) > MOST_COLUMNS:
                faults.add(number, None, _l("has more than %(most)s columns."), most=MOST_COLUMNS)
                faults.refuse_if_any()
            if cells > MOST_CELLS:
                faults.add(number, None, _l("the workbook has too many cells from here on; export it as CSV."))
                faults.refuse_if_any()
            yield row + [""] * (width - len(row))
    finally:
        book.close()


def _text(value: object) -> str:
    """A cell as a CSV export writes it: a date without a time, a whole number without decimals."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.time().isoformat() != "00:00:00" else value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value).replace("\0", "")
