"""HR's pages: the figures of the release and no others, whatever the address asks for."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from survey import commitments, releases, wording
from survey.commitments import Draft
from survey.measure.disclosure import Change
from survey.measure.scale import OVERALL
from survey.models import Commitment, Department, ExternalTally, Person, Touchpoint, Wave
from survey.responses import Answer
from tests.cast import Company
from tests.test_releases import customers_say
from tests.web.pages import STRANGE, rows, strange, tables

TODAY = datetime.now(UTC).date()
PAGES = ["/hr/", "/hr/matrix", "/hr/gap", "/hr/departments/finance"]


# --- The figures are the release's ---------------------------------------------------------------------------------


def test_the_overview_shows_each_departments_released_mean(hanna, released):
    shown = rows(hanna, "/hr/")
    for result in releases.provider_results(released[0]):
        assert shown[result.department.name][0] == wording.mean(result.figures[OVERALL])


def test_the_overview_names_a_change_only_when_it_stands_out_among_all_departments(hanna, released, monkeypatch):
    results = releases.provider_results(released[0])
    noise, real = Change(-12, (-23, -1), p=0.04), Change(-30, (-40, -20), p=0.0001)
    assert noise.is_real
    told = [replace(found, changes={OVERALL: real if at == 0 else noise}) for at, found in enumerate(results)]
    monkeypatch.setattr(releases, "provider_results", lambda wave: told)
    shown = rows(hanna, "/hr/")
    assert [shown[found.department.name][2] for found in told] == ["down 30"] + ["no clear change"] * (len(told) - 1)


@pytest.mark.parametrize("page", ["/hr/departments/finance", "/lead/"])
def test_where_each_change_is_looked_at_by_itself_the_page_says_so(hanna, sign_in, company, released, page):
    reader = sign_in(company.bob) if page == "/lead/" else hanna
    assert "Each change is looked at by itself; among many, one may look large by chance." in reader.get(page).text


def test_who_serves_badly_stands_under_a_head_of_its_own(beginner, company):
    wave = company.open_wave()
    company.rate(wave, "Sales", 10, lambda provider: Answer(provider, {OVERALL: 1}))
    company.answer(wave)
    company.close_wave(wave)
    heads = [table[0] for table in tables(beginner.get("/hr/").text)]
    assert ["Clients", "Served by"] in [head[:2] for head in heads]


@pytest.mark.parametrize("item", ["overall", "promises"])
def test_the_gap_page_shows_inside_outside_and_their_difference(hanna, released, item):
    gaps = {row.department.name: row for row in releases.gaps(released[0]) if row.item == item and row.outside}
    assert set(gaps) == {"Finance", "IT"}
    shown = {name.split()[0]: cells for name, cells in rows(hanna, f"/hr/gap?item={item}", 0).items()}
    for name, row in gaps.items():
        assert shown[name][0] == wording.mean(row.inside)
        assert shown[name][2] == str(row.outside.mean)
        assert shown[name][4] == wording.signed(row.gap.difference.points)


def test_the_widest_facade_stands_first(hanna, released):
    gaps = [row for row in releases.gaps(released[0]) if row.item == OVERALL and row.gap.difference]
    first = min(gaps, key=lambda row: row.gap.difference.points).department.name
    assert tables(hanna.get("/hr/gap").text)[0][1][0].startswith(first)


def test_an_earlier_wave_can_be_chosen(hanna, released):
    _, earlier = released
    for page in PAGES:
        assert f'<option value="{earlier.id}" selected>' in hanna.get(f"{page}?wave={earlier.id}").text


# --- Commitments ---------------------------------------------------------------------------------------------------


def promise(company: Company, wave: Wave, text: str, in_days: int, **values: object) -> Commitment:
    """Finance promises something for a day so far from now; it may be late at once."""
    draft = Draft("promises", text, TODAY + timedelta(days=in_days), **values)
    return commitments.make(wave, company.departments["Finance"], draft, TODAY - timedelta(days=30))


def test_the_overview_tells_what_is_late_and_what_is_due(hanna, company, released):
    promise(company, released[0], "Far away", 120)
    promise(company, released[0], "Soon", 20)
    promise(company, released[0], "Overdue", -3)
    (table,) = [found for found in tables(hanna.get("/hr/").text) if found[0][1] == "By when"]
    assert [row[::2] for row in table[1:]] == [["Finance", "Overdue"], ["Finance", "Soon"]]
    assert ["late" in row[1] for row in table[1:]] == [True, False]


def test_without_commitments_the_overview_says_so(hanna, released):
    assert "Nothing is late, and no department has promised anything for the next 90 days." in hanna.get("/hr/").text


def test_a_departments_page_tells_its_commitments_and_no_others(hanna, company, released):
    sales = company.departments["Sales"]
    commitments.finish(promise(company, released[0], "Kept", 5, clients=[sales.id]), TODAY)
    commitments.drop(promise(company, released[0], "Given up", 5), "Too dear", TODAY)
    promise(company, released[0], "<b>Bold</b>", -3)
    page = hanna.get("/hr/departments/finance").text
    told = page.partition("What it has promised</h2>")[2].partition("<h2>")[0]
    assert "&lt;b&gt;Bold&lt;/b&gt;" in told
    assert "and late" in told
    assert "thanks to Sales" in told
    assert "Too dear" in told
    assert told.index("Bold") < told.index("Kept")
    assert "Kept" not in hanna.get("/hr/departments/it").text


# --- Old scores ----------------------------------------------------------------------------------------------------

OLD = "more than a year before this wave"


@pytest.mark.parametrize(("days", "is_old"), [(365, False), (366, True)])
def test_scores_from_more_than_a_year_before_the_wave_are_shown_and_called_so(hanna, released, days, is_old):
    last_day = released[0].local_date - timedelta(days=days)
    ExternalTally.update(starts_on=last_day, ends_on=last_day).execute()
    page = hanna.get("/hr/gap").text
    shown = {name.split()[0]: name for name in rows(hanna, "/hr/gap", 0)}
    assert {name for name, cell in shown.items() if OLD in cell} == ({"IT", "Finance"} if is_old else set())
    assert ("is more than a year older than this wave" in page) is is_old


# --- What the address may ask for ----------------------------------------------------------------------------------


def test_a_wave_that_there_is_not_is_refused(hanna):
    for wave in ("99", "0", "-1", "x", "", "1 OR 1=1", "1.0", "99999999999999999999", "١"):
        for page in [*PAGES, "/hr/results.csv"]:
            assert hanna.get(page, query_string={"wave": wave}).status_code == 404, wave


def test_a_wave_that_has_not_closed_is_refused_like_one_that_there_is_not(hanna, company):
    running = company.open_wave()
    company.answer(running)
    for page in [*PAGES, "/hr/results.json"]:
        assert hanna.get(f"{page}?wave={running.id}").status_code == 404


def test_an_item_that_is_not_shown_is_refused(hanna):
    for item in ("missing", "", "OVERALL", "x", "overall'", "kind"):
        for page in ("/hr/matrix", "/hr/gap"):
            assert hanna.get(page, query_string={"item": item}).status_code == 404, item


def test_what_there_is_not_is_refused(hanna):
    for path in ("departments/nobody", "departments/Finance", "departments/1", "results.pdf", "results.CSV"):
        assert hanna.get(f"/hr/{path}").status_code == 404, path


def test_a_department_that_is_no_more_has_no_page_and_breaks_none(hanna):
    Department.update(active=False).where(Department.key == "it").execute()
    assert hanna.get("/hr/departments/it").status_code == 404
    for page in [*PAGES, "/hr/results.csv", "/hr/results.json", "/hr/people", "/hr/external"]:
        assert hanna.get(page).status_code == 200, page


# --- Small groups --------------------------------------------------------------------------------------------------


def test_a_department_of_four_is_never_shown_alone(hanna, company):
    pages = [
        "/hr/",
        "/hr/matrix",
        *(f"/hr/departments/{department.key}" for department in company.departments.values()),
    ]
    for page in pages:
        for table in tables(hanna.get(page).text):
            as_provider = table[0][0] in ("Department", "serves ↓ · answered →")
            assert "Legal" not in table[0], page
            assert as_provider or "Legal" not in [row[0] for row in table], page


def test_a_wave_that_only_four_answered_shows_no_figure_anywhere(wave, beginner, company):
    company.rate(wave, "Legal", 4, strange)
    company.close_wave(wave)
    assert {row[1] for row in tables(beginner.get("/hr/").text)[-1][1:]} == {"too few answers to show"}
    assert tables(beginner.get("/hr/matrix").text) == tables(beginner.get("/hr/gap").text) == []
    for department in company.departments.values():
        page = beginner.get(f"/hr/departments/{department.key}").text
        assert [row for table in tables(page) for row in table[1:]] == [["–"]]
        assert "right to left" not in page
    assert json.loads(beginner.get("/hr/results.json").text) == []


def test_where_only_a_practice_has_a_figure_the_overview_does_not_say_that_there_is_none(wave, beginner, company):
    customers_say(company, "Finance", 75, date(2026, 2, 1), item="promises")
    company.answer(wave, lambda provider: Answer(provider, {"promises": 4}))
    company.close_wave(wave)
    page = beginner.get("/hr/").text
    assert "Too few colleagues answered for a figure all in all; there is one for 1 practice." in page
    assert {row[1] for row in tables(page)[-1][1:]} == {"no figure all in all; there is one for 1 practice"}
    assert "customers&#39; scores" not in page
    assert "customers' scores" not in page


def test_an_open_wave_shows_participation_and_nothing_else(wave, beginner, company):
    company.answer(wave, strange, share=0.5)
    page = beginner.get("/hr/").text
    assert "29 of 59" in page or "30 of 59" in page
    (by_department,) = [table for table in tables(page) if table[0][0] == "Department"]
    assert [row[0] for row in by_department[1:]] == ["Finance", "IT, Legal", "Logistics", "Sales"]
    assert "right to left" not in page
    for other in ("/hr/matrix", "/hr/gap", "/hr/departments/finance"):
        assert tables(beginner.get(other).text) == []


# --- Empty states, strange names and words -------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_before_the_first_wave_has_closed_a_page_says_so(beginner, page):
    answer = beginner.get(page)
    assert answer.status_code == 200
    assert "No wave has closed yet" in answer.text


def test_with_nothing_but_hr_in_the_database_every_page_works(settings, sign_in):
    hr = Person.create(email="hr@mirror.example", name="HR", language="en", role="hr")
    client = sign_in(hr)
    for page in ("/hr/", "/hr/matrix", "/hr/gap", "/hr/pulses", "/hr/people", "/hr/external", "/hr/outbox"):
        assert client.get(page).status_code == 200, page


def test_strange_comments_and_names_are_text_on_every_page(wave, beginner, company):
    company.answer(wave, strange)
    company.close_wave(wave)
    Department.update(name=STRANGE).execute()
    Person.update(name=STRANGE).execute()
    Touchpoint.update(name=STRANGE).execute()
    for page in [*PAGES, "/hr/people", "/hr/external", "/hr/outbox"]:
        text = beginner.get(page).text
        assert "<script>alert" not in text, page
        assert "49" not in text.split("{{7*7}}")[-1][:9], page
    assert "<blockquote>&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in beginner.get("/hr/departments/finance").text


# --- On a phone ------------------------------------------------------------------------------------------------------

CUT = """() => [...document.querySelectorAll(".scroll caption, .whole")].filter(text => text.checkVisibility())
    .filter(text => text.getBoundingClientRect().right > text.closest(".scroll").getBoundingClientRect().right + 1)
    .map(text => text.textContent)"""


@pytest.mark.browser
@pytest.mark.parametrize("address", ["/hr/", "/hr/gap", "/hr/matrix", "/hr/departments/finance", "/hr/pulses"])
def test_what_a_whole_table_says_is_not_cut_where_the_table_scrolls(browse, hanna, address):
    page = browse(hanna, address, 390)
    assert page.evaluate(CUT) == []


@pytest.mark.browser
def test_the_edge_of_a_table_is_darker_than_its_ground_in_the_dark_too(browse, hanna):
    for scheme in ("light", "dark"):
        page = browse(hanna, "/hr/gap", 390, scheme=scheme)
        shade = "getComputedStyle(document.documentElement).getPropertyValue('--shade').match(/\\d+/g).map(Number)"
        ground = "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)"
        assert max(page.evaluate(shade)[:3]) < max(page.evaluate(ground)[:3]), scheme
