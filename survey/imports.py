"""Which file's scores count: imports, what a later one takes the place of, and taking one back."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from peewee import JOIN, fn

from survey.models import ExternalImport, ExternalTally, Source, Touchpoint, database


@dataclass(frozen=True)
class ImportRow:
    """An imported file; of its `answers` so many `count`, the others having been superseded by `superseded_by`."""

    id: int
    source: str
    file_name: str
    imported_at: int  # UTC seconds
    answers: int
    left_out: int
    counting: int
    starts_on: date
    ends_on: date
    superseded_by: tuple[str, ...]  # names of later files


def imports() -> list[ImportRow]:
    """Every import, the latest first. Two queries, whatever their number."""
    superseding: dict[int, list[str]] = {}
    later = ExternalImport.alias()
    pairs = (
        ExternalTally.select(ExternalTally.external_import, later.file_name)
        .join(later, on=ExternalTally.superseded_by == later.id)
        .group_by(ExternalTally.external_import, later.id, later.file_name)
        .order_by(later.id)
    )
    for import_id, file_name in pairs.tuples():
        superseding.setdefault(import_id, []).append(file_name)
    counting = (ExternalTally.external_import == ExternalImport.id) & ExternalTally.superseded_by.is_null()
    everything = ExternalTally.alias()
    days = (
        everything.select(
            everything.external_import.alias("import_id"),
            fn.MIN(everything.starts_on).alias("starts_on"),
            fn.MAX(everything.ends_on).alias("ends_on"),
        )
        .group_by(everything.external_import)
        .alias("days")
    )
    rows = (
        ExternalImport.select(
            ExternalImport.id,
            Source.name.alias("source"),
            ExternalImport.file_name,
            ExternalImport.imported_at,
            ExternalImport.answers,
            ExternalImport.left_out,
            fn.COALESCE(fn.SUM(ExternalTally.n), 0).alias("counting"),
            days.c.starts_on,
            days.c.ends_on,
        )
        .join(Source)
        .join(days, on=days.c.import_id == ExternalImport.id, src=ExternalImport)
        .join(ExternalTally, JOIN.LEFT_OUTER, on=counting, src=ExternalImport)
        .group_by(ExternalImport.id, Source.id, days.c.starts_on, days.c.ends_on)
        .order_by(ExternalImport.id.desc())
    )
    return [_row(row, superseding.get(row["id"], [])) for row in rows.dicts()]


def _row(values: dict[str, Any], superseded_by: list[str]) -> ImportRow:
    days = {name: _as_date(values[name]) for name in ("starts_on", "ends_on")}
    return ImportRow(**values | days, superseded_by=tuple(superseded_by))


def _as_date(value: date | str) -> date:
    """SQLite keeps dates as text, and says so in a subquery."""
    return value if isinstance(value, date) else date.fromisoformat(value)


@dataclass(frozen=True)
class Undoing:
    """What undoing an import would do, in answers."""

    going: list[tuple[str, int]]  # (touchpoint, answers of it that count now)
    back: list[tuple[str, int]]  # (earlier file, answers of it that it took the place of)


def undoing(import_id: int) -> Undoing:
    """What would go, and what would count again, unless a still later file is about it too."""
    going = (
        ExternalTally.select(Touchpoint.name, fn.SUM(ExternalTally.n))
        .join(Touchpoint)
        .where(ExternalTally.external_import == import_id, ExternalTally.superseded_by.is_null())
        .group_by(Touchpoint.id, Touchpoint.name)
        .order_by(Touchpoint.name)
    )
    back = (
        ExternalTally.select(ExternalImport.file_name, fn.SUM(ExternalTally.n))
        .join(ExternalImport, on=ExternalTally.external_import == ExternalImport.id)
        .where(ExternalTally.superseded_by == import_id)
        .group_by(ExternalImport.id, ExternalImport.file_name)
        .order_by(ExternalImport.id)
    )
    return Undoing(list(going.tuples()), list(back.tuples()))


def supersede(later: ExternalImport) -> Counter[str]:
    """Mark the scores of earlier imports about the same touchpoint, item and days; the answers marked, by file."""
    new, old = ExternalTally.alias(), ExternalTally
    period = new.select(fn.MIN(new.starts_on), fn.MAX(new.ends_on)).where(new.external_import == later.id)
    first, last = period.scalar(as_tuple=True)
    same_days = new.select(new.id).where(
        new.external_import == later.id,
        new.touchpoint == old.touchpoint,
        new.item == old.item,
        new.starts_on <= old.ends_on,
        new.ends_on >= old.starts_on,
    )
    old.update(superseded_by=later.id).where(
        old.superseded_by.is_null(),
        old.external_import < later.id,
        old.ends_on >= first,
        old.starts_on <= last,
        fn.EXISTS(same_days),
    ).execute()
    marked = (
        ExternalImport.select(ExternalImport.file_name, fn.SUM(old.n))
        .join(old, on=old.external_import == ExternalImport.id)
        .where(old.superseded_by == later.id)
        .group_by(ExternalImport.id, ExternalImport.file_name)
        .order_by(ExternalImport.id)
    )
    answers: Counter[str] = Counter()
    for file_name, n in marked.tuples():
        answers[file_name] += n
    return answers


def undo_import(import_id: int) -> None:
    """Forget an import: its scores go, and those that it superseded count again, unless a later file is about them too.

    Touchpoints and their departments stay. Raises ValueError when there is no such import.
    """
    with database.atomic():
        undone = ExternalImport.get_or_none(ExternalImport.id == import_id)
        if undone is None:
            raise ValueError(f"There is no import number {import_id}; it may have been undone already.")
        ExternalTally.delete().where(ExternalTally.external_import == import_id).execute()
        restored = ExternalTally.superseded_by == import_id
        ExternalTally.update(superseded_by=None).where(restored).execute()
        undone.delete_instance()
        later = ExternalImport.select().where(ExternalImport.source == undone.source_id, ExternalImport.id > import_id)
        for external_import in later.order_by(ExternalImport.id):
            supersede(external_import)
