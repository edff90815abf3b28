"""The cells of a release, read in parts: those of the matrices, and nothing is kept busy meanwhile."""

import pytest

from survey import cells as module
from survey import matrices
from survey.cells import cells
from survey.database import leave_no_trace
from survey.matrices import OTHERS
from survey.measure.scale import ITEMS, SHOWN_ITEMS
from survey.models import Department, Wave
from tests.cast import Company
from tests.test_releases import at_random, random_company


def of_matrices(wave: Wave) -> list[module.Cell]:
    """By item and provider, as the matrices of the pages have them."""
    names = dict(Department.select(Department.id, Department.name).tuples())
    return [
        module.Cell(
            names[provider],
            table.others[provider] if group == OTHERS else dict(table.columns)[group],
            table.item,
            found,
        )
        for table in matrices.each_item([wave], SHOWN_ITEMS)
        for (provider, group), found in table.cells.items()
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_once", [1, 20])
def test_they_are_the_cells_of_the_matrices(
    company: Company, seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = random_company(company, seed)
    monkeypatch.setattr(module, "PROVIDERS_AT_ONCE", at_once)
    found = list(cells(wave, SHOWN_ITEMS))
    assert found == of_matrices(wave)
    assert found


def test_only_the_items_that_are_asked_for_are_told(company: Company) -> None:
    wave = company.released_wave(at_random(1))
    assert {cell.item for cell in cells(wave, [ITEMS[0]])} == {ITEMS[0]}


def test_the_database_is_free_while_somebody_is_busy_with_a_cell(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite rewrites no file of which anything is being read."""
    wave = company.released_wave(at_random(1))
    monkeypatch.setattr(module, "PROVIDERS_AT_ONCE", 1)
    reading = cells(wave, SHOWN_ITEMS)
    next(reading)
    leave_no_trace()
    assert len(list(reading)) == len(of_matrices(wave)) - 1
