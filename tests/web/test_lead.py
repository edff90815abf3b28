"""The lead's page: one's own departments, and no others, whatever the address asks for."""

import pytest
from flask_babel import force_locale

from survey import headlines, releases, wording
from survey.measure.scale import OVERALL
from survey.models import Leadership
from survey.responses import Answer
from survey.summaries import lead_summary
from tests.web.pages import strange, tables


@pytest.fixture
def alice(company, released, sign_in):
    """Alice, who leads Finance."""
    return sign_in(company.alice)


def led(page: str) -> list[str]:
    """The departments that a page has a section about."""
    return [part.split("</h2>")[0] for part in page.split("<h2>")[1:]]


def test_the_page_shows_the_release_of_ones_own_department(alice, released, company):
    page = alice.get("/lead/").text
    result = next(found for found in releases.provider_results(released[0]) if found.department.key == "finance")
    assert led(page) == ["Finance"]
    assert tables(page)[0][1][1] == wording.mean(result.figures[OVERALL])
    assert len(tables(page)[0]) == 1 + len(result.figures)


def test_one_sentence_says_what_the_page_tells(app, released, company, sign_in):
    with app.test_request_context(), force_locale("en"):
        said = headlines.of_page(lead_summary(released[0], [company.departments["IT"]]))
    assert f'<p class="lead">{said}</p>' in sign_in(company.bob).get("/lead/").text


def test_what_customers_say_has_columns_only_where_they_say_something(alice, company, released, sign_in):
    Leadership.create(person=company.alice, department=company.departments["Sales"])
    finance, sales = (table[0] for table in tables(alice.get("/lead/").text))
    assert len(finance) == 8
    assert len(sales) == 5
    assert finance[:5] == sales


def test_where_only_a_practice_has_a_figure_the_page_says_so(company, wave, sign_in):
    company.answer(wave, lambda provider: Answer(provider, {"promises": 4}))
    company.close_wave(wave)
    for reader, page in ((company.bob, "/lead/"), (company.hanna, "/hr/departments/it")):
        told = sign_in(reader).get(page).text
        assert "Too few colleagues answered for a figure all in all; there is one for 1 practice." in told
        assert "no figures" not in told


def test_nothing_in_the_address_brings_another_department_along(alice, released):
    ids = [*(str(wave.id) for wave in released)]
    asked = [{"department": "it"}, {"key": "it"}, {"id": "2"}, {"departments": "2"}, *({"wave": wave} for wave in ids)]
    for query in asked:
        assert led(alice.get("/lead/", query_string=query).text) == ["Finance"]


@pytest.mark.parametrize("path", ["it", "departments/it", "2", "?wave=99", "?wave=", "?wave=x", "../hr/departments/it"])
def test_what_is_not_a_leads_is_refused(alice, path):
    assert alice.get(f"/lead/{path}").status_code in (403, 404)


def test_a_lead_of_an_open_wave_sees_nothing_of_it(company, wave, sign_in):
    company.answer(wave, strange)
    for address in ("/lead/", f"/lead/?wave={wave.id}"):
        page = sign_in(company.alice).get(address).text
        assert "right to left" not in page
        assert tables(page) == []


def test_who_leads_two_departments_sees_both_and_no_third(company, released, sign_in):
    Leadership.create(person=company.bob, department=company.departments["Sales"])
    assert led(sign_in(company.bob).get("/lead/").text) == ["IT", "Sales"]


def test_a_department_taken_away_is_gone_at_once(company, released, sign_in):
    bob = sign_in(company.bob)
    Leadership.create(person=company.bob, department=company.departments["Sales"])
    Leadership.delete().where(Leadership.department == company.departments["IT"]).execute()
    assert led(bob.get("/lead/").text) == ["Sales"]


def test_too_few_raters_are_explained_and_nothing_is_shown(company, wave, sign_in):
    company.rate(wave, "Legal", 4, strange)
    company.close_wave(wave)
    page = sign_in(company.bob).get("/lead/").text
    assert 'class="warning"' in page
    assert tables(page) == []
    assert "right to left" not in page


def test_strange_comments_are_text(company, wave, sign_in):
    company.answer(wave, strange)
    company.close_wave(wave)
    page = sign_in(company.alice).get("/lead/").text
    assert "<script>alert" not in page
    assert "<blockquote>&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}} \u202eright to left\u202c 🙃" in page


@pytest.mark.parametrize(("raters", "shown"), [(9, False), (10, True)])
def test_comments_show_from_ten_raters_on(company, wave, sign_in, raters, shown):
    def said(provider: int) -> Answer:
        return Answer(provider, {OVERALL: 4}, comment="Said in confidence", comment_kind="thanks")

    finance = company.departments["Finance"].id
    asked = iter(range(raters))
    company.answer(
        wave,
        lambda provider: (
            said(provider) if provider == finance and next(asked, None) is not None else Answer(provider, {})
        ),
    )
    company.close_wave(wave)
    page = sign_in(company.alice).get("/lead/").text
    assert ("Said in confidence" in page) == shown
    assert len(tables(page)) == 1


def test_the_page_tells_neither_who_answered_nor_when(alice, company):
    page = alice.get("/lead/").text
    for person in ("Charlie", "charlie@", "logistics0", "Bob"):
        assert person not in page
