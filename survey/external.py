"""Imports of what customers say: a file of scores is checked, stored, set in place of earlier ones, or undone.

A file of answers is first counted, each distinct combination of cells once, and only those combinations are then
read and checked: so memory grows with what was answered, not with how many answered, and long files are quick.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from math import sqrt
from operator import itemgetter
from pathlib import Path
from typing import NoReturn

from peewee import fn

from survey.rehearsals import ignored_columns, rehearsal
from survey.mapping import CANONICAL, Combination, ExternalScore, Interpreter, LeftOut, Mapping, Target
from survey.models import Department, ExternalImport, ExternalTally, Source, Touchpoint, database
from survey.outside import set_departments, weights_by_key
from survey.sheets import Faults, ImportRefused, Row, Sheet, number, slug

SUM_COLUMNS = ("touchpoint", "item", "date", "mean", "n", "sd")
COMBINATIONS_AT_ONCE = 200_000  # distinct combinations of cells held in memory while a file is counted
ROWS_AT_ONCE = 1000  # counted before looking whether memory fills
MOST_ANSWERS = 10**9  # in one summed figure; beyond, the column is not a count
SD_ROUNDING = 1.0  # points by which a rounded mean may make an honest SD look too large


@dataclass
class Taken:
    """What a file says: how many answers give each score, and how many cells are no answers, by reason."""

    answers: Counter[ExternalScore] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, meaning: ExternalScore | LeftOut | None, n: int) -> None:
        if isinstance(meaning, ExternalScore):
            self.answers[meaning] += n
        elif meaning:
            self.left_out[meaning.reason] += n


@dataclass
class ExternalSummary:
    """What an import did, or would do."""

    file_name: str
    source: str
    already_imported: bool = False
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)  # by touchpoint key and item
    names: dict[str, str] = field(default_factory=dict)  # of touchpoints, by key
    starts_on: date | None = None
    ends_on: date | None = None
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    new_touchpoints: list[str] = field(default_factory=list)
    without_department: list[str] = field(default_factory=list)
    superseded: Counter[str] = field(default_factory=Counter)  # answers of earlier files that count no more, by file
    notices: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        if self.already_imported:
            return [f"{self.file_name}: already imported for {self.source}; nothing changed.", *self.notices]
        told = [f"{self.source}, {self.starts_on} to {self.ends_on}: {self.answers.total():,} answers"]
        told += sorted(f"{self.names[key]} ({item}): {n:,}" for (key, item), n in self.answers.items())
        told += [f"left out, {reason}: {n:,}" for reason, n in self.left_out.most_common()]
        told += [f"new touchpoints: {'; '.join(self.new_touchpoints)}"] if self.new_touchpoints else []
        told += [f"superseded, no longer counting: {n:,} of {earlier}" for earlier, n in self.superseded.items()]
        if self.without_department:
            told.append(f"not linked to a department yet: {'; '.join(self.without_department)}")
        return told + self.notices


def import_external(path: Path, mapping: Mapping | None, now: int, *, rehearse: bool = False) -> ExternalSummary:
    """Take in a file of external scores; all of it, or nothing when there is a fault.

    Without a mapping the header decides: `touchpoint,item,date,score` (an answer a row, 1–5) or
    `touchpoint,item,date,mean,n[,sd]` (summed, in points). A file that was imported before changes nothing; one about
    the same touchpoint, item and days as an earlier file of its source supersedes those scores, which stay stored.
    `now`: UTC seconds. `rehearse`: say what would change, and change nothing. Raises sheets.ImportRefused.
    """
    faults = Faults(path.name)
    chosen = mapping or CANONICAL
    sheet = _open_sheet(path, chosen, faults)
    digest = chosen.digest(sheet.digest)
    if earlier := _imported_before(chosen, digest):
        return _nothing_new(path, chosen, earlier)
    summed = chosen is CANONICAL and _is_summed(sheet, faults)
    taken = _take_sums(sheet, faults) if summed else _take_answers(path, sheet, chosen, faults)
    if not taken.answers and not faults.count:
        faults.add(None, None, "has no answers in it.")
    faults.refuse_if_any()
    summary = ExternalSummary(path.name, chosen.source_name, left_out=taken.left_out)
    read = SUM_COLUMNS if summed else _columns_read(chosen)
    summary.notices += ignored_columns(sheet, {*read, *chosen.not_read})
    with rehearsal(rehearse):
        _store(taken, chosen, digest, now, summary)
    return summary


def _open_sheet(path: Path, mapping: Mapping, faults: Faults) -> Sheet:
    """Our own columns are known without case; a mapping writes names just as the file does."""
    return Sheet(path, faults) if mapping is CANONICAL else Sheet(path, faults, normalise=str)


def _imported_before(mapping: Mapping, digest: str) -> ExternalImport | None:
    return (
        ExternalImport.select()
        .join(Source)
        .where(Source.key == mapping.source_key, ExternalImport.digest == digest)
        .first()
    )


def _nothing_new(path: Path, mapping: Mapping, earlier: ExternalImport) -> ExternalSummary:
    summary = ExternalSummary(path.name, mapping.source_name, already_imported=True)
    later = (
        ExternalImport.select(ExternalImport.file_name)
        .join(ExternalTally, on=ExternalTally.superseded_by == ExternalImport.id)
        .where(ExternalTally.external_import == earlier.id)
        .distinct()
    )
    for superseding in later:
        summary.notices.append(f"Scores of it were superseded by {superseding.file_name}; undo that import to go back.")
    return summary


def _is_summed(sheet: Sheet, faults: Faults) -> bool:
    """Which of the two canonical forms the header has; raises ImportRefused when it is neither."""
    scores, means = "score" in sheet.columns, "mean" in sheet.columns
    if scores == means:
        found = ", ".join(f'"{name}"' for name in sheet.columns)
        forms = "touchpoint,item,date,score or touchpoint,item,date,mean,n,sd"
        faults.add(1, None, f"the header has {found}; write {forms}, or bring a mapping.")
        faults.refuse_if_any()
    return means


def _columns_read(mapping: Mapping) -> list[str]:
    columns = mapping.columns
    named = [columns.touchpoint, columns.item, columns.date, columns.score]
    rated = mapping.touchpoints if mapping.form == "wide" and mapping.touchpoints else ()
    return [name for name in named if name] + list(rated)


def _take_answers(path: Path, sheet: Sheet, mapping: Mapping, faults: Faults) -> Taken:
    """The answers of a file, counted first and read afterwards; raises ImportRefused."""
    sheet.require(*_columns_read(mapping))
    interpreter = Interpreter(mapping, sheet, faults)
    combinations = _combinations(mapping, sheet, map(itemgetter(1), sheet.lines()))
    taken = Taken()
    for counts in _counted(combinations):
        for combination, n in counts.items():
            taken.add(interpreter.meaning(combination), n)
    if faults.count:
        _refuse_by_line(path, mapping)
    return taken


def _counted(combinations: Iterator[Combination]) -> Iterator[Counter[Combination]]:
    """How often each combination occurs, in parts: dates that tell the second would otherwise fill the memory."""
    counts: Counter[Combination] = Counter()
    while some := list(islice(combinations, ROWS_AT_ONCE)):
        counts.update(some)
        if len(counts) >= COMBINATIONS_AT_ONCE:
            yield counts
            counts = Counter()
    yield counts


def _combinations(mapping: Mapping, sheet: Sheet, rows: Iterable[list[str]]) -> Iterator[Combination]:
    """The answers in `rows`, one at a time and unread."""
    if mapping.form == "wide":
        return _of_wide(mapping, sheet, rows)
    columns = mapping.columns
    # A column that the mapping does not name is read as the touchpoint's, and nobody looks at it then.
    names = (columns.touchpoint, columns.item, columns.date, columns.score)
    return map(itemgetter(*(sheet.columns.index(name or columns.touchpoint) for name in names)), rows)


def _of_wide(mapping: Mapping, sheet: Sheet, rows: Iterable[list[str]]) -> Iterator[Combination]:
    rated = [(name, sheet.columns.index(name)) for name in mapping.touchpoints or ()]
    dated = sheet.columns.index(mapping.columns.date) if mapping.columns.date else None
    for cells in rows:
        when = "" if dated is None else cells[dated]
        for name, place in rated:
            yield name, "", when, cells[place]


def _refuse_by_line(path: Path, mapping: Mapping) -> NoReturn:
    """Read the file again to name the line of every fault, which counting does not know. Raises ImportRefused."""
    faults = Faults(path.name)
    sheet = _open_sheet(path, mapping, faults)
    interpreter = Interpreter(mapping, sheet, faults)
    for line, cells in sheet.lines():
        for combination in _combinations(mapping, sheet, [cells]):
            interpreter.meaning(combination, line)
    faults.refuse_if_any()
    raise ImportRefused([f"{path.name}: has changed while it was read; import it again."])


def _take_sums(sheet: Sheet, faults: Faults) -> Taken:
    """The means of a file that is summed already: one for each touchpoint, item and date."""
    sheet.require(*SUM_COLUMNS[:-1])
    interpreter = Interpreter(CANONICAL, sheet, faults)
    taken = Taken()
    lines: dict[tuple[str, str, date], int] = {}
    for row in sheet:
        read = _read_sum(row, interpreter)
        if read is None:
            continue
        score, n = read
        earlier = lines.setdefault((score.touchpoint, score.item, score.starts_on), row.line)
        if earlier != row.line:
            faults.add(row.line, None, f"the same touchpoint, item and date stand on line {earlier}; keep one of them.")
        taken.add(score, n)
    return taken


def _read_sum(row: Row, interpreter: Interpreter) -> tuple[ExternalScore, int] | None:
    """A mean and its n; None after the row's faults were added."""
    faults, comma = interpreter.faults, interpreter.decimal_comma
    before = faults.count
    target = interpreter.target(row["touchpoint"], row.line)
    item = interpreter.item(row["item"], row.line)
    period = interpreter.period(row["date"], row.line)
    mean, n = number(row["mean"], comma), number(row["n"], comma)
    if mean is None or not 0 <= mean <= 100:
        faults.add(row.line, "mean", f'"{row["mean"]}" is no mean; write points from 0 to 100.')
    if n is None or not 1 <= n <= MOST_ANSWERS or n % 1:
        faults.add(row.line, "n", f'"{row["n"]}" is no number of answers; write a whole number from 1.')
    if faults.count > before or not target or not item or not period or mean is None or n is None:
        return None
    sd = number(row["sd"], comma) if row["sd"] else None
    largest = sqrt(mean * (100 - mean) * n / (n - 1)) if n > 1 else 0.0
    if row["sd"] and (sd is None or not 0 <= sd <= largest + SD_ROUNDING):
        faults.add(row.line, "sd", f'"{row["sd"]}" is no SD of {n:g} answers with this mean; write 0 to {largest:.1f}.')
        return None
    return ExternalScore(target.key, item, *period, mean, sd), int(n)


def _store(taken: Taken, mapping: Mapping, digest: str, now: int, summary: ExternalSummary) -> None:
    source, _ = Source.get_or_create(key=mapping.source_key, defaults={"name": mapping.source_name})
    _rename(source, mapping.source_name)
    external_import = ExternalImport.create(
        source=source,
        file_name=summary.file_name[-255:],
        digest=digest,
        imported_at=now,
        answers=taken.answers.total(),
        left_out=taken.left_out.total(),
    )
    touchpoints = _store_touchpoints(source, taken, mapping, summary)
    _store_tallies(external_import, touchpoints, taken.answers)
    summary.superseded = _supersede(external_import)
    _describe(taken, now, summary)


def _store_touchpoints(
    source: Source, taken: Taken, mapping: Mapping, summary: ExternalSummary
) -> dict[str, Touchpoint]:
    """The touchpoints of the file by key, added where new and linked to departments where that is plain."""
    targets = {target.key: target for target in (mapping.touchpoints or {}).values()}
    known = {touchpoint.key: touchpoint for touchpoint in Touchpoint.select().where(Touchpoint.source == source)}
    departments: dict[str, Department] = {department.key: department for department in Department.select()}
    found = {}
    for key in sorted({score.touchpoint for score in taken.answers}):
        target = targets.get(key) or Target(key, key, mapping.item, {})
        touchpoint = known.get(key) or Touchpoint.create(source=source, key=key, name=target.name)
        if key not in known:
            summary.new_touchpoints.append(touchpoint.name)
        elif target.name != key:
            _rename(touchpoint, target.name)
        namesake = {} if key in known else _namesake(target, departments)
        _link(touchpoint, target.departments or namesake, departments, summary)
        summary.names[key] = touchpoint.name
        found[key] = touchpoint
    return found


def _rename(row: Source | Touchpoint, name: str) -> None:
    if row.name != name:
        row.name = name
        row.save()


def _namesake(target: Target, departments: dict[str, Department]) -> dict[str, float]:
    """The weight of the department that is called like a touchpoint; empty when none is."""
    return next(({key: 1.0} for key in (slug(target.key), slug(target.name)) if key in departments), {})


def _link(
    touchpoint: Touchpoint, wanted: dict[str, float], departments: dict[str, Department], summary: ExternalSummary
) -> None:
    """Give a touchpoint the `wanted` departments (weight by key), unless it has some already: those HR has chosen."""
    if present := weights_by_key(touchpoint.id):
        if wanted and wanted != present:
            kept = ", ".join(present)
            summary.notices.append(f"{touchpoint.name} keeps its departments ({kept}); the mapping has others.")
        return
    if missing := ", ".join(key for key in wanted if key not in departments):
        summary.notices.append(f"{touchpoint.name} was not linked, as there is no department {missing}.")
    if missing or not wanted:
        summary.without_department.append(touchpoint.name)
        return
    set_departments(touchpoint.id, {departments[key].id: weight for key, weight in wanted.items()}, attributed=False)
    told = ", ".join(f"{departments[key].name} (weight {weight:g})" for key, weight in wanted.items())
    summary.notices.append(f"{touchpoint.name} was linked to {told}.")


TALLY_FIELDS = [
    ExternalTally.external_import,
    ExternalTally.touchpoint,
    *(ExternalTally.item, ExternalTally.starts_on, ExternalTally.ends_on, ExternalTally.points, ExternalTally.sd),
    ExternalTally.n,
]


def _store_tallies(
    external_import: ExternalImport, touchpoints: dict[str, Touchpoint], answers: Counter[ExternalScore]
) -> None:
    """One row for each score that occurs.

    The statement is made once, because making it anew for every thousand rows took longer than reading the file.
    """
    rows = ((external_import.id, touchpoints[score.touchpoint].id, *score[1:], n) for score, n in answers.items())
    first = next(rows)
    statement, values = ExternalTally.insert_many([first], fields=TALLY_FIELDS).sql()
    database.cursor().executemany(statement, chain([values], rows))


def _supersede(later: ExternalImport) -> Counter[str]:
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


def _describe(taken: Taken, now: int, summary: ExternalSummary) -> None:
    """Add what the file said to the summary."""
    for score, n in taken.answers.items():
        summary.answers[score.touchpoint, score.item] += n
    summary.starts_on = min(score.starts_on for score in taken.answers)
    summary.ends_on = max(score.ends_on for score in taken.answers)
    tomorrow = datetime.fromtimestamp(now, UTC).date() + timedelta(days=1)  # somewhere it is tomorrow already
    later = sum(n for score, n in taken.answers.items() if score.starts_on > tomorrow)
    if later:
        summary.notices.append(f"dated in the future, counting only from then on: {later:,}; is that right?")


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
            _supersede(external_import)
