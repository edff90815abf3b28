"""Pulses: what is planned, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from peewee import IntegrityError

from survey import pulses
from survey.models import Pulse, PulseDepartment, Reminder, Wave
from survey.pulses import (
    PulseError,
    add_pulse,
    blackouts,
    cadences,
    cadences_by_step,
    coming,
    load_cadence,
    plan_next,
    summary_at,
)
from survey.questionnaire import QuestionnaireError
from survey.replanning import set_holidays
from survey.settings import Settings
from survey.waves import open_now
from tests.cast import DAY, OPENS, Company, K


def moments(seconds: list[int]) -> list[str]:
    return [f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M}" for second in seconds]


def days(pulse: Pulse, count: int) -> list[str]:
    return [str(occurrence.day) for occurrence in coming(pulse, count, OPENS)]


def test_a_new_pulse_has_its_first_wave_planned(company: Company) -> None:
    (wave,) = Wave.select()
    assert (wave.state, wave.occurrence, wave.local_date, wave.opens_at) == ("planned", 0, date(2026, 3, 2), OPENS)


def test_a_quarterly_wave_closes_two_weeks_later_at_six_local_time(company: Company) -> None:
    assert moments([Wave.get().closes_at]) == ["2026-03-16 17:00"]


def test_reminders_are_planned_at_the_opening_hour(company: Company) -> None:
    due = [reminder.due_at for reminder in Reminder.select().order_by(Reminder.sequence)]
    assert due == [OPENS + 4 * DAY, OPENS + 9 * DAY]


def test_nine_oclock_stays_nine_oclock_in_summer(settings: Settings) -> None:
    pulse = add_pulse("all", "quarterly", date(2026, 3, 2), "Europe/Madrid")
    assert moments([occurrence.schedule.opens_at for occurrence in coming(pulse, 2, OPENS)]) == [
        "2026-03-02 08:00",
        "2026-06-02 07:00",
    ]


def test_the_coming_waves_begin_with_the_planned_one(company: Company) -> None:
    assert days(company.pulse, 3) == ["2026-03-02", "2026-06-02", "2026-09-02"]


def test_an_open_wave_is_not_coming_any_more(company: Company) -> None:
    company.open_wave()
    assert days(company.pulse, 2) == ["2026-06-02", "2026-09-02"]


def test_the_coming_waves_of_a_pulse_without_any_begin_with_its_first_day(company: Company) -> None:
    Reminder.delete().execute()
    Wave.delete().execute()
    assert [str(found.day) for found in coming(company.pulse, 1, OPENS - 1)] == ["2026-03-02"]


def test_planning_twice_plans_one_wave(company: Company) -> None:
    assert plan_next(company.pulse) is None
    assert Wave.select().count() == 1


def test_a_pulse_has_one_wave_a_day(company: Company) -> None:
    planned = Wave.get()
    with pytest.raises(IntegrityError):
        Wave.create(pulse=company.pulse, occurrence=1, local_date=planned.local_date, opens_at=0, closes_at=1)


def test_two_pulses_may_have_a_wave_on_the_same_day(company: Company) -> None:
    add_pulse("other", "weekly", date(2026, 3, 2), "Europe/Madrid")
    assert Wave.select().where(Wave.local_date == date(2026, 3, 2)).count() == 2


def test_a_pulse_may_ask_chosen_departments_only(company: Company) -> None:
    pulse = add_pulse("few", "weekly", date(2026, 3, 2), "UTC", departments=[company.departments["Legal"]])
    chosen = PulseDepartment.select(PulseDepartment.department).where(PulseDepartment.pulse == pulse).tuples()
    assert list(chosen) == [(company.departments["Legal"].id,)]


@pytest.mark.parametrize("key", cadences())
def test_every_cadence_that_is_shipped_can_be_used(settings: Settings, key: str) -> None:
    assert load_cadence(key).key == key
    first, second = coming(add_pulse("all", key, date(2026, 3, 2), "Europe/Madrid"), 2, OPENS)
    assert first.schedule.closes_at < second.schedule.opens_at


def test_the_most_frequent_cadence_is_offered_first() -> None:
    assert list(cadences_by_step()) == [
        *("weekly", "fortnightly", "monthly", "first-tuesday", "last-friday", "quarterly", "half-yearly")
    ]


def test_there_are_seven_cadences() -> None:
    by_weekday = ["first-tuesday", "last-friday"]
    assert cadences() == sorted(["weekly", "fortnightly", "monthly", "quarterly", "half-yearly", *by_weekday])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"key": "All of us"},
            '"All of us" cannot be a key; write small letters, digits and hyphens, like "all-of-us"',
        ),
        ({"key": "x" * 81}, "cannot be a key"),
        ({"key": "quarterly"}, 'There is a pulse "quarterly" already'),
        ({"cadence": "daily"}, 'There is no cadence "daily"; choose from first-tuesday, fortnightly'),
        ({"cadence": "../jobs"}, 'There is no cadence "../jobs"'),
        ({"timezone": "Europe/Nowhere"}, '"Europe/Nowhere" is no time zone; write a name like Europe/Madrid.'),
        ({"timezone": "/etc/passwd"}, '"/etc/passwd" is no time zone'),
    ],
)
def test_a_pulse_that_cannot_be_used_is_refused_by_name(company: Company, given: dict[str, str], said: str) -> None:
    values = {"key": "second", "cadence": "weekly", "first": date(2026, 3, 2), "timezone": "Europe/Madrid", **given}
    with pytest.raises(PulseError) as refused:
        add_pulse(**values)
    assert said in str(refused.value)
    assert (Pulse.select().count(), Wave.select().count()) == (1, 1)


def test_a_questionnaire_that_is_not_there_is_refused_by_name(company: Company) -> None:
    with pytest.raises(QuestionnaireError, match='There is no questionnaire "long"; there is five-practices'):
        add_pulse("second", "weekly", date(2026, 3, 2), "Europe/Madrid", "long")
    assert Pulse.select().count() == 1


def test_a_key_of_80_characters_is_taken(company: Company) -> None:
    assert add_pulse("x" * 80, "weekly", date(2026, 3, 2), "UTC").key == "x" * 80


def test_a_day_of_the_month_that_is_missing_becomes_the_last(settings: Settings) -> None:
    pulse = add_pulse("all", "monthly", date(2026, 1, 31), "UTC")
    assert days(pulse, 3) == ["2026-01-31", "2026-02-28", "2026-03-31"]


def test_weekly_waves_are_a_week_apart(settings: Settings) -> None:
    first, second, third = coming(add_pulse("all", "weekly", date(2026, 1, 5), "UTC"), 3, OPENS)
    assert second.day - first.day == third.day - second.day == timedelta(days=7)


# A company's own cadence


@pytest.fixture
def own_cadence(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every third Wednesday of every second month; the summaries leave two days after the closing."""
    (tmp_path / "cadences").mkdir()
    (tmp_path / "cadences" / "wednesdays.toml").write_text(
        'step = { months = 2 }\non = "third wednesday"\nopens = "08:30"\ncloses = "20:00"\n'
        "closes_after_days = 9\nsummary_after_days = 2\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(pulses, "folder", lambda _: tmp_path)
    return "wednesdays"


def test_a_file_beside_the_others_is_a_cadence(own_cadence: str) -> None:
    assert cadences() == [own_cadence]
    pulse = add_pulse("all", own_cadence, date(2026, 3, 2), "Europe/Madrid")
    assert days(pulse, 3) == ["2026-03-18", "2026-05-20", "2026-07-15"]


def test_summaries_leave_so_many_days_after_the_closing_at_the_opening_hour(own_cadence: str) -> None:
    pulse = add_pulse("all", own_cadence, date(2026, 3, 2), "Europe/Madrid")  # closes on Friday 27 March
    (first,) = coming(pulse, 1, OPENS)
    assert moments([first.schedule.closes_at, first.schedule.summary_at]) == ["2026-03-27 19:00", "2026-03-29 06:30"]
    set_holidays(pulse, "ES", OPENS)
    (first,) = coming(Pulse.get(), 1, OPENS)
    assert moments([first.schedule.summary_at]) == ["2026-03-30 06:30"]  # Monday


def test_a_wave_that_is_closed_early_sums_up_so_many_days_after_that(own_cadence: str) -> None:
    add_pulse("all", own_cadence, date(2026, 3, 2), "Europe/Madrid")
    wave = Wave.get()
    assert moments([summary_at(wave, wave.opens_at + DAY)]) == ["2026-03-21 07:30"]


# Days off


def test_a_pulse_begins_with_its_days_off(settings: Settings) -> None:
    pulse = add_pulse(
        "all",
        "quarterly",
        date(2026, 5, 1),
        "Europe/Madrid",
        holidays="es-md",
        blackouts=[(date(2026, 5, 4), date(2026, 5, 6))],
    )
    assert (pulse.holidays, blackouts(pulse)) == ("ES-MD", [(date(2026, 5, 4), date(2026, 5, 6))])
    assert (Wave.get().local_date, Wave.get().occurrence) == (date(2026, 5, 7), 0)


def test_the_wave_after_a_moved_one_is_where_it_was(settings: Settings) -> None:
    pulse = add_pulse("all", "monthly", date(2026, 5, 1), "Europe/Madrid", holidays="ES")
    assert days(pulse, 3) == ["2026-05-04", "2026-06-01", "2026-07-01"]


def test_a_wave_opened_by_hand_closes_before_the_next_one_opens(settings: Settings) -> None:
    off = [(date(2026, 3, 2), date(2026, 3, 4))]
    weekly = add_pulse("all", "weekly", date(2026, 3, 2), "Europe/Madrid", blackouts=off)
    opened = open_now(weekly, OPENS + 3 * DAY - 60, K)  # on Thursday, a minute before its time
    assert opened.closes_at < Wave.get(Wave.state == "planned").opens_at
    assert moments([opened.closes_at]) == ["2026-03-08 17:00"]
