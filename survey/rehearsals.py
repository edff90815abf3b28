"""What imports share: what they did, a rehearsal that changes nothing, and columns that nobody reads."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from survey.models import database
from survey.sheets import Sheet


@dataclass
class ImportSummary:
    """What an import did, or would do."""

    counts: Counter[str] = field(default_factory=Counter)  # "people added": 12
    notices: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return [f"{what}: {n}" for what, n in self.counts.items()] + self.notices


@contextmanager
def rehearsal(undo: bool) -> Iterator[None]:
    """A transaction that is undone at its end when `undo` is true."""
    with database.atomic() as transaction:
        yield
        if undo:
            transaction.rollback()


def ignored_columns(sheet: Sheet, used: Iterable[str]) -> list[str]:
    """A notice when the file has columns that nothing reads."""
    return notice_of_unread([column for column in sheet.columns if column not in used])


def notice_of_unread(columns: Iterable[str]) -> list[str]:
    named = [f'"{column}"' for column in columns]
    return [f"Columns that are not read: {', '.join(named)}."] if named else []
