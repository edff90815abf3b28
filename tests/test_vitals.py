"""What whoever runs Espejo watches."""

from survey import leases, outbox
from survey.models import Message
from survey.vitals import vitals
from tests.cast import DAY, OPENS, Company


def test_a_new_installation_is_at_rest(company: Company) -> None:
    found = vitals(OPENS - DAY)
    assert found.mails == {"pending": 0, "sending": 0, "retry": 0, "dead": 0}
    assert (found.mail_waits_seconds, found.mail_is_paused) == (0, False)
    assert (found.waves_open, found.waves_late) == (0, 0)
    assert (found.clock_holder, found.ticked_seconds_ago) == ("", None)


def test_mail_that_waits_is_counted_from_when_it_was_due(company: Company) -> None:
    company.open_wave()
    Message.update(state="retry", due_at=OPENS + 60).where(Message.person == company.bob).execute()
    Message.update(state="dead", due_at=0).where(Message.person == company.alice).execute()
    outbox.pause(OPENS)
    found = vitals(OPENS + 90)
    assert found.mails == {"pending": 57, "sending": 0, "retry": 1, "dead": 1}
    assert (found.mail_waits_seconds, found.mail_is_paused, found.waves_open) == (90, True, 1)


def test_mail_that_is_due_later_does_not_wait(company: Company) -> None:
    company.open_wave()
    assert vitals(OPENS - 5).mail_waits_seconds == 0


def test_who_has_answered_cannot_be_told_from_the_mails(company: Company) -> None:
    company.open_wave()
    Message.update(state="sent").where(Message.person == company.bob).execute()
    before = vitals(OPENS)
    Message.update(state="dropped").where(Message.person == company.bob).execute()
    assert vitals(OPENS) == before


def test_a_clock_that_ticks_is_named_and_one_that_has_stopped_grows_old(company: Company) -> None:
    leases.hold("web1:42:abcd", OPENS)
    found = vitals(OPENS + 10)
    assert (found.clock_holder, found.ticked_seconds_ago) == ("web1:42:abcd", 10)
    found = vitals(OPENS + DAY)
    assert (found.clock_holder, found.ticked_seconds_ago, found.waves_late) == ("", DAY, 1)
