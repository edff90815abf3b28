"""HR sets departments, waves, or inside and outside against each other."""

import re
from datetime import date

import pytest
from peewee import fn

from survey import comparisons, wording
from survey.comparisons import Side
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.models import Department, ExternalTally
from survey.responses import Answer
from survey.web.compare import chance, gist
from tests.test_releases import about_sales, customers_say
from tests.web.pages import STRANGE, tables

KINDS = ("departments", "waves", "outside")


def shown(client, address: str) -> list[list[str]]:
    """The rows of the table of comparisons."""
    found = tables(client.get(address).text)
    return found[0][1:] if found else []


def test_nothing_chosen_sets_the_best_against_the_worst_and_says_what_to_do(hanna, released):
    page = hanna.get("/hr/compare").text
    assert "here is the best against the worst. Choose two or more departments below." in page
    (row,) = comparisons.extremes(released[0], list(Department.select().order_by(Department.name)), OVERALL).rows
    ((what, _, difference, *_),) = shown(hanna, "/hr/compare")
    assert what.startswith(row.a.department.name + row.b.department.name)
    assert difference == wording.signed(row.difference.points)


def test_two_departments_are_compared_as_the_gate_says(hanna, released, company):
    sides = [Side(company.departments[name], released[0]) for name in ("Finance", "Sales")]
    (row,) = comparisons.between(sides, [OVERALL]).rows
    ((_, points, difference, interval, by_chance),) = shown(hanna, "/hr/compare?department=finance&department=sales")
    assert points == wording.mean(row.a_figure) + wording.mean(row.b_figure)
    assert (difference, interval) == (wording.signed(row.difference.points), wording.interval(row.difference.interval))
    assert by_chance


@pytest.mark.parametrize("item", [*SHOWN_ITEMS, "all"])
def test_every_pair_is_compared_on_every_item_asked_for(hanna, item):
    address = f"/hr/compare?item={item}&department=finance&department=sales&department=logistics"
    assert len(shown(hanna, address)) == (18 if item == "all" else 3)


def test_a_department_named_twice_counts_once(hanna):
    page = hanna.get("/hr/compare?department=finance&department=finance").text
    assert "Choose at least one more department below, to set Finance against it." in page
    assert tables(page) == []


def test_a_real_difference_is_a_plain_sentence(beginner, company):
    high = company.departments["Finance"].id
    company.released_wave(lambda provider: Answer(provider, {OVERALL: 5 if provider == high else 2}))
    page = beginner.get("/hr/compare?department=it&department=finance").text
    assert "Finance serves better than IT; the difference is too large to be chance." in page
    assert "1 difference is too large to be chance." in page
    alike = beginner.get("/hr/compare?department=it&department=sales").text
    assert "No difference that these answers can show." in alike
    assert "There is no difference here that these answers can show." in alike


@pytest.mark.parametrize(("first", "then", "word"), [(2, 5, "better"), (5, 2, "worse")])
def test_a_department_is_compared_with_its_past(beginner, company, first, then, word):
    for score in (first, then):
        company.released_wave(lambda provider, score=score: Answer(provider, {OVERALL: score}))
    page = beginner.get("/hr/compare?of=waves&department=sales").text
    assert re.search(rf"Sales served {word} on .+ than on .+; the difference is too large to be chance\.", page)


def test_more_waves_than_two_can_be_chosen(beginner, company):
    waves = [company.released_wave() for _ in range(3)]
    address = "/hr/compare?of=waves&department=sales" + "".join(f"&wave={wave.id}" for wave in waves)
    assert len(shown(beginner, address)) == 3


def test_one_wave_alone_has_no_past(beginner, company):
    company.released_wave()
    assert "There is one released wave only." in beginner.get("/hr/compare?of=waves").text


def test_inside_is_compared_with_outside(hanna):
    rows = shown(hanna, "/hr/compare?of=outside")
    assert "Finance serves customers better than colleagues" in rows[0][0]
    assert len(rows) == 5
    assert sum("There are no customers' scores to compare it with." in row[0] for row in rows) == 3


def test_of_one_customer_alone_it_is_said_that_there_are_too_few(hanna, company):
    customers_say(company, "Sales", 75, date(2026, 2, 1))
    ExternalTally.update(n=1).where(ExternalTally.id == ExternalTally.select(fn.MAX(ExternalTally.id))).execute()
    (told,) = [row[0] for row in shown(hanna, "/hr/compare?of=outside") if row[0].startswith("Sales")]
    assert "There are too few customers' scores to tell a difference." in told


def test_below_ten_answers_there_is_no_difference_and_the_page_says_why(beginner, company):
    about_sales(company, ("Finance", 9, 4))
    page = beginner.get("/hr/compare?department=sales&department=it").text
    assert re.search(r"No difference is told: fewer than 10 answers \(IT, .+ · Sales, .+\)\.", page)
    ((_, points, *rest),) = tables(page)[0][1:]
    assert points == "–≈ 75"
    assert rest == ["", "", ""]


def test_a_shared_address_shows_the_same_choice(hanna):
    page = hanna.get("/hr/compare?of=waves&item=openness&department=sales").text
    assert 'name="department" value="sales" checked' in page
    assert '<option value="openness" selected>' in page
    assert page.count(" checked>") == 3  # two waves and a department


@pytest.mark.parametrize(
    "query",
    [
        {"of": "people"},
        {"of": ""},
        {"item": "<script>alert(1)</script>"},
        {"item": "missing"},
        {"department": "nobody"},
        {"department": ["finance", "x' OR 1=1"]},
        {"wave": "999999999999999999999"},
        {"wave": ["1", "x"], "of": "waves"},
        {"wave": ""},
    ],
)
def test_what_is_not_offered_is_refused(hanna, query):
    for page in ("/hr/compare", "/hr/compare.csv", "/hr/compare.xlsx"):
        assert hanna.get(page, query_string=query).status_code == 404


@pytest.mark.parametrize("of", KINDS)
def test_before_a_wave_is_released_the_page_says_so(beginner, of):
    assert "No wave has closed yet" in beginner.get(f"/hr/compare?of={of}").text
    assert beginner.get(f"/hr/compare.csv?of={of}").status_code == 404


@pytest.mark.parametrize("of", KINDS)
def test_a_wave_without_figures_compares_nothing(wave, beginner, company, of):
    company.rate(wave, "Legal", 4)
    company.close_wave(wave)
    page = beginner.get(f"/hr/compare?of={of}").text
    assert ("Nothing is compared yet." if of == "waves" else "No difference can be told here.") in page


def test_beside_one_department_nothing_is_compared_and_no_difference_denied(hanna):
    page = hanna.get("/hr/compare?department=finance").text
    assert '<p class="lead">Nothing is compared yet.</p>' in page
    assert "Choose at least one more department below" in page
    for complete in ("department=finance&department=it", "", "of=waves&department=finance", "of=outside"):
        assert "Nothing is compared yet." not in hanna.get(f"/hr/compare?{complete}").text


@pytest.mark.parametrize("of", KINDS)
def test_strange_names_are_text(hanna, of):
    Department.update(name=STRANGE).execute()
    assert "<script>alert" not in hanna.get(f"/hr/compare?of={of}&item=all").text


def test_chance_is_told_in_percent(app):
    with app.test_request_context("/?lang=en"):
        assert [chance(p) for p in (None, 0.001, 0.021, 0.5)] == ["", "0.1 % or less", "2.1 %", "50%"]


def test_the_gist_counts_what_is_real(app):
    with app.test_request_context("/?lang=en"):
        assert gist(comparisons.Comparisons((), 0)) == "No difference can be told here."


def test_the_way_to_other_pages_works_from_all_items_too(hanna, released):
    page = hanna.get(f"/hr/compare?item=all&wave={released[1].id}").text
    for link in re.findall(r'<li><a href="(/hr/(?:matrix|gap)[^"]*)"', page):
        assert hanna.get(link.replace("&amp;", "&")).status_code == 200, link
