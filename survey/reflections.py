"""Three mirrors: how a department sees itself, what it expects its clients to say, and what they said.

Part of the gate: it decides what is shown of members' own views, by the same rules as of everything else.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from survey import releases
from survey.measure.disclosure import Change, Figure, as_change, exact_estimate, figure, whole
from survey.measure.scale import SCORES, SHOWN_ITEMS
from survey.measure.sight import PREDICTION, SELF, VIEWS, Pride, Sight, one_voice, pride, sight
from survey.measure.statistics import Difference, Estimate, difference
from survey.models import LeadView, OwnViewTally, Person, Wave

COUNTS = [getattr(OwnViewTally, f"n{score}") for score in SCORES]


@dataclass(frozen=True)
class Reflection:
    """The three mirrors of a department on one item.

    `blindness` is prediction − clients' score and `complacency` self-view − prediction; they are missing where fewer
    than ten members, or clients, answered.
    """

    item: str
    clients: Figure
    self_view: Figure | None
    prediction: Figure | None
    blindness: Change | None
    sight: Sight
    complacency: Change | None
    pride: Pride


@dataclass(frozen=True)
class LeadReflection:
    """The same for a lead, whose views are whole points and who is one person: complacency has no interval."""

    item: str
    clients: Figure
    self_view: int | None
    prediction: int | None
    blindness: Change | None
    sight: Sight
    complacency: int | None


def reflections(wave: Wave, only: Collection[int]) -> dict[int, list[Reflection]]:
    """{department: its three mirrors by item, where members' views may be shown}, of the departments `only`, by id."""
    said = {
        (department, view, item): tuple(counts)
        for department, view, item, *counts in OwnViewTally.select(
            OwnViewTally.department, OwnViewTally.view, OwnViewTally.item, *COUNTS
        )
        .where(OwnViewTally.wave == wave, OwnViewTally.department.in_(list(only)))
        .tuples()
    }
    clients = releases.client_counts(wave, only)
    found: dict[int, list[Reflection]] = {}
    for department in only:
        for item in SHOWN_ITEMS:
            own, expected = said.get((department, SELF, item), ()), said.get((department, PREDICTION, item), ())
            counts = clients.get((department, item), ())
            if (own or expected) and (shown := figure(counts, wave.min_group)):
                found.setdefault(department, []).append(_reflection(item, shown, counts, own, expected, wave.min_group))
    return found


def _reflection(
    item: str, shown: Figure, clients: Sequence[int], own: Sequence[int], expected: Sequence[int], k: int
) -> Reflection:
    estimates = [exact_estimate(counts, k) if counts else None for counts in (own, expected, clients)]
    mine, guess, theirs = estimates
    blindness, seen = _compared(guess, theirs)
    complacency, felt = _compared(mine, guess)
    return Reflection(
        item=item,
        clients=shown,
        self_view=figure(own, k) if own else None,
        prediction=figure(expected, k) if expected else None,
        blindness=blindness,
        sight=sight(seen) if seen else Sight.UNSURE,
        complacency=complacency,
        pride=pride(felt) if felt else Pride.UNSURE,
    )


def lead_reflections(person: Person, wave: Wave, only: Collection[int]) -> dict[int, list[LeadReflection]]:
    """{department: what its lead said beside what its clients say}, for nobody but the lead."""
    query = LeadView.select(LeadView.department, LeadView.answers).where(
        LeadView.wave == wave, LeadView.person == person, LeadView.department.in_(list(only))
    )
    clients = releases.client_counts(wave, only)
    found: dict[int, list[LeadReflection]] = {}
    for department, answers in query.tuples():
        views = json.loads(answers)
        for item in SHOWN_ITEMS:
            counts = clients.get((department, item), ())
            own, expected = (views.get(view, {}).get(item) for view in VIEWS)
            if (own or expected) and (shown := figure(counts, wave.min_group)):
                found.setdefault(department, []).append(
                    _lead_reflection(item, shown, exact_estimate(counts, wave.min_group), own, expected)
                )
    return found


def _lead_reflection(
    item: str, shown: Figure, clients: Estimate | None, own: int | None, expected: int | None
) -> LeadReflection:
    mine, guess = (one_voice(score) if score else None for score in (own, expected))
    blindness, seen = _compared(guess, clients)
    return LeadReflection(
        item=item,
        clients=shown,
        self_view=whole(mine.mean) if mine else None,
        prediction=whole(guess.mean) if guess else None,
        blindness=blindness,
        sight=sight(seen) if seen else Sight.UNSURE,
        complacency=whole(mine.mean - guess.mean) if mine and guess else None,
    )


def _compared(a: Estimate | None, b: Estimate | None) -> tuple[Change, Difference] | tuple[None, None]:
    """a − b as it is shown, and as it is; neither when one of them is missing."""
    if a is None or b is None:
        return None, None
    found = difference(a, b)
    return as_change(found, whole(a.mean) - whole(b.mean)), found
