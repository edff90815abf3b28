"""What the cells of a file mean, by the mapping that it is read with."""

from datetime import date
from typing import NamedTuple, TypeVar

from survey import dates
from survey.counting import Combination
from survey.dates import EXAMPLE_DAY, Period
from survey.mapping import CANONICAL, LONGEST_KEY, Mapping, Target, as_code
from survey.measure.scale import points
from survey.refusal import OneOf, _l
from survey.sheets import Faults, Sheet, number

NO_TOUCHPOINT = _l("names no touchpoint; write 1 to %(most)s characters.")
NOT_MAPPED = _l('"%(name)s" is not in the mapping; add it to [touchpoints] or to not_read.')
NO_ITEM = _l('"%(text)s" is no item; write one of %(known)s.')
NO_DATE = _l('"%(text)s" is no date; write it like %(wanted)s.')
NO_WHOLE_SCORE = _l('"%(text)s" is no score; write a whole number from %(low)s to %(high)s.')
NO_SCORE = _l('"%(text)s" is no score; write a number from %(low)s to %(high)s.')
OFF_THE_SCALE = _l('"%(text)s" is not on the scale %(scale)s; mend it, or let the mapping leave it out.')
OFF_OUR_SCALE = _l('"%(text)s" is not on the scale %(scale)s; mend it, or bring a mapping for another scale.')

MOST_KNOWN = 20_000  # answers, but for their date, whose meaning is kept in memory


class ExternalScore(NamedTuple):
    """What a file says about a touchpoint: one answer (SD 0), or a mean that the source has summed already."""

    touchpoint: str  # key
    item: str
    starts_on: date
    ends_on: date
    points: float
    sd: float | None


class LeftOut(NamedTuple):
    reason: str


class About(NamedTuple):
    """An answer but for its date."""

    touchpoint: str  # key
    item: str
    points: float


T = TypeVar("T", About, LeftOut)


class Interpreter:
    """Says what the rows of one file mean; what is wrong with them goes to `faults`."""

    def __init__(self, mapping: Mapping, sheet: Sheet, faults: Faults) -> None:
        self.mapping, self.faults = mapping, faults
        self.decimal_comma = mapping.decimal == "," if mapping.decimal else sheet.decimal_comma
        self.not_read = set(mapping.not_read)
        self._known: dict[tuple[str, str, str], About | LeftOut] = {}  # what cells without fault mean, but for the date

    def target(self, name: str, line: int | None) -> Target | None:
        """The touchpoint that `name` stands for; None after its fault was added."""
        targets, column = self.mapping.touchpoints, self.mapping.columns.touchpoint
        if targets is None and 0 < len(name) <= LONGEST_KEY:
            return Target(name, name, self.mapping.item, {})
        if targets is None:
            self.faults.add(line, column, NO_TOUCHPOINT, most=LONGEST_KEY)
            return None
        if name not in targets:
            self.faults.add(line, column, NOT_MAPPED, name=name)
        return targets.get(name)

    def item(self, text: str, line: int | None) -> str | None:
        found = self.mapping.items.get(text.casefold())
        if found is None:
            known = ", ".join(self.mapping.items)
            self.faults.add(line, self.mapping.columns.item, NO_ITEM, text=text, known=known)
        return found

    def period(self, text: str, line: int | None) -> Period | None:
        if self.mapping.period:
            return self.mapping.period
        found = dates.period(text, self.mapping.date_formats)
        if found is None:
            wanted = OneOf(map(EXAMPLE_DAY.strftime, self.mapping.date_formats))
            self.faults.add(line, self.mapping.columns.date, NO_DATE, text=text, wanted=wanted)
        return found

    def score(self, text: str, column: str, line: int | None) -> float | LeftOut | None:
        """The score as points, the reason why it is none, or None after its fault was added."""
        scale = self.mapping.scale
        code = as_code(text)
        if reason := self.mapping.left_out.get(code):
            return LeftOut(reason)
        score = scale.words.get(code, number(text, self.decimal_comma))
        if score is None or (scale.whole and score % 1):
            kind = NO_WHOLE_SCORE if scale.whole else NO_SCORE
            self.faults.add(line, column, kind, text=text, low=f"{scale.low:g}", high=f"{scale.high:g}")
            return None
        if scale.low <= score <= scale.high:
            found = points(score, scale.low, scale.high)
            return 100 - found if scale.best_is_low else found
        if scale.leave_out_others:
            return LeftOut(f'not on the scale {scale}: "{score:g}"')
        way_out = OFF_OUR_SCALE if self.mapping is CANONICAL else OFF_THE_SCALE
        self.faults.add(line, column, way_out, text=text, scale=scale)
        return None

    def meaning(self, combination: Combination, line: int | None = None) -> ExternalScore | LeftOut | None:
        """What the cells of one answer say; None after their faults were added.

        An answer that is left out needs no date and no known name: survey tools write such rows by the thousand.
        """
        touchpoint, item, when, score = combination
        about = self._known.get((touchpoint, item, score))
        if about is None:
            return self._read(combination, line)
        if isinstance(about, LeftOut):
            return about
        period = self.period(when.strip(), line)
        return period and ExternalScore(about.touchpoint, about.item, *period, about.points, 0.0)

    def _read(self, combination: Combination, line: int | None) -> ExternalScore | LeftOut | None:
        """The same, text by text."""
        name, item_name, when, score_text = map(str.strip, combination)
        columns = self.mapping.columns
        for passed_over in (name, item_name) if columns.item else (name,):
            if passed_over in self.not_read:
                return self._learn(combination, LeftOut(f'not read: "{passed_over}"'))
        score = self.score(score_text, columns.score or name, line)
        if isinstance(score, LeftOut):
            return self._learn(combination, score)
        target = self.target(name, line)
        period = self.period(when, line)
        item = (target and target.item) or (self.item(item_name, line) if columns.item else None)
        if score is None or target is None or period is None or item is None:
            return None
        about = self._learn(combination, About(target.key, item, score))
        return ExternalScore(about.touchpoint, about.item, *period, about.points, 0.0)

    def _learn(self, combination: Combination, about: T) -> T:
        touchpoint, item, _, score = combination
        if len(self._known) < MOST_KNOWN:
            self._known[touchpoint, item, score] = about
        return about
