"""What leads owe their clients, and the mails that recall it: complaints without a reply, promises that are due.

HR is told what is late. Each mail goes once: what it tells is claimed by a conditional UPDATE, in one transaction with
the messages. They leave from nine in the morning of a working day on.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from peewee import Field

from survey import commitments, complaints, outbox
from survey.commitments import FARTHEST_DAYS, LATE, OPEN, CommitmentRow
from survey.complaints import Clock
from survey.database import take_turns
from survey.measure.cadence import DaysOff, local
from survey.models import Commitment, Department, Leadership, Person, Pulse, Release, Wave, database
from survey.people import hr_people, leads_of
from survey.pulses import days_off
from survey.subscriptions import who_take_mail

MORNING = 9  # o'clock
RECALLS = 2  # of one release; whoever lets two mails pass has decided, and a third one would be noise
LATEST_DAYS = 5  # working days; a recall that could not leave for longer is passed over
REMIND_DAYS = 3  # working days before a promise is due
KEEPS_SECONDS = 7 * 24 * 3600  # after that long such a mail is pointless


@dataclass(frozen=True)
class Waiting:
    """A department of the reader's whose clients wait for a reply."""

    department: Department
    clock: Clock


@dataclass(frozen=True)
class Due:
    """Promises that a mail recalls: of the reader's own departments, and, for HR, of those that nobody leads."""

    own: tuple[CommitmentRow, ...]
    orphaned: tuple[CommitmentRow, ...]
    late: tuple[CommitmentRow, ...]  # of the same departments


@dataclass(frozen=True)
class Late:
    """A promise whose day has passed, for HR."""

    row: CommitmentRow
    days: int
    leads: tuple[str, ...]  # names


# --- Complaints ----------------------------------------------------------------------------------------------------


def recall_complaints(now: int, within: int) -> int:
    """Remind leads of complaints that wait, `within` working days after the release and once more after as many.

    Returns for how many releases. A lead gets one mail about all own departments; none when nothing of them waits.
    """
    query = (
        Release.select(Release, Wave, Pulse)
        .join(Wave)
        .join(Pulse)
        .where(Release.recalled < RECALLS, Wave.state == "closed")
        .order_by(Release.released_at, Release.wave)
    )
    return sum(_recall(release, now, within) for release in list(query))


def _recall(release: Release, now: int, within: int) -> bool:
    wave = release.wave
    zone, off = ZoneInfo(wave.pulse.timezone), days_off(wave.pulse)
    today = _morning(now, zone)
    if today is None or not off.is_working_day(today):
        return False
    passed = off.working_days(local(wave.closed_at, zone).date(), today)
    turn = min(passed // within, RECALLS)
    if turn <= release.recalled:
        return False
    with database.atomic():
        before = (Release.wave == wave) & (Release.recalled < turn)
        if not Release.update(recalled=turn).where(before).execute() or passed > turn * within + LATEST_DAYS:
            return False
        readers = who_take_mail(_leads_of_waiting(wave, now))
        outbox.queue(outbox.COMPLAINTS, readers, now, wave=wave, sequence=turn, expires_at=now + KEEPS_SECONDS)
    return bool(readers)


def _leads_of_waiting(wave: Wave, now: int) -> set[int]:
    waiting = [provider for (_, provider), clock in complaints.clocks([wave], now).items() if clock.waiting]
    return {lead for leads in _leads(waiting).values() for lead in leads}


def waiting_for(person: Person, wave: Wave, now: int) -> list[Waiting]:
    """The departments that a person leads, by name, whose clients wait for a reply to a complaint of this wave."""
    clocks = complaints.clocks([wave], now)
    return [
        Waiting(department, clock)
        for department in leads_of(person)
        if department.active and (clock := clocks.get((wave.id, department.id))) and clock.waiting
    ]


# --- Promises ------------------------------------------------------------------------------------------------------


def recall_promises(now: int, zone: tzinfo) -> int:
    """Remind leads of promises three working days before they are due; returns of how many.

    Each is recalled once. One that was made later than that needs no reminder. `zone` tells which day it is; which days
    are working days the pulse tells that the promise comes from. What nobody leads is recalled to HR.
    """
    today = _morning(now, zone)
    if today is None:
        return 0
    due = [row.commitment for row in commitments.due(today, FARTHEST_DAYS) if row.state == OPEN]
    calendars = _calendars(due)
    chosen = [found.id for found in due if _is_due_soon(found, calendars[found.wave_id], today)]
    with database.atomic():
        claimed = _claim(Commitment.reminded_on, chosen, today)
        if claimed:
            leads = _leads({found.provider_id for found in claimed})
            readers = who_take_mail({lead for several in leads.values() for lead in several})
            if any(found.provider_id not in leads for found in claimed):
                readers = sorted({*readers, *hr_people()})
            _queue_of_day(outbox.PROMISES, readers, claimed, now, today)
    return len(claimed)


def report_late(now: int, zone: tzinfo) -> int:
    """Tell HR which promises are late, in one mail a day at most; returns how many. Each is told once."""
    today = _morning(now, zone)
    if today is None:
        return 0
    late = [row.commitment for row in commitments.due(today, 0) if row.state == LATE]
    calendars = _calendars(late)
    chosen = [found.id for found in late if calendars[found.wave_id].is_working_day(today)]
    with database.atomic():
        if claimed := _claim(Commitment.reported_on, chosen, today):
            _queue_of_day(outbox.OVERDUE, hr_people(), claimed, now, today)
    return len(claimed)


def due_for(person: Person, day: date, today: date) -> Due:
    """What the mail of `day` recalls to a person, as far as it still holds `today`; by the day it is due."""
    rows = commitments.due(today, FARTHEST_DAYS)
    providers = {row.commitment.provider_id for row in rows}
    led = {department.id for department in leads_of(person)}
    orphaned = providers - _leads(providers).keys() if person.role else set()
    soon = [row for row in rows if row.commitment.reminded_on == day and row.state == OPEN]
    return Due(
        own=tuple(row for row in soon if row.commitment.provider_id in led),
        orphaned=tuple(row for row in soon if row.commitment.provider_id in orphaned),
        late=tuple(row for row in rows if row.state == LATE and row.commitment.provider_id in led | orphaned),
    )


def late_on(day: date, today: date) -> list[Late]:
    """What the mail of `day` tells HR, as far as it is still late `today`; what has waited longest first."""
    rows = [row for row in commitments.due(today, 0) if row.commitment.reported_on == day and row.state == LATE]
    leads = _leads({row.commitment.provider_id for row in rows})
    people = {lead for several in leads.values() for lead in several}
    names = dict(Person.select(Person.id, Person.name).where(Person.id.in_(people)).tuples())
    return [
        Late(
            row,
            (today - row.commitment.due_on).days,
            tuple(sorted(names[lead] for lead in leads.get(row.commitment.provider_id, ()))),
        )
        for row in rows
    ]


def day_of(sequence: int) -> date:
    """The day of a mail about promises, which is its number."""
    return date.fromordinal(sequence)


def _is_due_soon(found: Commitment, off: DaysOff, today: date) -> bool:
    first = off.working_days_before(found.due_on, REMIND_DAYS)
    return found.made_on < first <= today and off.is_working_day(today)


def _claim(day: Field, chosen: Collection[int], today: date) -> list[Commitment]:
    """Write `today` into the column `day` of those chosen that are open and have none; these, with their providers.

    None when others have been claimed today: what comes later on the same day is told on the next.
    """
    take_turns()
    if not chosen or Commitment.select().where(day == today).exists():
        return []
    free = Commitment.id.in_(chosen) & day.is_null() & (Commitment.state == OPEN)
    if not Commitment.update({day: today}).where(free).execute():
        return []
    return list(Commitment.select().where(day == today))


def _queue_of_day(kind: str, people: Iterable[int], claimed: Iterable[Commitment], now: int, today: date) -> None:
    """One mail of this kind and day to each person; the latest of the waves is the one that it is filed under."""
    wave = Wave.get_by_id(max(found.wave_id for found in claimed))
    outbox.queue(kind, people, now, wave=wave, sequence=today.toordinal(), expires_at=now + KEEPS_SECONDS)


# --- Days and people -----------------------------------------------------------------------------------------------


def _morning(now: int, zone: tzinfo) -> date | None:
    """The local day; None before nine o'clock."""
    wall = local(now, zone)
    return wall.date() if wall.hour >= MORNING else None


def _calendars(found: Iterable[Commitment]) -> dict[int, DaysOff]:
    """{wave: the days off of its pulse}"""
    waves = Wave.select(Wave, Pulse).join(Pulse).where(Wave.id.in_({one.wave_id for one in found}))
    of_pulse = cache(days_off)
    return {wave.id: of_pulse(wave.pulse) for wave in waves}


def _leads(departments: Collection[int]) -> dict[int, list[int]]:
    """{department, by id: the active people who lead it}; without those that nobody leads, or that are no more."""
    query = (
        Leadership.select(Leadership.department, Leadership.person)
        .join(Person)
        .switch(Leadership)
        .join(Department)
        .where(Leadership.department.in_(list(departments)), Person.active, Department.active)
        .order_by(Leadership.person)
    )
    leads: dict[int, list[int]] = defaultdict(list)
    for department, lead in query.tuples():
        leads[department].append(lead)
    return dict(leads)
