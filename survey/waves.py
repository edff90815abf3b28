"""The life of a wave: planned → open → closed, or cancelled.

Each step is one conditional UPDATE in one transaction with the messages it causes, so it may be tried twice, by two
processes, or be killed anywhere: it happens once, whole, or not at all.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from peewee import PeeweeException, chunked

from survey import closing, erasure, outbox
from survey.measure.cadence import local
from survey.measure.disclosure import merge
from survey.measure.rotation import providers_to_ask
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Department,
    Invitation,
    Leadership,
    Person,
    Pulse,
    PulseDepartment,
    Reminder,
    ServiceLink,
    Wave,
    database,
    random_id,
)
from survey.pulses import plan_next, schedule_on, store_reminders, summary_at

log = logging.getLogger(__name__)

PROVIDERS_PER_PERSON = 3
LATEST_OPENING_SECONDS = 24 * 3600  # a wave that could not open for longer is skipped
SUMMARY_KEEPS_SECONDS = 30 * 24 * 3600  # after that long a summary mail is pointless


class WaveError(ValueError):
    """A wave cannot be opened or closed; the message says why."""


# --- Due by the clock ----------------------------------------------------------------------------------------------


def open_due(now: int, k: int) -> list[Wave]:
    """Open every wave whose time has come, plan the next ones, and return those opened.

    A wave that is more than 24 hours late is skipped; HR gets one message for all that a pulse missed in a row.
    """
    for pulse in Pulse.select().where(Pulse.state == "active"):
        _skip_missed(pulse, now)
    return [wave for wave in _due_to_open(now) if open_wave(wave, now, k)]


def remind_due(now: int) -> int:
    """Queue the reminders that are due, to those who have not answered; return for how many waves.

    When several reminders of one wave are due at once, only the last is sent.
    """
    due: dict[int, list[Reminder]] = defaultdict(list)
    for reminder in (
        Reminder.select()
        .join(Wave)
        .where(
            Wave.state == "open",
            ~Reminder.done,
            Reminder.due_at <= now,
        )
    ):
        due[reminder.wave_id].append(reminder)
    return sum(
        _remind(wave_id, [reminder.sequence for reminder in reminders], now) for wave_id, reminders in due.items()
    )


def close_due(now: int) -> list[Wave]:
    """Close every wave whose time is over, and return those closed."""
    due = Wave.select().where(Wave.state == "open", Wave.closes_at <= now).order_by(Wave.closes_at)
    return [wave for wave in due if close_wave(wave, now)]


def _due_to_open(now: int) -> list[Wave]:
    return list(
        Wave.select(Wave, Pulse)
        .join(Pulse)
        .where(Wave.state == "planned", Wave.opens_at <= now, Pulse.state == "active")
        .order_by(Wave.opens_at, Wave.id)
    )


def _skip_missed(pulse: Pulse, now: int) -> None:
    """Plan the pulse's next wave; while that is too late to open, skip it. HR gets one message for the last skipped."""
    last_skipped = None
    with database.atomic():
        plan_next(pulse)
        while missed := _too_late(pulse, now):
            planned = (Wave.id == missed.id) & (Wave.state == "planned")
            if not Wave.update(state="cancelled", cancel_reason="missed").where(planned).execute():
                break  # another process is at it
            last_skipped = missed
            plan_next(pulse)
        if last_skipped:
            expires_at = now + SUMMARY_KEEPS_SECONDS
            outbox.queue(outbox.MISSED, _hr_people(), now, wave=last_skipped, expires_at=expires_at)


def _too_late(pulse: Pulse, now: int) -> Wave | None:
    late = Wave.opens_at < now - LATEST_OPENING_SECONDS
    return Wave.select().where(Wave.pulse == pulse, Wave.state == "planned", late).first()


def _hr_people() -> list[int]:
    return [person.id for person in Person.select(Person.id).where(Person.active, Person.role.in_(["hr", "admin"]))]


# --- Opening -------------------------------------------------------------------------------------------------------


def open_wave(wave: Wave, now: int, k: int) -> bool:
    """Open a planned wave: freeze who works where, invite, queue the mails, plan the next wave.

    False when another process was first.
    """
    with database.atomic():
        planned = (Wave.id == wave.id) & (Wave.state == "planned")
        if not Wave.update(state="open", opened_at=now, min_group=k).where(planned).execute():
            return False
        providers = _providers_by_client()
        people = _people_to_ask(wave.pulse_id, providers)
        groups = _make_client_groups(wave, Counter(department for _, department in people), k)
        _invite(wave, people, providers, groups)
        outbox.queue(outbox.INVITATION, (person for person, _ in people), now, wave=wave, expires_at=wave.closes_at)
        plan_next(wave.pulse)
    return True


def open_now(pulse: Pulse, now: int, k: int) -> Wave:
    """Open the pulse's next wave today, whatever day it is planned for. Raises WaveError.

    What the pulse has missed by more than 24 hours is skipped first, so that the wave after this one lies ahead.
    """
    if pulse.state == "active":
        _skip_missed(pulse, now)
    wave = Wave.select().where(Wave.pulse == pulse, Wave.state == "planned").first()
    if wave is None or pulse.state != "active":
        raise WaveError(f'"{pulse.key}" has no wave to open; is the pulse paused?')
    if Wave.select().where(Wave.pulse == pulse, Wave.state == "open").exists():
        raise WaveError(f'"{pulse.key}" has a wave open already; close it first.')
    today = local(now, ZoneInfo(pulse.timezone)).date()
    if Wave.select().where(Wave.pulse == pulse, Wave.local_date == today, Wave.id != wave.id).exists():
        raise WaveError(f'"{pulse.key}" had a wave today; a pulse runs once a day at most.')
    with database.atomic():
        _move(wave, pulse, today)
        wave = Wave.get_by_id(wave.id)
        if not open_wave(wave, now, k):
            raise WaveError(f'"{pulse.key}" was opened by somebody else at this moment.')
    return Wave.get_by_id(wave.id)


def _move(wave: Wave, pulse: Pulse, day: date) -> None:
    planned = schedule_on(pulse, day, wave.occurrence)
    Wave.update(local_date=day, opens_at=planned.opens_at, closes_at=planned.closes_at).where(
        Wave.id == wave.id, Wave.state == "planned"
    ).execute()
    store_reminders(wave, planned)


def _providers_by_client() -> dict[int, dict[int, float]]:
    """{client: {provider: weight}} over active departments, without weights of 0."""
    links: dict[int, dict[int, float]] = defaultdict(dict)
    active = {department.id for department in Department.select(Department.id).where(Department.active)}
    query = ServiceLink.select(ServiceLink.client, ServiceLink.provider, ServiceLink.weight).where(
        ServiceLink.weight > 0
    )
    for client, provider, weight in query.tuples():
        if client in active and provider in active:
            links[client][provider] = weight
    return links


def _people_to_ask(pulse_id: int, providers: dict[int, dict[int, float]]) -> list[tuple[int, int]]:
    """(person, department) of all active people in the pulse's audience whose department uses somebody."""
    audience = {
        row.department_id
        for row in PulseDepartment.select(PulseDepartment.department).where(PulseDepartment.pulse == pulse_id)
    }
    query = Person.select(Person.id, Person.department).where(Person.active, Person.department.is_null(False))
    return [
        (person, department)
        for person, department in query.order_by(Person.id).tuples()
        if department in providers and (not audience or department in audience)
    ]


def _make_client_groups(wave: Wave, invited: Counter[int], k: int) -> dict[int, int]:
    """{department: client group}. Departments with fewer than `k` people are pooled: no response names a smaller one.

    When all departments together have fewer than k people they are one group, and nothing will be published.
    """
    merged = merge(invited, k)
    groups = [(department,) for department in merged.alone] if merged else []
    pooled = merged.together if merged else tuple(sorted(invited))
    group_of = {}
    for departments in [*groups, pooled] if pooled else groups:
        group = ClientGroup.create(wave=wave, invited=sum(invited[department] for department in departments))
        for department in departments:
            ClientGroupDepartment.create(client_group=group, department=department)
            group_of[department] = group.id
    return group_of


def _invite(
    wave: Wave,
    people: Iterable[tuple[int, int]],
    providers: dict[int, dict[int, float]],
    groups: dict[int, int],
) -> None:
    seats: Counter[int] = Counter()
    rows = []
    for person, department in people:
        asked = providers_to_ask(providers[department], PROVIDERS_PER_PERSON, seats[department], wave.occurrence)
        seats[department] += 1
        rows.append((random_id(), wave.id, person, groups[department], " ".join(map(str, asked)), False))
    columns = [
        Invitation.id,
        Invitation.wave,
        Invitation.person,
        Invitation.client_group,
        Invitation.providers,
        Invitation.answered,
    ]
    for chunk in chunked(rows, 500):
        Invitation.insert_many(chunk, columns).execute()


# --- Reminding and closing -----------------------------------------------------------------------------------------


def _remind(wave_id: int, sequences: list[int], now: int) -> bool:
    """Queue the last of a wave's due reminders; the earlier ones are passed over. False when another was first."""
    with database.atomic():
        undone = (Reminder.wave == wave_id) & Reminder.sequence.in_(sequences) & (~Reminder.done)
        if Reminder.update(done=True).where(undone).execute() < len(sequences):
            return False
        waiting = Invitation.select(Invitation.person).where(
            Invitation.wave == wave_id,
            ~Invitation.answered,
            Invitation.person.is_null(False),
        )
        wave = Wave.get_by_id(wave_id)
        outbox.queue(
            outbox.REMINDER,
            (person for (person,) in waiting.tuples()),
            now,
            wave=wave,
            sequence=max(sequences),
            expires_at=wave.closes_at,
        )
    return True


def close_wave(wave: Wave, now: int) -> bool:
    """Close an open wave: publish its release, queue one summary for each lead, leave no trace of who came when.

    False when it was not open any more.
    """
    with database.atomic():
        is_open = (Wave.id == wave.id) & (Wave.state == "open")
        if not Wave.update(state="closed", closed_at=now).where(is_open).execute():
            return False
        closing.publish(Wave.get_by_id(wave.id), now)
        leaves_at = summary_at(wave, now)
        outbox.queue(outbox.SUMMARY, _leads(), leaves_at, wave=wave, expires_at=leaves_at + SUMMARY_KEEPS_SECONDS)
    try:
        erasure.rewrite_due()
    except PeeweeException as error:  # somebody is reading; what is released stands, and the clock tries again
        log.warning("Wave %d is closed, but the files could not be rewritten yet: %s", wave.id, error)
    return True


def _leads() -> list[int]:
    """Everybody who leads an active department that somebody uses."""
    query = (
        Leadership.select(Leadership.person)
        .join(Person)
        .switch(Leadership)
        .join(Department)
        .join(ServiceLink, on=(ServiceLink.provider == Department.id))
        .where(Person.active, Department.active)
        .distinct()
    )
    return sorted(person for (person,) in query.tuples())
