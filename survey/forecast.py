"""A pulse before it is added: its next waves, and how many people each of their mails would go to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from survey.audience import find_audience, find_everybody
from survey.measure.cadence import Occurrence
from survey.models import Department, Pulse, Wave
from survey.pulses import PulseError, add_pulse, coming
from survey.rehearsals import rehearsal
from survey.replanning import IN_THE_PAST
from survey.subscriptions import company_readers, readers

WAVES = 4


@dataclass(frozen=True)
class Draft:
    """A pulse as somebody has described it."""

    key: str
    questionnaire: str
    cadence: str
    first: date
    timezone: str
    departments: tuple[Department, ...] = ()  # none means all
    holidays: str = ""

    def add(self) -> Pulse:
        """Add it. Raises PulseError, QuestionnaireError or CalendarUnknown."""
        return add_pulse(
            self.key,
            self.cadence,
            self.first,
            self.timezone,
            questionnaire=self.questionnaire,
            departments=self.departments,
            holidays=self.holidays,
        )


@dataclass(frozen=True)
class ExpectedWave:
    """A coming wave, and its mails if everything stays as it is today."""

    coming: Occurrence
    invited: int  # people; as many get each reminder at most
    left_out: int  # people of the audience who have been asked lately, or are another pulse's turn
    summaries: int  # leads
    company: int  # HR, of the company


@dataclass(frozen=True)
class Forecast:
    pulse: Pulse  # as it would be; it is not stored
    waves: list[ExpectedWave]


@contextmanager
def as_if_added(draft: Draft) -> Iterator[Pulse]:
    """The pulse as long as one looks at it; nothing of it stays. Raises like Draft.add."""
    with rehearsal(True):
        yield draft.add()


def forecast(draft: Draft, now: int, rest_days: int) -> Forecast:
    """The next waves of a pulse that is not added yet. Raises like Draft.add, and PulseError for a day in the past.

    Whoever is asked in one of them rests as people do in `rest_days`; so far as is known today, all others do as well.
    """
    with as_if_added(draft) as pulse:  # SQLite lets nobody else write meanwhile
        ahead = coming(pulse, WAVES, now)
    if ahead[0].schedule.opens_at <= now:
        raise PulseError(IN_THE_PAST, day=ahead[0].day)
    everybody = find_everybody({department.id for department in draft.departments})
    asked: list[tuple[date, frozenset[int]]] = []
    waves = []
    for found in ahead:
        audience = find_audience(Wave(local_date=found.day), rest_days, everybody)
        resting = {person for day, people in asked if found.day - day < timedelta(days=rest_days) for person in people}
        people = frozenset(person for person, _ in audience.people if person not in resting)
        asked.append((found.day, people))
        tired = len(audience.people) - len(people)
        left_out, leaves_at = audience.left_out + tired, found.schedule.closes_at
        told = len(readers(leaves_at)), len(company_readers(leaves_at))
        waves.append(ExpectedWave(found, len(people), left_out, *told))
    return Forecast(pulse, waves)
