"""Comparisons: every difference, interval and corrected p found once more, from single answers and by another route."""

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from survey import comparisons
from survey.comparisons import Comparisons, Side, Verdict
from survey.measure.disclosure import shown_probability, whole
from survey.measure.gaps import State
from survey.measure.scale import ITEMS, OVERALL, SCORES, points
from survey.measure.statistics import holm
from survey.models import Department, Wave
from survey.releases import gaps
from survey.responses import Answer
from tests.cast import Company
from tests.test_releases import about_sales, at_random, customers_say, summed, tallies


def singles(wave: Wave, provider: str, item: str) -> list[float]:
    """Every answer about a provider on an item, in points, rebuilt from the tables."""
    counts = summed([found for (name, _), found in tallies(wave, item).items() if name == provider])
    return [points(score) for score, n in zip(SCORES, counts, strict=True) for _ in range(n)]


def closed_holm(p_values: list[float]) -> list[float]:
    """Holm's corrected p by the closed test it stands for: the worst Bonferroni p of any subset with the case in it."""
    places = range(len(p_values))
    subsets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(places, size)]
    worst = {chosen: min(1.0, len(chosen) * min(p_values[place] for place in chosen)) for chosen in subsets}
    return [max(p for chosen, p in worst.items() if place in chosen) for place in places]


def sides(company: Company, wave: Wave, *names: str) -> list[Side]:
    return [Side(company.departments[name], wave) for name in names]


def about(levels: dict[int, list[int]]):
    """Answers that go round the scores given for each provider."""
    turns = dict.fromkeys(levels, 0)

    def answer(provider: int) -> Answer:
        turns[provider] += 1
        scores = levels[provider]
        return Answer(provider, dict.fromkeys(ITEMS, scores[turns[provider] % len(scores)]))

    return answer


def levelled(company: Company, **levels: list[int]) -> Wave:
    """A wave in which departments get the scores given here, the others fours and threes."""
    given_to = {found.id: levels.get(name, [4, 3]) for name, found in company.departments.items()}
    return company.released_wave(about(given_to))


# Against scipy, from the single answers


@pytest.mark.parametrize("items", [[OVERALL], list(ITEMS)])
def test_difference_interval_and_p_are_welchs(company: Company, items: list[str]) -> None:
    wave = company.released_wave(at_random(4))
    found = comparisons.between(sides(company, wave, "Finance", "IT", "Sales", "Logistics"), items)
    assert found.family == len(found.rows) == 6 * len(items)
    tests = [
        stats.ttest_ind(*(singles(wave, side.department.name, row.item) for side in (row.a, row.b)), equal_var=False)
        for row in found.rows
    ]
    for row, test in zip(found.rows, tests, strict=True):
        a, b = (singles(wave, side.department.name, row.item) for side in (row.a, row.b))
        low, high = test.confidence_interval(0.95)
        assert row.difference is not None
        assert row.difference.points == whole(sum(a) / len(a)) - whole(sum(b) / len(b))
        assert row.difference.interval == pytest.approx((low, high), abs=1)
        assert row.difference.p == pytest.approx(test.pvalue, abs=1e-9)
    if len(items) == 1:
        corrected = closed_holm([float(test.pvalue) for test in tests])
        assert [row.p for row in found.rows] == [shown_probability(p) for p in corrected]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_closed_bonferroni_test(p_values: list[float]) -> None:
    found = holm(dict(enumerate(p_values)))
    assert [found[place] for place in range(len(p_values))] == pytest.approx(closed_holm(p_values))


def test_a_comparison_over_waves_is_welchs_too(company: Company) -> None:
    earlier, later = company.released_wave(at_random(1)), company.released_wave(at_random(2))
    sales = company.departments["Sales"]
    (row,) = comparisons.between([Side(sales, later), Side(sales, earlier)], [OVERALL]).rows
    test = stats.ttest_ind(singles(later, "Sales", OVERALL), singles(earlier, "Sales", OVERALL), equal_var=False)
    assert row.difference is not None
    assert row.difference.p == pytest.approx(test.pvalue, abs=1e-9)
    assert row.p == shown_probability(float(test.pvalue))


# What is said


def test_a_real_difference_is_told_with_who_stands_higher(company: Company) -> None:
    wave = levelled(company, Finance=[5, 5, 4], IT=[1, 2])
    found = comparisons.between(sides(company, wave, "IT", "Finance"), [OVERALL])
    (row,) = found.rows
    assert (row.verdict, found.real) == (Verdict.REAL, 1)
    assert (row.higher.department.name, row.lower.department.name) == ("Finance", "IT")


def test_no_difference_is_told_where_there_is_none(company: Company) -> None:
    wave = levelled(company)
    (row,) = comparisons.between(sides(company, wave, "IT", "Finance"), [OVERALL]).rows
    assert row.verdict is Verdict.NONE
    assert row.p is not None
    assert row.p > 0.05


def test_what_would_be_real_alone_may_be_chance_among_many(company: Company) -> None:
    """One pair just below 5 % is real by itself, and is not when the other nine pairs are looked at as well."""
    wave = levelled(company, Finance=[4, 3], IT=[4, 3, 3, 3])
    alone = comparisons.between(sides(company, wave, "Finance", "IT"), [OVERALL]).rows[0]
    every = [Side(department, wave) for department in company.departments.values()]
    among = next(
        row
        for row in comparisons.between(every, ITEMS).rows
        if row.item == OVERALL and {row.a.department.name, row.b.department.name} == {"Finance", "IT"}
    )
    assert alone.difference == among.difference
    assert alone.p is not None
    assert among.p is not None
    assert alone.p < among.p
    assert (alone.verdict, among.verdict) == (Verdict.REAL, Verdict.CHANCE)


@pytest.mark.parametrize(("people", "told"), [(9, False), (10, True)])
def test_a_difference_needs_ten_answers_on_each_side(company: Company, people: int, told: bool) -> None:
    company.ask_only_about("Sales", "IT")
    wave = company.open_wave()
    sales = company.departments["Sales"].id
    company.rate(wave, "Finance", people)
    company.rate(wave, "Logistics", 3, lambda provider: Answer(provider, {} if provider == sales else {OVERALL: 2}))
    wave = company.close_wave(wave)
    (row,) = comparisons.between(sides(company, wave, "Sales", "IT"), [OVERALL]).rows
    assert (row.difference is not None, row.p is not None) == (told, told)
    assert (row.verdict is Verdict.NOT_ENOUGH) is not told


def test_who_publishes_nothing_is_compared_with_nobody(company: Company) -> None:
    wave = about_sales(company, ("Finance", 12, 4))
    found = comparisons.between(sides(company, wave, "Sales", "Legal"), [OVERALL])
    (row,) = found.rows
    assert (row.b_figure, row.difference, row.verdict, found.family) == (None, None, Verdict.NOT_ENOUGH, 0)


def test_real_differences_come_first_and_the_largest_on_top(company: Company) -> None:
    wave = levelled(company, Finance=[5], IT=[1, 2], Sales=[3, 2])
    found = comparisons.between(sides(company, wave, "Logistics", "Legal", "Sales", "IT", "Finance"), [OVERALL])
    real = [abs(row.difference.points) for row in found.rows if row.verdict is Verdict.REAL and row.difference]
    assert real == sorted(real, reverse=True)
    assert [row.verdict is Verdict.REAL for row in found.rows] == [True] * len(real) + [False] * (10 - len(real))


# The best against the worst


def test_the_best_against_the_worst_is_corrected_for_all_it_was_picked_from(company: Company) -> None:
    wave = levelled(company, Finance=[5, 4], IT=[2, 3])
    everybody = list(company.departments.values())
    found = comparisons.extremes(wave, everybody, OVERALL)
    (row,) = found.rows
    assert (row.higher.department.name, row.lower.department.name, found.family) == ("Finance", "IT", 10)
    whole_family = comparisons.between([Side(department, wave) for department in everybody], [OVERALL])
    assert row in whole_family.rows


def test_with_one_department_there_is_no_best_and_worst(company: Company) -> None:
    wave = about_sales(company, ("Finance", 12, 4))
    assert comparisons.extremes(wave, list(company.departments.values()), OVERALL) == Comparisons((), 0)


# Inside against outside


def test_inside_against_outside_is_the_gap(company: Company) -> None:
    customers_say(company, "Sales", 95, date(2026, 1, 15))
    customers_say(company, "IT", 60, date(2026, 1, 15))
    wave = company.released_wave(at_random(3))
    rows = {row.department.name: row for row in gaps(wave) if row.item == OVERALL}
    found = comparisons.with_outside(wave, list(company.departments.values()), [OVERALL])
    assert found.family == 2
    for row in found.rows:
        gap = rows[row.a.department.name]
        assert (row.a_figure, row.b_figure, row.difference) == (gap.inside, gap.outside, gap.gap.difference)
    assert found.rows[0].higher.outside


def test_what_lies_surely_within_five_points_is_alike(company: Company) -> None:
    customers_say(company, "Sales", 75, date(2026, 1, 15))
    wave = company.released_wave()
    (row,) = comparisons.with_outside(wave, [company.departments["Sales"]], [OVERALL]).rows
    (gap,) = [found for found in gaps(wave) if (found.department.name, found.item) == ("Sales", OVERALL)]
    assert (gap.gap.state is State.ALIGNED) is (row.verdict is Verdict.ALIKE)


def test_without_customers_there_is_nothing_to_set_inside_against(company: Company) -> None:
    wave = company.released_wave()
    found = comparisons.with_outside(wave, list(Department.select()), [OVERALL])
    assert {row.verdict for row in found.rows} == {Verdict.NOT_ENOUGH}
    assert found.family == 0


@pytest.mark.parametrize(
    ("p", "shown"), [(0.04951, 0.049), (0.05, 0.05), (0.0504, 0.05), (0.00001, 0.001), (0.0123, 0.012), (1.0, 1.0)]
)
def test_p_is_told_in_thousandths_and_never_over_the_limit(p: float, shown: float) -> None:
    assert shown_probability(p) == pytest.approx(shown)
