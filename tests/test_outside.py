"""Touchpoints, the departments behind them, and each department's score outside."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from customers import ANSWERS, LONG, Folder, department, touchpoint_id
from peewee import fn

from survey import outside
from survey.imports import undo_import
from survey.models import ExternalImport, Touchpoint, database
from survey.outside import Outside, customers_at, set_departments, touchpoints
from survey.settings import Settings


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize("weight", [0.01, 1])
def test_a_weight_may_be_up_to_one(folder: Folder, weight: float) -> None:
    folder.take(ANSWERS)
    set_departments(touchpoint_id("Shop"), {department("Sales"): weight}, attributed=False)
    assert touchpoints()[0].departments[0].weight == weight


@pytest.mark.parametrize("weight", [0, 1.01, float("nan")])
def test_another_weight_is_refused_and_the_links_stay(folder: Folder, weight: float) -> None:
    department("Shop")
    folder.take(ANSWERS)
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        set_departments(touchpoint_id("Shop"), {department("Sales"): weight}, attributed=False)
    assert [link.name for link in touchpoints()[0].departments] == ["Shop"]


def test_the_list_of_touchpoints_tells_what_counts_and_for_whom(folder: Folder) -> None:
    folder.take(ANSWERS)
    folder.take("touchpoint,item,date,score\nShop,overall,2026-01-10,1\nDesk,overall,2026-01-10,1\n", "b.csv")
    set_departments(touchpoint_id("Shop"), {department("Sales"): 0.5, department("Help"): 1}, attributed=True)
    assert outside.unmapped() == 1
    desk, shop = touchpoints()
    assert (desk.name, desk.departments) == ("Desk", ())
    assert (shop.source, shop.key, shop.answers) == ("external", "Shop", 2)
    assert (shop.starts_on, shop.ends_on) == (date(2026, 1, 10), date(2026, 1, 11))
    assert [(link.name, link.weight, link.attributed) for link in shop.departments] == [
        ("Help", 1.0, True),
        ("Sales", 0.5, True),
    ]


# --- Scores outside ------------------------------------------------------------------------------------------------


def outside_scores(until: date) -> dict[tuple[int, str], Outside]:
    """What customers say about departments, by (id, item), as of the end of `until`."""
    return customers_at([until])[0].departments


def take_sums(folder: Folder, *rows: str) -> None:
    folder.take("\n".join(["touchpoint,item,date,mean,n,sd", *rows]))


def test_one_touchpoint_gives_its_departments_the_mean_of_its_answers(folder: Folder) -> None:
    shop = department("Shop")
    folder.take(ANSWERS)
    outside = outside_scores(date(2026, 3, 1))[shop, "overall"]
    assert outside.estimate.n == 3
    assert outside.estimate.mean == pytest.approx((75 + 75 + 25) / 3)
    assert (outside.attributed, outside.touchpoints) == (False, ("Shop",))
    assert (outside.starts_on, outside.ends_on) == (date(2026, 1, 10), date(2026, 1, 11))


def test_several_touchpoints_are_averaged_by_their_weights_whatever_their_number_of_answers(folder: Folder) -> None:
    sales = department("Sales")
    take_sums(folder, "Shop,overall,2026-01,80,900,10", "Desk,overall,2026-01,50,30,10")
    set_departments(touchpoint_id("Shop"), {sales: 0.5}, attributed=False)
    set_departments(touchpoint_id("Desk"), {sales: 1}, attributed=False)
    outside = outside_scores(date(2026, 3, 1))[sales, "overall"]
    assert outside.estimate.mean == pytest.approx(60)
    assert outside.estimate.n == 930
    assert outside.touchpoints == ("Desk", "Shop")


def test_attributed_touchpoints_count_only_on_items_where_a_department_has_none_of_its_own(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(
        folder, "Shop,overall,2026-01,80,30,10", "Desk,overall,2026-01,50,30,10", "Desk,openness,2026-01,40,30,10"
    )
    set_departments(touchpoint_id("Desk"), {shop: 1}, attributed=True)
    scores = outside_scores(date(2026, 3, 1))
    own, given = scores[shop, "overall"], scores[shop, "openness"]
    assert (own.attributed, own.estimate.mean, own.touchpoints) == (False, 80, ("Shop",))
    assert (given.attributed, given.estimate.mean, given.touchpoints) == (True, 40, ("Desk",))


def test_the_window_is_the_year_that_ends_with_the_latest_score(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(
        folder,
        "Shop,overall,2025-01-10,0,10,",  # a day too early
        "Shop,overall,2025-01-11,60,10,",  # the first of 365 days
        "Shop,overall,2026-01-10,80,10,",
    )
    outside = outside_scores(date(2026, 3, 1))[shop, "overall"]
    assert (outside.estimate.n, outside.estimate.mean) == (20, 70)
    assert outside.starts_on == date(2025, 1, 11)


def test_a_period_that_begins_before_the_window_counts_only_when_it_is_the_latest(folder: Folder) -> None:
    shop = department("Shop")
    leap_years = LONG | {"date_format": "%Y"}
    folder.take("What,When,Mark\nShop,2020,0\nShop,2020,0\nShop,2024,8\nShop,2024,8\n", mapping=leap_years)
    take_sums(folder, "Shop,overall,2025-03-10,20,10,")
    assert outside_scores(date(2024, 12, 31))[shop, "overall"].estimate.mean == 80
    assert outside_scores(date(2025, 3, 10))[shop, "overall"].estimate.mean == 20


def test_scores_count_from_their_last_day_on(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(folder, "Shop,overall,2026-01,80,10,")
    assert outside_scores(date(2026, 1, 30)) == {}
    assert (shop, "overall") in outside_scores(date(2026, 1, 31))


def test_a_single_answer_makes_no_score_and_two_do(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(folder, "Shop,overall,2026-01,80,1,", "Shop,openness,2026-01,80,2,")
    assert list(outside_scores(date(2026, 3, 1))) == [(shop, "openness")]


def test_superseded_scores_do_not_count(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(folder, "Shop,overall,2026-01,80,10,")
    take_sums(folder, "Shop,overall,2026-01,40,10,")
    assert outside_scores(date(2026, 3, 1))[shop, "overall"].estimate.mean == 40


def test_each_department_has_its_own_window(folder: Folder) -> None:
    early, late = department("Early"), department("Late")
    take_sums(folder, "Early,overall,2024-01,30,10,", "Late,overall,2026-01,70,10,")
    scores = outside_scores(date(2026, 3, 1))
    assert (scores[early, "overall"].ends_on, scores[late, "overall"].ends_on) == (date(2024, 1, 31), date(2026, 1, 31))


@pytest.mark.parametrize("departments", [1, 12])
def test_the_number_of_queries_does_not_grow_with_the_departments(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, departments: int
) -> None:
    for number in range(departments):
        department(f"Shop{number}")
    take_sums(folder, *(f"Shop{number},overall,2025-{number + 1:02},70,10," for number in range(departments)))
    statements: list[str] = []
    execute = database.obj.execute_sql

    def counted(sql: str, *arguments: Any, **options: Any) -> Any:
        statements.append(sql)
        return execute(sql, *arguments, **options)

    monkeypatch.setattr(database.obj, "execute_sql", counted)
    assert len(outside_scores(date(2026, 3, 1))) == departments
    assert len(statements) == 5
    assert len(outside_scores(date(2026, 3, 1))) == departments
    assert len(statements) == 5 + 2
    assert len(touchpoints()) == departments
    assert len(statements) == 5 + 2 + 2


def test_what_is_remembered_holds_until_the_next_import(folder: Folder) -> None:
    """The second file supersedes the first; undone, the first counts again."""
    shop, day = department("Shop"), date(2026, 3, 1)

    def mean() -> int:
        return round(outside_scores(day)[shop, "overall"].estimate.mean)

    take_sums(folder, "Shop,overall,2026-01,30,10,")
    assert (mean(), mean()) == (30, 30)
    take_sums(folder, "Shop,overall,2026-01,70,10,")
    assert mean() == 70
    undo_import(ExternalImport.select(fn.MAX(ExternalImport.id)).scalar())
    assert mean() == 30
    Touchpoint.update(name="The shop").execute()
    assert outside_scores(day)[shop, "overall"].touchpoints == ("The shop",)


def test_nothing_is_remembered_of_what_changed_while_it_was_read(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, day = department("Shop"), date(2026, 3, 1)
    take_sums(folder, "Shop,overall,2026-01,30,10,")
    read = outside._scores

    def read_before_an_import(spans: Any) -> Any:
        monkeypatch.setattr(outside, "_scores", read)
        found = read(spans)
        take_sums(folder, "Shop,overall,2026-02,70,10,")
        return found

    monkeypatch.setattr(outside, "_scores", read_before_an_import)
    assert outside_scores(day)[shop, "overall"].estimate.mean == 50


def test_several_days_at_once_are_what_each_day_is_alone(folder: Folder) -> None:
    shop, help_desk = department("Shop"), department("Help")
    take_sums(folder, *(f"Shop,overall,{day},{mean},10,20" for day, mean in [
        ("2024-01-10", 20), ("2025-01-08", 40), ("2025-01-09", 60), ("2026-03-01", 80)
    ]))  # fmt: skip
    set_departments(touchpoint_id("Shop"), {shop: 1, help_desk: 0.5}, attributed=False)
    days = [date(2023, 1, 1), date(2024, 6, 1), date(2025, 1, 9), date(2026, 4, 1), date.max]
    assert [found.departments for found in customers_at(days)] == [outside_scores(day) for day in days]
    assert [
        round(found.company["overall"].estimate.mean) if found.company else None for found in customers_at(days)
    ] == [*(None, 20, 50, 80, 80)]


def test_for_the_company_a_touchpoint_of_two_departments_counts_once(folder: Folder) -> None:
    shop, help_desk = department("Shop"), department("Help")
    take_sums(folder, "Shop,overall,2026-01-10,80,30,10", "Desk,overall,2026-01-10,40,10,10")
    set_departments(touchpoint_id("Shop"), {shop: 1, help_desk: 1}, attributed=False)
    set_departments(touchpoint_id("Desk"), {help_desk: 1}, attributed=False)
    (found,) = customers_at([date.max])
    assert (found.company["overall"].estimate.n, found.company["overall"].estimate.mean) == (40, 70)


def test_without_days_nothing_is_asked(folder: Folder) -> None:
    assert customers_at([]) == []
