"""Days off: on which days waves open, remind and close when holidays and blackouts are in the way."""

from dataclasses import replace
from datetime import date, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.measure.cadence import Cadence, DaysOff, Timetable, Weekday, Why, local, occurrence, schedule

settings.register_profile("measure", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("measure")

MADRID = ZoneInfo("Europe/Madrid")
WEEKLY = Cadence("weekly", 0, 7, time(9), time(18), 4, (2,))
MONTHLY = Cadence("monthly", 1, 0, time(9), time(18), 11, (4, 8))
QUARTERLY = Cadence("quarterly", 3, 0, time(9), time(18), 14, (4, 9))
NEW_YEAR = {date(year, 1, 1) for year in range(2026, 2050)}
A_DAY = timedelta(days=1)


def d(text: str) -> date:
    return date.fromisoformat(text)


def off(*blackouts: tuple[str, str], holidays: set[date] | None = None) -> DaysOff:
    ranges = tuple((d(first), d(last)) for first, last in blackouts)
    return DaysOff(None if holidays is None else holidays.__contains__, ranges)


def plan(cadence: Cadence, first: str, days_off: DaysOff, **values: object) -> Timetable:
    return Timetable(cadence, d(first), 0, MADRID, days_off, **values)


def told(moment: int) -> str:
    return f"{local(moment, MADRID):%a %d %b %H:%M}"


# Openings


@pytest.mark.parametrize(
    ("day", "opens", "why"),
    [
        ("2026-12-31", "2026-12-31", None),  # Thursday
        ("2027-01-01", "2027-01-04", Why.HOLIDAY),  # Friday, then a weekend
        ("2027-01-02", "2027-01-04", Why.WEEKEND),
        ("2027-01-03", "2027-01-04", Why.WEEKEND),
        ("2027-01-04", "2027-01-04", None),
        ("2028-01-01", "2028-01-03", Why.HOLIDAY),  # a Saturday, told as the holiday that it is
    ],
)
def test_an_opening_on_a_holiday_or_a_weekend_moves_to_the_next_working_day(day, opens, why):
    found = next(plan(QUARTERLY, day, off(holidays=NEW_YEAR)).ahead(0))
    assert (found.own_day, found.day, found.why) == (d(day), d(opens), why)


def test_a_wave_moves_over_the_end_of_a_year():
    found = next(plan(QUARTERLY, "2026-12-24", off(("2026-12-21", "2026-12-31"), holidays=NEW_YEAR)).ahead(0))
    assert (found.day, found.why) == (d("2027-01-04"), Why.BLACKOUT)


def test_without_a_calendar_a_weekend_is_a_day_like_any_other():
    assert next(plan(WEEKLY, "2027-01-02", off()).ahead(0)).day == d("2027-01-02")


def test_whoever_must_move_moves_to_a_working_day_even_without_a_calendar():
    assert off(("2027-01-08", "2027-01-08")).next_working_day(d("2027-01-08")) == d("2027-01-11")


def test_the_first_and_the_last_blackout_day_are_off_and_their_neighbours_are_not():
    days_off = off(("2027-01-05", "2027-01-07"))
    assert [days_off.why(d(f"2027-01-0{day}")) for day in (4, 5, 7, 8)] == [None, Why.BLACKOUT, Why.BLACKOUT, None]


def test_only_the_wave_on_a_day_off_moves_and_the_numbers_stay():
    found = list(islice(plan(WEEKLY, "2026-12-25", off(holidays=NEW_YEAR)).ahead(0), 3))
    assert [(wave.number, str(wave.day)) for wave in found] == [(0, "2026-12-25"), (1, "2027-01-04"), (2, "2027-01-08")]


def test_a_weekly_wave_without_a_working_day_is_left_out_and_told_with_the_next():
    found = list(islice(plan(WEEKLY, "2026-12-14", off(("2026-12-21", "2027-01-03"))).ahead(0), 2))
    assert [(wave.number, str(wave.day), [str(day) for day in wave.left_out]) for wave in found] == [
        (0, "2026-12-14", []),
        (3, "2027-01-04", ["2026-12-21", "2026-12-28"]),
    ]


@pytest.mark.parametrize(("last_off", "opens"), [("2027-01-07", "2027-01-08"), ("2027-01-08", None)])
def test_a_weekly_wave_opens_on_friday_at_the_latest(last_off, opens):
    found = plan(WEEKLY, "2027-01-04", off(("2027-01-04", last_off))).day(0)
    assert found == (d(opens) if opens else None)


def test_a_wave_must_leave_room_for_a_day_before_the_next_one():
    every_other_day = replace(WEEKLY, days=2, closes_after_days=1, remind_after_days=())
    assert plan(every_other_day, "2027-01-04", off()).day(0) == d("2027-01-04")
    assert plan(every_other_day, "2027-01-04", off(("2027-01-04", "2027-01-04"))).day(0) is None


def test_a_day_that_another_wave_has_is_passed_over():
    found = next(plan(QUARTERLY, "2027-01-07", off(), taken=frozenset({d("2027-01-07"), d("2027-01-08")})).ahead(0))
    assert (found.day, found.why) == (d("2027-01-09"), Why.TAKEN)


def test_numbers_go_on_from_the_first_date_after_a_shift():
    shifted = Timetable(MONTHLY, d("2027-03-10"), 7, MADRID)
    assert [(wave.number, str(wave.day)) for wave in islice(shifted.ahead(7), 2)] == [
        (7, "2027-03-10"),
        (8, "2027-04-10"),
    ]


# Reminders, closing, summaries


def test_reminders_and_closing_count_from_the_day_it_moved_to():
    found = next(plan(QUARTERLY, "2027-01-01", off(holidays=NEW_YEAR)).ahead(0)).schedule
    assert [told(moment) for moment in found.reminders_at] == ["Fri 08 Jan 09:00", "Wed 13 Jan 09:00"]
    assert told(found.closes_at) == "Mon 18 Jan 18:00"


def test_a_reminder_on_a_day_off_leaves_on_the_next_working_day():
    found = schedule(QUARTERLY, d("2027-01-12"), MADRID, off(holidays=set()))  # +4 is a Saturday
    assert [told(moment) for moment in found.reminders_at] == ["Mon 18 Jan 09:00", "Thu 21 Jan 09:00"]


def test_two_reminders_that_meet_are_one():
    found = schedule(MONTHLY, d("2027-01-11"), MADRID, off(("2027-01-15", "2027-01-18")))
    assert [told(moment) for moment in found.reminders_at] == ["Tue 19 Jan 09:00"]


@pytest.mark.parametrize(
    ("last_off", "reminders"),
    [("2027-01-07", ["Fri 08 Jan 09:00"]), ("2027-01-08", [])],  # the wave closes on Friday at 18:00
)
def test_a_reminder_may_leave_on_the_last_day_but_not_after_the_closing(last_off, reminders):
    found = schedule(WEEKLY, d("2027-01-04"), MADRID, off(("2027-01-06", last_off)))
    assert [told(moment) for moment in found.reminders_at] == reminders


def test_a_wave_that_moved_closes_on_the_eve_of_the_next_at_the_latest():
    found = next(plan(WEEKLY, "2027-01-04", off(("2027-01-04", "2027-01-06"))).ahead(0))
    assert told(found.schedule.opens_at) == "Thu 07 Jan 09:00"
    assert told(found.schedule.closes_at) == "Sun 10 Jan 18:00"


def test_a_wave_may_close_on_a_day_off():
    found = schedule(MONTHLY, d("2027-01-12"), MADRID, off(("2027-01-23", "2027-01-23")))
    assert told(found.closes_at) == "Sat 23 Jan 18:00"


def test_a_delayed_summary_leaves_on_a_working_day():
    cadence = replace(WEEKLY, summary_after_days=1)
    assert told(schedule(cadence, d("2027-01-04"), MADRID, off(holidays=set())).summary_at) == "Mon 11 Jan 09:00"


# Always

cadences = st.sampled_from(
    [
        WEEKLY,
        MONTHLY,
        QUARTERLY,
        replace(WEEKLY, days=2, closes_after_days=1, remind_after_days=()),
        replace(WEEKLY, days=14, closes_after_days=13, remind_after_days=(1, 12), summary_after_days=3),
        replace(MONTHLY, on=Weekday(-1, 4), closes_after_days=27, remind_after_days=(4, 26)),
        replace(MONTHLY, on=Weekday(0, 1), opens=time(2, 30), closes=time(0, 0)),
    ]
)
days_off = st.builds(
    lambda ranges, holidays: DaysOff(
        holidays.__contains__ if holidays is not None else None,
        tuple((first, first + timedelta(days=length)) for first, length in ranges),
    ),
    st.lists(st.tuples(st.dates(d("2027-01-01"), d("2028-12-31")), st.integers(0, 60)), max_size=6),
    st.none() | st.sets(st.dates(d("2027-01-01"), d("2028-12-31")), max_size=60),
)
zones = st.sampled_from(["Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"]).map(ZoneInfo)


@settings(max_examples=60)
@given(cadences, st.dates(d("2027-01-01"), d("2027-12-31")), zones, days_off)
def test_two_waves_never_meet_and_none_opens_or_reminds_on_a_day_off(cadence, first, zone, days_off):
    found = list(islice(Timetable(cadence, first, 0, zone, days_off).ahead(0), 20))
    for wave in found:
        times = wave.schedule
        assert times.opens_at < times.closes_at <= times.summary_at
        assert all(times.opens_at < reminder < times.closes_at for reminder in times.reminders_at)
        moments = [times.opens_at, *times.reminders_at]
        assert {days_off.why(local(moment, zone).date()) for moment in moments} == {None}
        assert wave.own_day <= wave.day < occurrence(cadence, first, wave.number + 1)
        assert (wave.why is None) == (wave.day == wave.own_day)
    assert all(earlier.schedule.closes_at < later.schedule.opens_at for earlier, later in pairwise(found))
    assert all(earlier.day < later.day for earlier, later in pairwise(found))


@given(cadences, st.dates(d("2027-01-01"), d("2027-12-31")), days_off)
def test_every_occurrence_opens_or_is_told_as_left_out(cadence, first, days_off):
    found = list(islice(Timetable(cadence, first, 0, MADRID, days_off).ahead(0), 20))
    days = [day for wave in found for day in (*wave.left_out, wave.own_day)]
    assert days == [occurrence(cadence, first, number) for number in range(found[-1].number + 1)]


@given(cadences, st.dates(d("2027-01-01"), d("2027-12-31")), days_off)
def test_a_wave_is_left_out_only_when_every_day_it_could_have_is_off(cadence, first, days_off):
    timetable = Timetable(cadence, first, 0, MADRID, days_off)
    for number in range(20):
        if timetable.day(number) is None:
            own_day, last = timetable.own_day(number), timetable.last_day(number)
            stretch = [own_day + A_DAY * place for place in range((last - own_day).days + 1)]
            assert days_off.why(own_day)
            assert all(days_off.why(day) or day.weekday() >= 5 for day in stretch)


# Working days


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-12-30", "2026-12-30", 0),
        ("2026-12-30", "2026-12-31", 1),
        ("2026-12-31", "2027-01-03", 0),  # New Year's Day and a weekend
        ("2026-12-31", "2027-01-04", 1),
        ("2027-01-04", "2027-01-11", 3),  # two of the days are off
        ("2027-01-04", "2026-12-01", 0),
    ],
)
def test_working_days_are_those_after_the_first_that_are_not_off(start, end, days):
    found = off(("2027-01-05", "2027-01-06"), holidays=NEW_YEAR)
    assert found.working_days(d(start), d(end)) == days


def test_without_a_calendar_a_weekend_is_no_working_day_all_the_same():
    assert [off().is_working_day(d(f"2027-01-{day:02}")) for day in (1, 2, 3, 4)] == [True, False, False, True]


@pytest.mark.parametrize(
    ("day", "number", "before"),
    [
        ("2027-01-08", 3, "2027-01-05"),  # Friday to Tuesday
        ("2027-01-09", 1, "2027-01-08"),
        ("2027-01-10", 1, "2027-01-08"),
        ("2027-01-05", 2, "2026-12-31"),  # over a weekend and New Year's Day
        ("2027-01-05", 0, "2027-01-05"),
    ],
)
def test_so_many_working_days_before(day, number, before):
    assert off(holidays=NEW_YEAR).working_days_before(d(day), number) == d(before)


@given(st.dates(date(2026, 1, 1), date(2048, 1, 1)), st.integers(1, 9))
def test_going_back_and_counting_forth_agree(day, number):
    found = off(("2027-01-05", "2027-01-06"), holidays=NEW_YEAR)
    before = found.working_days_before(day, number)
    assert found.is_working_day(before)
    assert found.working_days(before, day - A_DAY) == number - 1
