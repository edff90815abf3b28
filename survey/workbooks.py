"""XLSX workbooks, read as the CSV file that a spreadsheet would export, within bounds of memory and time.

A few kilobytes can unpack to gigabytes in more ways than can be listed. So a workbook is read in a process of its own:
one that wants too much ends, and the pages go on.
"""

import csv
import io
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from typing import IO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, LargeZipFile, ZipFile

import openpyxl  # reads XML with defusedxml, which must be installed
from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from survey.refusal import _l
from survey.sheets import Faults, ImportRefused

SIGNATURE = b"PK\x03\x04"
MOST_UNPACKED = 300_000_000  # bytes of all parts; a sheet of them is read piece by piece
MOST_SHARED = 30_000_000  # bytes of any other part, which is held in memory whole
MOST_PARTS = 2000
MOST_CELLS = 3_000_000
MOST_COLUMNS = 1000
MOST_CHARACTERS = 200_000_000  # of all cells; a text that cells share is stored once, and written for each of them
MOST_MEMORY = 2_000_000_000  # bytes of the process that reads
MOST_SECONDS = 90  # of its processor
HAS_FAULTS = 3  # its exit status when the workbook is refused
TOO_LARGE = _l("unpacks to more than can be read here; export it as CSV.")
NO_WORKBOOK = _l("cannot be read as a workbook; export it as CSV.")
UNREADABLE = (BadZipFile, LargeZipFile, InvalidFileException, ParseError, DefusedXmlException, KeyError, ValueError)

if not openpyxl.DEFUSEDXML:
    raise ImportError("openpyxl reads without defusedxml, so a workbook could fill the memory: install defusedxml.")


def is_workbook(start: bytes) -> bool:
    return start.startswith(SIGNATURE)


def to_csv(workbook: IO[bytes], faults: Faults) -> bytes:
    """The first sheet as CSV in UTF-8, formulas by the value that was last computed.

    Raises ImportRefused when it is no workbook, or larger than can be read here.
    """
    workbook.seek(0)
    command = [sys.executable, "-P", "-m", "survey.workbooks", str(MOST_SECONDS)]
    apart = subprocess.run(command, input=workbook.read(), capture_output=True, check=False)  # noqa: S603 (our own)
    if apart.returncode == HAS_FAULTS:
        for line, text, values in json.loads(apart.stderr):
            faults.add(line, None, text, **values)
    elif apart.returncode:
        faults.add(None, None, TOO_LARGE)
    faults.refuse_if_any()
    return apart.stdout


def main() -> int:
    """Read the workbook on standard input, within bounds; print it as CSV, or what is wrong with it as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    faults = Faults("")
    try:
        sys.stdout.buffer.write(convert(io.BytesIO(sys.stdin.buffer.read()), faults))
    except ImportRefused:
        print(json.dumps([(found.line, found.text, found.values) for found in faults.found]), file=sys.stderr)
        return HAS_FAULTS
    return 0


def convert(workbook: IO[bytes], faults: Faults) -> bytes:
    """The same in this process, which a hostile workbook can fill. Raises ImportRefused."""
    _refuse_bombs(workbook, faults)
    workbook.seek(0)
    target = io.StringIO()
    writer = csv.writer(target)
    try:
        for row in _rows(workbook, faults):
            writer.writerow(row)
    except (*UNREADABLE, TypeError, AttributeError, IndexError, EOFError, OSError) as error:
        if not faults.count:
            faults.add(None, None, NO_WORKBOOK)
            faults.refuse_if_any()
        raise error from None
    return target.getvalue().encode(errors="replace")


def _refuse_bombs(workbook: IO[bytes], faults: Faults) -> None:
    """A few kilobytes can unpack to gigabytes; a part never unpacks to more than its entry says."""
    try:
        with ZipFile(workbook) as archive:
            parts = archive.infolist()
    except (*UNREADABLE, OSError):
        faults.add(None, None, NO_WORKBOOK)
        faults.refuse_if_any()
    shared = sum(part.file_size for part in parts if not part.filename.startswith("xl/worksheets/"))
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED or shared > MOST_SHARED:
        faults.add(None, None, TOO_LARGE)
        faults.refuse_if_any()


def _rows(workbook: IO[bytes], faults: Faults) -> Iterator[list[str]]:
    """The rows of the first sheet, all as wide as the first one or wider; raises ImportRefused."""
    book = openpyxl.load_workbook(workbook, read_only=True, data_only=True, keep_links=False)
    try:
        if not book.worksheets:
            faults.add(None, None, _l("is empty."))
            faults.refuse_if_any()
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # which a file may claim as it likes
        cells = width = characters = 0
        for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            row = [_text(value) for value in values]
            while row and not row[-1]:
                row.pop()
            width = width or len(row)
            cells += max(len(row), 1)
            characters += sum(map(len, row))
            if characters > MOST_CHARACTERS:
                faults.add(None, None, TOO_LARGE)
                faults.refuse_if_any()
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


if __name__ == "__main__":
    sys.exit(main())
