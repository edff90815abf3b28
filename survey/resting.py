"""Another day for a planned wave: today, or when those whom its pulse asked last have rested."""

from datetime import date, timedelta

from survey.models import ASKED, Pulse, Wave
from survey.pulses import schedule_on, store_reminders, timetable


def move(wave: Wave, pulse: Pulse, day: date) -> bool:
    """Plan a wave for another day; False when it is planned no more, or moved since it was read."""
    planned = schedule_on(pulse, day, wave.occurrence)
    as_read = (Wave.id == wave.id) & (Wave.state == "planned") & (Wave.opens_at == wave.opens_at)
    moved = {"local_date": day, "opens_at": planned.opens_at, "closes_at": planned.closes_at}
    if not Wave.update(moved).where(as_read).execute():
        return False
    store_reminders(wave, planned)
    return True


def let_rest(following: Wave, opened: Wave, rest_days: int) -> bool:
    """Move a pulse's next wave to the day when those asked last have rested, if that comes before the wave after it.

    So a fortnightly pulse that opened on Tuesday, because Monday was a holiday, waits for the Tuesday as well.
    """
    plan = timetable(following.pulse)
    rested = plan.off.next_working_day(opened.local_date + timedelta(days=rest_days))
    while rested in plan.taken:
        rested = plan.off.next_working_day(rested + timedelta(days=1))
    in_time = following.local_date < rested <= plan.last_day(following.occurrence)
    return in_time and move(following, following.pulse, rested)


def wait_for_own(wave: Wave, rest_days: int) -> bool:
    """The same for a wave that is due: its day may have been planned anew since the last one opened."""
    asked = Wave.state.in_(ASKED)
    last = Wave.select().where(Wave.pulse == wave.pulse_id, asked).order_by(Wave.local_date.desc()).first()
    return last is not None and let_rest(wave, last, rest_days)
