"""Where the answers of a file stand: which cells of a row belong together, and which rows are read at all."""

from collections import Counter
from collections.abc import Iterator
from itertools import compress

from survey.counting import Block, Combination
from survey.mapping import Mapping, as_code
from survey.repeats import Rows, Whole
from survey.sheets import Sheet


class Layout:
    """The answers of a file by their cells, unread; rows that the mapping does not want are counted in `left_out`."""

    def __init__(self, mapping: Mapping, sheet: Sheet) -> None:
        columns, place = mapping.columns, sheet.columns.index
        dated = place(columns.date) if columns.date else ""
        # Of each answer in a row the touchpoint, item, date and score: the place of a cell, or a text for all rows.
        self._answers: list[tuple[int | str, int | str, int | str, int]]
        if mapping.form == "wide":
            self._answers = [(name, "", dated, place(name)) for name in mapping.touchpoints or ()]
        else:
            item = place(columns.item) if columns.item else ""
            self._answers = [(place(columns.touchpoint), item, dated, place(columns.score))]
        self._only = mapping.rows.only if mapping.rows else frozenset()
        self._kind = place(mapping.rows.column) if mapping.rows else None
        self.left_out: Counter[tuple[str, str]] = Counter()  # by touchpoint, of which there is none, and reason

    def blocks(self, rows: Rows, times: Whole) -> Iterator[Block]:
        """The answers in rows that occur so often; in a wide file touchpoint by touchpoint."""
        if self._kind is not None:
            wanted = [self._is_wanted(row, n) for row, n in zip(rows, times.tolist(), strict=True)]
            rows, times = list(compress(rows, wanted)), times[wanted]
        cells = list(zip(*rows, strict=True))

        def column(place: int | str) -> tuple[str, ...]:
            return cells[place] if isinstance(place, int) else (place,) * len(rows)

        for touchpoint, item, when, score in self._answers if rows else ():
            yield (column(touchpoint), column(item), column(when), column(score)), times

    def combinations(self, row: list[str]) -> Iterator[Combination]:
        """The same in one row."""

        def cell(place: int | str) -> str:
            return row[place] if isinstance(place, int) else place

        for touchpoint, item, when, score in self._answers if self._is_wanted(row) else ():
            yield cell(touchpoint), cell(item), cell(when), cell(score)

    def _is_wanted(self, row: list[str], n: int = 1) -> bool:
        if self._kind is None:
            return True
        text = row[self._kind].strip()
        if as_code(text) in self._only:
            return True
        self.left_out["", f'row of "{text}"'] += n
        return False
