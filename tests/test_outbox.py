"""The outbox: every message is sent once, or there is a reason."""

import random
from collections import Counter
from collections.abc import Callable

import pytest
from peewee import OperationalError

from survey import erasure, outbox, sending
from survey.models import Bounce, Invitation, Message, Person, Wave, database
from survey.outbox import queue, state_counts
from survey.sending import BATCH, LEASE_SECONDS, deliver
from survey.settings import Settings
from survey.transport import LineCut, Mail, Refused, Unreachable
from tests.cast import DAY, OPENS, Company

NOW = OPENS
MINUTE = 60

Reply = Callable[[str], None]


class Post:
    """A mail server that does as it is told: `reply` gets each address, and may raise."""

    def __init__(self, reply: Reply = lambda address: None) -> None:
        self.taken: list[str] = []
        self.closed = 0
        self._reply = reply

    def send(self, mail: Mail, meanwhile: Callable[[], None]) -> None:
        assert not database.in_transaction(), "A transaction is open while the mail server talks."
        meanwhile()
        self._reply(mail.receiver)
        self.taken.append(mail.receiver)

    def close(self) -> None:
        self.closed += 1


def compose(message: Message, now: int) -> Mail:
    return Mail("espejo@x.example", Person.get_by_id(message.person_id).email, b"")


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


@pytest.mark.parametrize(("drawn", "seconds"), [(0.9, 270), (1.1, 330)])
def test_a_wait_is_spread_by_a_tenth_to_both_sides(
    someone: Message, monkeypatch: pytest.MonkeyPatch, drawn: float, seconds: int
) -> None:
    asked = []
    monkeypatch.setattr(random, "uniform", lambda low, high: asked.append((low, high)) or drawn)
    Message.update(attempts=1).execute()
    send(reply=raises(Refused("451 later", forever=False)))
    assert (asked, only_message().due_at - NOW) == ([(0.9, 1.1)], seconds)


def test_no_mail_is_tried_twice_within_a_minute(someone: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the count of a minute's mails, which looks at the last try of each, would miss one."""
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    send(reply=raises(Refused("451 later", forever=False)))
    assert only_message().due_at - NOW == 60


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
        (LineCut("451 out of breath"), "retry"),
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

    def compose_most(message: Message, now: int) -> Mail:
        if message.id == bad:
            raise LookupError("no such template")
        return compose(message, now)

    assert deliver(NOW, compose_most, Post()) == {"sent": 49, "retry": 1}
    assert f"The mail {bad} (sign-in) could not be written" in caplog.text


@pytest.mark.parametrize("fault", [LookupError("no such template"), UnicodeError("a lone surrogate")])
def test_a_mail_that_can_never_be_written_is_dead_after_three_tries(someone: Message, fault: Exception) -> None:
    now, outcomes = NOW, []
    for _ in range(4):
        outcomes.append(dict(send(now, raises(fault))))
        now = only_message().due_at + 1
    assert outcomes == [{"retry": 1}, {"retry": 1}, {"dead": 1}, {}]
    assert (only_message().attempts, only_message().reason) == (3, outbox.UNWRITABLE)


def test_a_database_that_is_busy_kills_no_mail(someone: Message) -> None:
    now = NOW
    for _ in range(5):
        assert send(now, raises(OperationalError("database is locked"))) == {"retry": 1}
        now = only_message().due_at
    assert send(now) == {"sent": 1}


def test_a_mail_that_kills_its_sender_keeps_the_others_back_once(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(5), NOW)
    now = NOW
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            send(now, reply=raises(KeyboardInterrupt(), only="p0@"))
        now += LEASE_SECONDS
    assert state_counts() == {"sent": 4, "sending": 1}


def test_a_sign_in_link_leaves_before_what_was_queued_earlier(company: Company) -> None:
    company.open_wave()
    queue(outbox.SIGN_IN, [company.alice.id], NOW + 1)
    kinds = []

    def compose_and_note(message: Message, now: int) -> Mail:
        kinds.append(message.kind)
        return compose(message, now)

    deliver(NOW + 1, compose_and_note, Post())
    assert (kinds[0], len(kinds)) == (outbox.SIGN_IN, 60)


# The line is cut


def test_a_line_that_is_cut_costs_one_mail_a_minute_and_the_next_goes_on(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(20), NOW)
    assert send(reply=raises(LineCut("421 too many"), only="5@")) == {"sent": 18, "retry": 2}
    assert send(NOW + 2 * MINUTE) == {"sent": 2}


def test_a_server_that_cuts_every_line_is_left_alone_after_three(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(20), NOW)
    tried = []

    def cut(address: str) -> None:
        tried.append(address)
        raise LineCut("421 too many")

    assert send(reply=cut) == {"retry": 20}
    assert len(tried) == 3
    assert sorted(attempts for (attempts,) in Message.select(Message.attempts).tuples()) == [0] * 17 + [1] * 3


def test_a_mail_that_is_taken_or_refused_in_between_makes_it_a_new_count(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(11), NOW)

    def mostly_cut(address: str) -> None:
        if address[1] in "25":
            raise Refused("550 no", forever=True)
        if address[1] != "8":
            raise LineCut("421 too many")

    assert send(reply=mostly_cut) == {"retry": 8, "dead": 2, "sent": 1}


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


@pytest.mark.parametrize("kind", outbox.SUMMARIES)
def test_who_no_longer_leads_or_works_for_hr_gets_no_summary(company: Company, kind: str) -> None:
    """A summary may wait for days; what HR sees is not for who has gone back to Sales."""
    both = [company.alice.id, company.hanna.id]
    queue(kind, both, NOW, wave=Wave.get())
    send()
    states = dict(Message.select(Message.person, Message.state).tuples())
    assert states == dict(
        zip(both, ("sent", "dropped") if kind == outbox.SUMMARY else ("dropped", "sent"), strict=True)
    )
    assert Message.get(Message.state == "dropped").reason == outbox.OTHER_DUTY


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
    assert send(wave.closed_at)["sent"] == 4  # two leads, two of HR


# Leases


class Clock:
    """The moment while a delivery goes on; whoever holds it moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def claim(now: int) -> list[int]:
    return [message.id for message in sending._claim("somebody's lease", now, BATCH)]


def test_what_one_sender_holds_no_other_takes(someone: Message) -> None:
    assert claim(NOW) == [someone.id]
    assert claim(NOW + LEASE_SECONDS - 1) == []


def test_a_sender_that_died_gives_its_messages_back(someone: Message) -> None:
    claim(NOW)
    assert claim(NOW + LEASE_SECONDS) == [someone.id]
    assert (only_message().attempts, only_message().mail_id) == (0, someone.mail_id)


def test_a_round_that_outlasts_its_lease_sends_nothing_twice(settings: Settings) -> None:
    """The first sender takes 100 s for each mail; a second one comes whenever a lease may have run out."""
    queue(outbox.SIGN_IN, people(10), NOW)
    clock, second = Clock(), Post()

    def slowly(address: str) -> None:
        clock.now += 100
        if address.startswith(("p3", "p7")):
            deliver(clock.now, compose, second)

    first = Post(slowly)
    outcomes = deliver(NOW, compose, first, clock=clock)
    assert sorted(first.taken + second.taken) == sorted(f"p{number}@x.example" for number in range(10))
    assert (len(second.taken), outcomes) == (6, {"sent": 4})
    assert state_counts() == {"sent": 10}


def test_the_lease_of_a_mail_is_renewed_just_before_it_leaves(someone: Message) -> None:
    clock = Clock()
    until = []

    def seen(address: str) -> None:
        until.append(only_message().leased_until)

    clock.now = NOW + 1000
    deliver(NOW, compose, Post(seen), clock=clock)
    assert until == [NOW + 1000 + LEASE_SECONDS]


def test_a_sender_that_has_lost_its_lease_does_not_store_what_became_of_the_mail(someone: Message) -> None:
    def another_takes_it(address: str) -> None:
        Message.update(lease="another").execute()

    assert send(reply=another_takes_it) == {}
    assert (only_message().state, only_message().lease) == ("sending", "another")


def test_a_person_who_is_erased_while_mail_leaves_stops_nobody(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)

    def erased(address: str) -> None:
        erasure.erase("p1@x.example")

    assert send(reply=erased) == {"sent": 2}
    assert state_counts() == {"sent": 2}


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


# Addresses that refuse


def refuse(*addresses: str) -> Reply:
    def reply(address: str) -> None:
        if address in addresses:
            raise Refused("550 no such user", forever=True, address=True)

    return reply


def bounces() -> list[tuple[str, str]]:
    return sorted(Bounce.select(Bounce.email, Bounce.reply).tuples())


def test_an_address_that_is_refused_for_good_is_noted_with_the_servers_words(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)
    assert send(reply=refuse("p1@x.example")) == {"sent": 2, "dead": 1}
    assert bounces() == [("p1@x.example", "550 no such user")]


def test_what_is_refused_for_another_reason_or_for_now_blames_no_address(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(2), NOW)
    send(reply=raises(Refused("554 spam", forever=True), only="p0"))
    send(NOW + DAY, raises(Refused("451 later", forever=False, address=True), only="p1"))
    assert bounces() == []


def test_a_note_is_renewed_and_goes_when_a_mail_is_taken(settings: Settings) -> None:
    (person,) = people(1)
    for reply in ("550 no such user", "551 moved"):
        queue(outbox.SIGN_IN, [person], NOW)
        send(reply=raises(Refused(reply, forever=True, address=True)))
        assert bounces() == [("p0@x.example", reply)]
    queue(outbox.SIGN_IN, [person], NOW)
    send()
    assert bounces() == []


def test_a_reminder_that_is_refused_makes_no_note_or_it_would_tell_who_has_not_answered(company: Company) -> None:
    wave = company.open_wave()
    Message.delete().execute()
    queue(outbox.REMINDER, [company.charlie.id], NOW, wave=wave, sequence=1)
    assert send(reply=refuse(company.charlie.email)) == {"dead": 1}
    assert bounces() == []


def test_a_reminder_that_arrives_takes_no_note_away_for_the_same_reason(company: Company) -> None:
    wave = company.open_wave()
    Message.delete().execute()
    Bounce.create(person=company.charlie, email=company.charlie.email, reply="552 mailbox full")
    queue(outbox.REMINDER, [company.charlie.id], NOW, wave=wave, sequence=1)
    assert send() == {"sent": 1}
    assert len(bounces()) == 1


def test_an_address_of_somebody_who_is_erased_while_the_server_is_asked_stops_nobody(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)

    def erased(address: str) -> None:
        if address.startswith("p1"):
            erasure.erase("p1@x.example")
            raise Refused("550 no such user", forever=True, address=True)

    assert send(reply=erased) == {"sent": 2}
    assert bounces() == []


def test_the_log_names_nobody_whom_the_mail_server_names(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    queue(outbox.SIGN_IN, people(1), NOW)
    send(reply=raises(Unreachable("421 <p0@x.example> try later")))
    assert "421 … try later" in caplog.text
    assert "p0@x.example" not in caplog.text


# Sending again


@pytest.fixture
def dead(settings: Settings) -> list[Message]:
    """Three messages that were refused for good."""
    queue(outbox.SIGN_IN, people(3), NOW)
    send(reply=raises(Refused("550 no", forever=True)))
    return list(Message.select())


def test_a_dead_message_is_sent_again_as_the_same_mail(dead: list[Message]) -> None:
    assert outbox.resend(NOW + 1, dead[1].id) == 1
    assert send(NOW + 1) == {"sent": 1}
    (again,) = Message.select().where(Message.state == "sent")
    assert (again.id, again.mail_id, again.attempts, again.reason) == (dead[1].id, dead[1].mail_id, 1, "")


def test_asked_twice_a_dead_message_is_queued_once(dead: list[Message]) -> None:
    assert [outbox.resend(NOW, dead[0].id) for _ in range(2)] == [1, 0]
    assert [outbox.resend(NOW) for _ in range(2)] == [2, 0]
    assert state_counts() == {"pending": 3}


def test_only_what_is_dead_is_sent_again(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(2), NOW)
    send(reply=raises(Refused("451 later", forever=False), only="p1"))
    assert [outbox.resend(NOW, message.id) for message in Message.select()] == [0, 0]


@pytest.mark.parametrize(("late", "queued"), [(-1, 1), (0, 0)])
def test_what_has_become_pointless_is_not_sent_again(dead: list[Message], late: int, queued: int) -> None:
    Message.update(expires_at=NOW + 100).where(Message.id == dead[0].id).execute()
    assert outbox.resend(NOW + 100 + late, dead[0].id) == queued


# The pause switch


def test_while_mail_is_paused_nothing_leaves_and_nothing_is_lost(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)
    outbox.pause(NOW)
    assert (send(), outbox.paused_since(), state_counts()) == ({}, NOW, {"pending": 3})
    outbox.resume()
    assert (send(), outbox.paused_since()) == ({"sent": 3}, None)


def test_pausing_again_keeps_since_when(settings: Settings) -> None:
    outbox.pause(NOW)
    outbox.pause(NOW + 1)
    assert outbox.paused_since() == NOW


def test_a_pause_stops_a_delivery_that_is_under_way_before_its_next_mail(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(9), NOW)
    send(reply=raises(Refused("451 later", forever=False), only="p0"))
    Message.update(state="pending").where(Message.state == "sent").execute()

    def pause(address: str) -> None:
        outbox.pause(NOW)

    assert send(NOW + 2 * MINUTE, reply=pause) == {"sent": 1}
    assert state_counts() == {"sent": 1, "retry": 8}
    assert not Message.select().where(Message.lease.is_null(False)).exists()


# The rate


def test_no_more_leave_in_any_minute_than_may(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(40), NOW)
    left = [send_at_rate(NOW + second, 10) for second in (0, 1, 30, 59, 60, 61, 119, 120)]
    assert left == [10, 0, 0, 0, 10, 0, 0, 10]


def test_the_minute_slides(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(40), NOW)
    Message.update(due_at=NOW + 50).where(Message.id > 4).execute()
    assert [send_at_rate(NOW + second, 10) for second in (0, 50, 60, 109, 110)] == [4, 6, 4, 0, 6]


def send_at_rate(now: int, per_minute: int) -> int:
    return deliver(now, compose, Post(), per_minute=per_minute).total()


def test_a_rate_counts_refused_mails_too_and_those_of_every_sender(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(30), NOW)
    second = Post()

    def meanwhile(address: str) -> None:
        deliver(NOW, compose, second, per_minute=10)
        raise Refused("451 later", forever=False)

    first = Post(meanwhile)
    outcomes = deliver(NOW, compose, first, per_minute=10)
    assert outcomes["retry"] + len(second.taken) == 10
    assert send_at_rate(NOW + 59, 10) == 0


def test_a_clock_that_was_put_back_stops_no_mail(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(20), NOW - DAY)
    assert send_at_rate(NOW, 10) == 10
    assert send_at_rate(NOW - 3600, 10) == 10


def test_what_the_rate_holds_back_is_as_it_was(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(20), NOW)
    clock = Clock()
    assert deliver(NOW, compose, Post(), clock=clock, per_minute=5) == {"sent": 5}
    assert state_counts() == {"sent": 5, "pending": 15}
    assert not Message.select().where(Message.lease.is_null(False)).exists()


# Telling how far it is


def test_after_each_mail_it_is_told_what_became_of_all_so_far(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)
    told: list[dict[str, int]] = []
    reply = raises(Refused("550 no", forever=True), only="p1@")
    deliver(NOW, compose, Post(reply), report=lambda outcomes: told.append(dict(outcomes)))
    assert told == [{"sent": 1}, {"sent": 1, "dead": 1}, {"sent": 2, "dead": 1}]


def test_states_are_counted(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)
    send(reply=raises(Refused("550 no", forever=True), only="p1@"))
    assert state_counts() == {"sent": 2, "dead": 1}


def test_what_turns_out_not_to_be_needed_is_dropped_with_its_reason_and_the_rest_goes_on(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(2), NOW)

    def first_is_settled(message: Message, now: int) -> Mail:
        if message.person_id == Person.get(Person.name == "P 0").id:
            raise sending.NotNeeded(outbox.SETTLED)
        return compose(message, now)

    post = Post()
    assert deliver(NOW, first_is_settled, post) == {"dropped": 1, "sent": 1}
    assert post.taken == ["p1@x.example"]
    assert Message.get(Message.state == "dropped").reason == outbox.SETTLED
    assert deliver(NOW + DAY, first_is_settled, post) == {}
