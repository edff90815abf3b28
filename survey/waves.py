"""The life of a wave: planned → opening → open → closing → closed, or cancelled.

Each step is one conditional UPDATE in one transaction with the messages it causes, so it may be tried twice, by two
processes, or be killed anywhere: it happens once, whole, or not at all. Where thousands are asked or have answered,
that decides it, and what follows is done some at a time, by whoever comes: see survey.opening, reminding, closing.
"""

import logging
from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

from peewee import PeeweeException

from survey import asking, closing, erasure, opening, outbox, reminding, resting
from survey.audience import others
from survey.database import take_turns
from survey.measure.cadence import local
from survey.models import (
    BY_HAND,
    MISSED,
    RESTING,
    RUNNING,
    Message,
    Opening,
    Pulse,
    Reminder,
    Wave,
    database,
)
from survey.opening import Draft
from survey.people import hr_people
from survey.pulses import plan_next, summary_at
from survey.questionnaire import QuestionnaireError, thawed
from survey.subscriptions import company_readers, readers

log = logging.getLogger(__name__)

LATEST_OPENING_SECONDS = 24 * 3600  # a wave that could not open for longer is skipped
SUMMARY_KEEPS_SECONDS = 30 * 24 * 3600  # after that long a summary mail is pointless
OVERDUE_SECONDS = 15 * 60  # a step that is later than this needs somebody to look

# What cancelling leaves to be deleted: of a wave that was open, and of one that was opening and has asked nobody.
DISCARDED = {"traces_left": True, "progress": 0}
UNASKED = {**DISCARDED, "opened_at": None}


class WaveError(ValueError):
    """A wave cannot be opened or closed; the message says why."""


# --- Due by the clock ----------------------------------------------------------------------------------------------


def open_due(now: int, k: int, rest_days: int = 0) -> list[Wave]:
    """Open every wave whose time has come, plan the next ones, and return those opened.

    A wave that is more than 24 hours late is skipped. A pulse whose last wave could not be closed waits for that, and
    one whose questionnaire may not be asked until that is mended: HR is told once.
    """
    _skip_missed(now)

    def open_or_tell(wave: Wave) -> bool:
        try:
            return open_wave(wave, now, k, rest_days)
        except QuestionnaireError as error:
            _tell_unopened(wave, error, now)
            return False

    return _each("opened", _due_to_open(now), open_or_tell)


def invite_due(now: int) -> list[Wave]:
    """Go on with every wave that is opening, or whose mails are not all queued, and return those that are done.

    Where many are asked it takes a minute.
    """
    due = Wave.select().join(Opening).order_by(Wave.opened_at, Wave.id)
    return _each("opened", due, lambda wave: opening.finish(wave, now))


def remind_due(now: int) -> int:
    """Queue the reminders that are due, to those who have not answered; return for how many waves.

    When several reminders of one wave are due at once, only the last is sent.
    """
    due = (
        Wave.select()
        .join(Reminder)
        .where(
            Wave.state == "open",
            Wave.opened_at <= now - reminding.PAUSE_SECONDS,
            ~Reminder.done,
            Reminder.due_at <= now,
        )
        .distinct()
        .order_by(Wave.id)
    )
    return len(_each("reminded", due, lambda wave: reminding.remind(wave, now)))


def close_due(now: int) -> list[Wave]:
    """Close every wave whose time is over, and return those closed; of a large one finish_due has the rest to do."""
    due = Wave.select().where(Wave.state == "open", Wave.closes_at <= now).order_by(Wave.closes_at, Wave.id)
    return _each("closed", due, lambda wave: close_soon(wave, now))


def finish_due(now: int) -> list[Wave]:
    """Finish closing every wave that takes no answers any more, and return those closed. It may take minutes."""
    due = Wave.select().where(Wave.state == "closing").order_by(Wave.closed_at, Wave.id)
    return _each("closed", due, lambda wave: close_wave(wave, now))


def overdue(now: int) -> list[Wave]:
    """Waves that should have opened or closed by now: nothing runs the clock, or the step fails."""
    late = now - OVERDUE_SECONDS
    return list(
        Wave.select(Wave, Pulse)
        .join(Pulse)
        .where(
            ((Wave.state == "open") & (Wave.closes_at < late))
            | ((Wave.state == "opening") & (Wave.opened_at < late))
            | ((Wave.state == "closing") & (Wave.closed_at < late))
            | ((Wave.state == "planned") & (Wave.opens_at < late) & (Pulse.state == "active"))
        )
        .order_by(Wave.opens_at, Wave.id)
    )


def _each(what: str, due: Iterable[Wave], step: Callable[[Wave], bool]) -> list[Wave]:
    """The waves for which `step` did something. One that fails is logged and tried again later; the others go on."""
    done = []
    for wave in list(due):
        try:
            if step(wave):
                done.append(wave)
        except Exception:
            log.exception("Wave %d could not be %s; it is tried again at the next turn.", wave.id, what)
    return done


def _due_to_open(now: int) -> list[Wave]:
    running = Wave.alias()
    return list(
        Wave.select(Wave, Pulse)
        .join(Pulse)
        .where(
            Wave.state == "planned",
            Wave.opens_at.between(now - LATEST_OPENING_SECONDS, now),
            Pulse.state == "active",
            Wave.pulse.not_in(running.select(running.pulse).where(running.state.in_(RUNNING))),
        )
        .order_by(Wave.opens_at, Wave.id)
    )


def _tell_unopened(wave: Wave, error: QuestionnaireError, now: int) -> None:
    """Tell HR, and the log, that a wave is due but may not open; once, however often that is tried."""
    told = (Message.kind == outbox.UNOPENED) & (Message.wave == wave)
    if Message.select().where(told).exists():
        return
    log.error("Wave %d is not opened: %s", wave.id, error)
    outbox.queue(outbox.UNOPENED, hr_people(), now, wave=wave, expires_at=wave.opens_at + LATEST_OPENING_SECONDS)


def _skip_missed(now: int, only: Pulse | None = None) -> None:
    """Plan the next wave of each active pulse; while that is too late to open, skip it. HR gets one message for all."""
    if not _behind(now, only):
        return
    skipped = []
    with database.atomic():
        take_turns()
        for pulse in _behind(now, only):
            try:
                with database.atomic():
                    skipped += _catch_up(pulse, now)
            except Exception:
                log.exception("The next wave of %s could not be planned; it is tried again.", pulse.key)
        if skipped:
            expires_at = now + SUMMARY_KEEPS_SECONDS
            outbox.queue(outbox.MISSED, hr_people(), now, wave=skipped[-1], expires_at=expires_at)


def _behind(now: int, only: Pulse | None) -> list[Pulse]:
    """The active pulses (or this one) that have no planned wave that can still open."""
    in_time = Wave.select(Wave.pulse).where(Wave.state == "planned", Wave.opens_at >= now - LATEST_OPENING_SECONDS)
    query = Pulse.select().where(Pulse.state == "active", Pulse.id.not_in(in_time)).order_by(Pulse.id)
    return list(query.where(Pulse.id == only) if only else query)


def _catch_up(pulse: Pulse, now: int) -> list[Wave]:
    """Plan the pulse's next wave, and skip what is too late; the waves that were skipped."""
    skipped = []
    plan_next(pulse)
    too_late = Wave.opens_at < now - LATEST_OPENING_SECONDS
    while (missed := Wave.get_or_none(Wave.pulse == pulse, Wave.state == "planned", too_late)) is not None:
        if not _cancel(missed, "planned", MISSED, now):
            break  # another process is at it
        skipped.append(missed)
        plan_next(pulse)
    return skipped


# --- Opening -------------------------------------------------------------------------------------------------------


def open_wave(wave: Wave, now: int, k: int, rest_days: int = 0) -> bool:
    """Open a planned wave: freeze who works where and what it asks, invite, queue the mails, plan the next wave.

    When so many are asked by other waves these days that fewer than k people are left, the wave waits for those whom
    its own pulse asked last, or is cancelled, and nobody is bothered. False when it did not open, for that reason,
    because another process was first, or because HR has moved it since it was read.

    Where many are asked it is only decided who; the wave is opening, and invite_due does the rest: see survey.opening.

    Raises QuestionnaireError when its questionnaire may not be asked.
    """
    drafted = opening.draft(wave, rest_days)
    with database.atomic():
        take_turns()
        return _decide(wave, drafted, now, k, rest_days)


def _decide(wave: Wave, drafted: Draft, now: int, k: int, rest_days: int) -> bool:
    """The same in a transaction, while nobody else decides who is asked. People are those of some seconds ago."""
    if drafted.audience.beside != others(wave):
        drafted = opening.draft(wave, rest_days)
    asked, left_out = asking.freeze(wave.pulse), drafted.audience.left_out
    if left_out and len(drafted.audience.people) < k:
        _rest(wave, now, rest_days, left_out)
        return False
    planned = (Wave.id == wave.id) & (Wave.state == "planned") & (Wave.opens_at == wave.opens_at)
    decided = {"state": "opening", "opened_at": now, "min_group": k, "left_out": left_out, "questionnaire": asked}
    if not Wave.update(decided).where(planned).execute():
        return False
    opening.begin(wave, drafted, k, asking.taps_left(thawed(asked)))
    if following := plan_next(wave.pulse):
        resting.let_rest(following, wave, rest_days)
    return drafted.takes_long or opening.finish(wave, now)


def _rest(wave: Wave, now: int, rest_days: int, left_out: int) -> None:
    """Let a wave wait for those whom its pulse asked last; or cancel it, as it would ask nobody."""
    if resting.wait_for_own(wave, rest_days):
        return
    if _cancel(wave, "planned", RESTING, now, left_out=left_out):
        log.warning("Wave %d asks nobody: nearly everybody is asked by other waves these days.", wave.id)
        plan_next(wave.pulse)


def open_now(pulse: Pulse, now: int, k: int, rest_days: int = 0) -> Wave:
    """Open the pulse's next wave today, whatever day it is planned for. Raises WaveError or QuestionnaireError.

    Where many are asked it is opening when this returns, as after open_wave.
    What the pulse has missed by more than 24 hours is skipped first, so that the wave after this one lies ahead.
    """
    _skip_missed(now, pulse)
    wave = Wave.select().where(Wave.pulse == pulse, Wave.state == "planned").first()
    if wave is None or pulse.state != "active":
        raise WaveError(f'"{pulse.key}" has no wave to open; is the pulse paused?')
    if Wave.select().where(Wave.pulse == pulse, Wave.state.in_(RUNNING)).exists():
        raise WaveError(f'"{pulse.key}" has a wave open already; close it first.')
    today = local(now, ZoneInfo(pulse.timezone)).date()
    if Wave.select().where(Wave.pulse == pulse, Wave.local_date == today, Wave.id != wave.id).exists():
        raise WaveError(f'"{pulse.key}" had a wave today; a pulse runs once a day at most.')
    wave.local_date = today
    drafted = opening.draft(wave, rest_days)
    with database.atomic():
        take_turns()
        if not resting.move(wave, pulse, today):
            raise WaveError(f'"{pulse.key}" was opened or changed by somebody else at this moment.')
        if not _decide(Wave.get_by_id(wave.id), drafted, now, k, rest_days):
            raise WaveError(f'"{pulse.key}" would ask nobody: nearly everybody is asked by other waves these days.')
    return Wave.get_by_id(wave.id)


# --- Closing -------------------------------------------------------------------------------------------------------


def close_wave(wave: Wave, now: int) -> bool:
    """Close an open wave, or one that is closing: publish its release, queue the leads' and HR's summaries.

    Where many have answered that takes minutes. Nobody waits for them: see survey.closing. Whoever is killed meanwhile
    leaves a wave that is closing, for the clock to finish. False when it was neither, or another process was first.
    """
    stop(wave, now)
    wave = Wave.get_by_id(wave.id)
    if wave.state != "closing":
        return False
    closing.publish(wave, now)
    with database.atomic():
        is_closing = (Wave.id == wave.id) & (Wave.state == "closing")
        if not Wave.update(state="closed", progress=None).where(is_closing).execute():
            return False
        _queue_summaries(wave, summary_at(wave, now))
    _leave_no_trace(wave)
    return True


def close_soon(wave: Wave, now: int) -> bool:
    """Close an open wave for somebody who waits; False when it is not closed by that.

    Where many have answered it only stops taking answers, and the clock does the rest.
    """
    return stop(wave, now) and not closing.takes_long(wave) and close_wave(wave, now)


def stop(wave: Wave, now: int) -> bool:
    """Take no more answers in an open wave; False when it was not open any more.

    Whoever is storing an answer just now is waited for, so that what follows counts all of them.
    """
    is_open = (Wave.id == wave.id) & (Wave.state == "open")
    with database.atomic():
        is_stopped = bool(Wave.update(state="closing", closed_at=now).where(is_open).execute())
        if is_stopped:
            opening.give_up(wave)
    return is_stopped


def _queue_summaries(wave: Wave, leaves_at: int) -> None:
    """One for each lead, of the own departments, and one of the company for each of HR, as often as they want them."""
    expires_at = leaves_at + SUMMARY_KEEPS_SECONDS
    outbox.queue(outbox.SUMMARY, readers(leaves_at), leaves_at, wave=wave, expires_at=expires_at)
    outbox.queue(outbox.COMPANY, company_readers(leaves_at), leaves_at, wave=wave, expires_at=expires_at)


def _leave_no_trace(wave: Wave) -> None:
    """Rewrite the files if that can be done now."""
    try:
        erasure.rewrite_due()
    except PeeweeException as error:  # somebody is reading; what was done stands, and the clock tries again
        log.warning("Wave %d is over, but the files could not be rewritten yet: %s", wave.id, error)


# --- Cancelling ----------------------------------------------------------------------------------------------------


def cancel_wave(wave: Wave, now: int) -> bool:
    """Call off a planned wave, or one that is opening or open, and plan the next one. False when it is over already.

    Of an open wave the answers are deleted, nothing is published, and the links and mails on their way lapse; of one
    that is opening nobody has been mailed, and it counts as if nobody had been asked. Where there is much to delete,
    it is deleted by discard_due.
    """
    with database.atomic():
        take_turns()
        if _cancel(wave, "planned", BY_HAND, now):
            plan_next(wave.pulse)
            return True
        if not (_cancel(wave, "opening", BY_HAND, now, **UNASKED) or _cancel(wave, "open", BY_HAND, now, **DISCARDED)):
            return False
        opening.give_up(wave)
        plan_next(wave.pulse)
    if not (closing.takes_long(wave) or opening.undoing_takes_long(wave)):
        discard(wave)
    return True


def discard_due() -> list[Wave]:
    """Delete what was said in waves that have been called off, as far as it is there, and return these waves."""
    due = Wave.select().where(Wave.state == "cancelled", Wave.progress.is_null(False)).order_by(Wave.id)
    return _each("deleted", due, discard)


def discard(wave: Wave) -> bool:
    """Delete all that was said in a wave that has been called off, some at a time; False when that had been done.

    Nothing is added to it any more, so whoever is killed may begin again.
    """
    closing.discard(wave)
    opening.undo(Wave.get_by_id(wave.id))
    left = (Wave.id == wave.id) & Wave.progress.is_null(False)
    if not Wave.update(progress=None).where(left).execute():
        return False
    _leave_no_trace(wave)
    return True


def _cancel(wave: Wave, state: str, reason: str, now: int, **facts: object) -> bool:
    """Cancel a wave that is in this state and has not been moved since it was read; False when it is not."""
    changes = {"state": "cancelled", "cancel_reason": reason, "cancelled_at": now, **facts}
    as_read = (Wave.id == wave.id) & (Wave.state == state) & (Wave.opens_at == wave.opens_at)
    return bool(Wave.update(changes).where(as_read).execute())
