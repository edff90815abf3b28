"""Imports of what customers say: a file of scores is checked, and stored in place of earlier ones.

A file of answers is first counted, each distinct combination of cells once, and only those combinations are then
read and checked: so memory grows with what was answered, not with how many answered, and long files are quick.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, NoReturn

from survey.counting import Combination, counted
from survey.database import insert_rows
from survey.imports import supersede
from survey.interpreter import ExternalScore, Interpreter, LeftOut
from survey.layouts import Layout
from survey.mapping import CANONICAL, CANONICAL_SUMS, Mapping, Target
from survey.models import Department, ExternalImport, ExternalTally, Source, Touchpoint
from survey.outside import set_departments, weights_by_key
from survey.refusal import Sentence, _l
from survey.rehearsals import ignored_columns, rehearsal
from survey.sheets import Faults, ImportRefused, Sheet, slug
from survey.sums import take_sums

KEEPS = _l("%(name)s keeps its departments (%(kept)s); the mapping has others.")
NOT_LINKED = _l("%(name)s was not linked, as there is no department %(missing)s.")
LINKED = _l("%(name)s was linked, with weights: %(told)s.")
SUPERSEDED = _l("Scores of it were superseded by %(file)s; undo that import to go back.")


@dataclass
class Taken:
    """What a file says: how many answers give each score, and how many cells are no answers, by name and reason."""

    answers: Counter[ExternalScore] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, name: str, meaning: ExternalScore | LeftOut | None, n: int) -> None:
        """`name`: the touchpoint's in the file."""
        if isinstance(meaning, ExternalScore):
            self.answers[meaning] += n
        elif meaning:
            self.left_out[name, meaning.reason] += n


@dataclass
class ExternalSummary:
    """What an import did, or would do."""

    file_name: str
    source: str
    already_imported: bool = False
    scores: dict[tuple[str, str], Counter[float]] = field(default_factory=dict)  # points, by touchpoint key and item
    names: dict[str, str] = field(default_factory=dict)  # of touchpoints, by key
    starts_on: date | None = None
    ends_on: date | None = None
    blanks: Counter[tuple[str, str]] = field(default_factory=Counter)  # by touchpoint key and reason
    new_touchpoints: list[str] = field(default_factory=list)
    without_department: list[str] = field(default_factory=list)
    superseded: Counter[str] = field(default_factory=Counter)  # answers of earlier files that count no more, by file
    notices: list[str] = field(default_factory=list)

    @property
    def answers(self) -> Counter[tuple[str, str]]:
        """How many, by touchpoint key and item."""
        return Counter({key: counted.total() for key, counted in self.scores.items()})

    @property
    def left_out(self) -> Counter[str]:
        """How many cells were no answers, by reason."""
        reasons: Counter[str] = Counter()
        for (_, reason), n in self.blanks.items():
            reasons[reason] += n
        return reasons

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
    if chosen is CANONICAL and _is_summed(sheet, faults):
        chosen = CANONICAL_SUMS
    sheet.require(*_columns_read(chosen))
    if chosen.form == "summed":
        taken = Taken(take_sums(sheet, chosen, faults))
    else:
        taken = _take_answers(path, sheet, chosen, faults)
    if not taken.answers and not faults.count:
        faults.add(None, None, _l("has no answers in it."))
    faults.refuse_if_any()
    summary = ExternalSummary(path.name, chosen.source_name)
    summary.notices += ignored_columns(sheet, {*_columns_read(chosen), *_optional(chosen), *chosen.not_read})
    with rehearsal(rehearse):
        _store(taken, chosen, digest, now, summary)
    return summary


class ReadAnswer(NamedTuple):
    line: int
    cells: Combination
    meaning: ExternalScore | LeftOut | None  # none where there is a fault


def first_answers(path: Path, mapping: Mapping, most: int) -> list[ReadAnswer]:
    """The first answers of a file that is not summed, as they are read. Raises ImportRefused."""
    faults = Faults(path.name)
    sheet = _open_sheet(path, mapping, faults)
    sheet.require(*_columns_read(mapping))
    interpreter, layout = Interpreter(mapping, sheet, faults), Layout(mapping, sheet)
    found: list[ReadAnswer] = []
    for line, cells in sheet.lines():
        for combination in layout.combinations(cells):
            found.append(ReadAnswer(line, combination, interpreter.meaning(combination)))
            if len(found) == most:
                return found
    return found


def _open_sheet(path: Path, mapping: Mapping, faults: Faults) -> Sheet:
    """Our own columns are known without case; a mapping writes names just as the file does."""
    if mapping is CANONICAL:
        return Sheet(path, faults)
    return Sheet(path, faults, normalise=str, header_rows=mapping.header_rows)


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
        summary.notices.append(Sentence(SUPERSEDED, file=superseding.file_name))
    return summary


def _is_summed(sheet: Sheet, faults: Faults) -> bool:
    """Which of the two canonical forms the header has; raises ImportRefused when it is neither."""
    scores, means = "score" in sheet.columns, "mean" in sheet.columns
    if scores == means:
        found = ", ".join(f'"{name}"' for name in sheet.columns)
        forms = "touchpoint,item,date,score or touchpoint,item,date,mean,n,sd"
        faults.add(
            1, None, _l("the header has %(found)s; write %(forms)s, or bring a mapping."), found=found, forms=forms
        )
        faults.refuse_if_any()
    return means


def _columns_read(mapping: Mapping) -> list[str]:
    """The columns that a file must have."""
    columns = mapping.columns
    named = [columns.touchpoint, columns.item, columns.date, columns.score, columns.mean, columns.n]
    rated = mapping.touchpoints if mapping.form == "wide" and mapping.touchpoints else ()
    return [name for name in named if name] + list(rated) + ([mapping.rows.column] if mapping.rows else [])


def _optional(mapping: Mapping) -> list[str]:
    """The columns that are read where a file has them."""
    return [mapping.columns.sd]


def _take_answers(path: Path, sheet: Sheet, mapping: Mapping, faults: Faults) -> Taken:
    """The answers of a file, counted first and read afterwards; raises ImportRefused."""
    interpreter, layout = Interpreter(mapping, sheet, faults), Layout(mapping, sheet)
    taken = Taken(left_out=layout.left_out)
    blocks = (block for rows, times in sheet.blocks() for block in layout.blocks(rows, times))
    for combination, n in counted(blocks):
        taken.add(combination[0].strip(), interpreter.meaning(combination), n)
    if faults.count:
        _refuse_by_line(path, mapping)
    return taken


def _refuse_by_line(path: Path, mapping: Mapping) -> NoReturn:
    """Read the file again to name the line of every fault, which counting does not know. Raises ImportRefused."""
    faults = Faults(path.name)
    sheet = _open_sheet(path, mapping, faults)
    interpreter, layout = Interpreter(mapping, sheet, faults), Layout(mapping, sheet)
    for line, cells in sheet.lines():
        for combination in layout.combinations(cells):
            interpreter.meaning(combination, line)
    faults.refuse_if_any()
    faults.add(None, None, _l("has changed while it was read; import it again."))
    raise ImportRefused(faults.found)


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
    summary.superseded = supersede(external_import)
    _describe(taken, mapping, now, summary)


def _store_touchpoints(
    source: Source, taken: Taken, mapping: Mapping, summary: ExternalSummary
) -> dict[str, Touchpoint]:
    """The touchpoints of the file by key, added where new and linked to departments where that is plain."""
    targets: dict[str, Target] = {}
    for target in (mapping.touchpoints or {}).values():
        if target.departments or target.key not in targets:
            targets[target.key] = target
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
            summary.notices.append(Sentence(KEEPS, name=touchpoint.name, kept=kept))
        return
    if missing := ", ".join(key for key in wanted if key not in departments):
        summary.notices.append(Sentence(NOT_LINKED, name=touchpoint.name, missing=missing))
    if missing or not wanted:
        summary.without_department.append(touchpoint.name)
        return
    set_departments(touchpoint.id, {departments[key].id: weight for key, weight in wanted.items()}, attributed=False)
    told = ", ".join(f"{departments[key].name} {weight:g}" for key, weight in wanted.items())
    summary.notices.append(Sentence(LINKED, name=touchpoint.name, told=told))


TALLY_FIELDS = [
    ExternalTally.external_import,
    ExternalTally.touchpoint,
    *(ExternalTally.item, ExternalTally.starts_on, ExternalTally.ends_on, ExternalTally.points, ExternalTally.sd),
    ExternalTally.n,
]


def _store_tallies(
    external_import: ExternalImport, touchpoints: dict[str, Touchpoint], answers: Counter[ExternalScore]
) -> None:
    """One row for each score that occurs."""
    ids = {key: touchpoint.id for key, touchpoint in touchpoints.items()}
    rows = (
        (external_import.id, ids[key], item, first.isoformat(), last.isoformat(), points, sd, n)
        for (key, item, first, last, points, sd), n in answers.items()
    )
    insert_rows(ExternalTally, TALLY_FIELDS, rows)


def _describe(taken: Taken, mapping: Mapping, now: int, summary: ExternalSummary) -> None:
    """Add what the file said to the summary."""
    scores: defaultdict[tuple[str, str], Counter[float]] = defaultdict(Counter)
    for score, n in taken.answers.items():
        scores[score.touchpoint, score.item][score.points] += n
    summary.scores = dict(scores)
    targets = mapping.touchpoints or {}
    for (name, reason), n in taken.left_out.items():
        summary.blanks[targets[name].key if name in targets else name, reason] += n
    summary.starts_on = min(score.starts_on for score in taken.answers)
    summary.ends_on = max(score.ends_on for score in taken.answers)
    tomorrow = datetime.fromtimestamp(now, UTC).date() + timedelta(days=1)  # somewhere it is tomorrow already
    later = sum(n for score, n in taken.answers.items() if score.starts_on > tomorrow)
    if later:
        told = _l("dated in the future, counting only from then on: %(answers)s; is that right?")
        summary.notices.append(Sentence(told, answers=f"{later:,}"))
