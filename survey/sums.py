"""Reading files that a source has summed already: a row for each mean."""

from collections import Counter
from datetime import date
from math import sqrt

from survey.interpreter import ExternalScore, Interpreter
from survey.mapping import Mapping
from survey.measure.scale import points
from survey.refusal import _l
from survey.sheets import Faults, Row, Sheet, number

TWICE = _l("the same touchpoint, item and date stand on line %(earlier)s; keep one of them.")
NO_MEAN = _l('"%(text)s" is no mean; write points from %(low)s to %(high)s.')
NO_COUNT = _l('"%(text)s" is no number of answers; write a whole number from 1.')
NO_SD = _l('"%(text)s" is no SD of %(n)s answers with this mean; write 0 to %(largest)s.')
SD_ROUNDING = 1.0  # points by which a rounded mean may make an honest SD look too large
MOST_ANSWERS = 10**9  # in one summed figure; beyond, the column is not a count


def take_sums(sheet: Sheet, mapping: Mapping, faults: Faults) -> Counter[ExternalScore]:
    """How many answers each mean of the file is about: one mean for each touchpoint, item and date."""
    interpreter = Interpreter(mapping, sheet, faults)
    taken: Counter[ExternalScore] = Counter()
    lines: dict[tuple[str, str, date], int] = {}
    for row in sheet:
        read = _read_sum(row, interpreter)
        if read is None:
            continue
        score, n = read
        earlier = lines.setdefault((score.touchpoint, score.item, score.starts_on), row.line)
        if earlier != row.line:
            faults.add(row.line, None, TWICE, earlier=earlier)
        taken[score] += n
    return taken


def _read_sum(row: Row, interpreter: Interpreter) -> tuple[ExternalScore, int] | None:
    """A mean and its n; None after the row's faults were added, or when the row is not to be read."""
    faults, comma, mapping = interpreter.faults, interpreter.decimal_comma, interpreter.mapping
    columns, scale = mapping.columns, mapping.scale
    if row[columns.touchpoint] in interpreter.not_read:
        return None
    before = faults.count
    target = interpreter.target(row[columns.touchpoint], row.line)
    item = (target and target.item) or (interpreter.item(row[columns.item], row.line) if columns.item else None)
    period = interpreter.period(row[columns.date], row.line)
    written, n = number(row[columns.mean], comma), number(row[columns.n], comma)
    if written is None or not scale.low <= written <= scale.high:
        faults.add(
            row.line, columns.mean, NO_MEAN, text=row[columns.mean], low=f"{scale.low:g}", high=f"{scale.high:g}"
        )
    if n is None or not 1 <= n <= MOST_ANSWERS or n % 1:
        faults.add(row.line, columns.n, NO_COUNT, text=row[columns.n])
    if faults.count > before or not target or not item or not period or written is None or n is None:
        return None
    mean = points(written, scale.low, scale.high)
    sd, is_honest = _read_sd(row, interpreter, mean, n)
    if not is_honest:
        return None
    return ExternalScore(target.key, item, *period, 100 - mean if scale.best_is_low else mean, sd), int(n)


def _read_sd(row: Row, interpreter: Interpreter, mean: float, n: float) -> tuple[float | None, bool]:
    """(SD in points, none where the file gives none; whether it can be one). A fault is added where it cannot."""
    column, scale = interpreter.mapping.columns.sd, interpreter.mapping.scale
    text = row[column] if column else ""
    if not text:
        return None, True
    points_each = 100 / (scale.high - scale.low)
    written = number(text, interpreter.decimal_comma)
    sd = None if written is None else written * points_each
    largest = sqrt(mean * (100 - mean) * n / (n - 1)) if n > 1 else 0.0
    if sd is None or not 0 <= sd <= largest + SD_ROUNDING:
        values = {"text": text, "n": f"{n:g}", "largest": f"{largest / points_each:.1f}"}
        interpreter.faults.add(row.line, column, NO_SD, **values)
        return None, False
    return sd, True
