"""The commands about pulses: every date of what comes, and changing it."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from click.testing import CliRunner

from survey import cli
from survey.models import Pulse, Wave
from survey.settings import Settings
from tests.cast import OPENS, Company

Espejo = Callable[..., str]


@pytest.fixture
def espejo(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Espejo]:
    """The command `espejo`, ten days before the cast's first wave; returns what it prints."""
    monkeypatch.setenv("ESPEJO_HOME", settings.home)
    monkeypatch.setenv("ESPEJO_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("ESPEJO_DATABASE_URL", settings.database_url)

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli.main, words)
        assert done.exit_code == code, done.output
        return done.output

    with time_machine.travel(OPENS - 10 * 24 * 3600, tick=False):
        yield run


@pytest.fixture
def weekly(espejo: Espejo) -> None:
    espejo("pulse", "add", "clima", "--cadence", "weekly", "--first", "2026-03-02")


def openings(plan: str) -> list[str]:
    """The days on which a printed plan opens waves."""
    return [line.split("opens ")[1][:10] for line in plan.splitlines() if "opens " in line]


BOTH_NIGHTS = """\
clima (quarterly, Europe/Madrid, holidays ES-MD)
  1. opens 2027-01-28 09:00+0100   reminders 2027-02-01 09:00+0100, 2027-02-08 09:00+0100\
   closes 2027-02-11 18:00+0100   summary 2027-02-11 18:00+0100
  2. opens 2027-04-28 09:00+0200   reminders 2027-05-04 09:00+0200, 2027-05-07 09:00+0200\
   closes 2027-05-12 18:00+0200   summary 2027-05-12 18:00+0200
  3. opens 2027-07-28 09:00+0200   reminders 2027-08-02 09:00+0200, 2027-08-06 09:00+0200\
   closes 2027-08-11 18:00+0200   summary 2027-08-11 18:00+0200
  4. opens 2027-10-28 09:00+0200   reminders 2027-11-02 09:00+0100, 2027-11-08 09:00+0100\
   closes 2027-11-11 18:00+0100   summary 2027-11-11 18:00+0100
"""


def test_nine_oclock_stays_nine_oclock_across_both_nights_of_2027(espejo: Espejo) -> None:
    espejo("pulse", "add", "clima", "--cadence", "quarterly", "--first", "2027-01-28", "--holidays", "ES-MD")
    assert espejo("pulse", "plan") == BOTH_NIGHTS


ON_THE_NIGHTS = """\
clima (quarterly, Europe/Madrid, no waves 2027-12-24..2028-01-06)
  1. opens 2027-03-28 09:00+0200   reminders 2027-04-01 09:00+0200, 2027-04-06 09:00+0200\
   closes 2027-04-11 18:00+0200   summary 2027-04-11 18:00+0200
  2. opens 2027-06-28 09:00+0200   reminders 2027-07-02 09:00+0200, 2027-07-07 09:00+0200\
   closes 2027-07-12 18:00+0200   summary 2027-07-12 18:00+0200
  3. opens 2027-09-28 09:00+0200   reminders 2027-10-02 09:00+0200, 2027-10-07 09:00+0200\
   closes 2027-10-12 18:00+0200   summary 2027-10-12 18:00+0200
  4. opens 2028-01-07 09:00+0100   reminders 2028-01-11 09:00+0100, 2028-01-16 09:00+0100\
   closes 2028-01-21 18:00+0100   summary 2028-01-21 18:00+0100
     moved from Tuesday 2027-12-28: no waves on that day
"""


def test_a_wave_may_open_on_the_very_day_of_the_change(espejo: Espejo) -> None:
    added = ("--cadence", "quarterly", "--first", "2027-03-28", "--blackout", "2027-12-24..2028-01-06")
    espejo("pulse", "add", "clima", *added)
    assert espejo("pulse", "plan", "clima") == ON_THE_NIGHTS


def test_the_plan_gives_the_reason_for_each_wave_that_moved(espejo: Espejo) -> None:
    added = ("--cadence", "monthly", "--first", "2027-01-01", "--holidays", "es-md", "--blackout", "2027-02-01")
    espejo("pulse", "add", "clima", *added)
    told = [line.strip() for line in espejo("pulse", "plan", "--waves", "6").splitlines() if "moved" in line]
    assert told == [
        "moved from Friday 2027-01-01: New Year's Day",
        "moved from Monday 2027-02-01: no waves on that day",
        "moved from Saturday 2027-05-01: Labor Day",
    ]


def test_the_plan_tells_of_waves_that_find_no_working_day(espejo: Espejo) -> None:
    added = ("--cadence", "weekly", "--first", "2026-03-02", "--blackout", "2026-03-09..2026-03-15")
    espejo("pulse", "add", "clima", *added)
    plan = espejo("pulse", "plan", "--waves", "2")
    assert openings(plan) == ["2026-03-02", "2026-03-16"]
    assert "no wave around 2026-03-09: there is no working day before the next one" in plan


def test_the_plan_is_of_all_pulses_or_of_one(espejo: Espejo, company: Company) -> None:
    espejo("pulse", "add", "clima", "--cadence", "last-friday", "--first", "2026-03-02")
    assert openings(espejo("pulse", "plan", "--waves", "1")) == ["2026-03-27", "2026-03-02"]
    assert openings(espejo("pulse", "plan", "clima", "--waves", "2")) == ["2026-03-27", "2026-04-24"]


def test_a_pulse_is_paused_and_resumed(espejo: Espejo, weekly: None) -> None:
    assert espejo("pulse", "pause", "clima") == "clima is paused.\n"
    assert "paused" in espejo("pulse", "list")
    assert espejo("pulse", "plan").startswith("clima (weekly, Europe/Madrid, paused)\n")
    assert espejo("tick", "--at", "2026-03-02T09:00+01:00") == "Nothing was due.\n"
    assert openings(espejo("pulse", "resume", "clima"))[0] == "2026-03-02"
    assert "waves opened: 1" in espejo("tick", "--at", "2026-03-02T09:00+01:00")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--days", "3"], ["2026-03-05", "2026-03-12"]),
        (["--days", "-4"], ["2026-02-26", "2026-03-05"]),
        (["--to", "2026-04-01"], ["2026-04-01", "2026-04-08"]),
    ],
)
def test_coming_waves_are_shifted(espejo: Espejo, weekly: None, given: list[str], expected: list[str]) -> None:
    assert openings(espejo("pulse", "shift", "clima", *given))[:2] == expected


@pytest.mark.parametrize("given", [[], ["--days", "3", "--to", "2026-04-01"]])
def test_a_shift_is_by_days_or_to_a_day(espejo: Espejo, weekly: None, given: list[str]) -> None:
    assert "Give either --days or --to." in espejo("pulse", "shift", "clima", *given, code=2)


def test_the_next_wave_is_moved_and_then_skipped(espejo: Espejo, weekly: None) -> None:
    moved = espejo("pulse", "move", "clima", "2026-03-04")
    assert openings(moved)[:2] == ["2026-03-04", "2026-03-09"]
    assert "moved from Monday 2026-03-02: somebody chose this day" in moved
    assert openings(espejo("pulse", "skip", "clima"))[:2] == ["2026-03-09", "2026-03-16"]


def test_days_off_are_set_and_taken_back(espejo: Espejo, weekly: None) -> None:
    assert openings(espejo("pulse", "blackout", "clima", "2026-03-02..2026-03-03"))[0] == "2026-03-04"
    assert openings(espejo("pulse", "blackout", "clima", "2026-03-02..2026-03-03", "--remove"))[0] == "2026-03-02"
    assert "has no such days off" in espejo("pulse", "blackout", "clima", "2026-03-02", "--remove", code=1)
    assert "holidays ES-MD" in espejo("pulse", "holidays", "clima", "es-md")
    assert "holidays" not in espejo("pulse", "holidays", "clima", "none")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["move", "clima", "2026-02-01"], 1, "On 2026-02-01 the opening hour has passed; choose a later day."),
        (["move", "clima", "2026-03-09"], 1, "The wave after it opens on 2026-03-09"),
        (["move", "clima", "9 March"], 2, "does not match the format"),
        (["resume", "clima"], 1, '"clima" is not paused.'),
        (["pause", "nope"], 1, 'There is no pulse "nope".'),
        (["holidays", "clima", "Madrid"], 1, '"Madrid" is no country or region whose public holidays are known'),
        (["blackout", "clima", "2026-03-04..2026-03-02"], 1, "comes before the first"),
        (["blackout", "clima", "Christmas"], 2, '"Christmas" is no day; write 2026-12-24, or a range like'),
    ],
)
def test_what_cannot_be_is_a_plain_message(
    espejo: Espejo, weekly: None, words: list[str], code: int, said: str
) -> None:
    assert said in espejo("pulse", *words, code=code)
    assert Wave.get().local_date.isoformat() == "2026-03-02"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--holidays", "ES-XX"], 'ES has no region "XX"; it has AN, AR'),
        (["--blackout", "2027-01-01..2026-01-01"], "comes before the first"),
        (["--first", "9999-12-31"], "9999-12-31 is not between the years 2000 and 2100."),
    ],
)
def test_a_pulse_with_days_that_cannot_be_is_not_added(espejo: Espejo, given: list[str], said: str) -> None:
    assert said in espejo("pulse", "add", "clima", "--cadence", "weekly", "--first", "2026-03-02", *given, code=1)
    assert (Pulse.select().count(), Wave.select().count()) == (0, 0)
