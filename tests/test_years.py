"""Five simulated years of every cadence, from event to event: each occurrence is one wave, at its moment, once."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from survey import pulses, waves
from survey.measure.cadence import Cadence, local
from survey.models import TABLES, Pulse, Reminder, Wave, database
from survey.pulses import add_pulse, cadences
from survey.turns import OneWriter
from survey.workdays import is_holiday

FIRST = date(2026, 1, 31)  # a Saturday, and the last day of its month
ZONES = {
    "Europe/Madrid": "ES-MD",
    "America/Santiago": "CL",
    "Australia/Lord_Howe": "AU-NSW",
    "Asia/Kathmandu": "NP",
    "UTC": "GB-ENG",
    "America/Bogota": "CO",
}
A_DAY = timedelta(days=1)
OFTEN = [pytest.param(name, marks=pytest.mark.slow) for name in ("monthly", "first-tuesday", "last-friday")]


@pytest.fixture
def memory() -> Iterator[None]:
    """An empty database in memory."""
    database.initialize(OneWriter(":memory:", pragmas={"foreign_keys": 1}))
    with database.connection_context():
        database.create_tables(TABLES)
        yield


def live(pulse: Pulse, until: int) -> list[Wave]:
    """Let the clock stop at each moment at which something is due; return the waves that opened, as they are then."""
    opened: list[int] = []
    while (now := next_moment(pulse)) <= until:
        closed, found, reminded = waves.close_due(now), waves.open_due(now, 5), waves.remind_due(now)
        assert closed or found or reminded, "something did not happen at its second"
        opened += [wave.id for wave in found]
    return [Wave.get_by_id(wave) for wave in opened]


def next_moment(pulse: Pulse) -> int:
    """When something is due next: an opening, a reminder, a closing."""
    running = Wave.get_or_none(Wave.pulse == pulse, Wave.state == "open")
    moments = [Wave.get(Wave.pulse == pulse, Wave.state == "planned").opens_at]
    if running:
        undone = Reminder.select(Reminder.due_at).where(Reminder.wave == running, ~Reminder.done).tuples()
        moments += [running.closes_at, *(due_at for (due_at,) in undone)]
    return min(moments)


def own_days(cadence: str, until: int) -> list[date]:
    """The days of a cadence from FIRST on, found by looking at every day there is."""
    last = datetime.fromtimestamp(until, UTC).date()

    def is_one(day: date) -> bool:
        months = (day.year - FIRST.year) * 12 + day.month - FIRST.month
        is_last = day.day == monthrange(day.year, day.month)[1]  # FIRST is a 31st
        return {
            "weekly": (day - FIRST).days % 7 == 0,
            "fortnightly": (day - FIRST).days % 14 == 0,
            "monthly": is_last,
            "quarterly": is_last and months % 3 == 0,
            "half-yearly": is_last and months % 6 == 0,
            "first-tuesday": day.weekday() == 1 and day.day <= 7,
            "last-friday": day.weekday() == 4 and (day + 7 * A_DAY).month != day.month,
        }[cadence]

    return [day for place in range((last - FIRST).days + 1) if is_one(day := FIRST + place * A_DAY)]


def end_of(years: int) -> int:
    return int(datetime(FIRST.year + years, 2, 12, tzinfo=UTC).timestamp())


def check_years(cadence: str, zone: str, years: int, holidays: str = "") -> None:
    """Each occurrence is one wave, opened at nine on its day or the next working day, and closed as planned."""
    pulse = add_pulse("all", cadence, FIRST, zone, holidays=holidays)
    lived = live(pulse, end_of(years))
    days = own_days(cadence, end_of(years))
    assert [wave.occurrence for wave in lived] == list(range(len(days)))
    assert [wave.opens_at for wave in lived] == [wave.opened_at for wave in lived]
    assert [wave.closes_at for wave in lived[:-1]] == [wave.closed_at for wave in lived[:-1]]
    openings = [local(wave.opened_at, ZoneInfo(zone)) for wave in lived]
    assert {opening.time() for opening in openings} == {time(9)}
    assert [opening.date() for opening in openings] == [working_day(day, holidays) for day in days]
    assert {wave.cancel_reason for wave in Wave.select()} == {""}
    assert Wave.select().count() == len(lived) + 1


def working_day(day: date, holidays: str) -> date:
    while holidays and (day.weekday() >= 5 or is_holiday(holidays, day)):
        day += A_DAY
    return day


@pytest.mark.early
@pytest.mark.parametrize("cadence", ["quarterly", "half-yearly", *OFTEN])
@pytest.mark.parametrize("zone", ["Europe/Madrid", pytest.param("Australia/Lord_Howe", marks=pytest.mark.slow)])
def test_a_year_has_each_wave_once(memory: None, cadence: str, zone: str) -> None:
    check_years(cadence, zone, 1)


@pytest.mark.parametrize("cadence", [pytest.param("quarterly", marks=pytest.mark.slow), OFTEN[0]])
def test_a_year_of_holidays_has_each_wave_once(memory: None, cadence: str) -> None:
    check_years(cadence, "Europe/Madrid", 1, "ES-MD")


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("cadence", cadences())
@pytest.mark.parametrize("zone", ZONES)
def test_five_years_have_each_wave_once(memory: None, cadence: str, zone: str) -> None:
    """One, of cadences that come so often."""
    check_years(cadence, zone, 1 if cadence in ("weekly", "fortnightly") else 5)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("cadence", ["monthly", "first-tuesday"])
@pytest.mark.parametrize("zone", ZONES)
def test_five_years_with_holidays_have_each_wave_once(memory: None, cadence: str, zone: str) -> None:
    check_years(cadence, zone, 5, ZONES[zone])


# The nights on which clocks change

NIGHTS = Cadence("nights", 0, 7, time(2, 15), time(0, 30), 6, ())  # on Sundays, when most clocks are changed


@pytest.mark.parametrize(
    ("zone", "night", "opens"),
    [
        ("Europe/Madrid", "2027-03-28", "03:00+0200"),
        ("Europe/Madrid", "2027-10-31", "02:15+0200"),  # and again an hour later
        ("Australia/Lord_Howe", "2027-10-03", "02:30+1100"),  # half an hour is left out
        ("Australia/Lord_Howe", "2027-04-04", "02:15+1030"),
        ("America/New_York", "2027-03-14", "03:00-0400"),
        ("America/Santiago", "2027-09-05", "02:15-0300"),  # its clocks change at midnight
        ("Asia/Kathmandu", "2027-03-28", "02:15+0545"),
        ("America/Bogota", "2027-03-28", "02:15-0500"),
    ],
)
def test_a_wave_opens_once_on_a_night_of_the_change_and_on_its_neighbours(
    memory: None, monkeypatch: pytest.MonkeyPatch, zone: str, night: str, opens: str
) -> None:
    monkeypatch.setattr(pulses, "load_cadence", lambda _: NIGHTS)
    sunday = date.fromisoformat(night)
    pulse = add_pulse("all", "nights", sunday - 7 * A_DAY, zone)
    lived = live(pulse, Wave.get().opens_at + 15 * 24 * 3600)
    openings = [local(wave.opened_at, ZoneInfo(zone)) for wave in lived]
    assert [opening.date() for opening in openings] == [sunday - 7 * A_DAY, sunday, sunday + 7 * A_DAY]
    assert [f"{opening:%H:%M}" for opening in openings[::2]] == ["02:15", "02:15"]
    assert f"{openings[1]:%H:%M%z}" == opens
