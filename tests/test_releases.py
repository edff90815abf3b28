"""The gate: what readers get of what a wave has published, and what they do not."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from survey import matrices, releases, waves
from survey.measure.disclosure import figure
from survey.measure.gaps import State
from survey.measure.scale import ITEMS
from survey.models import (
    ClientGroupDepartment,
    Comment,
    Department,
    ExternalImport,
    ExternalTally,
    Rated,
    ServiceLink,
    Source,
    Tally,
    Touchpoint,
    Wave,
)
from survey.outside import set_departments
from survey.releases import GapRow, PublicComment
from survey.responses import Answer
from tests.cast import Company, K

SCORES = ("n1", "n2", "n3", "n4", "n5")


def everything(score: int) -> Callable[[int], Answer]:
    return lambda provider: Answer(provider, dict.fromkeys(ITEMS, score))


def at_random(seed: int) -> Callable[[int], Answer]:
    chance = random.Random(seed)
    return lambda provider: Answer(provider, {item: chance.randint(1, 5) for item in ITEMS if chance.random() < 0.7})


def tallies(wave: Wave, item: str) -> dict[tuple[str, frozenset[str]], tuple[int, ...]]:
    """{(provider, its clients): counts}, straight from the tables"""
    clients = defaultdict(set)
    for member in ClientGroupDepartment.select(ClientGroupDepartment, Department).join(Department):
        clients[member.client_group_id].add(member.department.name)
    rows = Tally.select(Tally, Department).join(Department).where(Tally.wave == wave, Tally.item == item)
    return {
        (row.provider.name, frozenset(clients[row.client_group_id])): tuple(getattr(row, n) for n in SCORES)
        for row in rows
    }


def summed(found: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sum(counts) for counts in zip(*found, strict=True))


def customers_say(
    company: Company, department: str, points: float, day: date, *, item: str = "overall", attributed: bool = False
) -> None:
    """100 customers who all say the same, on one day."""
    source, _ = Source.get_or_create(key="desk", name="Desk")
    number = Touchpoint.select().count()
    file = ExternalImport.create(
        source=source, file_name="desk.csv", digest=str(number), imported_at=0, answers=100, left_out=0
    )
    touchpoint = Touchpoint.create(source=source, key=f"touchpoint-{number}", name=f"Touchpoint {number}")
    ExternalTally.create(
        external_import=file, touchpoint=touchpoint, item=item, starts_on=day, ends_on=day, points=points, n=100, sd=0
    )
    set_departments(touchpoint.id, {company.departments[department].id: 1.0}, attributed)


def gap_of(wave: Wave, department: str, item: str = "overall") -> GapRow:
    (row,) = [row for row in releases.gaps(wave) if (row.department.name, row.item) == (department, item)]
    return row


def about_sales(company: Company, *scored: tuple[str, int, int]) -> Wave:
    """A closed wave about Sales alone: (client, people, score) …"""

    def play() -> Wave:
        company.ask_only_about("Sales")
        wave = company.open_wave()
        for client, people, score in scored:
            company.rate(wave, client, people, everything(score))
        return company.close_wave(wave)

    return company.once(("about Sales", scored), play)


# Figures


def test_a_provider_that_publishes_nothing_has_no_figures(company: Company) -> None:
    wave = about_sales(company, ("Finance", 4, 4))
    results = {result.department.name: result for result in releases.provider_results(wave)}
    assert (results["Sales"].figures, results["Sales"].raters) == ({}, None)
    assert matrices.by_department([wave], "overall").company is None


# How exact a figure is


def test_nine_answers_give_a_mean_to_the_nearest_five_and_nothing_more(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4), ("Finance", 4, 5))
    (result,) = [found for found in releases.provider_results(wave) if found.figures]
    assert result.figures["overall"] == figure((0, 0, 0, 5, 4), K)
    shown = result.figures["overall"]
    assert (shown.people, shown.mean, shown.approximate) == ((5, 9), 85, True)
    assert shown.interval is shown.favourable is shown.distribution is None


def test_ten_answers_give_a_whole_mean_with_interval_and_distribution(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4), ("Finance", 5, 5))
    shown = matrices.by_department([wave], "overall").company
    assert (shown.people, shown.mean, shown.approximate) == ((10, 19), 88, False)
    assert (shown.favourable, shown.distribution) == (100, (0, 0, 0, 50, 50))
    assert shown.interval is not None


@pytest.mark.parametrize(
    ("before", "now", "changed"), [(10, 10, True), (9, 10, False), (10, 9, False), (4, 10, False), (0, 10, False)]
)
def test_a_change_is_told_only_between_exact_figures(company: Company, before: int, now: int, changed: bool) -> None:
    about_sales(company, ("Finance", before, 2))
    wave = about_sales(company, ("Finance", now, 4))
    (result,) = [found for found in releases.provider_results(wave) if found.figures]
    assert [change.points for change in result.changes.values()] == [50] * 6 * changed


@pytest.mark.parametrize(("people", "changed"), [(11, False), (12, True)])
def test_a_change_keeps_to_the_larger_k_of_its_two_waves(company: Company, people: int, changed: bool) -> None:
    company.ask_only_about("Sales")
    waves.open_wave(Wave.get(), 0, 12)
    first = Wave.get(Wave.state == "open")
    company.rate(first, "Finance", 12)
    company.close_wave(first)
    wave = about_sales(company, ("Finance", people, 4))
    assert any(result.changes for result in releases.provider_results(wave)) is changed


def test_a_change_is_counted_from_the_last_wave_that_closed(company: Company) -> None:
    first = about_sales(company, ("Finance", 10, 2))
    skipped = Wave.get(Wave.state == "planned")
    waves.open_due(skipped.opens_at + 10**6, K)
    third = about_sales(company, ("Finance", 10, 4))
    assert releases.wave_before(third) == first
    assert releases.wave_before(first) is None


def test_the_first_wave_has_no_changes(company: Company) -> None:
    wave = about_sales(company, ("Finance", 10, 4))
    assert not any(result.changes for result in releases.provider_results(wave))


def test_a_trend_has_a_figure_for_each_wave_or_none(company: Company) -> None:
    first = about_sales(company, ("Finance", 4, 4))
    second = about_sales(company, ("Finance", 6, 4))
    found = releases.trend(company.departments["Sales"], "overall", [first, second])
    assert [(wave.id, shown and shown.mean) for wave, shown in found] == [(first.id, None), (second.id, 75)]


# Beside what customers say


@pytest.mark.parametrize(
    ("outside", "points", "state"),
    [(75, 0, State.ALIGNED), (95, -20, State.FACADE), (20, 55, State.INWARD), (77.6, -3, State.NOT_ENOUGH)],
)
def test_the_gap_is_inside_minus_outside_with_its_state(
    company: Company, outside: float, points: int, state: State
) -> None:
    customers_say(company, "Sales", outside, date(2026, 2, 1))
    row = gap_of(about_sales(company, ("Finance", 10, 4), ("Logistics", 10, 4)), "Sales")
    assert row.gap.difference is not None
    assert (row.gap.state, row.gap.difference.points) == (state, points)


def test_nine_answers_inside_are_too_few_for_a_gap(company: Company) -> None:
    customers_say(company, "Sales", 20, date(2026, 2, 1))
    row = gap_of(about_sales(company, ("Finance", 9, 4)), "Sales")
    assert row.inside is not None
    assert (row.gap.state, row.gap.difference) == (State.NOT_ENOUGH, None)


def test_a_department_that_publishes_nothing_has_no_gap_but_keeps_its_outside(company: Company) -> None:
    customers_say(company, "Sales", 20, date(2026, 2, 1))
    row = gap_of(about_sales(company, ("Finance", 4, 4)), "Sales")
    assert row.outside is not None
    assert (row.inside, row.outside.mean, row.gap.difference) == (None, 20, None)


def test_an_item_without_either_side_has_no_row(company: Company) -> None:
    customers_say(company, "Sales", 20, date(2026, 2, 1), item="openness")
    rows = releases.gaps(about_sales(company, ("Finance", 4, 4)))
    assert [(row.department.name, row.item) for row in rows] == [("Sales", "openness")]


def test_gaps_can_be_had_of_some_departments_only(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4))
    assert releases.gaps(wave, {company.departments["IT"].id}) == []
    assert {row.department.name for row in releases.gaps(wave)} == {"Sales"}


@pytest.mark.parametrize(("days_before", "counts"), [(1, True), (0, False)])
def test_scores_count_until_the_eve_of_the_pulses_next_opening(
    company: Company, days_before: int, counts: bool
) -> None:
    wave = about_sales(company, ("Finance", 10, 4))
    following = company.open_wave()
    customers_say(company, "Sales", 40, following.local_date - timedelta(days=days_before))
    assert (gap_of(wave, "Sales").outside is not None) is counts
    assert gap_of(following, "Sales").outside is not None


def test_while_no_later_wave_has_opened_every_score_counts(company: Company) -> None:
    wave = about_sales(company, ("Finance", 10, 4))
    customers_say(company, "Sales", 40, Wave.get(Wave.state == "planned").local_date + timedelta(days=30))
    assert gap_of(wave, "Sales").outside is not None


def test_a_skipped_wave_ends_no_window(company: Company) -> None:
    wave = about_sales(company, ("Finance", 10, 4))
    skipped = Wave.get(Wave.state == "planned")
    waves.open_due(skipped.opens_at + 10**6, K)
    customers_say(company, "Sales", 40, skipped.local_date)
    assert gap_of(wave, "Sales").outside is not None


@pytest.mark.parametrize("attributed", [True, False])
def test_an_attributed_score_is_labelled(company: Company, attributed: bool) -> None:
    customers_say(company, "Sales", 40, date(2026, 2, 1), attributed=attributed)
    outside = gap_of(about_sales(company, ("Finance", 10, 4)), "Sales").outside
    assert outside is not None
    assert (outside.attributed, outside.n, outside.touchpoints) == (attributed, 100, ("Touchpoint 0",))


# Comments


def test_comments_are_told_by_kind_and_without_anything_else(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9)
    company.rate(wave, "Finance", 1, lambda provider: Answer(provider, {"overall": 4}, None, "Más", "suggestion"))
    company.rate(wave, "Logistics", 1, lambda provider: Answer(provider, {}, None, "Gracias", "thanks"))
    sales = company.departments["Sales"].id
    ids = {comment.kind: comment.id for comment in Comment.select()}
    assert releases.comments(company.close_wave(wave), [sales]) == {
        sales: [
            PublicComment(ids["thanks"], "thanks", "Gracias"),
            PublicComment(ids["suggestion"], "suggestion", "Más"),
        ]
    }


@pytest.mark.parametrize(("raters", "told"), [(9, False), (10, True)])
def test_below_ten_raters_comments_are_not_even_told_of(company: Company, raters: int, told: bool) -> None:
    wave = about_sales(company, ("Finance", raters, 4))
    sales = company.departments["Sales"].id
    assert releases.comments(wave, [sales]) == ({sales: []} if told else {})


# Before and after


def test_an_open_wave_tells_nothing_but_participation(company: Company) -> None:
    wave = company.open_wave()
    company.rate(wave, "Finance", 12)
    assert releases.released_waves() == []
    assert not any(result.figures for result in releases.provider_results(wave))
    assert releases.gaps(wave) == []


def test_the_latest_release_comes_first(company: Company) -> None:
    first, second = about_sales(company, ("Finance", 5, 4)), about_sales(company)
    assert [wave.id for wave in releases.released_waves()] == [second.id, first.id]


# Random companies


def random_company(company: Company, seed: int) -> Wave:
    """Departments of 1 to 20 people, half of the links gone, some people silent: a closed wave."""
    chance = random.Random(seed)

    def play() -> Wave:
        for link in ServiceLink.select():
            if chance.random() < 0.5:
                link.delete_instance()
        wave = company.open_wave()
        company.answer(wave, at_random(seed), share=chance.uniform(0.2, 1))
        return company.close_wave(wave)

    return company.once(("at random", seed), play)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_published_is_about_fewer_than_k_people(company: Company, seed: int) -> None:
    wave = random_company(company, seed)
    raters = [found.raters for found in Rated.select()]
    answers = [sum(counts) for item in (*ITEMS, "missing") for counts in tallies(wave, item).values()]
    assert min(raters, default=K) >= K
    assert min(answers, default=K) >= K


@pytest.mark.parametrize("seed", range(3))
def test_no_two_published_groups_of_a_provider_share_a_department(company: Company, seed: int) -> None:
    wave = random_company(company, seed)
    seen = Counter((provider, client) for provider, clients in tallies(wave, "overall") for client in clients)
    assert set(seen.values()) <= {1}
