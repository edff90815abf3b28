"""Sending: what is stored before the next mail leaves, and what is written ahead."""

from collections import Counter
from collections.abc import Callable

import pytest

from survey import outbox, sending
from survey.database import is_sqlite
from survey.models import Bounce, Invitation, Message, Person, database
from survey.outbox import queue, state_counts
from survey.sending import deliver
from survey.settings import Settings
from survey.transport import LineCut, Mail, Refused
from tests.cast import OPENS, Company
from tests.test_outbox import Post, compose, people, raises

NOW = OPENS


def states() -> list[str]:
    return [state for (state,) in Message.select(Message.state).order_by(Message.id).tuples()]


class Composing:
    """Writes mails, and notes for whom, and what had left by then."""

    def __init__(self, post: Post) -> None:
        self.written: list[tuple[str, int]] = []
        self._post = post

    def __call__(self, message: Message, now: int) -> Mail:
        mail = compose(message, now)
        self.written.append((mail.receiver, len(self._post.taken)))
        return mail


# What is stored


def test_nothing_leaves_while_it_is_not_stored_what_became_of_the_mail_before(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(5), NOW)
    seen: list[list[str]] = []

    def look(address: str) -> None:
        seen.append(states())
        raise [Refused("550 no", forever=True), Refused("451 later", forever=False), LineCut("421")][len(seen) % 3]

    deliver(NOW, compose, Post(look))
    ends = ["retry", "retry", "dead", "retry", "retry"]
    assert seen == [[*ends[:done], *["sending"] * (5 - done)] for done in range(5)]
    assert states() == ends


def test_a_mail_takes_one_transaction(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(outbox.SIGN_IN, people(20), NOW)
    begun: Counter[str] = Counter()
    begin = database.obj.begin
    monkeypatch.setattr(database.obj, "begin", lambda *given: begun.update(["begin"]) or begin(*given))
    deliver(NOW, compose, Post())
    assert begun["begin"] <= 20 + 4  # the claims, and what became of the last one


@pytest.mark.parametrize("stop", [outbox.pause, None])
def test_what_became_of_the_last_mail_is_stored_however_a_round_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, stop: Callable[[int], None] | None
) -> None:
    queue(outbox.SIGN_IN, people(3), NOW)
    check = outbox.why_not_sent

    def breaks(message: Message, now: int) -> str | None:
        if states()[0] != "sending":
            raise LookupError("what nobody thought of")
        return check(message, now)

    if stop:
        deliver(NOW, compose, Post(lambda address: stop(NOW)))
        assert states() == ["sent", "pending", "pending"]
    else:
        monkeypatch.setattr(sending, "why_not_sent", breaks)
        with pytest.raises(LookupError):
            deliver(NOW, compose, Post())
        assert states() == ["sent", "sending", "sending"]


def test_a_note_of_a_refused_address_is_stored_with_what_became_of_its_mail(settings: Settings) -> None:
    queue(outbox.SIGN_IN, people(2), NOW)
    notes: list[int] = []

    def reply(address: str) -> None:
        notes.append(Bounce.select().count())
        raise Refused("550 no such user", forever=True, address=True)

    deliver(NOW, compose, Post(reply))
    assert notes == [0, 1]


# What comes first


def test_sign_in_links_leave_first_then_what_was_never_tried_then_what_was_tried_least(settings: Settings) -> None:
    everybody = people(5)
    queue(outbox.PROMISES, everybody[:4], NOW - 100)
    queue(outbox.SIGN_IN, everybody[4:], NOW)
    for person, change in zip(
        everybody,
        ({"state": "retry", "attempts": 2}, {"state": "sending", "attempts": 1, "leased_until": NOW}, {}, {}),
        strict=False,
    ):
        if change:
            Message.update(change).where(Message.person == person).execute()
    post = Post()
    deliver(NOW, compose, post)
    assert [address[1] for address in post.taken] == ["4", "2", "3", "1", "0"]


def test_what_is_taken_in_hand_is_found_without_looking_at_all_that_waits(settings: Settings) -> None:
    if is_sqlite():
        written = sending._untried._find((NOW, sending.BATCH))
        plan = database.execute_sql(f"EXPLAIN QUERY PLAN {written.sql}", ["pending", NOW, "sign-in", 50]).fetchall()
        assert [step[-1].split(" USING ")[1] for step in plan] == ["INDEX message_state_due_at (state=? AND due_at<?)"]


# What is written ahead


def test_an_invitation_is_written_once_while_the_one_before_is_considered(company: Company) -> None:
    company.open_wave()
    post = Post()
    composing = Composing(post)
    deliver(NOW, composing, post)
    assert [receiver for receiver, _ in composing.written] == post.taken
    before = [taken for _, taken in composing.written]
    ahead = [place - 1 if place % sending.BATCH else place for place in range(59)]
    assert before == ahead


def test_what_tells_of_things_that_change_is_written_when_its_turn_has_come(settings: Settings) -> None:
    queue(outbox.PROMISES, people(5), NOW)
    post = Post()
    composing = Composing(post)
    deliver(NOW, composing, post)
    assert [taken for _, taken in composing.written] == [0, 1, 2, 3, 4]


def test_who_answers_after_the_mail_was_written_ahead_gets_none_and_the_next_gets_the_own(company: Company) -> None:
    company.open_wave()
    second, third = [person for (person,) in Message.select(Message.person).order_by(Message.id).limit(3).tuples()][1:]

    def answers(address: str) -> None:
        Invitation.update(answered=True).where(Invitation.person == second).execute()

    post = Post(answers)
    assert deliver(NOW, compose, post) == {"sent": 58, "dropped": 1}
    assert Person.get_by_id(second).email not in post.taken
    assert post.taken[1] == Person.get_by_id(third).email
    assert len(set(post.taken)) == 58


def test_a_mail_that_cannot_be_written_ahead_fails_in_its_own_turn_alone(company: Company) -> None:
    company.open_wave()
    bad = Message.select().order_by(Message.id).offset(7).get().id

    def compose_most(message: Message, now: int) -> Mail:
        if message.id == bad:
            raise LookupError("no such template")
        return compose(message, now)

    assert deliver(NOW, compose_most, Post()) == {"sent": 58, "retry": 1}
    assert Message.get_by_id(bad).attempts == 1


def test_a_refused_mail_gives_its_place_to_no_other(company: Company) -> None:
    """What was written ahead belongs to one message, whatever becomes of those around it."""
    company.open_wave()
    post = Post(raises(Refused("451 later", forever=False), only="3@"))
    deliver(NOW, compose, post)
    sent = Message.select(Person.email).join(Person).where(Message.state == "sent").tuples()
    assert sorted(post.taken) == sorted(email for (email,) in sent)
    assert sum(state_counts().values()) == 59
