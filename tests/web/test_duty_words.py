"""What clocks and promises say, in both languages, one and many."""

from datetime import date

import pytest
from flask import Flask
from flask_babel import force_locale

from survey.commitments import CommitmentRow
from survey.complaints import Clock
from survey.duties import Late
from survey.models import Commitment, Department
from survey.web import duty_words


@pytest.fixture(autouse=True)
def _request(app: Flask):
    with app.test_request_context("/"), force_locale("en"):
        yield


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (Clock((0,), 0, 3), "The one complaint that can be answered had a reply on the day it came."),
        (Clock((1,), 0, 3), "The one complaint that can be answered had a reply after 1 working day."),
        (Clock((), 1, 0), "One complaint can be answered, and waits for a reply."),
        (Clock((), 1, 1), "The one complaint that can be answered has waited for 1 working day."),
        (
            Clock((1, 2, 4), 1, 9),
            "3 of the 4 complaints that can be answered have a reply. At least half had it within 2 working days. "
            "One has waited for 9 working days.",
        ),
        (
            Clock((1,), 3, 9),
            "1 of the 4 complaints that can be answered has a reply. 3 have waited for 9 working days.",
        ),
        (
            Clock((0, 0), 0, 9),
            "All 2 complaints that can be answered have a reply. At least half had it on the day they came.",
        ),
        (Clock((), 2, 0), "None of the 2 complaints that can be answered has a reply."),
        (
            Clock((), 2, 1),
            "None of the 2 complaints that can be answered has a reply. 2 have waited for 1 working day.",
        ),
    ],
)
def test_a_clock_in_words(clock: Clock, said: str) -> None:
    assert duty_words.clock_sentence(clock) == said


def test_a_clock_in_spanish() -> None:
    with force_locale("es"):
        assert duty_words.clock_sentence(Clock((1, 2, 4), 1, 9)) == (
            "De las 4 quejas que admiten respuesta, 3 la tienen. Al menos la mitad la tuvo en 2 días laborables. "
            "Una espera desde hace 9 días laborables."
        )


def test_what_waits_of_one_and_of_many() -> None:
    found = [Clock((), 1, 5), Clock((1,), 1, 5), Clock((1,), 2, 5)]
    assert [duty_words.waiting_sentence(clock) for clock in found] == [
        "one complaint waits for a reply.",
        "1 of 2 complaints waits for a reply.",
        "2 of 3 complaints wait for a reply.",
    ]


@pytest.mark.parametrize(
    ("days", "leads", "said"),
    [
        (1, (), "promised by Friday 10 April 2026, 1 day late; nobody leads the department"),
        (3, ("Ana", "Bo"), "promised by Friday 10 April 2026, 3 days late; led by Ana and Bo"),
    ],
)
def test_how_late_a_promise_is_and_who_leads(days: int, leads: tuple[str, ...], said: str) -> None:
    promised = Commitment(text="x", due_on=date(2026, 4, 10), provider=Department(name="Finance"))
    late = Late(CommitmentRow(promised, (), "late"), days, leads)
    assert duty_words.lateness(late).replace(" 2026", "") == said.replace(" 2026", "")
