"""What is missing where a department serves badly: shares under the same rules as any other item."""

import pytest

from survey.measure.excuses import Lack
from survey.measure.scale import MISSING_REASONS, OVERALL
from survey.models import Wave
from survey.responses import Answer
from survey.shortfalls import Shortfall, shortfall
from tests.cast import Company


def low(company: Company, *said: tuple[str, int, str | None]) -> Wave:
    """A wave about Sales, in which `people` of a client give a 1 and say what is missing."""
    company.ask_only_about("Sales")
    wave = company.open_wave()
    for client, people, reason in said:
        company.rate(wave, client, people, lambda provider, reason=reason: Answer(provider, {OVERALL: 1}, reason))
    return company.close_wave(wave)


def test_reasons_are_told_in_whole_percent(company: Company) -> None:
    wave = low(company, ("Finance", 6, "means"), ("Logistics", 6, "attitude"))
    found = shortfall(wave, company.departments["Sales"])
    assert found == Shortfall((10, 19), {"attitude": 50, "means": 50, "both": 0}, Lack.UNSURE)
    assert tuple(found.shares) == MISSING_REASONS


@pytest.mark.parametrize(("people", "told"), [(9, False), (10, True)])
def test_reasons_are_told_from_ten_answers_on(company: Company, people: int, told: bool) -> None:
    wave = low(company, ("Finance", people, "both"))
    assert (shortfall(wave, company.departments["Sales"]) is not None) is told


def test_who_cannot_say_does_not_count(company: Company) -> None:
    wave = low(company, ("Finance", 9, "means"), ("Logistics", 8, None))
    assert shortfall(wave, company.departments["Sales"]) is None


def test_a_small_client_group_counts_together_with_others(company: Company) -> None:
    wave = low(company, ("Finance", 12, "means"), ("Legal", 2, "attitude"))
    found = shortfall(wave, company.departments["Sales"])
    assert found is not None
    assert found.shares == {"attitude": 14, "means": 86, "both": 0}
    assert found.lack is Lack.MEANS


def test_a_department_that_nobody_finds_wanting_has_none(company: Company) -> None:
    assert shortfall(company.released_wave(), company.departments["Sales"]) is None
