"""When a pulse repeats, opens, reminds and closes, on the nights when clocks change and at the ends of months."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.measure.cadence import Cadence, CadenceError, Weekday, instant, local, occurrence, read_cadence, schedule

settings.register_profile("measure", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("measure")

MADRID = ZoneInfo("Europe/Madrid")
SHIPPED = sorted((Path(__file__).parents[2] / "schedules" / "cadences").glob("*.toml"))
WEEKLY = {"step": {"days": 7}, "opens": "09:00", "remind_after_days": [2], "closes_after_days": 4, "closes": "18:00"}
QUARTERLY = Cadence("quarterly", 3, 0, time(9), time(18), 14, (4, 9))
MONTHLY = Cadence("monthly", 1, 0, time(9), time(18), 11, (4, 8))

FIRST_TUESDAY, LAST_FRIDAY = Weekday(0, 1), Weekday(-1, 4)

weekdays = st.builds(Weekday, st.sampled_from([0, 1, 2, 3, -1]), st.integers(0, 6))
zones = st.sampled_from(
    [
        "Europe/Madrid",
        "Australia/Lord_Howe",
        "America/Santiago",
        "America/St_Johns",
        "Africa/Casablanca",
        "Antarctica/Troll",
        "UTC",
    ]
).map(ZoneInfo)
nights = st.builds(  # the nights on which one of these zones changes its clocks, and any other time
    lambda night, minutes: night + timedelta(minutes=minutes),
    st.sampled_from(
        [datetime(2027, month, day) for month, day in [(3, 28), (10, 31), (4, 4), (10, 3), (9, 5), (3, 14), (2, 7)]]  # noqa: DTZ001
    ),
    st.integers(-120, 300),
)
wall_times = nights | st.datetimes(datetime(2026, 1, 1), datetime(2032, 1, 1)).map(  # noqa: DTZ001
    lambda wall: wall.replace(microsecond=0, fold=0)
)


def utc(wall, zone):
    """The instant of a local wall time, both as text, seen from Greenwich."""
    second = instant(datetime.fromisoformat(wall), ZoneInfo(zone))
    return local(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


# Wall times


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2027-03-28 01:59:59", "2027-03-28 00:59:59"),
        ("2027-03-28 02:00", "2027-03-28 01:00:00"),  # the clock goes from 01:59:59 to 03:00
        ("2027-03-28 02:30", "2027-03-28 01:00:00"),
        ("2027-03-28 02:59:59", "2027-03-28 01:00:00"),
        ("2027-03-28 03:00", "2027-03-28 01:00:00"),
        ("2027-03-28 03:00:01", "2027-03-28 01:00:01"),
    ],
)
def test_a_time_that_madrid_skips_in_spring_is_the_first_instant_after_it(wall, expected):
    assert utc(wall, "Europe/Madrid") == expected


def test_every_second_that_madrid_skips_becomes_the_same_instant():
    skipped = (datetime(2027, 3, 28, 2) + timedelta(seconds=second) for second in range(0, 3600, 7))  # noqa: DTZ001
    assert {instant(wall, MADRID) for wall in skipped} == {int(datetime(2027, 3, 28, 1, tzinfo=UTC).timestamp())}


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2027-10-31 01:59:59", "2027-10-30 23:59:59"),
        ("2027-10-31 02:00", "2027-10-31 00:00:00"),  # and again at 01:00 UTC
        ("2027-10-31 02:30", "2027-10-31 00:30:00"),
        ("2027-10-31 02:59:59", "2027-10-31 00:59:59"),
        ("2027-10-31 03:00", "2027-10-31 02:00:00"),
    ],
)
def test_a_time_that_madrid_has_twice_in_autumn_is_the_first_one(wall, expected):
    assert utc(wall, "Europe/Madrid") == expected


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2027-10-03 01:59", "2027-10-02 15:29:00"),
        ("2027-10-03 02:10", "2027-10-02 15:30:00"),  # 02:00 to 02:30 is skipped
        ("2027-10-03 02:30", "2027-10-02 15:30:00"),
        ("2027-04-04 01:29", "2027-04-03 14:29:00"),
        ("2027-04-04 01:45", "2027-04-03 14:45:00"),  # 01:30 to 02:00 comes twice
        ("2027-04-04 02:00", "2027-04-03 15:30:00"),
    ],
)
def test_lord_howe_changes_its_clocks_by_half_an_hour(wall, expected):
    assert utc(wall, "Australia/Lord_Howe") == expected


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2027-09-04 23:59", "2027-09-05 03:59:00"),
        ("2027-09-05 00:00", "2027-09-05 04:00:00"),  # this day begins at 01:00
        ("2027-09-05 00:30", "2027-09-05 04:00:00"),
        ("2027-09-05 01:00", "2027-09-05 04:00:00"),
        ("2027-04-03 23:30", "2027-04-04 02:30:00"),  # this day has 23:00 to 24:00 twice
        ("2027-04-04 00:00", "2027-04-04 04:00:00"),
    ],
)
def test_santiago_changes_its_clocks_at_midnight(wall, expected):
    assert utc(wall, "America/Santiago") == expected


def test_a_day_that_samoa_left_out_is_the_start_of_the_next():
    assert utc("2011-12-30 09:00", "Pacific/Apia") == "2011-12-30 10:00:00"  # 31 December 00:00 at +14


def test_summer_and_winter_have_their_own_offset():
    assert utc("2027-01-11 09:00", "Europe/Madrid") == "2027-01-11 08:00:00"
    assert utc("2027-07-12 09:00", "Europe/Madrid") == "2027-07-12 07:00:00"


def test_an_instant_is_told_as_the_clock_on_the_wall_shows_it():
    assert local(instant(datetime(2027, 7, 12, 9), MADRID), MADRID) == datetime(2027, 7, 12, 9, tzinfo=MADRID)  # noqa: DTZ001


@given(wall_times, zones)
def test_an_instant_shows_its_wall_time_or_the_first_one_after_it_that_exists(wall, zone):
    second = instant(wall, zone)
    shown, just_before = (local(moment, zone).replace(tzinfo=None) for moment in (second, second - 1))
    assert shown == wall or just_before < wall < shown


@given(wall_times, zones)
def test_a_wall_time_that_comes_twice_means_the_first(wall, zone):
    second = instant(wall, zone)
    assert all(local(second - earlier * 60, zone).replace(tzinfo=None) != wall for earlier in (30, 60, 120))


@given(wall_times, st.integers(0, 240), zones)
def test_a_later_wall_time_is_never_an_earlier_instant(wall, minutes, zone):
    assert instant(wall, zone) <= instant(wall + timedelta(minutes=minutes), zone)


# Dates


def test_a_quarterly_pulse_from_31_january_falls_on_the_last_days():
    dates = [occurrence(QUARTERLY, date(2027, 1, 31), number) for number in range(5)]
    assert dates == [date(2027, 1, 31), date(2027, 4, 30), date(2027, 7, 31), date(2027, 10, 31), date(2028, 1, 31)]


@pytest.mark.parametrize(("year", "day"), [(2027, 28), (2028, 29), (2100, 28), (2000, 29)])
def test_a_month_after_31_january_is_the_end_of_february(year, day):
    assert occurrence(MONTHLY, date(year, 1, 31), 1) == date(year, 2, day)


def test_a_month_after_29_january_is_the_28th_and_then_the_29th_again():
    dates = [occurrence(MONTHLY, date(2027, 1, 29), number) for number in range(3)]
    assert dates == [date(2027, 1, 29), date(2027, 2, 28), date(2027, 3, 29)]


def test_a_pulse_that_starts_on_a_leap_day_has_one_every_four_years():
    yearly = Cadence("yearly", 12, 0, time(9), time(18), 14, ())
    days = [occurrence(yearly, date(2028, 2, 29), number).day for number in range(5)]
    assert days == [29, 28, 28, 28, 29]


def test_december_is_followed_by_january_of_the_next_year():
    assert occurrence(MONTHLY, date(2027, 12, 15), 1) == date(2028, 1, 15)
    assert occurrence(MONTHLY, date(2027, 11, 15), 1) == date(2027, 12, 15)


def test_a_fortnightly_pulse_counts_days_across_the_leap_day():
    fortnightly = Cadence("fortnightly", 0, 14, time(9), time(18), 9, (4,))
    assert occurrence(fortnightly, date(2028, 2, 21), 1) == date(2028, 3, 6)
    assert occurrence(fortnightly, date(2028, 2, 21), 0) == date(2028, 2, 21)


@given(st.dates(date(2026, 1, 1), date(2040, 1, 1)), st.integers(0, 60), st.integers(1, 12))
def test_months_keep_their_day_or_end_on_their_last(first, number, months):
    day = occurrence(Cadence("any", months, 0, time(9), time(18), 7, ()), first, number)
    assert (day.year - first.year) * 12 + day.month - first.month == months * number
    assert day.day == first.day or (day.day < first.day and (day + timedelta(days=1)).day == 1)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (FIRST_TUESDAY, ["2027-01-05", "2027-02-02", "2027-03-02", "2027-04-06", "2027-05-04", "2027-06-01"]),
        (LAST_FRIDAY, ["2027-01-29", "2027-02-26", "2027-03-26", "2027-04-30", "2027-05-28", "2027-06-25"]),
        (Weekday(3, 6), ["2027-01-24", "2027-02-28", "2027-03-28", "2027-04-25", "2027-05-23", "2027-06-27"]),
    ],
)
def test_a_weekday_of_the_month_is_found_in_every_month(on, expected):
    cadence = replace(MONTHLY, on=on)
    assert [str(occurrence(cadence, date(2027, 1, 1), number)) for number in range(6)] == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [("2027-01-05", "2027-01-05"), ("2027-01-06", "2027-02-02"), ("2027-12-08", "2028-01-04")],
)
def test_the_first_one_by_weekday_is_not_before_the_first_date(first, expected):
    cadence = replace(MONTHLY, on=FIRST_TUESDAY)
    assert str(occurrence(cadence, date.fromisoformat(first), 0)) == expected


def test_a_weekday_every_three_months_counts_from_its_first_month():
    cadence = replace(QUARTERLY, on=LAST_FRIDAY)
    days = [str(occurrence(cadence, date(2027, 1, 30), number)) for number in range(4)]
    assert days == ["2027-02-26", "2027-05-28", "2027-08-27", "2027-11-26"]


def test_the_last_friday_of_a_leap_february_is_its_29th():
    assert LAST_FRIDAY.of(2036, 2) == date(2036, 2, 29)
    assert Weekday(3, 4).of(2036, 2) == date(2036, 2, 22)


@given(st.dates(date(2026, 1, 1), date(2040, 1, 1)), st.integers(0, 60), st.integers(1, 12), weekdays)
def test_a_weekday_of_the_month_is_that_weekday_in_its_turn(first, number, months, on):
    cadence = replace(MONTHLY, months=months, on=on)
    begin, day = occurrence(cadence, first, 0), occurrence(cadence, first, number)
    assert (day.year - begin.year) * 12 + day.month - begin.month == months * number
    assert day.weekday() == on.weekday
    week = timedelta(days=7)
    if on.ordinal < 0:
        assert (day + week).month != day.month
    else:
        assert (day - on.ordinal * week).month == day.month != (day - (on.ordinal + 1) * week).month
    assert first <= begin < first + timedelta(days=63)


# Schedules


def test_a_schedule_keeps_its_wall_time_over_the_change_of_clocks():
    found = schedule(QUARTERLY, date(2027, 3, 22), MADRID)  # summer time starts six days later
    clocks = [local(second, MADRID).strftime("%d %b %H:%M %z") for second in (found.opens_at, *found.reminders_at)]
    assert clocks == ["22 Mar 09:00 +0100", "26 Mar 09:00 +0100", "31 Mar 09:00 +0200"]
    assert local(found.closes_at, MADRID).strftime("%d %b %H:%M %z") == "05 Apr 18:00 +0200"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@settings(max_examples=20)
@given(first=st.dates(date(2026, 1, 1), date(2032, 1, 1)), zone=zones)
def test_a_wave_reminds_while_it_is_open_and_closes_before_the_next_one(path, first, zone):
    cadence = read_cadence(path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
    waves = [schedule(cadence, occurrence(cadence, first, number), zone) for number in range(4)]
    moments = [moment for wave in waves for moment in (wave.opens_at, *wave.reminders_at, wave.closes_at)]
    assert all(earlier < later for earlier, later in pairwise(moments))


def test_the_five_cadences_of_the_design_and_two_by_weekday_are_shipped():
    by_weekday = {"first-tuesday", "last-friday"}
    assert {path.stem for path in SHIPPED} == {
        "weekly",
        "fortnightly",
        "monthly",
        "quarterly",
        "half-yearly",
    } | by_weekday


def test_the_summary_leaves_as_soon_as_the_wave_has_closed():
    found = schedule(QUARTERLY, date(2027, 3, 22), MADRID)
    assert found.summary_at == found.closes_at


def test_a_delayed_summary_leaves_so_many_days_after_the_closing_at_the_opening_hour():
    found = schedule(replace(QUARTERLY, summary_after_days=2), date(2027, 3, 15), MADRID)  # closes on 29 March
    assert local(found.summary_at, MADRID).strftime("%d %b %H:%M %z") == "31 Mar 09:00 +0200"


# Reading


def test_a_cadence_is_read_from_its_table():
    assert read_cadence("weekly", WEEKLY) == Cadence("weekly", 0, 7, time(9), time(18), 4, (2,))


def test_a_cadence_without_reminders_has_none():
    table = {entry: value for entry, value in WEEKLY.items() if entry != "remind_after_days"}
    assert read_cadence("weekly", table).remind_after_days == ()


@pytest.mark.parametrize(("step", "last_day"), [({"days": 7}, 6), ({"months": 1}, 27), ({"months": 3}, 83)])
def test_a_wave_closes_at_the_latest_the_day_before_the_next_one_opens(step, last_day):
    assert read_cadence("any", {**WEEKLY, "step": step, "closes_after_days": last_day}).closes_after_days == last_day
    with pytest.raises(CadenceError, match="must close before the next one opens"):
        read_cadence("any", {**WEEKLY, "step": step, "closes_after_days": last_day + 1})


def test_a_wave_lasts_at_least_until_the_next_day():
    assert read_cadence("any", {**WEEKLY, "closes_after_days": 1, "remind_after_days": []}).closes_after_days == 1


@pytest.mark.parametrize("reminders", [[], [1], [3], [1, 2, 3]])
def test_reminders_may_come_on_any_day_between_opening_and_closing(reminders):
    assert read_cadence("weekly", {**WEEKLY, "remind_after_days": reminders}).remind_after_days == tuple(reminders)


@pytest.mark.parametrize("reminders", [[0], [4], [-1], [2, 2], [3, 1], 2, "2", ["2"], [1.5], [True]])
def test_reminders_outside_the_wave_or_out_of_order_are_refused(reminders):
    with pytest.raises(CadenceError, match=r"^weekly: remind_after_days"):
        read_cadence("weekly", {**WEEKLY, "remind_after_days": reminders})


@pytest.mark.parametrize(
    "step",
    [
        {},
        {"days": 7, "months": 1},
        {"days": 0},
        {"days": -7},
        {"days": 1.5},
        {"days": "7"},
        {"months": True},
        "weekly",
        7,
    ],
)
def test_a_step_that_is_not_one_whole_number_is_refused(step):
    with pytest.raises(CadenceError, match=r"^weekly: step"):
        read_cadence("weekly", {**WEEKLY, "step": step})


@pytest.mark.parametrize("text", ["first tuesday", "First Tuesday"])
def test_a_weekday_of_the_month_is_read(text):
    assert read_cadence("any", {**WEEKLY, "step": {"months": 1}, "on": text}).on == FIRST_TUESDAY


def test_the_shipped_cadences_by_weekday_are_what_their_names_say():
    read = {path.stem: read_cadence(path.stem, tomllib.loads(path.read_text(encoding="utf-8"))).on for path in SHIPPED}
    assert {key: on for key, on in read.items() if on} == {"first-tuesday": FIRST_TUESDAY, "last-friday": LAST_FRIDAY}


@pytest.mark.parametrize(
    "text", ["", "tuesday", "first", "fifth monday", "first martes", "first tuesday ", 1, ["x"], None]
)
def test_a_weekday_that_not_every_month_has_is_refused(text):
    with pytest.raises(CadenceError, match=r'^any: on must be like "first tuesday" or "last friday": first, second'):
        read_cadence("any", {**WEEKLY, "step": {"months": 1}, "on": text})


def test_a_weekday_of_the_month_needs_months():
    with pytest.raises(CadenceError, match=r"^weekly: on is about months"):
        read_cadence("weekly", {**WEEKLY, "on": "first tuesday"})


@pytest.mark.parametrize("days", [-1, 1.5, "1", None, True])
def test_a_summary_after_no_whole_number_of_days_is_refused(days):
    with pytest.raises(CadenceError, match=r"^weekly: summary_after_days"):
        read_cadence("weekly", {**WEEKLY, "summary_after_days": days})


def test_an_entry_that_no_cadence_has_is_named():
    with pytest.raises(CadenceError, match=r"^weekly: closes_after_day is no entry of a cadence; there are closes,"):
        read_cadence("weekly", {**WEEKLY, "closes_after_day": 4})


@pytest.mark.parametrize("days", [0, -1, 2.5, "4", None, True])
def test_a_wave_that_lasts_no_whole_number_of_days_is_refused(days):
    with pytest.raises(CadenceError, match=r"^weekly: closes_after_days"):
        read_cadence("weekly", {**WEEKLY, "closes_after_days": days})


@pytest.mark.parametrize("clock", ["9 o'clock", "24:00", "", 9, None, "09:00+02:00", "09:00Z"])
@pytest.mark.parametrize("entry", ["opens", "closes"])
def test_a_time_that_is_no_wall_time_is_refused(entry, clock):
    with pytest.raises(CadenceError, match=r"^weekly: opens and closes"):
        read_cadence("weekly", {**WEEKLY, entry: clock})


@pytest.mark.parametrize("entry", ["step", "closes_after_days", "opens", "closes"])
def test_a_missing_entry_is_named(entry):
    with pytest.raises(CadenceError, match=rf"^weekly: .*{entry}"):
        read_cadence("weekly", {key: value for key, value in WEEKLY.items() if key != entry})
