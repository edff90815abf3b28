"""The news in words."""

from types import SimpleNamespace

import pytest
from flask import Flask
from flask_babel import force_locale

from survey.headlines import sentence, subject
from survey.measure.gaps import State
from survey.measure.scale import SHOWN_ITEMS
from survey.models import Department
from survey.summaries import DepartmentSummary, DivisionSummary
from tests.test_news import MEANS, summary

SIX = {"change": (6, 0.0001)}
ALIKE = dict.fromkeys(SHOWN_ITEMS, 68)
EMPTY = DepartmentSummary(Department(key="it", name="IT"), None, (), None)


@pytest.fixture(autouse=True)
def _speaking(app: Flask):
    with app.test_request_context(), force_locale("en"):
        yield


def subject_of(*departments: DepartmentSummary, divisions: tuple[DivisionSummary, ...] = ()) -> str:
    return subject(SimpleNamespace(departments=departments, divisions=divisions))  # type: ignore[arg-type]


def test_the_subject_is_figure_change_strength_and_hardship():
    assert subject_of(summary(overall=SIX)) == "Sales: 68, up 6: promises kept, criticism still hard"


def test_the_subject_in_spanish(app: Flask):
    with force_locale("es"):
        assert subject_of(summary(overall=SIX)) == "Sales: 68, sube 6: cumple lo prometido, le cuestan las críticas"


def test_a_change_within_chance_is_not_in_the_subject():
    assert subject_of(summary(overall={"change": (6, 0.06)})).startswith("Sales: 68: promises kept")


@pytest.mark.parametrize(
    ("means", "end"),
    [
        (ALIKE, "68"),
        ({**MEANS, "openness": 75, "improvement": 75, "flexibility": 75, "diligence": 75}, "68: promises kept"),
        ({**dict.fromkeys(SHOWN_ITEMS, 40), "openness": 20}, "40: criticism still hard"),
    ],
)
def test_what_is_neither_strong_nor_hard_is_not_said(means: dict[str, int], end: str):
    assert subject_of(summary(means)) == f"Sales: {end}"


def test_below_the_threshold_the_subject_is_honest():
    assert subject_of(EMPTY) == "IT: too few answers for figures this time"


def test_several_departments_and_divisions_are_named():
    services = DivisionSummary(Department(key="services", name="Services"), (EMPTY,))
    assert subject_of(summary(), EMPTY) == "What your clients say: Sales, IT"
    assert subject_of(divisions=(services,)) == "What your clients say: Services"
    assert subject_of(summary(), divisions=(services,)) == "What your clients say: Sales, Services"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (summary(promises=SIX), "What changed most: Keeps promises, up 6 points to 80. That is more than chance."),
        (
            summary(promises={"change": (-6, 0.0001)}),
            "What changed most: Keeps promises, down 6 points to 80. That is more than chance.",
        ),
        (summary(), "Where your clients ask for more: Takes criticism, 50 of 100."),
        (
            summary(ALIKE, promises={"gap": (-12, State.FACADE)}),
            "Inside and outside part most here: Keeps promises, a gap of −12 points.",
        ),
        (summary(ALIKE), ""),
        (EMPTY, ""),
    ],
)
def test_the_sentence_says_the_news(found: DepartmentSummary, told: str):
    assert sentence(found) == told


def test_every_practice_has_words_for_strength_and_hardship():
    for practice in SHOWN_ITEMS[1:]:
        strong = subject_of(summary({**dict.fromkeys(SHOWN_ITEMS, 76), practice: 90}))
        hard = subject_of(summary({**dict.fromkeys(SHOWN_ITEMS, 50), practice: 20}))
        assert len(strong) > len("Sales: 76: ")
        assert len(hard) > len("Sales: 50: ")
