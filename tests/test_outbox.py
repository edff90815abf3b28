"""The outbox: every message is sent once, or there is a reason."""

import random
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from survey import outbox
from survey.models import Invitation, Message, Person, Wave, database
from survey.outbox import BATCH, LEASE_SECONDS, Refused, Unreachable, deliver, queue, state_counts
from survey.settings import Settings
from tests.cast import OPENS, Company

NOW = OPENS
MINUTE = 60

Reply = Callable[[str], None]


class Post:
    """A mail server that does as it is told: `reply` gets each address, and may raise."""

    def __init__(self, reply: Reply = lambda address: None) -> None:
        self.taken: list[str] = []
        self.closed = 0
        self._reply = reply

    def send(self, mail: EmailMessage) -> None:
        assert not database.in_transaction(), "A transaction is open while the mail server talks."
        self._reply(mail["To"])
        self.taken.append(mail["To"])

    def close(self) -> None:
        self.closed += 1


def compose(message: Message, now: int) -> EmailMessage:
    mail = EmailMessage()
    mail["To"] = Person.get_by_id(message.person_id).email
    return mail


def raises(error: Exception, only: str = "@") -> Reply:
    def reply(address: str) -> None:
        if only in address:
            raise error

    return reply


def people(count: int) -> list[int]:
    return [
        Person.create(email=f"p{number}@x.example", name=f"P {number}", language="es").id for number in range(count)
    ]


def send(now: int = NOW, reply: Reply = lambda address: None) -> Counter[str]:
    return deliver(now, compose, Post(reply))


def only_message() -> Message:
    (found,) = Message.select()
    return found


@pytest.fixture
def someone(settings: Settings) -> Message:
    """One message that waits."""
    queue(outbox.SIGN_IN, people(1), NOW)
    return only_message()


# Queueing


def test_queueing_twice_queues_one_message_each(company: Company) -> None:
    wave = Wave.get()
    for _ in range(2):
        queue(outbox.SUMMARY, [company.alice.id, company.bob.id], NOW, wave=wave)
    assert sorted(message.person_id for message in Message.select()) == [company.alice.id, company.bob.id]


def test_queueing_again_does_not_touch_what_was_sent(company: Company) -> None:
    queue(outbox.SUMMARY, [company.alice.id], NOW, wave=Wave.get())
    send()
    queue(outbox.SUMMARY, [company.alice.id], NOW + 1, wave=Wave.get())
    assert only_message().state == "sent"


def test_another_reminder_is_another_message(company: Company) -> None:
    for sequence in (1, 2):
        queue(outbox.REMINDER, [company.alice.id], NOW, wave=Wave.get(), sequence=sequence)
    assert Message.select().count() == 2


def test_a_sign_in_link_can_be_asked_for_again(settings: Settings) -> None:
    (person,) = people(1)
    queue(outbox.SIGN_IN, [person], NOW)
    queue(outbox.SIGN_IN, [person], NOW + 1)
    assert Message.select().count() == 2


def test_every_message_has_a_mail_id_of_its_own(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(600), NOW)
    assert len({message.mail_id for message in Message.select()}) == 600


# Sending


def test_a_message_that_is_taken_is_sent(someone: Message) -> None:
    post = Post()
    assert deliver(NOW, compose, post) == {"sent": 1}
    assert (only_message().state, post.taken, post.closed) == ("sent", ["p0@x.example"], 1)


def test_what_is_sent_is_not_sent_again(someone: Message) -> None:
    assert [send(), send()] == [{"sent": 1}, {}]


def test_a_message_is_sent_from_its_second_on(someone: Message) -> None:
    assert [send(NOW - 1), send(NOW)] == [{}, {"sent": 1}]


def test_more_than_one_batch_is_sent_over_one_conversation(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(2 * BATCH + 1), NOW)
    post = Post()
    assert deliver(NOW, compose, post) == {"sent": 2 * BATCH + 1}
    assert (len(set(post.taken)), post.closed) == (2 * BATCH + 1, 1)


def test_without_messages_nothing_is_said_to_the_server(settings: Settings) -> None:
    assert send(reply=raises(AssertionError("Nobody was to be written to."))) == {}


# Refused


def test_a_message_refused_for_good_is_dead_with_the_servers_words(someone: Message) -> None:
    assert send(reply=raises(Refused("550 no such user", forever=True))) == {"dead": 1}
    assert (only_message().state, only_message().reason) == ("dead", "550 no such user")
    assert send(NOW + 10**6) == {}


def test_a_message_refused_for_now_is_tried_again_after_1_5_15_60_and_240_minutes(someone: Message) -> None:
    now, waits = NOW, []
    for _ in range(7):
        assert send(now, raises(Refused("451 later", forever=False))) == {"retry": 1}
        waits.append(only_message().due_at - now)
        now = only_message().due_at
    expected = [1, 5, 15, 60, 240, 240, 240]
    assert all(
        0.9 * 60 * minutes - 1 <= wait <= 1.1 * 60 * minutes for minutes, wait in zip(expected, waits, strict=True)
    )


@pytest.mark.parametrize(("drawn", "seconds"), [(0.9, 54), (1.1, 66)])
def test_a_wait_is_spread_by_a_tenth_to_both_sides(
    someone: Message, monkeypatch: pytest.MonkeyPatch, drawn: float, seconds: int
) -> None:
    asked = []
    monkeypatch.setattr(random, "uniform", lambda low, high: asked.append((low, high)) or drawn)
    send(reply=raises(Refused("451 later", forever=False)))
    assert (asked, only_message().due_at - NOW) == ([(0.9, 1.1)], seconds)


def test_a_message_that_waits_for_another_try_is_not_tried_before(someone: Message) -> None:
    send(reply=raises(Refused("451 later", forever=False)))
    due = only_message().due_at
    assert [send(due - 1), send(due)] == [{}, {"sent": 1}]


def test_what_was_sent_in_the_end_has_no_reason_left(someone: Message) -> None:
    send(reply=raises(Refused("451 later", forever=False)))
    send(only_message().due_at)
    assert (only_message().reason, only_message().leased_until) == ("", None)


# One never stops the rest


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Refused("550 no such user", forever=True), "dead"),
        (Refused("452 mailbox full", forever=False), "retry"),
        (ValueError("what nobody thought of"), "retry"),
    ],
)
def test_one_bad_address_among_fifty_stops_nobody(settings: Settings, error: Exception, state: str) -> None:
    queue(outbox.SIGN_IN, people(50), NOW)
    assert send(reply=raises(error, only="p20@")) == {"sent": 49, state: 1}


def test_one_mail_that_cannot_be_written_stops_nobody_and_is_logged(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    queue(outbox.SIGN_IN, people(50), NOW)
    bad = Message.select().offset(20).get().id

    def compose_most(message: Message, now: int) -> EmailMessage:
        if message.id == bad:
            raise LookupError("no such template")
        return compose(message, now)

    assert deliver(NOW, compose_most, Post()) == {"sent": 49, "retry": 1}
    assert f"The mail {bad} (sign-in) could not be written" in caplog.text


# The server cannot be reached


def test_an_unreachable_server_stops_the_round_and_nothing_is_lost(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(50), NOW)
    assert send(reply=raises(Unreachable("connection refused"), only="p20@")) == {"sent": 20, "retry": 30}
    assert send(NOW + 2 * MINUTE) == {"sent": 30}


def test_an_unreachable_server_is_tried_once_a_round(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(2 * BATCH), NOW)
    tries = []

    def down(address: str) -> None:
        tries.append(address)
        raise Unreachable("connection refused")

    send(reply=down)
    assert len(tries) == 1
    assert state_counts() == {"retry": BATCH, "pending": BATCH}


def test_the_conversation_is_ended_when_the_server_is_lost(someone: Message) -> None:
    post = Post(raises(Unreachable("gone")))
    deliver(NOW, compose, post)
    assert post.closed == 1


# Pointless


@pytest.mark.parametrize(("after", "outcome"), [(59, "sent"), (60, "dropped")])
def test_a_message_is_dropped_when_it_has_become_pointless(settings: Settings, after: int, outcome: str) -> None:
    queue(outbox.SIGN_IN, people(1), NOW, expires_at=NOW + 60)
    assert send(NOW + after) == {outcome: 1}
    assert only_message().reason == (outbox.EXPIRED if outcome == "dropped" else "")


def test_who_has_left_gets_no_mail(someone: Message) -> None:
    Person.update(active=False).execute()
    assert send() == {"dropped": 1}
    assert only_message().reason == outbox.LEFT


def test_who_has_answered_gets_neither_invitation_nor_reminder(company: Company) -> None:
    wave = company.open_wave()
    queue(outbox.REMINDER, [company.charlie.id], NOW, wave=wave, sequence=1)
    Invitation.update(answered=True).where(Invitation.person == company.charlie).execute()
    assert send() == {"sent": 58, "dropped": 2}
    reasons = Message.select(Message.kind, Message.reason).where(Message.state == "dropped").order_by(Message.kind)
    assert list(reasons.tuples()) == [(outbox.INVITATION, outbox.ANSWERED), (outbox.REMINDER, outbox.ANSWERED)]


def test_an_answer_while_the_batch_is_being_sent_still_stops_the_mail(company: Company) -> None:
    company.open_wave()

    def everybody_answers(address: str) -> None:
        Invitation.update(answered=True).execute()

    assert send(reply=everybody_answers) == {"sent": 1, "dropped": 58}


def test_a_closed_wave_invites_nobody_any_more(company: Company) -> None:
    company.close_wave(company.open_wave())
    assert send() == {"dropped": 59}
    assert {message.reason for message in Message.select().where(Message.kind == outbox.INVITATION)} == {
        outbox.WAVE_CLOSED
    }


def test_a_summary_is_sent_after_its_wave_has_closed(company: Company) -> None:
    wave = company.close_wave(company.open_wave())
    assert send(wave.closed_at)["sent"] == 2


# Leases


def test_what_one_sender_holds_no_other_takes(someone: Message) -> None:
    assert [message.id for message in outbox._claim(NOW)] == [someone.id]
    assert outbox._claim(NOW + LEASE_SECONDS - 1) == []


def test_a_sender_that_died_gives_its_messages_back(someone: Message) -> None:
    outbox._claim(NOW)
    (again,) = outbox._claim(NOW + LEASE_SECONDS)
    assert (again.id, again.attempts, again.mail_id) == (someone.id, 2, someone.mail_id)


def test_two_senders_share_the_work_and_send_nothing_twice(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(2 * BATCH), NOW)
    second = Post()

    def meanwhile(address: str) -> None:
        deliver(NOW, compose, second)

    first = Post(meanwhile)
    deliver(NOW, compose, first)
    assert (len(first.taken), len(second.taken)) == (BATCH, BATCH)
    assert len({*first.taken, *second.taken}) == 2 * BATCH


def test_a_sender_that_is_killed_loses_nothing(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(10), NOW)
    with pytest.raises(KeyboardInterrupt):
        send(reply=raises(KeyboardInterrupt(), only="p4@"))
    assert state_counts() == {"sent": 4, "sending": 6}
    assert send(NOW + LEASE_SECONDS) == {"sent": 6}


def test_states_are_counted(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)
    send(reply=raises(Refused("550 no", forever=True), only="p1@"))
    assert state_counts() == {"sent": 2, "dead": 1}
