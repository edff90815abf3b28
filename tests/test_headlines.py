"""The news in words."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask
from flask_babel import force_locale

from survey.company import CompanySummary
from survey.findings import RealChange
from survey.headlines import company_sentence, company_subject, first_step, of_page, second_step, sentence, subject
from survey.measure.disclosure import Change, Figure
from survey.measure.gaps import Gap, State
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Department
from survey.releases import GapRow, OutsideFigure, PublicComment
from survey.summaries import DepartmentSummary, DivisionSummary
from tests.test_news import MEANS, company_of, summary

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
    assert subject_of(summary(overall=SIX)) == "Sales: 68, up 6; promises kept, criticism still hard"


def test_the_subject_in_spanish(app: Flask):
    with force_locale("es"):
        assert subject_of(summary(overall=SIX)) == "Sales: 68, sube 6; cumple lo prometido, le cuestan las críticas"


def test_a_change_within_chance_is_not_in_the_subject():
    assert subject_of(summary(overall={"change": (6, 0.06)})).startswith("Sales: 68; promises kept")


@pytest.mark.parametrize(
    ("means", "end"),
    [
        (ALIKE, "68"),
        ({**MEANS, "openness": 75, "improvement": 75, "flexibility": 75, "diligence": 75}, "68; promises kept"),
        ({**dict.fromkeys(SHOWN_ITEMS, 40), "openness": 20}, "40; criticism still hard"),
    ],
)
def test_what_is_neither_strong_nor_hard_is_not_said(means: dict[str, int], end: str):
    assert subject_of(summary(means)) == f"Sales: {end}"


def test_below_the_threshold_the_subject_is_honest():
    assert subject_of(EMPTY) == "IT: too few answers for figures this time"


def without_overall(means: dict[str, int]) -> dict[str, int]:
    return {item: mean for item, mean in means.items() if item != OVERALL}


@pytest.mark.parametrize(
    ("means", "end"),
    [
        (without_overall(MEANS), "promises kept, criticism still hard"),
        (without_overall(ALIKE), "figures for 5 practices"),
        ({"promises": 68}, "a figure for 1 practice"),
    ],
)
def test_the_subject_above_figures_of_practices_does_not_say_that_there_are_none(means: dict[str, int], end: str):
    assert subject_of(summary(means)) == f"Sales: {end}"


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


def page_says(*departments: DepartmentSummary, divisions: tuple[DivisionSummary, ...] = ()) -> str:
    return of_page(SimpleNamespace(departments=departments, divisions=divisions))  # type: ignore[arg-type]


def rated(name: str, mean: int) -> DepartmentSummary:
    return replace(summary(dict.fromkeys(SHOWN_ITEMS, mean)), department=Department(key=name.lower(), name=name))


def test_a_page_of_one_department_begins_with_its_news_or_else_its_figure():
    assert page_says(summary()) == sentence(summary()) != ""
    assert page_says(rated("Sales", 68)) == "Colleagues give Sales 68 of 100 all in all."
    assert page_says(EMPTY) == "Too few colleagues answered for a figure all in all."


def test_a_page_of_several_begins_with_the_highest_and_the_lowest():
    highest_first = "All in all colleagues give Law the most, 80 of 100, and Ops the least, 41."
    three = (rated("Sales", 68), rated("Ops", 41), rated("Law", 80))
    assert page_says(*three, EMPTY) == highest_first
    division = DivisionSummary(Department(key="services", name="Services"), three[1:])
    assert page_says(three[0], divisions=(division,)) == highest_first
    assert (
        page_says(rated("Ops", 68), rated("Law", 68)) == "Colleagues give all departments alike: 68 of 100 all in all."
    )
    assert page_says(rated("Sales", 68), EMPTY) == "Colleagues give Sales 68 of 100 all in all."


# --- The company's -------------------------------------------------------------------------------------------------

IT = Department(key="it", name="IT")
NOW = Figure(people=(20, 49), mean=63, approximate=False)


def risen(item: str, points: int) -> RealChange:
    return RealChange(IT, item, NOW, Change(points, (points - 3, points + 3), 0.0001), 0.001)


def facade() -> GapRow:
    outside = OutsideFigure(81, (80, 82), 400, False, date(2026, 1, 1), date(2026, 2, 1), ())
    return GapRow(NOW, outside, Gap(State.FACADE, Change(-18, (-20, -16), 0.001)), IT, "promises")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (company_of(summary().lines, (risen("overall", 15),)), "Acme: 68; IT up 15"),
        (company_of(summary().lines, (risen("openness", -7),)), "Acme: 68; IT down 7 (Takes criticism)"),
        (company_of(summary().lines), "Acme: 68; criticism still hard"),
        (company_of(summary(ALIKE).lines, (), (facade(),)), "Acme: 68; IT kinder to strangers"),
        (company_of(summary(ALIKE).lines), "Acme: 68"),
        (company_of(summary(without_overall(MEANS)).lines), "Acme: criticism still hard"),
        (company_of(summary(without_overall(ALIKE)).lines), "Acme: figures for 5 practices"),
        (company_of(()), "Acme: too few answers for figures this time"),
    ],
)
def test_the_companys_subject_is_its_figure_and_the_news(found: CompanySummary, told: str):
    assert company_subject(found, "Acme") == told


def test_customers_stand_in_the_companys_subject():
    lines = tuple(replace(line, gap=facade()) for line in summary().lines)
    assert company_subject(company_of(lines), "Acme") == "Acme: inside 68, outside 81; criticism still hard"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            company_of(summary().lines, (risen("overall", 15),)),
            "What changed most: IT (All in all), up 15 points to 63. That is more than chance.",
        ),
        (
            company_of(summary().lines, (risen("openness", -7),)),
            "What changed most: IT (Takes criticism), down 7 points to 63. That is more than chance.",
        ),
        (company_of(summary().lines), "Where colleagues ask for more: Takes criticism, 50 of 100."),
        (
            company_of(summary(ALIKE).lines, (), (facade(),)),
            "Inside and outside part most in IT (Keeps promises): a gap of −18 points.",
        ),
        (company_of(()), ""),
    ],
)
def test_the_companys_sentence_says_the_news(found: CompanySummary, told: str):
    assert company_sentence(found) == told


# --- What to do next -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (
            ("complaint", "suggestion"),
            "Read the complaint and answer it while it is fresh; ",
        ),
        (
            ("complaint", "complaint"),
            "Read the 2 complaints and answer them while they are fresh; ",
        ),
        (("thanks", "suggestion"), "Read the suggestion: it may be the improvement that your clients want."),
        (("thanks",), "Look at the results with your team."),
        ((), "Look at the results with your team."),
    ],
)
def test_the_first_step_follows_what_was_written(kinds: tuple[str, ...], told: str):
    comments = tuple(PublicComment("1", kind, "…") for kind in kinds)
    found = replace(summary(), comments=comments)
    assert first_step(SimpleNamespace(departments=(found, EMPTY))).startswith(told)  # type: ignore[arg-type]


def test_the_second_step_names_what_is_hard():
    assert second_step(summary()).endswith("Where they ask for it most: Takes criticism.")
    assert second_step(summary(ALIKE)) == "Then promise your clients one improvement."
