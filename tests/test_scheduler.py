"""The clock: every job is run, in order, and none stops another."""

import logging
from collections import Counter
from dataclasses import replace
from email.message import EmailMessage
from threading import Thread

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from survey import deliveries, outbox, scheduler
from survey.models import Message, PulseDepartment, Wave, database
from survey.pulses import add_pulse
from survey.scheduler import Clockwork, add_jobs, read_jobs
from survey.settings import Settings
from tests.cast import DAY, OPENS, Company, K


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    def send(self, mail: EmailMessage) -> None:
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


def test_a_tick_closes_then_opens_then_reminds_then_mails(
    clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(scheduler.steps, "close_due", lambda now: done.append("close") or [])
    monkeypatch.setattr(scheduler.steps, "open_due", lambda now, k: done.append("open") or [])
    monkeypatch.setattr(scheduler.steps, "remind_due", lambda now: done.append("remind") or 0)
    monkeypatch.setattr(scheduler.outbox, "deliver", lambda *_, **__: done.append("mail") or Counter())
    clockwork.tick(OPENS)
    assert done == ["close", "open", "remind", "mail"]


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
    assert done == {"waves opened": 1, "waves reminded": 2, "waves closed": 1, "mails sent": 3 * 4 + 2}


def test_a_pulse_never_has_two_waves_open(legal: Company, clockwork: Clockwork) -> None:
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
    outbox.queue(outbox.SIGN_IN, [company.hanna.id] * 100, OPENS)
    assert Clockwork(app, settings, mailbox, said.append).mail(OPENS) == {"mails sent": 159}
    assert said == ["100 of 159 mails settled, about 1 min left"]
    Message.update(state="pending").execute()
    limited = replace(settings, mail_per_minute="30")
    assert Clockwork(app, limited, mailbox).mail(OPENS + DAY) == {"mails sent": 30}


def test_the_clock_of_a_delivery_goes_on_from_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = iter([100.0, 100.9, 161.0])
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: next(steady))
    clock = scheduler._clock_from(OPENS)
    assert [clock(), clock()] == [OPENS, OPENS + 61]


# Run by the scheduler


def test_a_failing_job_is_logged_and_does_not_stop_the_scheduler(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(now: int) -> Counter[str]:
        raise RuntimeError("the disk is full")

    scheduler._run("waves", fails)
    assert "The job waves failed; it is tried again at its next turn." in caplog.text
    assert "the disk is full" in caplog.text


def test_a_job_has_a_connection_of_its_own_and_leaves_none_open(settings: Settings) -> None:
    seen: list[bool] = []

    def job(now: int) -> Counter[str]:
        seen.append(database.is_closed())
        return Counter()

    def run() -> None:
        scheduler._run("waves", job)
        seen.append(database.is_closed())

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False, True]


def test_a_job_that_did_something_is_logged(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scheduler._run("mail", lambda now: Counter({"mails sent": 2, "mails dead": 0}))
    assert [record.getMessage() for record in caplog.records] == ["mail: mails sent 2"]


def test_a_job_that_did_nothing_is_not(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scheduler._run("mail", lambda now: Counter({"mails sent": 0}))
    assert not caplog.records
