"""How far the mail is: what HR's page and the terminal say of it."""

from collections import Counter

import pytest

from survey import deliveries, outbox, people, sending, waves
from survey.deliveries import EVERY_MAILS, EVERY_SECONDS, Counts, Teller, line, minutes_left
from survey.models import Bounce, Invitation, Message, Person, Wave
from survey.outbox import queue
from survey.pulses import add_pulse
from survey.sending import deliver
from survey.settings import Settings
from survey.transport import Refused
from tests.cast import DAY, OPENS, Company, K
from tests.test_outbox import Clock, Post, compose, raises

NOW = OPENS
REFUSED, PUT_OFF = Refused("550 no", forever=True), Refused("451 later", forever=False)


def test_what_was_sent_and_what_was_not_needed_look_alike(company: Company) -> None:
    wave = company.open_wave()
    company.answer(wave, share=0.5)
    deliver(NOW, compose, Post())
    assert outbox.state_counts() == {"sent": 29, "dropped": 30}
    assert deliveries.whole() == Counts(settled=59, waiting=0, retry=0, dead=0)


def test_what_waits_is_what_no_sender_has_finished(settings: Settings, company: Company) -> None:
    company.open_wave()
    sending._claim("a lease", NOW, 20)
    assert deliveries.whole() == Counts(settled=0, waiting=59, retry=0, dead=0)


def test_each_kind_of_mail_of_a_wave_has_its_counts(company: Company) -> None:
    wave = company.open_wave()
    deliver(NOW, compose, Post(raises(Refused("550 no", forever=True), only="charlie@")))
    queue(outbox.REMINDER, [company.alice.id, company.bob.id], NOW, wave=wave, sequence=1)
    queue(outbox.REMINDER, [company.bob.id], NOW, wave=wave, sequence=2)
    queue(outbox.SIGN_IN, [company.alice.id], NOW)
    found = [(row.wave.pulse.key, row.kind, row.sequence, row.counts) for row in deliveries.by_wave()]
    assert found == [
        ("quarterly", "invitation", 0, Counts(58, 0, 0, 1)),
        ("quarterly", "reminder", 1, None),
        ("quarterly", "reminder", 2, None),
    ]


def test_the_latest_waves_come_first_and_old_ones_not_at_all(company: Company) -> None:
    for _ in range(deliveries.WAVES_SHOWN + 1):
        company.close_wave(company.open_wave())
    shown = [row.wave.opens_at for row in deliveries.by_wave() if row.kind == outbox.INVITATION]
    assert shown == sorted((wave.opens_at for wave in Wave.select().where(Wave.state == "closed")), reverse=True)[:-1]


def test_without_mail_there_is_nothing_to_tell(settings: Settings) -> None:
    assert (deliveries.by_wave(), deliveries.whole().total, minutes_left(0, NOW, 0)) == ([], 0, None)


def test_failed_letters_are_named_but_no_reminder_is(company: Company) -> None:
    wave = company.open_wave()
    queue(outbox.REMINDER, [company.bob.id], NOW, wave=wave, sequence=1)
    deliver(NOW, compose, Post(raises(Refused("550 no", forever=True), only="bob@")))
    assert deliveries.whole().dead == 1
    assert [(found.kind, found.person.name) for found in deliveries.failed(10)] == [("invitation", "Bob Brown")]


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize(("later", "ends"), [(None, "sent"), (REFUSED, "dead"), (PUT_OFF, "retry")])
def test_an_invitation_that_failed_goes_the_same_way_whether_its_person_has_answered(
    company: Company, later: Refused | None, ends: str, answered: bool
) -> None:
    """HR, who sees the letter by name and says which address it goes to, would see who has answered."""
    company.open_wave()
    deliver(NOW, compose, Post(raises(PUT_OFF, only="bob@")))
    Invitation.update(answered=answered).where(Invitation.person == company.bob).execute()
    deliver(NOW + DAY, compose, Post(raises(later, only="bob@") if later else lambda _address: None))
    assert Message.get(Message.person == company.bob).state == ends


def test_who_has_answered_before_the_first_try_gets_no_invitation(company: Company) -> None:
    company.open_wave()
    Invitation.update(answered=True).where(Invitation.person == company.bob).execute()
    deliver(NOW, compose, Post(raises(REFUSED, only="bob@")))
    assert Message.get(Message.person == company.bob).state == "dropped"
    assert {row.counts for row in deliveries.by_wave()} == {Counts(59, 0, 0, 0)}


# How long still


def tried(count: int, first: int, last: int) -> None:
    """So many messages, tried from one second to another."""
    person = Person.create(email="p@x.example", name="P", language="es")
    queue(outbox.SIGN_IN, [person.id] * count, NOW)
    for place, message in enumerate(Message.select()):
        moment = first + (last - first) * place // max(1, count - 1)
        Message.update(tried_at=moment, state="sent").where(Message.id == message.id).execute()


@pytest.mark.parametrize(
    ("waiting", "per_minute", "minutes"), [(600, 0, 5), (601, 0, 6), (1, 0, 1), (0, 0, 0), (600, 60, 10), (600, 999, 5)]
)
def test_the_rest_takes_as_long_as_the_last_minute_says_but_no_less_than_the_rate_lets_it(
    settings: Settings, waiting: int, per_minute: int, minutes: int
) -> None:
    tried(40, NOW - 20, NOW)
    assert minutes_left(waiting, NOW, per_minute) == minutes


@pytest.mark.parametrize(("tries", "per_minute", "minutes"), [(19, 0, None), (20, 0, 10), (19, 60, 10)])
def test_few_tries_tell_no_pace(settings: Settings, tries: int, per_minute: int, minutes: int | None) -> None:
    tried(tries, NOW - 20, NOW)
    assert minutes_left(600, NOW, per_minute) == minutes


def test_when_nothing_has_left_lately_only_a_rate_tells_how_long(settings: Settings) -> None:
    tried(40, NOW - 200, NOW - 100)
    assert [minutes_left(60, NOW, per_minute) for per_minute in (0, 30)] == [None, 2]


# Addresses that take no mail


def test_a_refused_address_is_shown_until_it_is_another_one(company: Company) -> None:
    Bounce.create(person=company.bob, email=company.bob.email, reply="550 no such user")
    ((found),) = deliveries.bounces()
    assert (found.person.name, found.person.department.name, found.reply) == ("Bob Brown", "IT", "550 no such user")
    Person.update(email="robert@mirror.example").where(Person.id == company.bob.id).execute()
    assert deliveries.bounces() == []


def test_whoever_has_left_is_not_among_the_refused(company: Company) -> None:
    Bounce.create(person=company.bob, email=company.bob.email, reply="550 no such user")
    Person.update(active=False).where(Person.id == company.bob.id).execute()
    assert deliveries.bounces() == []


def test_somebody_without_department_may_be_refused_too(company: Company) -> None:
    Bounce.create(person=company.hanna, email=company.hanna.email, reply="550 no such user")
    assert [found.person.name for found in deliveries.bounces()] == ["Hanna Hansen"]
    assert people.without_department() == 0


# In the terminal


def test_a_line_says_what_there_is_to_say() -> None:
    assert line(Counts(300, 1690, 8, 2), 4) == (
        "300 of 2000 mails settled, 8 to be tried again, 2 refused for good, about 4 min left"
    )
    assert line(Counts(300, 0, 0, 0), 4) == "300 of 300 mails settled"
    assert line(Counts(0, 5, 0, 0), None) == "0 of 5 mails settled"


def test_a_long_delivery_is_told_every_hundred_mails(settings: Settings) -> None:
    said: list[str] = []
    queue(outbox.SIGN_IN, [Person.create(email="p@x.example", name="P", language="es").id] * 250, NOW)
    deliver(NOW, compose, Post(), report=Teller(said.append, lambda: NOW, 0))
    assert EVERY_MAILS == 100
    assert [text.split(" mails")[0] for text in said] == ["100 of 250", "200 of 250"]


def test_a_very_long_delivery_is_told_after_each_hundredth_of_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "waiting", lambda: 30_000)
    said: list[str] = []
    tell = Teller(said.append, lambda: NOW, 0)
    for mails in range(1, 1000):
        tell(Counter({"sent": mails}))
    assert [text.split(" of")[0] for text in said] == ["100", "400", "700"]


def test_a_slow_delivery_is_told_every_ten_seconds(settings: Settings) -> None:
    clock, said = Clock(), []
    tell = Teller(said.append, clock, 0)
    for mails, seconds in enumerate((1, EVERY_SECONDS - 2, 1, 1, EVERY_SECONDS - 1), start=1):
        clock.now += seconds
        tell(Counter({"sent": mails}))
    assert [text.split(" of")[0] for text in said] == ["3", "5"]


def test_a_short_delivery_is_over_before_anything_is_said(settings: Settings) -> None:
    Teller(pytest.fail, lambda: NOW, 0)(Counter({"sent": EVERY_MAILS - 1}))


def test_reminders_of_a_wave_of_fewer_than_k_people_are_not_told(company: Company) -> None:
    """Their number would be that of those who have not answered."""
    legal = [company.departments["Legal"]]
    small = add_pulse("small", "quarterly", Wave.get().local_date, "Europe/Madrid", departments=legal)
    waves.open_due(OPENS, K)
    waves.remind_due(OPENS + 4 * DAY)
    told = {(found.wave.pulse_id, found.kind) for found in deliveries.by_wave()}
    assert (company.pulse.id, outbox.REMINDER) in told
    assert {kind for pulse, kind in told if pulse == small.id} == {outbox.INVITATION}


def test_mails_of_a_day_are_counted_and_shown_with_no_wave(company: Company) -> None:
    wave = company.released_wave()
    before = deliveries.by_wave()
    queue(outbox.PROMISES, [company.alice.id], NOW, wave=wave, sequence=739000)
    queue(outbox.OVERDUE, [company.hanna.id], NOW, wave=wave, sequence=739000)
    assert deliveries.by_wave() == before
    assert deliveries.whole().waiting == sum(row.counts.waiting for row in before) + 2
