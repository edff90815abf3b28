"""The clock: every job is run, in order, and none stops another."""

import logging
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Thread

import pytest
import time_machine
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from peewee import OperationalError

from survey import deliveries, leases, scheduler
from survey.models import Lease, Message, Person, PulseDepartment, Wave, database
from survey.pulses import add_pulse
from survey.scheduler import Clock, Clockwork, add_jobs, read_jobs
from survey.settings import Settings
from survey.transport import Mail
from tests.cast import DAY, OPENS, Company, K


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[Mail] = []

    def send(self, mail: Mail, meanwhile: Callable[[], None]) -> None:
        self.mails.append(mail)

    def close(self) -> None:
        pass


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def clockwork(app: Flask, settings: Settings, mailbox: Mailbox) -> Clockwork:
    return Clockwork(app, settings, mailbox)


def test_every_job_of_the_file_is_one_of_the_clockwork_and_the_other_way_round(clockwork: Clockwork) -> None:
    assert set(read_jobs()) == set(clockwork.jobs)


def test_every_job_has_a_period() -> None:
    assert all(job["every_seconds"] > 0 for job in read_jobs().values())


def test_the_scheduler_gets_every_job_late_rather_than_never_and_once(clockwork: Clockwork) -> None:
    clock = BackgroundScheduler(timezone="UTC")
    add_jobs(clock, clockwork)
    jobs = clock.get_jobs()
    assert {job.id: job.trigger.interval.total_seconds() for job in jobs} == {
        name: job["every_seconds"] for name, job in read_jobs().items()
    }
    assert {(job.misfire_grace_time, job.coalesce, job.max_instances) for job in jobs} == {(None, True, 1)}


def test_a_tick_closes_then_opens_then_reminds_then_recalls_then_mails(
    clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(scheduler.steps, "close_due", lambda now: done.append("close") or [])
    monkeypatch.setattr(scheduler.steps, "open_due", lambda now, k, rest_days: done.append("open") or [])
    monkeypatch.setattr(scheduler.steps, "remind_due", lambda now: done.append("remind") or 0)
    monkeypatch.setattr(scheduler.steps, "invite_due", lambda now: done.append("invite") or [])
    monkeypatch.setattr(scheduler.steps, "finish_due", lambda now: done.append("finish") or [])
    monkeypatch.setattr(scheduler.steps, "discard_due", lambda: done.append("discard") or [])
    for duty in ("recall_complaints", "recall_promises", "report_late"):
        monkeypatch.setattr(scheduler.duties, duty, lambda now, _, duty=duty: done.append(duty) or 0)
    monkeypatch.setattr(scheduler.sending, "deliver", lambda *_, **__: done.append("mail") or Counter())
    clockwork.tick(OPENS)
    duties = ["recall_complaints", "recall_promises", "report_late"]
    assert done == ["close", "open", "remind", "invite", "finish", "discard", *duties, "mail"]


@pytest.fixture
def legal(company: Company) -> Company:
    """The pulse asks the four people of Legal alone."""
    PulseDepartment.create(pulse=company.pulse, department=company.departments["Legal"])
    return company


def test_a_tick_opens_and_mails_at_once_and_says_so(legal: Company, clockwork: Clockwork, mailbox: Mailbox) -> None:
    assert clockwork.tick(OPENS) == {"waves opened": 1, "mails sent": 4}
    assert len(mailbox.mails) == 4


def test_a_tick_after_everything_is_done_does_nothing(legal: Company, clockwork: Clockwork) -> None:
    clockwork.tick(OPENS)
    assert clockwork.tick(OPENS) == {}


def test_a_whole_wave_goes_by_ticks_alone(legal: Company, clockwork: Clockwork) -> None:
    done = sum((clockwork.tick(now) for now in range(OPENS, Wave.get().closes_at + DAY, DAY // 4)), Counter[str]())
    assert done == {"waves opened": 1, "waves reminded": 2, "waves closed": 1, "mails sent": 3 * 4 + 4}


def test_a_pulse_never_has_two_waves_open(legal: Company, app: Flask, settings: Settings) -> None:
    clockwork = Clockwork(app, replace(settings, rest_days="0"))
    asked = [legal.departments["Legal"]]
    weekly = add_pulse("weekly", "weekly", Wave.get().local_date, "Europe/Madrid", departments=asked)
    clockwork.tick(OPENS)
    clockwork.tick(OPENS + 7 * DAY)  # nothing ran when the first one was to close
    states = [wave.state for wave in Wave.select().where(Wave.pulse == weekly).order_by(Wave.occurrence)]
    assert states == ["closed", "open", "planned"]


def test_a_wave_opens_with_the_k_of_the_settings(legal: Company, clockwork: Clockwork) -> None:
    clockwork.tick(OPENS)
    assert Wave.get(Wave.state == "open").min_group == K


def test_without_a_mail_server_mail_stays_queued(app: Flask, settings: Settings, company: Company) -> None:
    assert Clockwork(app, settings).tick(OPENS) == {"waves opened": 1}
    assert {message.state for message in Message.select()} == {"pending"}


def test_a_long_delivery_is_told_and_keeps_to_the_rate(
    app: Flask, settings: Settings, company: Company, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(deliveries, "EVERY_SECONDS", 999)  # however slow the machine is
    company.open_wave()
    monkeypatch.setattr(deliveries, "EVERY_MAILS", 40)
    assert Clockwork(app, settings, mailbox, said.append).mail(OPENS) == {"mails sent": 59}
    assert said == ["40 of 59 mails settled, about 1 min left"]
    Message.update(state="pending").execute()
    limited = replace(settings, mail_per_minute="30")
    assert Clockwork(app, limited, mailbox).mail(OPENS + DAY) == {"mails sent": 30}


def test_the_clock_of_a_delivery_goes_on_from_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = iter([100.0, 100.9, 161.0])
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: next(steady))
    clock = scheduler._clock_from(OPENS)
    assert [clock(), clock()] == [OPENS, OPENS + 61]


def test_people_rest_as_long_as_the_settings_say(company: Company, app: Flask, settings: Settings) -> None:
    add_pulse("other", "quarterly", Wave.get().local_date, "Europe/Madrid")
    once = Clockwork(app, replace(settings, rest_days="1")).waves(OPENS)
    assert once == {"waves opened": 1, "waves closed": 0, "waves reminded": 0}
    assert {(wave.state, wave.cancel_reason) for wave in Wave.select().where(Wave.opens_at == OPENS)} == {
        ("open", ""),
        ("cancelled", "resting"),
    }


def test_without_a_rest_everybody_is_asked_twice(company: Company, app: Flask, settings: Settings) -> None:
    add_pulse("other", "quarterly", Wave.get().local_date, "Europe/Madrid")
    assert Clockwork(app, replace(settings, rest_days="0")).waves(OPENS)["waves opened"] == 2


def test_who_has_left_gets_no_mail(legal: Company, clockwork: Clockwork, mailbox: Mailbox) -> None:
    clockwork.waves(OPENS)
    gone = Person.select().where(Person.department == legal.departments["Legal"]).first()
    Person.update(active=False).where(Person.id == gone.id).execute()
    clockwork.tick(OPENS)
    clockwork.tick(OPENS + 4 * DAY)
    assert len(mailbox.mails) == 2 * 3
    assert gone.email not in {mail.receiver for mail in mailbox.mails}


# Run by the scheduler


class Works:
    """Jobs that write down when they were run."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []
        self.fails: Exception | None = None
        self.jobs = {name: partial(self._run, name) for name in ("waves", "closing", "duties", "mail", "forget")}

    def _run(self, name: str, now: int) -> Counter[str]:
        self.ran.append((name, now))
        if self.fails:
            raise self.fails
        return Counter({f"{name} done": 2, "nothing": 0})


class Time:
    """The clocks of a machine, and someone who sets the one on the wall."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = OPENS, 0.0
        monkeypatch.setattr(scheduler, "present", lambda: self.wall)
        monkeypatch.setattr(scheduler, "_steady", lambda: self.steady)

    def go(self, seconds: int) -> None:
        self.wall, self.steady = self.wall + seconds, self.steady + seconds


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.fixture
def clock(settings: Settings, works: Works) -> Clock:
    return Clock(works)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def test_a_database_that_is_away_takes_one_line(
    clock: Clock, works: Works, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    works.fails = OperationalError("database is locked")
    clock.run("waves")
    assert "No database for the job waves, which is tried again at its next turn: database is locked" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_failing_job_is_logged_and_runs_again(
    clock: Clock, works: Works, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    works.fails = RuntimeError("the disk is full")
    clock.run("waves")
    assert "The job waves failed; it is tried again at its next turn." in caplog.text
    assert "the disk is full" in caplog.text
    works.fails = None
    clock.run("waves")
    assert works.ran == [("waves", OPENS), ("waves", OPENS)]


def test_a_job_has_a_connection_of_its_own_and_leaves_none_open(clock: Clock, works: Works, time: Time) -> None:
    seen: list[bool] = []

    def job(now: int) -> Counter[str]:
        seen.append(database.is_closed())
        return Counter()

    def run() -> None:
        works.jobs["waves"] = job
        clock.run("waves")
        seen.append(database.is_closed())

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False, True]


def test_a_job_whose_connection_breaks_has_a_new_one_the_next_time(
    clock: Clock, works: Works, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """In a transaction, so that neither COMMIT nor ROLLBACK can be done."""
    found: list[int] = []

    def job(now: int) -> Counter[str]:
        with database.atomic():
            if not found:
                found.append(0)
                database.connection().close()
            found.append(Lease.select().count())
        return Counter()

    works.jobs["waves"] = job
    database.close()
    clock.run("waves")
    assert "job waves" in caplog.text  # a fault on SQLite; on PostgreSQL a database that is away
    clock.run("waves")
    assert found == [0, 1]


def test_a_job_that_did_something_is_logged(clock: Clock, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "survey.scheduler")
    clock.run("mail")
    assert [record.getMessage() for record in caplog.records] == ["mail: mail done 2"]


def test_a_job_that_did_nothing_is_not(
    clock: Clock, works: Works, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "survey.scheduler")
    works.jobs["mail"] = lambda now: Counter({"mails sent": 0})
    clock.run("mail")
    assert not caplog.records


# Who runs the clock


def test_one_process_runs_the_waves_and_the_duties_and_all_send_mail(settings: Settings, time: Time) -> None:
    first, second = Works(), Works()
    for clock in (Clock(first), Clock(second)):
        for job in ("waves", "duties", "mail", "forget"):
            clock.run(job)
    assert [name for name, _ in first.ran] == ["waves", "duties", "mail", "forget"]
    assert [name for name, _ in second.ran] == ["mail"]


def test_when_it_is_gone_another_takes_over(settings: Settings, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "survey.leases")
    first, second = Clock(Works()), Clock(works := Works())
    first.run("waves")
    for _ in range(4):
        time.go(15)
        second.run("waves")
    assert works.ran == [("waves", OPENS + 45), ("waves", OPENS + 60)]
    assert [f"The clock is run by {socket.gethostname()}" in said for said in caplog.messages] == [True, True]
    assert caplog.messages[1].endswith("has gone.")


def test_who_cannot_renew_its_lease_stands_by(settings: Settings, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    first, second = Clock(works := Works()), Clock(Works())
    first.run("waves")
    time.go(41)  # it hung
    second.run("waves")
    for _ in range(2):
        first.run("waves")
    assert works.ran == [("waves", OPENS)]
    assert caplog.messages.count("Another process runs the clock now; this one stands by.") == 1


def test_who_stops_as_it_should_leaves_the_clock_at_once(settings: Settings, time: Time) -> None:
    first, second = Clock(Works()), Clock(works := Works())
    first.run("waves")
    first.resign()
    time.go(1)
    second.run("waves")
    assert works.ran == [("waves", OPENS + 1)]


def test_resigning_without_a_database_is_only_logged(
    clock: Clock, time: Time, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(holder: str) -> None:
        raise OperationalError("the server has gone")

    monkeypatch.setattr(scheduler.leases, "resign", broken)
    clock.resign()
    assert "The lease could not be given back; it ends by itself: the server has gone" in caplog.text


# A clock that is set


def test_after_a_leap_no_job_runs_until_the_clock_is_put_right(clock: Clock, works: Works, time: Time) -> None:
    clock.run("mail")
    time.wall += 365 * DAY
    for _ in range(6):
        time.go(600)
        for job in works.jobs:
            clock.run(job)
    assert works.ran == [("mail", OPENS)]
    time.wall -= 365 * DAY
    clock.run("waves")
    assert works.ran[1:] == [("waves", OPENS + 3600)]


def test_after_a_leap_a_tick_by_hand_sets_the_clock_going(clock: Clock, works: Works, time: Time) -> None:
    clock.run("waves")
    time.wall += 3 * DAY
    clock.run("waves")
    leases.note_tick(time.wall)
    clock.run("waves")
    assert works.ran == [("waves", OPENS), ("waves", OPENS + 3 * DAY)]


def test_the_time_is_that_of_this_machine_where_the_database_has_none(settings: Settings) -> None:
    with time_machine.travel(OPENS, tick=False):
        assert scheduler.present() == OPENS


def test_the_steady_clock_is_steady() -> None:
    before = scheduler._steady()
    with time_machine.travel(OPENS):
        assert 0 <= scheduler._steady() - before < 60
