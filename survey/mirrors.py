"""How a department's members and leads see it, and what they expect its clients to say.

Members answer through their own link, and what they say is stored like any rating: without a name, counted and deleted
when the wave closes, and shown only when at least k members answered. A lead's view is the lead's alone to see; what
hinders, in a lead's eyes, HR reads too (survey.hindrances).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from peewee import Expression, fn

from survey import people
from survey.database import delete_by_and_by, repeated
from survey.measure.excuses import NOTHING, REASONS
from survey.measure.scale import ITEMS, SCORES
from survey.measure.sight import VIEWS
from survey.models import (
    Department,
    Hindrance,
    Invitation,
    Leadership,
    LeadView,
    Mirrored,
    OwnView,
    OwnViewTally,
    Person,
    Pulse,
    Wave,
    database,
)
from survey.moments import once_a_moment
from survey.people import Named
from survey.responses import Questions, questions, state_held

Views = Mapping[str, Mapping[str, int]]  # {"self": {"overall": 4}, "prediction": {"overall": 5}}


class Outcome(StrEnum):
    STORED = "stored"
    ALREADY = "already received"
    CLOSED = "closed"
    NOT_ASKED = "not asked"  # any more, about the own department


@dataclass(frozen=True)
class Glass:
    """Whom a member's link asks about their own department; `lead` when they lead it and have a page for that."""

    wave: Wave
    department: Named
    lead: bool
    language: str | None
    mirrored: bool

    @property
    def is_open(self) -> bool:
        return self.wave.state == "open"

    @property
    def told(self) -> tuple[Hashable, ...]:
        """All that a page tells of it."""
        return self.department.name, self.lead, self.is_open, self.mirrored


# --- Asking --------------------------------------------------------------------------------------------------------


def glass(asked: Questions) -> Glass | None:
    """What somebody who is asked may say about their own department; None when nobody is asked about it."""
    found = _asked_about().get(asked.department_id)
    if found is None:
        return None
    own, leads = found
    return Glass(asked.wave, own, asked.person_id in leads, asked.language, asked.has_mirrored)


@once_a_moment
def _asked_about() -> dict[int | None, tuple[Named, frozenset[int | None]]]:
    """{department: its name, and who leads it} of the active ones that somebody is asked about."""
    leads: dict[int, set[int | None]] = defaultdict(set)
    for person, department in Leadership.select(Leadership.person, Leadership.department).tuples():
        leads[department].add(person)
    known = people.active()
    return {own: (known[own], frozenset(leads[own])) for own in _rated() & known.keys()}


@once_a_moment
def _rated() -> frozenset[int]:
    return people.used()


def waiting_for(departments: Sequence[Department]) -> list[Wave]:
    """Open waves, the one that closes first at the front, about which a lead of these departments may say something."""
    if not rated(departments):
        return []
    return list(Wave.select(Wave, Pulse).join(Pulse).where(Wave.state == "open").order_by(Wave.closes_at))


def rated(departments: Sequence[Department]) -> list[Department]:
    """Those of the departments that somebody uses, and so is asked about."""
    providers = _rated()
    return [department for department in departments if department.id in providers]


# --- Storing -------------------------------------------------------------------------------------------------------


@repeated
def accept(invitation_id: str, views: Views) -> Outcome:
    """Store a member's views once, without the member. Raises ValueError for what no page of ours sends."""
    _check(views)
    with database.atomic():
        found = questions(invitation_id)
        asked = glass(found) if found else None
        if asked is None or asked.lead:
            return Outcome.NOT_ASKED
        if not _is_open(asked.wave.id):
            return Outcome.CLOSED
        if not Mirrored.insert(invitation=invitation_id).on_conflict_ignore().as_rowcount().execute():
            return Outcome.ALREADY
        OwnView.create(wave=asked.wave, department=asked.department.id, answers=_as_text(views))
    return Outcome.STORED


def keep_lead_view(
    person: Person, wave: Wave, department: Department, views: Views, hindrances: Collection[str] = ()
) -> Outcome:
    """Store a lead's views of a department that they lead, and what they say hinders it, until the wave closes.

    The last word counts: what hindered before and is not among `hindrances` is forgotten. Raises ValueError for what no
    page of ours sends.
    """
    _check(views, hindrances)
    said = {"wave": wave, "department": department, "person": person}
    with database.atomic():
        if not _is_open(wave.id):
            return Outcome.CLOSED
        if any(views.values()):
            same = [LeadView.wave, LeadView.department, LeadView.person]
            view = LeadView.insert(**said, answers=_as_text(views))
            view.on_conflict(conflict_target=same, update={"answers": _as_text(views)}).execute()
        Hindrance.delete().where(_said_by(person, wave, department)).execute()
        if hindrances:
            Hindrance.insert_many([{**said, "reason": reason} for reason in sorted(set(hindrances))]).execute()
    return Outcome.STORED


def lead_hindrances(person: Person, wave: Wave, department: Department) -> set[str]:
    """What a lead has said hinders; empty when nothing has been said."""
    query = Hindrance.select(Hindrance.reason).where(_said_by(person, wave, department))
    return {reason for (reason,) in query.tuples()}


def _said_by(person: Person, wave: Wave, department: Department) -> Expression:
    return (Hindrance.wave == wave) & (Hindrance.department == department) & (Hindrance.person == person)


def lead_views(person: Person, wave: Wave, department: Department) -> dict[str, dict[str, int]]:
    """What a lead has said; empty when nothing."""
    found = LeadView.get_or_none(wave=wave, department=department, person=person)
    return json.loads(found.answers) if found else {}


def _is_open(wave_id: int) -> bool:
    return state_held(wave_id) == "open"


def _check(views: Views, hindrances: Collection[str] = ()) -> None:
    for view, scores in views.items():
        if view not in VIEWS or not set(scores) <= set(ITEMS) or not set(scores.values()) <= set(SCORES):
            raise ValueError(f"Views are scores from 1 to 5 of our items; found {view!r}: {dict(scores)}.")
    if not set(hindrances) <= set(REASONS) or (NOTHING in hindrances and len(set(hindrances)) > 1):
        raise ValueError(f"What hinders is some of {REASONS}, the last one alone; found {sorted(hindrances)}.")
    if not any(views.values()) and not hindrances:
        raise ValueError("Nothing is said.")


def _as_text(views: Views) -> str:
    return json.dumps({view: dict(scores) for view, scores in views.items() if scores}, sort_keys=True)


# --- Counting ------------------------------------------------------------------------------------------------------


def count(wave: Wave) -> list[dict[str, int | str]]:
    """The rows of members' views as tallies, of at least k answers each. Part of closing a wave; changes nothing."""
    counted: dict[tuple[int, str, str], Counter[int]] = defaultdict(Counter)
    said = OwnView.select(OwnView.department, OwnView.answers).where(OwnView.wave == wave)
    for department, answers in database.execute(said):  # as they come: they are many
        for view, scores in json.loads(answers).items():
            for item, score in scores.items():
                counted[department, view, item][score] += 1
    return [
        {"wave": wave.id, "department": department, "view": view, "item": item}
        | {f"n{score}": counts[score] for score in SCORES}
        for (department, view, item), counts in sorted(counted.items())
        if counts.total() >= wave.min_group
    ]


def store_counted(rows: Sequence[dict[str, int | str]]) -> None:
    """Store what was counted. Part of closing a wave."""
    for row in rows:
        OwnViewTally.create(**row)


def forget(wave: Wave) -> None:
    """Delete what members said, and who of them did, some at a time."""
    for key, which in ((OwnView.id, OwnView.wave == wave), (Mirrored.invitation, _is_of(wave))):
        for _ in delete_by_and_by(key, which):
            pass


def tallies(wave: Wave) -> list[tuple[int | str, ...]]:
    """What is counted of members' views, as (department, view, item, answers of score 1 … 5), in order."""
    columns = [OwnViewTally.department, OwnViewTally.view, OwnViewTally.item]
    counts = [getattr(OwnViewTally, f"n{score}") for score in SCORES]
    query = OwnViewTally.select(*columns, *counts).where(OwnViewTally.wave == wave).order_by(*columns)
    return list(query.tuples())


def discard(wave: Wave) -> None:
    """Forget what was said in a wave that is cancelled."""
    LeadView.delete().where(LeadView.wave == wave).execute()
    Hindrance.delete().where(Hindrance.wave == wave).execute()
    forget(wave)


def _is_of(wave: Wave) -> Expression:
    """Whether somebody who has spoken was asked in this wave."""
    return fn.EXISTS(
        Invitation.select(Invitation.id).where(Invitation.id == Mirrored.invitation, Invitation.wave == wave)
    )
