"""Pulses: which cadences there are, adding a pulse, and the days of its coming waves."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from survey.measure.cadence import Cadence, CadenceError, Schedule, occurrence, read_cadence, schedule
from survey.models import Department, Pulse, PulseDepartment, Reminder, Wave, database
from survey.questionnaire import DEFAULT, QuestionnaireError, load_questionnaire
from survey.settings import folder
from survey.sheets import slug


class PulseError(ValueError):
    """A pulse cannot be added or changed; the message says why and what to do."""


@dataclass(frozen=True)
class Occurrence:
    """One coming run of a pulse."""

    number: int  # 0 is the pulse's first
    day: date  # local
    schedule: Schedule


def cadences() -> list[str]:
    return sorted(path.stem for path in (folder("schedules") / "cadences").glob("*.toml"))


def load_cadence(key: str) -> Cadence:
    """The cadence of this key; raises CadenceError when it is missing or cannot be used."""
    path = folder("schedules") / "cadences" / f"{key}.toml"
    if key not in cadences():
        raise CadenceError(f'There is no cadence "{key}"; choose from {", ".join(cadences())}.')
    return read_cadence(key, tomllib.loads(path.read_text(encoding="utf-8")))


def add_pulse(
    key: str,
    cadence: str,
    first: date,
    timezone: str,
    questionnaire: str = DEFAULT,
    departments: Iterable[Department] = (),
) -> Pulse:
    """Add a pulse and plan its first wave. No `departments` means all. Raises PulseError."""
    if slug(key) != key or len(key) > 80:
        raise PulseError(
            f'"{key}" cannot be a key; write small letters, digits and hyphens, like "{slug(key) or "pulse"}".'
        )
    if Pulse.get_or_none(Pulse.key == key):
        raise PulseError(f'There is a pulse "{key}" already; choose another key.')
    try:
        load_cadence(cadence)
        load_questionnaire(questionnaire)
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        if isinstance(error, (CadenceError, QuestionnaireError)):
            raise PulseError(str(error)) from error
        raise PulseError(f'"{timezone}" is no time zone; write a name like Europe/Madrid.') from error
    with database.atomic():
        pulse = Pulse.create(key=key, cadence=cadence, first_date=first, timezone=timezone, questionnaire=questionnaire)
        for department in departments:
            PulseDepartment.create(pulse=pulse, department=department)
        plan_next(pulse)
    return pulse


def coming(pulse: Pulse, count: int) -> list[Occurrence]:
    """The pulse's next `count` occurrences: the planned wave, if any, and those after it."""
    last = _last_wave(pulse)
    start = 0 if last is None else last.occurrence + (last.state != "planned")
    return [_occurrence(pulse, number) for number in range(start, start + count)]


def plan_next(pulse: Pulse) -> Wave | None:
    """Store the occurrence after the pulse's last wave as a planned wave; None when one is planned already."""
    last = _last_wave(pulse)
    if last is not None and last.state == "planned":
        return None
    next_one = _occurrence(pulse, 0 if last is None else last.occurrence + 1)
    wave = Wave.create(
        pulse=pulse,
        occurrence=next_one.number,
        local_date=next_one.day,
        opens_at=next_one.schedule.opens_at,
        closes_at=next_one.schedule.closes_at,
    )
    store_reminders(wave, next_one.schedule)
    return wave


def store_reminders(wave: Wave, planned: Schedule) -> None:
    """Write down when `wave` reminds, in place of what was planned before."""
    Reminder.delete().where(Reminder.wave == wave).execute()
    for sequence, due_at in enumerate(planned.reminders_at, start=1):
        Reminder.create(wave=wave, sequence=sequence, due_at=due_at)


def schedule_on(pulse: Pulse, day: date) -> Schedule:
    """The instants of a wave that opens on the local date `day`."""
    return schedule(load_cadence(pulse.cadence), day, ZoneInfo(pulse.timezone))


def _occurrence(pulse: Pulse, number: int) -> Occurrence:
    day = occurrence(load_cadence(pulse.cadence), pulse.first_date, number)
    return Occurrence(number, day, schedule_on(pulse, day))


def _last_wave(pulse: Pulse) -> Wave | None:
    return Wave.select().where(Wave.pulse == pulse).order_by(Wave.occurrence.desc()).first()
