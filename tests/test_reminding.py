"""Reminding: those who have not answered, once for each reminder, however many they are and whoever is killed."""

from typing import Any

import pytest

from survey import outbox, reminding
from survey.models import Invitation, Message, Reminder, Wave
from survey.reminding import remind
from survey.waves import open_due, remind_due
from tests.cast import DAY, OPENS, SIZES, Company, K

EVERYBODY = sum(SIZES.values())


def reminded() -> list[int]:
    """Whom reminders are queued to, once for each."""
    query = Message.select(Message.person).where(Message.kind == outbox.REMINDER).order_by(Message.person)
    return [person for (person,) in query.tuples()]


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("the disk is full")


def test_a_reminder_goes_to_those_who_have_not_answered(company: Company) -> None:
    wave = company.open_wave()
    company.answer(wave, share=0.5)
    assert remind_due(OPENS + 4 * DAY) == 1
    unanswered = Invitation.select(Invitation.person).where(~Invitation.answered).order_by(Invitation.person)
    assert reminded() == [person for (person,) in unanswered.tuples()]


def test_a_reminder_is_due_at_its_second_and_not_before(company: Company) -> None:
    company.open_wave()
    assert remind_due(OPENS + 4 * DAY - 1) == 0
    assert remind_due(OPENS + 4 * DAY) == 1


def test_the_same_tick_twice_reminds_once(company: Company) -> None:
    company.open_wave()
    assert [remind_due(OPENS + 4 * DAY), remind_due(OPENS + 4 * DAY)] == [1, 0]
    assert len(reminded()) == EVERYBODY


def test_a_reminder_that_another_process_has_taken_is_not_queued(company: Company) -> None:
    wave = company.open_wave()
    stale = Reminder.get(Reminder.wave == wave, Reminder.sequence == 1)
    assert remind(wave, OPENS + 4 * DAY)
    assert not reminding._take(stale, OPENS + 4 * DAY)
    assert not remind(wave, OPENS + 4 * DAY)


def test_a_reminder_of_a_wave_that_has_just_closed_is_not_queued(company: Company) -> None:
    stale = company.open_wave()
    company.close_wave(stale)
    assert not remind(stale, OPENS + 4 * DAY)
    assert len(reminded()) == 0


def test_each_reminder_has_its_turn(company: Company) -> None:
    company.open_wave()
    assert [remind_due(OPENS + 4 * DAY), remind_due(OPENS + 9 * DAY)] == [1, 1]
    assert len(reminded()) == 2 * EVERYBODY


def test_several_reminders_due_at_once_are_one_mail(company: Company) -> None:
    company.open_wave()
    remind_due(OPENS + 10 * DAY)
    assert {message.sequence for message in Message.select().where(Message.kind == outbox.REMINDER)} == {2}
    assert len(reminded()) == EVERYBODY
    assert not Reminder.select().join(Wave).where(Wave.state == "open", ~Reminder.done).exists()


def test_a_planned_or_closed_wave_reminds_nobody(company: Company) -> None:
    assert remind_due(OPENS + 10 * DAY) == 0
    wave = company.close_wave(company.open_wave())
    assert remind_due(wave.closes_at) == 0


def test_a_reminder_that_fails_is_tried_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.open_wave()
    with monkeypatch.context() as patched:
        patched.setattr(reminding.outbox, "queue", broken)
        assert remind_due(OPENS + 4 * DAY) == 0
    assert remind_due(OPENS + 4 * DAY) == 1


def test_a_late_reminder_and_the_next_one_are_not_two_mails_in_a_night(company: Company) -> None:
    company.open_wave()
    late = OPENS + 9 * DAY - 11 * 3600  # that of day 4, eleven hours before that of day 9
    assert [remind_due(late), remind_due(OPENS + 9 * DAY), remind_due(OPENS + 13 * DAY)] == [1, 0, 0]
    assert len(reminded()) == EVERYBODY


def test_a_wave_that_opened_late_does_not_remind_at_once(company: Company) -> None:
    Reminder.update(due_at=OPENS + DAY).where(Reminder.sequence == 1).execute()
    opened = OPENS + 23 * 3600
    assert len(open_due(opened, K)) == 1
    assert [remind_due(OPENS + DAY), remind_due(opened + 12 * 3600 - 1), remind_due(opened + 12 * 3600)] == [0, 0, 1]


# --- Of many people ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, EVERYBODY - 1, EVERYBODY, EVERYBODY + 1])
def test_everybody_is_reminded_once_however_many_at_a_time(
    company: Company, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(reminding, "REMINDED_AT_ONCE", at_once)
    company.open_wave()
    assert [remind_due(OPENS + 4 * DAY), remind_due(OPENS + 4 * DAY)] == [1, 0]
    assert len(set(reminded())) == len(reminded()) == EVERYBODY


def test_a_reminder_that_broke_off_goes_on_where_it_was(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminding, "REMINDED_AT_ONCE", 20)
    wave, queue, calls = company.open_wave(), outbox.queue, []

    def queue_twice(*args: Any, **named: Any) -> None:
        calls.append(args)
        broken() if len(calls) == 3 else queue(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "queue", queue_twice)
        assert remind_due(OPENS + 4 * DAY) == 0
    assert len(reminded()) == 40
    assert not Reminder.get(Reminder.wave == wave, Reminder.sequence == 1).done
    assert remind_due(OPENS + 4 * DAY) == 1
    assert len(set(reminded())) == len(reminded()) == EVERYBODY


def test_whoever_answers_while_others_are_reminded_is_left_out(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminding, "REMINDED_AT_ONCE", 20)
    company.open_wave()
    queue = outbox.queue

    def queue_and_answer(*args: Any, **named: Any) -> None:
        queue(*args, **named)
        Invitation.update(answered=True).execute()

    monkeypatch.setattr(outbox, "queue", queue_and_answer)
    assert remind_due(OPENS + 4 * DAY) == 1
    assert len(reminded()) == 20


def test_a_wave_that_closes_while_it_reminds_reminds_nobody_else(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminding, "REMINDED_AT_ONCE", 20)
    wave, queue = company.open_wave(), outbox.queue

    def queue_and_close(*args: Any, **named: Any) -> None:
        queue(*args, **named)
        Wave.update(state="closing").where(Wave.id == wave.id).execute()

    monkeypatch.setattr(outbox, "queue", queue_and_close)
    assert not remind(wave, OPENS + 4 * DAY)
    assert len(reminded()) == 20
