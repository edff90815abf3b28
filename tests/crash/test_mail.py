"""No mail is lost: a short form of tests/crash/mail.py in the quick suite, and a longer one when asked for."""

from pathlib import Path

import pytest

from tests.crash import mail
from tests.crash.mail import Figures, bad_day, one_bad_address


@pytest.mark.slow
def test_no_mail_is_lost_on_a_bad_day(tmp_path: Path) -> None:
    figures = bad_day(tmp_path, messages=80, kills=8)
    assert (figures.faults, figures.kills.total()) == ([], 8)
    assert figures.second_copies > 0, "Nothing was put to the test."


@pytest.mark.crash
def test_one_bad_address_stops_nobody_and_is_shown(tmp_path: Path) -> None:
    bad = one_bad_address(tmp_path, 100)
    assert (bad.outcomes, bad.delivered, bad.shown) == ({"sent": 99, "dead": 1}, 99, True)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"accepted": 9}, "1 messages were never accepted."),
        ({"second_copies": 4}, "more second copies"),
        ({"changed_copies": 1}, "differ in Message-ID"),
        ({"states": {"sent": 9, "dropped": 1}}, "stored as sent"),
    ],
)
def test_what_does_not_hold_is_told(wrong: dict[str, object], told: str) -> None:
    right = {"accepted": 10, "killed_after_data": 2, "cuts_after_data": 1, "second_copies": 3, "states": {"sent": 10}}
    assert Figures(10, **right).faults == []  # type: ignore[arg-type]
    (fault,) = Figures(10, **{**right, **wrong}).faults  # type: ignore[arg-type]
    assert told in fault


@pytest.mark.long
@pytest.mark.crash
def test_a_hundred_messages_and_ten_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["mail", "--messages", "100", "--kills", "10"])
    with pytest.raises(SystemExit) as ended:
        mail.main()
    assert ended.value.code == 0
