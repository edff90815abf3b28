"""What leads say hinders serving their clients better, beside what clients say is missing: the excuse gap.

Leads are told so before they answer: HR reads what they say, with how many said it and without who did. One lead never
reads what another one said.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from survey import releases
from survey.measure.excuses import REASONS, Verdict, in_a_row, verdict
from survey.models import Hindrance, Person, Wave
from survey.shortfalls import Shortfall, shortfalls

LONGEST_ROW = 52  # waves that are looked back on

Said = dict[int, set[str]]  # {person: reasons}


@dataclass(frozen=True)
class Named:
    """A reason, how many leads gave it, and in how many waves in a row it has been given."""

    reason: str
    leads: int
    waves: int


@dataclass(frozen=True)
class Excuse:
    """What clients of a department miss, and what hinders it in the eyes of those who lead it."""

    missing: Shortfall | None  # none when too few clients say
    named: tuple[Named, ...]  # empty when no lead has said anything
    leads: int  # who have said something
    verdict: Verdict


def excuses(wave: Wave, only: Collection[int]) -> dict[int, Excuse]:
    """{department: what its leads say, all together, beside what its clients do} of a closed wave, for HR.

    Departments of which neither side says anything are missing.
    """
    return _excuses(wave, only, None)


def own_excuses(person: Person, wave: Wave, only: Collection[int]) -> dict[int, Excuse]:
    """The same with what `person` has said and nobody else, for this person."""
    return _excuses(wave, only, person)


def _excuses(wave: Wave, only: Collection[int], person: Person | None) -> dict[int, Excuse]:
    waves = [found.id for found in releases.waves_until(wave, LONGEST_ROW)]
    said, missing = _said(waves, only, person), shortfalls(wave, only)
    found = {}
    for department in only:
        history = [said[department, past] for past in waves]
        if history[0] or department in missing:
            found[department] = _excuse(history, missing.get(department))
    return found


def _said(waves: Collection[int], only: Collection[int], person: Person | None) -> dict[tuple[int, int], Said]:
    """{(department, wave): what each lead said}"""
    query = Hindrance.select(Hindrance.department, Hindrance.wave, Hindrance.person, Hindrance.reason).where(
        Hindrance.wave.in_(list(waves)), Hindrance.department.in_(list(only))
    )
    if person is not None:
        query = query.where(Hindrance.person == person)
    said: dict[tuple[int, int], Said] = defaultdict(lambda: defaultdict(set))
    for department, wave, lead, reason in query.tuples():
        said[department, wave][lead].add(reason)
    return said


def _excuse(history: list[Said], missing: Shortfall | None) -> Excuse:
    """`history` begins with the wave itself."""
    rows = in_a_row([set[str]().union(*said.values()) for said in history])
    leads = history[0].values()
    named = tuple(
        Named(reason, sum(reason in reasons for reasons in leads), rows[reason]) for reason in REASONS if reason in rows
    )
    return Excuse(missing, named, len(leads), verdict(rows, missing.lack if missing else None))
