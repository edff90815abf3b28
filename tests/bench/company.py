"""A large company, whose answers and mails are counted: its departments have a release, and some have promised much."""

import time
from datetime import UTC, date, datetime, timedelta

from peewee import chunked

from survey import commitments
from survey.commitments import Draft
from survey.models import Department, Person, Pulse, ServiceLink, Wave, database
from survey.waves import invite_due, open_now
from tests.cast import DAY, K
from tests.large import CLIENTS, large_release

DEPARTMENTS = 60
LINK = (ServiceLink.client, ServiceLink.provider, ServiceLink.weight)


def open_large_wave(people: int) -> Wave:
    """An open wave for so many people, in the database that the tables are bound to; each is asked about three."""
    with database.atomic():
        before = large_release(DEPARTMENTS)
        departments = list(Department.select().order_by(Department.id))
        _link(departments)
        _hire(departments, people)
        _promise(before, departments)
        _plan(before.pulse)
    now = int(time.time())
    opened = open_now(Pulse.get_by_id(before.pulse_id), now, K)
    invite_due(now)  # more than are invited at once
    return Wave.get_by_id(opened.id)


def _today() -> date:
    return datetime.now(UTC).date()


def _link(departments: list[Department]) -> None:
    """Each department uses a dozen others."""
    count = len(departments)
    pairs = [
        (client, departments[(place + step * 5 + 1) % count], 1)
        for place, client in enumerate(departments)
        for step in range(CLIENTS)
    ]
    ServiceLink.insert_many([pair for pair in pairs if pair[0] != pair[1]], LINK).execute()


def _hire(departments: list[Department], people: int) -> None:
    rows = (
        {
            "email": f"person{number}@mirror.example",
            "name": f"Person {number}",
            "language": "es" if number % 3 else "en",
            "department": departments[number % len(departments)],
        }
        for number in range(people)
    )
    for some in chunked(rows, 500):
        Person.insert_many(some).execute()


def _promise(wave: Wave, departments: list[Department]) -> None:
    """Every other department has promised something, and half of these have done it."""
    today = _today()
    for place, department in enumerate(departments[::2]):
        draft = Draft("promises", f"We answer within {place + 1} days.", today + timedelta(days=30))
        made = commitments.make(wave, department, draft, today)
        if place % 2:
            commitments.finish(made, today)


def _plan(pulse: Pulse) -> None:
    """The pulse began a quarter ago, so that its second wave may open now."""
    Pulse.update(first_date=_today() - timedelta(days=91)).where(Pulse.id == pulse.id).execute()
    day, now = _today() + timedelta(days=7), int(time.time())
    Wave.create(pulse=pulse, occurrence=1, local_date=day, opens_at=now + 7 * DAY, closes_at=now + 14 * DAY)
