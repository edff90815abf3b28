"""What leads owe: which complaints and promises are recalled, to whom, on which day, and each once."""

from datetime import date, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from survey import commitments, duties, outbox, sending, subscriptions
from survey.commitments import Draft
from survey.emails import composer
from survey.erasure import forget_due
from survey.models import Commitment, Department, Leadership, Message, Person, Pulse, Release, Wave, database
from survey.outbox import COMPLAINTS, OVERDUE, PROMISES
from survey.scheduler import Clockwork
from survey.settings import Settings
from tests.cast import DAY, Company
from tests.complaining import MADRID, at, complained, reply
from tests.test_scheduler import Mailbox

WITHIN = 5
FIRST, SECOND = "2026-03-23 09:00", "2026-03-30 09:00"  # Mondays; the clocks go forth in between


def queued(kind: str) -> list[tuple[str, int]]:
    """(name, sequence) of each message of this kind"""
    query = Message.select(Person.name, Message.sequence).join(Person).where(Message.kind == kind)
    return list(query.order_by(Message.id).tuples())


def recall(moment: str) -> int:
    return duties.recall_complaints(at(moment), WITHIN)


def promise(company: Company, wave: Wave, due_on: str, name: str = "Finance", text: str = "One desk") -> Commitment:
    draft = Draft("promises", text, date.fromisoformat(due_on))
    return commitments.make(wave, company.departments[name], draft, date(2026, 3, 17))


@pytest.fixture
def released(company: Company) -> Wave:
    return company.released_wave()


@pytest.fixture
def clockwork(app: Flask, settings: Settings) -> tuple[Clockwork, Mailbox]:
    mailbox = Mailbox()
    return Clockwork(app, settings, mailbox), mailbox


# --- Complaints ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "releases"),
    [
        ("2026-03-20 12:00", 0),  # Friday, the fourth working day
        ("2026-03-22 12:00", 0),  # Sunday
        ("2026-03-23 08:59", 0),
        (FIRST, 1),
        ("2026-03-27 18:00", 1),
        ("2026-03-28 12:00", 0),  # Saturday: on Monday
    ],
)
def test_complaints_are_recalled_in_the_morning_of_the_last_day_in_time(
    company: Company, moment: str, releases: int
) -> None:
    complained(company, Finance=2)
    assert recall(moment) == releases
    assert queued(COMPLAINTS) == [("Alice Álvarez", 1)] * releases


def test_what_still_waits_is_recalled_once_more_and_never_again(company: Company) -> None:
    complained(company, Finance=1)
    days = [recall(f"{date(2026, 3, 16) + timedelta(days=passed)} 09:00") for passed in range(120)]
    assert [passed for passed, done in enumerate(days) if done] == [7, 14]
    assert queued(COMPLAINTS) == [("Alice Álvarez", 1), ("Alice Álvarez", 2)]


def test_a_holiday_puts_the_mail_off(company: Company) -> None:
    complained(company, Finance=1)
    Pulse.update(holidays="ES-CT").execute()
    assert duties.recall_complaints(at("2026-04-03 09:00"), 13) == 0  # Good Friday
    assert duties.recall_complaints(at("2026-04-06 09:00"), 13) == 0  # Easter Monday in Barcelona
    assert duties.recall_complaints(at("2026-04-07 09:00"), 13) == 1


def test_two_ticks_recall_once(company: Company) -> None:
    complained(company, Finance=1)
    assert [recall(FIRST), recall(FIRST)] == [1, 0]
    assert len(queued(COMPLAINTS)) == 1


def test_after_a_week_without_a_clock_only_the_second_mail_goes(company: Company) -> None:
    complained(company, Finance=1)
    assert recall("2026-03-31 09:00") == 1
    assert queued(COMPLAINTS) == [("Alice Álvarez", 2)]


def test_what_is_older_than_any_recall_is_passed_over(company: Company) -> None:
    complained(company, Finance=1)
    assert recall("2026-04-07 09:00") == 0  # the sixteenth working day
    assert queued(COMPLAINTS) == []
    assert Release.get().recalled == duties.RECALLS


def test_who_leads_two_departments_gets_one_mail_and_who_is_not_concerned_gets_none(company: Company) -> None:
    Leadership.create(person=company.alice, department=company.departments["Logistics"])
    complained(company, Finance=1, Logistics=2, IT=0)
    assert recall(FIRST) == 1
    assert queued(COMPLAINTS) == [("Alice Álvarez", 1)]


@pytest.mark.parametrize("replied", ["2026-03-16 19:00", "2026-03-23 08:00"])
def test_who_has_answered_all_is_left_in_peace(company: Company, replied: str) -> None:
    wave = complained(company, Finance=2)
    reply(company, wave, "Finance", replied, replied)
    assert recall(FIRST) == 0
    assert queued(COMPLAINTS) == []


def test_what_is_answered_at_the_last_moment_stops_the_mail(
    company: Company, clockwork: tuple[Clockwork, Mailbox]
) -> None:
    wave = complained(company, Finance=1)
    Message.delete().execute()
    recall(FIRST)
    reply(company, wave, "Finance", FIRST)
    clock, mailbox = clockwork
    assert clock.mail(at(FIRST)) == {"mails dropped": 1}
    assert mailbox.mails == []
    assert Message.get().reason == outbox.SETTLED


@pytest.mark.parametrize("why", ["inactive", "demoted", "dissolved", "stopped"])
def test_who_is_not_to_be_reminded_gets_nothing(company: Company, why: str) -> None:
    complained(company, Finance=1)
    if why == "inactive":
        Person.update(active=False).where(Person.id == company.alice.id).execute()
    if why == "demoted":
        Leadership.delete().where(Leadership.person == company.alice).execute()
    if why == "dissolved":
        Department.update(active=False).where(Department.key == "finance").execute()
    if why == "stopped":
        subscriptions.choose(company.alice.id, subscriptions.NEVER, "es")
    assert recall(FIRST) == 0
    assert queued(COMPLAINTS) == []


def test_the_days_are_those_of_the_setting_and_the_clock_mails_at_once(
    company: Company, clockwork: tuple[Clockwork, Mailbox]
) -> None:
    complained(company, Finance=1)
    Message.delete().execute()
    clock, mailbox = clockwork
    assert clock.tick(at(FIRST)) == {"releases with complaints recalled": 1, "mails sent": 1}
    assert clock.tick(at(FIRST)) == {}
    assert [mail.receiver for mail in mailbox.mails] == ["alice@mirror.example"]


# --- Promises ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "recalled"),
    [
        ("2026-04-06 12:00", 0),  # Monday
        ("2026-04-07 08:59", 0),
        ("2026-04-07 09:00", 1),  # three working days before
        ("2026-04-10 18:00", 1),  # the day itself
        ("2026-04-11 09:00", 0),  # too late, and a Saturday
        ("2026-04-13 09:00", 0),
    ],
)
def test_a_promise_is_recalled_three_working_days_before_its_day(
    company: Company, released: Wave, moment: str, recalled: int
) -> None:
    promise(company, released, "2026-04-10")  # a Friday
    assert duties.recall_promises(at(moment), MADRID) == recalled
    day = date.fromisoformat(moment[:10]).toordinal()
    assert queued(PROMISES) == [("Alice Álvarez", day)] * recalled


def test_a_weekend_and_a_holiday_are_no_working_days_before_it(company: Company, released: Wave) -> None:
    Pulse.update(holidays="ES-MD").execute()
    promise(company, released, "2026-04-06")  # the Monday after Good Friday
    moments = [f"2026-03-{day} 09:00" for day in (29, 30, 31)]
    assert [duties.recall_promises(at(moment), MADRID) for moment in moments] == [0, 1, 0]


def test_what_was_promised_in_the_last_days_needs_no_reminder(company: Company, released: Wave) -> None:
    made = promise(company, released, "2026-04-10")
    Commitment.update(made_on=date(2026, 4, 7)).where(Commitment.id == made.id).execute()
    assert duties.recall_promises(at("2026-04-08 09:00"), MADRID) == 0
    Commitment.update(made_on=date(2026, 4, 6)).where(Commitment.id == made.id).execute()
    assert duties.recall_promises(at("2026-04-08 09:00"), MADRID) == 1


def test_a_lead_gets_one_mail_a_day_and_each_promise_is_in_one(company: Company, released: Wave) -> None:
    for day in ("2026-04-10", "2026-04-09", "2026-04-13"):
        promise(company, released, day, text=day)
    counts = [duties.recall_promises(at(f"2026-04-{day:02} 10:00"), MADRID) for day in (6, 7, 7, 8, 8, 9)]
    assert counts == [1, 1, 0, 1, 0, 0]
    assert [date.fromordinal(day).day for _, day in queued(PROMISES)] == [6, 7, 8]


def test_what_comes_up_later_on_the_same_day_is_told_on_the_next(company: Company, released: Wave) -> None:
    promise(company, released, "2026-04-10")
    assert duties.recall_promises(at("2026-04-08 09:00"), MADRID) == 1
    promise(company, released, "2026-04-10", text="Another")
    assert [duties.recall_promises(at(f"2026-04-{day} 17:00"), MADRID) for day in ("08", "09")] == [0, 1]
    assert len(queued(PROMISES)) == 2


def test_what_has_ended_is_neither_recalled_nor_late(company: Company, released: Wave) -> None:
    commitments.finish(promise(company, released, "2026-04-10"), date(2026, 3, 20))
    commitments.drop(promise(company, released, "2026-04-10", text="B"), "No budget.", date(2026, 3, 20))
    assert duties.recall_promises(at("2026-04-08 09:00"), MADRID) == 0
    assert duties.report_late(at("2026-04-13 09:00"), MADRID) == 0


def test_what_nobody_leads_is_recalled_to_hr(company: Company, released: Wave) -> None:
    promise(company, released, "2026-04-10", "Sales")
    Person.update(active=False).where(Person.id == company.alice.id).execute()
    promise(company, released, "2026-04-10", "Finance", text="Led by somebody who has left")
    assert duties.recall_promises(at("2026-04-08 09:00"), MADRID) == 2
    assert {name for name, _ in queued(PROMISES)} == {"Hanna Hansen", "Adam Adams"}
    found = duties.due_for(company.hanna, date(2026, 4, 8), date(2026, 4, 8))
    assert [row.commitment.provider.name for row in found.orphaned] == ["Finance", "Sales"]
    assert found.own == ()


def test_hr_is_not_told_of_what_somebody_leads_who_wants_no_mail(company: Company, released: Wave) -> None:
    promise(company, released, "2026-04-10")
    subscriptions.choose(company.alice.id, subscriptions.NEVER, "es")
    assert duties.recall_promises(at("2026-04-08 09:00"), MADRID) == 1
    assert queued(PROMISES) == []


def test_a_department_that_is_no_more_owes_nothing(company: Company, released: Wave) -> None:
    promise(company, released, "2026-04-10")
    Department.update(active=False).where(Department.key == "finance").execute()
    assert duties.recall_promises(at("2026-04-08 09:00"), MADRID) == 0
    assert duties.report_late(at("2026-04-13 09:00"), MADRID) == 0


def test_a_lead_reads_of_the_own_promises_alone(company: Company, released: Wave) -> None:
    promise(company, released, "2026-04-10")
    promise(company, released, "2026-04-10", "IT", text="A hotline")
    promise(company, released, "2026-03-20", "IT", text="Late already")
    duties.recall_promises(at("2026-04-08 09:00"), MADRID)
    told = duties.due_for(company.alice, date(2026, 4, 8), date(2026, 4, 8))
    assert ([row.commitment.text for row in told.own], told.orphaned, told.late) == (["One desk"], (), ())
    told = duties.due_for(company.bob, date(2026, 4, 8), date(2026, 4, 8))
    assert [row.commitment.text for row in told.own + told.late] == ["A hotline", "Late already"]


# --- Late ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone_hour", "late"),
    [("2026-04-10 23:59", 0), ("2026-04-11 10:00", 0), ("2026-04-13 08:59", 0), ("2026-04-13 09:00", 1)],
)
def test_hr_is_told_on_the_working_day_after(company: Company, released: Wave, zone_hour: str, late: int) -> None:
    promise(company, released, "2026-04-10")  # a Friday
    assert duties.report_late(at(zone_hour), MADRID) == late
    assert {name for name, _ in queued(OVERDUE)} == ({"Hanna Hansen", "Adam Adams"} if late else set())


def test_what_is_late_is_late_by_the_companys_own_day(company: Company, released: Wave) -> None:
    promise(company, released, "2026-04-14")
    moment = at("2026-04-15 09:00")  # still the 14th in Los Angeles
    assert duties.report_late(moment, ZoneInfo("America/Los_Angeles")) == 0
    assert duties.report_late(moment, MADRID) == 1


def test_hr_is_told_of_each_once_in_one_mail_a_day(company: Company, released: Wave) -> None:
    for day in ("2026-04-09", "2026-04-10", "2026-04-13"):
        promise(company, released, day, text=day)
    days = [duties.report_late(at(f"2026-04-{day} {hour}:00"), MADRID) for day in (13, 14, 15) for hour in ("09", "15")]
    assert days == [2, 0, 1, 0, 0, 0]
    assert len(queued(OVERDUE)) == 4
    told = duties.late_on(date(2026, 4, 13), date(2026, 4, 13))
    assert [(found.row.commitment.text, found.days, found.leads) for found in told] == [
        ("2026-04-09", 4, ("Alice Álvarez",)),
        ("2026-04-10", 3, ("Alice Álvarez",)),
    ]


def test_what_was_done_meanwhile_is_not_told(
    company: Company, released: Wave, clockwork: tuple[Clockwork, Mailbox]
) -> None:
    late = promise(company, released, "2026-04-10")
    Message.delete().execute()
    duties.report_late(at("2026-04-13 09:00"), MADRID)
    commitments.finish(late, date(2026, 4, 13))
    assert clockwork[0].mail(at("2026-04-13 09:00")) == {"mails dropped": 2}
    assert clockwork[1].mails == []


def test_a_reminder_whose_promises_are_done_is_not_sent(
    company: Company, released: Wave, clockwork: tuple[Clockwork, Mailbox]
) -> None:
    made = promise(company, released, "2026-04-10")
    Message.delete().execute()
    duties.recall_promises(at("2026-04-08 09:00"), MADRID)
    commitments.finish(made, date(2026, 4, 8))
    assert clockwork[0].mail(at("2026-04-08 09:00")) == {"mails dropped": 1}


# --- Twice at once, and long after ---------------------------------------------------------------------------------


def test_two_schedulers_at_the_same_moment_queue_once(company: Company) -> None:
    wave = complained(company, Finance=1)
    promise(company, wave, "2026-03-27")
    promise(company, wave, "2026-03-20", text="Late")
    database.close()
    start = Barrier(2)

    def tick() -> None:
        start.wait()
        with database.connection_context():
            recall("2026-03-24 09:00")
            duties.recall_promises(at("2026-03-24 09:00"), MADRID)
            duties.report_late(at("2026-03-24 09:00"), MADRID)

    threads = [Thread(target=tick) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connection_context():
        counts = [len(queued(kind)) for kind in (COMPLAINTS, PROMISES, OVERDUE)]
    assert counts == [1, 1, 2]


def test_a_promise_of_a_wave_long_forgotten_is_recalled_and_its_mail_forgotten_in_turn(
    company: Company, released: Wave, app: Flask, settings: Settings
) -> None:
    promise(company, released, "2027-01-29")
    forget_due(at("2026-12-01 09:00"), 90)
    moment = at("2027-01-27 09:00")
    assert duties.recall_promises(moment, MADRID) == 1
    forget_due(moment + DAY, 90)
    mailbox = Mailbox()
    assert sending.deliver(moment, composer(app, settings), mailbox) == {"sent": 1}
    assert forget_due(moment + 91 * DAY, 90) == 0
    assert Message.select().count() == 0
