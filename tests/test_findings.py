"""What stands out: tested against scipy, and corrected by a Holm written another way."""

import random

import numpy as np
import pytest
from scipy import stats

from survey import findings, releases, tallies
from survey.measure.disclosure import shown_probability
from survey.measure.scale import ITEMS, OVERALL, SCORES, points
from survey.models import Tally, Wave
from survey.responses import Answer
from tests.cast import SIZES, Company


def holm_by_steps(p_values: list[float]) -> list[float]:
    """Holm's corrected p, step by step as statsmodels' multipletests does it."""
    order = np.argsort(p_values)
    steps = np.maximum.accumulate((len(p_values) - np.arange(len(p_values))) * np.array(p_values)[order])
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(steps, 1)
    return list(corrected)


def scores_of(wave: Wave, provider: int | None = None, item: str = OVERALL) -> list[float]:
    """Every published answer in points, one by one, read from the tallies."""
    rows = Tally.select().where(Tally.wave == wave, Tally.item == item)
    if provider is not None:
        rows = rows.where(Tally.provider == provider)
    return [points(score) for row in rows for score in SCORES for _ in range(getattr(row, f"n{score}"))]


@pytest.fixture
def two_waves(company: Company) -> tuple[Wave, Wave]:
    """Finance falls, IT rises, Sales is rated low by Logistics alone; the rest is chance."""
    chance = random.Random(3)
    ids = {name: department.id for name, department in company.departments.items()}

    def about(fall: int, rise: int):
        def answer(provider: int) -> Answer:
            middle = 3 + fall * (provider == ids["Finance"]) + rise * (provider == ids["IT"])
            return Answer(provider, {item: max(1, min(5, middle + chance.choice((-1, 0, 0, 1)))) for item in ITEMS})

        return answer

    first = company.released_wave(about(1, -1))
    second = company.open_wave()

    def bitter(provider: int) -> Answer:
        return Answer(provider, {OVERALL: chance.choice((1, 1, 2))}) if provider == ids["Sales"] else usual(provider)

    usual = about(-1, 1)
    for client, people in SIZES.items():
        company.rate(second, client, people, bitter if client == "Logistics" else usual)
    return first, company.close_wave(second)


def test_changes_are_those_of_scipy_corrected_for_all_that_were_looked_at(two_waves: tuple[Wave, Wave]) -> None:
    first, second = two_waves
    results = releases.provider_results(second)
    family = findings.real_changes(results)
    keys, raw = [], []
    for result in results:
        for item in result.changes:
            now, before = scores_of(second, result.department.id, item), scores_of(first, result.department.id, item)
            keys.append((result.department.id, item))
            raw.append(stats.ttest_ind(now, before, equal_var=False).pvalue)
    corrected = dict(zip(keys, holm_by_steps(raw), strict=True))
    assert family.compared == len(keys)
    assert len(family.found) == findings.LARGEST
    for found in family.found:
        assert found.p == shown_probability(corrected[found.department.id, found.item])
        assert found.p < 0.05
    real = {key for key, p in corrected.items() if p < 0.05}
    widest = sorted((abs(c.points) for r in results for i, c in r.changes.items() if (r.department.id, i) in real))
    assert sorted(abs(found.change.points) for found in family.found) == widest[-findings.LARGEST :]


def test_departments_that_changed_on_an_item_are_those_of_scipy_corrected_for_all_departments(
    two_waves: tuple[Wave, Wave],
) -> None:
    first, second = two_waves
    results = [found for found in releases.provider_results(second) if OVERALL in found.changes]
    p = [
        stats.ttest_ind(*(scores_of(wave, found.department.id) for wave in (second, first)), equal_var=False).pvalue
        for found in results
    ]
    real = {found.department.id for found, corrected in zip(results, holm_by_steps(p), strict=True) if corrected < 0.05}
    assert 0 < len(real) < len(results)
    assert findings.departments_changed(results, OVERALL) == real


def test_badly_served_clients_differ_from_all_others(two_waves: tuple[Wave, Wave], company: Company) -> None:
    _, wave = two_waves
    family = findings.badly_served(wave)
    worst = family.found[0]
    assert (worst.provider.name, worst.clients.departments) == ("Sales", ("Logistics",))
    atoms = [atom for atom in tallies.atoms([wave], [OVERALL]) if sum(atom.counts) >= 10]
    assert family.compared == len(atoms)
    logistics = frozenset([company.departments["Logistics"].id])
    (atom,) = [found for found in atoms if (found.provider, found.departments) == (worst.provider.id, logistics)]
    own = [points(score) for score, n in zip(SCORES, atom.counts, strict=True) for _ in range(n)]
    rest = list(scores_of(wave))
    for value in own:
        rest.remove(value)
    expected = stats.ttest_ind(own, rest, equal_var=False)
    assert worst.difference.p == pytest.approx(expected.pvalue, rel=1e-6)
    low, high = expected.confidence_interval()
    assert worst.difference.interval == (round(low), round(high))


def test_where_nothing_happened_nothing_is_named(company: Company) -> None:
    company.released_wave()
    wave = company.released_wave()
    family = findings.real_changes(releases.provider_results(wave))
    assert family.compared > 0
    assert family.found == ()
    assert findings.badly_served(wave).found == ()


def test_groups_of_fewer_than_ten_are_not_compared(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9, lambda provider: Answer(provider, {OVERALL: 1}))
    company.rate(wave, "Logistics", 15, lambda provider: Answer(provider, {OVERALL: 5}))
    family = findings.badly_served(company.close_wave(wave))
    assert (family.compared, family.found) == (0, ())
