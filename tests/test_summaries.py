"""What a lead learns after a wave."""

from datetime import date

import pytest

from survey import releases
from survey.measure.scale import ITEMS, SHOWN_ITEMS
from survey.models import Department, Wave
from survey.responses import Answer
from survey.summaries import DepartmentSummary, lead_summary
from tests.cast import Company
from tests.test_releases import about_sales, at_random, customers_say


def summary_of(company: Company, wave: Wave, name: str = "Sales") -> DepartmentSummary:
    (found,) = lead_summary(wave, [company.departments[name]]).departments
    return found


def test_lines_show_overall_first_and_what_the_gate_gives(company: Company) -> None:
    wave = company.released_wave(at_random(1))
    lines = summary_of(company, wave).lines
    (result,) = [found for found in releases.provider_results(wave) if found.department.name == "Sales"]
    assert [(line.item, line.figure) for line in lines] == [(item, result.figures[item]) for item in SHOWN_ITEMS]


def test_overall_stands_apart_from_the_practices(company: Company) -> None:
    found = summary_of(company, about_sales(company, ("Finance", 5, 4)))
    assert found.overall is not None
    assert [line.item for line in found.practices] == list(ITEMS[:-1])


def test_a_department_with_four_raters_has_no_lines_and_no_comments(company: Company) -> None:
    found = summary_of(company, about_sales(company, ("Finance", 4, 4)))
    assert found == DepartmentSummary(company.departments["Sales"], None, (), None)
    assert found.overall is found.strongest is found.weakest is None


def test_a_department_with_five_raters_has_lines_but_no_comments(company: Company) -> None:
    found = summary_of(company, about_sales(company, ("Finance", 5, 4)))
    assert (found.raters, len(found.lines), found.comments) == ((5, 9), 6, None)


def test_strongest_and_weakest_are_practices(company: Company) -> None:
    scores = {"overall": 5, "promises": 4, "diligence": 1, "flexibility": 3, "openness": 3, "improvement": 3}
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 5, lambda provider: Answer(provider, scores))
    found = summary_of(company, company.close_wave(wave))
    assert found.strongest is not None
    assert found.weakest is not None
    assert (found.strongest.item, found.weakest.item) == ("promises", "diligence")


def test_departments_keep_the_order_they_were_asked_in(company: Company) -> None:
    wave = about_sales(company)
    chosen = [company.departments[name] for name in ("Sales", "Finance")]
    assert [found.department.name for found in lead_summary(wave, chosen).departments] == ["Sales", "Finance"]


def test_who_leads_nothing_gets_nothing(company: Company) -> None:
    assert lead_summary(about_sales(company), []).departments == ()


def test_changes_and_gaps_stand_beside_their_item(company: Company) -> None:
    about_sales(company, ("Finance", 10, 2))
    customers_say(company, "Sales", 95, date(2026, 2, 1))
    overall = summary_of(company, about_sales(company, ("Finance", 10, 4))).overall
    assert overall is not None
    assert overall.change is not None
    assert overall.gap is not None
    assert overall.gap.gap.difference is not None
    assert (overall.change.points, overall.gap.gap.difference.points) == (50, -20)


@pytest.mark.parametrize(("raters", "told"), [(9, {}), (10, {"thanks": 10})])
def test_comments_are_counted_by_kind_from_ten_raters_on(company: Company, raters: int, told: dict[str, int]) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", raters, lambda provider: Answer(provider, {"overall": 4}, None, "Gracias", "thanks"))
    assert summary_of(company, company.close_wave(wave)).comment_counts == told


def test_a_summary_names_its_pulse(company: Company) -> None:
    found = lead_summary(about_sales(company), [company.departments["IT"]])
    assert (found.pulse.key, found.wave.local_date) == ("quarterly", date(2026, 3, 2))


def under_services(company: Company, *names: str) -> Department:
    services = Department.create(key="services", name="Services")
    keys = [company.departments[name].key for name in names]
    Department.update(parent=services).where(Department.key.in_(keys)).execute()
    return services


def test_a_division_tells_of_its_departments_without_their_comments(company: Company) -> None:
    services = under_services(company, "Sales", "IT")
    wave = company.released_wave(lambda provider: Answer(provider, {"overall": 4}, None, "Well done.", "thanks"))
    found = lead_summary(wave, [services])
    assert found.departments == ()
    (division,) = found.divisions
    assert [part.department.name for part in division.departments] == ["IT", "Sales"]
    for part in division.departments:
        alone = summary_of(company, wave, part.department.name)
        assert part.lines == alone.lines
        assert alone.comments
        assert part.comments is None


def test_who_leads_a_department_and_its_division_reads_both(company: Company) -> None:
    services = under_services(company, "Sales")
    found = lead_summary(about_sales(company), [company.departments["Sales"], services])
    assert [part.department.name for part in found.departments] == ["Sales"]
    assert [part.division.name for part in found.divisions] == ["Services"]
