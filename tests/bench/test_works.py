"""The works of the bench, small: they run, find what they look for, and are rows of the table."""

import pytest

from tests.bench import closing, growth, opening

PEOPLE = 300  # five of each department


@pytest.mark.slow
@pytest.mark.parametrize(("work", "figures"), [(opening, 6), (closing, 4)])
def test_a_small_wave_is_opened_reminded_and_closed(work, figures: int) -> None:
    rows = list(work.measure(1, PEOPLE))
    assert len(rows) == figures
    assert all(row.ours > 0 for row in rows)
    assert rows[1].is_met, "the memory of three hundred people"


@pytest.mark.slow
@pytest.mark.long
def test_pages_make_as_many_queries_with_more_answers() -> None:
    grows, slowest, queries = growth.measure(1, growth.TALLIES * growth.FEW * 3)
    assert queries.is_met
    assert grows.ours > 0
    assert 0 < slowest.ours < slowest.limit
