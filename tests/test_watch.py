"""A clock that is set forth or back is noticed, once, and does no harm."""

import pytest

from survey.watch import JUMP_SECONDS, LEAP_SECONDS, STEADY_SECONDS, Watch

NOW = 1_772_438_400
HOUR, DAY, YEAR = 3600, 24 * 3600, 365 * 24 * 3600


class Host:
    """A machine whose clock can be set; it looks at it every five seconds, and ticks when it may."""

    def __init__(self, ticked_at: int = 0) -> None:
        self.wall, self.steady = NOW, 1000.0
        self.ticked_at = ticked_at
        self._watch = Watch()

    def look(self) -> bool:
        may = self._watch.may_act(self.wall, self.steady, self.ticked_at)
        if may:
            self.ticked_at = self.wall
        return may

    def run(self, seconds: int) -> set[bool]:
        """Whether it could act, in so many seconds."""
        found = set()
        for _ in range(0, seconds, 5):
            self.wall, self.steady = self.wall + 5, self.steady + 5
            found.add(self.look())
        return found

    def set_by(self, seconds: int) -> "Host":
        self.wall += seconds
        return self


@pytest.fixture
def host() -> Host:
    """A machine that has run for a while."""
    host = Host()
    assert host.look()
    assert host.run(60) == {True}
    return host


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_clock_that_runs_evenly_is_believed_and_nothing_is_said(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    assert host.run(DAY) == {True}
    assert told(caplog) == []


def test_a_clock_that_is_adjusted_bit_by_bit_never_jumps(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(200):
        host.set_by(JUMP_SECONDS)
        assert host.run(5) == {True}
    assert told(caplog) == []


@pytest.mark.parametrize(("seconds", "direction"), [(-2 * HOUR, "back"), (30 * 60, "forth")])
def test_a_jump_is_logged_once_and_acted_by(
    host: Host, seconds: int, direction: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert host.set_by(seconds).run(DAY) == {True}
    (said,) = told(caplog)
    assert said == f"The clock has jumped {direction} by {'2:00:00' if seconds < 0 else '0:30:00'}."


def test_after_a_leap_nothing_is_done_until_it_has_been_steady(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    assert host.set_by(3 * DAY).run(STEADY_SECONDS) == {False}
    assert host.run(10) == {True}
    said = told(caplog)
    assert said[0] == "The clock has jumped forth by 3 days, 0:00:00."
    assert "Nothing is done until" in said[1]
    assert "believed again" in said[2]
    assert len(said) == 3


def test_an_hour_is_the_longest_leap_that_is_believed_at_once(host: Host) -> None:
    assert host.set_by(LEAP_SECONDS).run(60) == {True}
    other = Host()
    other.look()
    assert other.set_by(LEAP_SECONDS + 1).run(60) == {False}


def test_a_year_forth_and_back_within_an_hour_does_nothing(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    assert host.set_by(YEAR).run(HOUR) == {False}
    assert host.set_by(-YEAR).run(HOUR) == {True}
    assert host.run(DAY) == {True}
    assert len(told(caplog)) == 4  # forth, nothing is done, back, believed again


def test_a_year_back_and_forth_within_an_hour_is_no_leap(host: Host) -> None:
    assert host.set_by(-YEAR).run(HOUR) == {True}
    assert host.set_by(YEAR).run(HOUR) == {True}


def test_a_clock_that_keeps_jumping_is_not_believed(host: Host) -> None:
    host.set_by(DAY)
    for _ in range(10):
        assert host.set_by(HOUR // 2).run(HOUR) == {False}


def test_a_tick_by_hand_confirms_a_leap(host: Host) -> None:
    assert host.set_by(3 * DAY).run(60) == {False}
    host.ticked_at = host.wall  # `espejo tick`
    assert host.run(DAY) == {True}


def test_what_ticked_before_the_leap_does_not_confirm_it(host: Host) -> None:
    assert host.set_by(3 * DAY).run(60) == {False}
    host.ticked_at = NOW + HOUR
    assert host.run(60) == {False}


# A process that starts


def test_who_starts_after_a_long_stop_acts_at_once_and_says_how_long_it_was(caplog: pytest.LogCaptureFixture) -> None:
    assert Host(ticked_at=NOW - YEAR).look()
    assert told(caplog) == ["Nothing has made the clock tick for 365 days, 0:00:00; it catches up now."]


def test_who_starts_before_the_last_tick_says_so_and_acts(caplog: pytest.LogCaptureFixture) -> None:
    host = Host(ticked_at=NOW + 2 * HOUR)
    assert host.look()
    assert host.run(60) == {True}
    assert told(caplog) == ["The clock stands 2:00:00 before it last ticked; nothing is done twice."]


@pytest.mark.parametrize("ticked_at", [0, NOW - 600, NOW + 30])
def test_who_starts_as_usual_says_nothing(ticked_at: int, caplog: pytest.LogCaptureFixture) -> None:
    assert Host(ticked_at).look()
    assert told(caplog) == []
