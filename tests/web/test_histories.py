"""Inside and outside over waves: the same as wave by wave, in a fixed number of queries."""

from survey import histories, releases
from survey.measure.scale import OVERALL
from survey.models import Wave
from survey.releases import Sides


def test_each_wave_is_what_the_gap_page_says_of_it(released: list[Wave]) -> None:
    for item in (OVERALL, "promises", "openness"):
        found = histories.history(released, item)
        assert [wave.id for wave in found.waves] == [wave.id for wave in released[::-1]]
        for place, wave in enumerate(found.waves):
            gaps = releases.all_gaps(wave)
            assert found.company[place] == gaps.company[item]
            rows = {row.department.id: row for row in gaps.rows if row.item == item}
            for department, several in found.departments:
                row = rows[department.id]
                assert several[place] == Sides(row.inside, row.outside, row.gap)


def test_departments_are_those_that_ever_had_both_sides(released: list[Wave]) -> None:
    names = [department.name for department, _ in histories.history(released, OVERALL).departments]
    assert names == ["Finance", "IT"]
    assert histories.history(released, "openness").departments == ()


def test_the_company_outside_counts_each_answer_once(released: list[Wave]) -> None:
    company = releases.all_gaps(released[0]).company[OVERALL]
    assert company.outside is not None
    assert (company.outside.n, company.outside.mean) == (
        16,
        66,
    )  # 5 5 5 4 and 2 3 3 2, twice; the shop counts for nobody
