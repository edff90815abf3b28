"""The invitation and the reminder: about whom, until when, the personal link, and what came of earlier waves.

A whole company gets them, so what is one reader's own stands apart from what all share.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext as _
from peewee import Query

from survey import asking, outbox, releases, returns, wording
from survey.commitments import CommitmentRow
from survey.envelopes import Letter
from survey.measure.cadence import local
from survey.measure.scale import OVERALL, SCORES
from survey.models import Department, Invitation, Message, Person, Wave
from survey.prepared import prepared
from survey.questionnaire import Item
from survey.responses import wave_asked
from survey.settings import Settings
from survey.signing import invitation_token, reader_token


@dataclass(frozen=True)
class Asked:
    """All that such a mail is written from."""

    kind: str
    wave: Wave
    item: Item | None  # what it asks at once about the first provider; none when the wave does not ask it
    is_first: bool  # the pulse has asked nobody before
    news: CommitmentRow | None
    own: dict[str, str]  # the words of one reader's mail alone: the name, the tokens of the links, each provider …

    @property
    def told(self) -> tuple[Hashable, ...]:
        """All that it says in a language, but for the reader's own words."""
        wave, news = self.wave, self.news and self.news.told
        return (
            *(self.kind, wave.closes_at, wave.pulse.timezone, wave.min_group, self.item, self.is_first, news),
            *self.own,
        )


def asked(message: Message, person: Person, settings: Settings) -> Asked:
    """What a queued message is written from."""
    wave = wave_asked(message.wave_id)
    ((invitation, listed),) = _invited.raw(wave.id, person.id)
    ids = [int(provider) for provider in listed.split()]
    names = dict(_names.raw(ids))
    before, day = releases.wave_before(wave), local(message.due_at, ZoneInfo(wave.pulse.timezone)).date()
    items = asking.questionnaire_of(wave).items
    own = {
        "name": person.name,
        "token": invitation_token(invitation, settings),
        "reader": reader_token(person.id, settings),
    }
    return Asked(
        kind=message.kind,
        wave=wave,
        item=next((item for item in items if item.key == OVERALL), None),
        is_first=before is None,
        news=returns.news(before, person.department_id, ids, day) if before else None,
        own=own | {f"provider{place}": names[provider] for place, provider in enumerate(ids)},
    )


def letter(found: Asked) -> Letter:
    """What the mail says, in the language of the page that is being made."""
    own, wave = found.own, found.wave
    closes = wording.day_of(wave.closes_at, wave.pulse.timezone)
    values: dict[str, Any] = {
        "name": own["name"],
        "providers": [words for place, words in own.items() if place.startswith("provider")],
        "wave": wave,
        "address": url_for("respond.answer", token=own["token"], _external=True),
        "item": found.item,
        "scores": [
            (score, url_for("respond.answer", token=own["token"], overall=score, _external=True)) for score in SCORES
        ],
        "news": found.news,
        "improvements": "" if found.is_first else url_for("returns.by_link", token=own["reader"], _external=True),
    }
    return Letter(_subject(found.kind, closes), values)


def _subject(kind: str, closes: str) -> str:
    if kind == outbox.INVITATION:
        return _("How do other departments serve you? Two minutes, until %(day)s", day=closes)
    return _("Still open until %(day)s: how do other departments serve you?", day=closes)


@prepared
def _invited(wave: int, person: int) -> Query:
    chosen = (Invitation.wave == wave) & (Invitation.person == person)
    return Invitation.select(Invitation.id, Invitation.providers).where(chosen).tuples()


@prepared
def _names(departments: Sequence[int]) -> Query:
    return Department.select(Department.id, Department.name).where(Department.id.in_(departments)).tuples()
