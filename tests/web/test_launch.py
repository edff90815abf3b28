"""A new pulse: described, looked at, added."""

from datetime import date

import pytest
import time_machine

from survey.models import Department, Person, Pulse, PulseDepartment, Wave
from tests.browser import DESK, PHONE, browsing
from tests.cast import DAY, OPENS
from tests.web.pages import STRANGE, everything, filled, tables

NEW = "/hr/pulses/new"
MOMENT = OPENS - 40 * DAY


@pytest.fixture(autouse=True)
def clock(request):
    """Forty days before the cast's first wave, so that nobody rests; a browser has its own clock."""
    with time_machine.travel(MOMENT, tick=request.node.get_closest_marker("browser") is not None) as clock:
        yield clock


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


def described(**changed: object) -> dict[str, object]:
    given = {
        "name": "Clima 2026",
        "questionnaire": "five-practices",
        "cadence": "quarterly",
        "first": "2026-02-02",
        "audience": "all",
        "timezone": "Europe/Madrid",
        "holidays": "es-md",
    }
    return {name: value for name, value in (given | changed).items() if value is not None}


def test_every_mail_of_the_next_waves_is_shown_before_anything_is_stored(hanna):
    before = everything()
    page = hanna.post(NEW, data=described(), follow_redirects=True)
    assert everything() == before
    (rows,) = tables(page.text)
    assert rows[2] == ["Mon, 2 Feb 2026, 09:00", "It opens: invitations", "59"]
    assert rows[3] == ["Fri 6 Feb, 09:00", "Reminder, to who has not answered", "at most 59"]
    assert rows[5][1:] == ["It closes: nothing is mailed", "–"]
    assert rows[6] == ["Mon 16 Feb, 18:00", "Summaries to leads", "2"]
    assert rows[7] == ["Mon 16 Feb, 18:00", "Summary to HR", "2"]
    assert sum(row[0].startswith("Wave ") for row in rows) == 4
    assert rows[8][0].startswith("Wave 2 moved from Saturday 2 May")


def test_what_was_shown_is_added(hanna):
    page = hanna.post(NEW, data=described(audience="some", departments=["sales", "it"]), follow_redirects=True).text
    fields = described(audience="some", departments=["sales", "it"]) | {"step": "create"}
    assert {name: filled(page)[name] for name in ("name", "first", "audience", "holidays")} == {
        name: fields[name] for name in ("name", "first", "audience", "holidays")
    }
    answer = hanna.post(NEW, data=fields)
    assert answer.location == "/hr/pulses#clima-2026"
    pulse = Pulse.get(Pulse.key == "clima-2026")
    assert (pulse.first_date, pulse.holidays, pulse.timezone) == (date(2026, 2, 2), "ES-MD", "Europe/Madrid")
    assert {row.department.key for row in PulseDepartment.select().where(PulseDepartment.pulse == pulse)} == {
        "sales",
        "it",
    }
    assert Wave.select().where(Wave.pulse == pulse, Wave.state == "planned").count() == 1
    assert "The pulse is added: its first wave opens on Monday 2 February." in hanna.get("/hr/pulses").text


def test_whoever_goes_back_to_what_was_shown_sends_no_form_again(hanna):
    shown = hanna.post(NEW, data=described(audience="some", departments=["sales", "it"])).location
    before = everything()
    page = hanna.get(shown)
    assert (page.status_code, everything()) == (200, before)
    assert "IT, Sales" in page.text
    hanna.post(NEW, data=described() | {"step": "create"})
    after = hanna.get(shown)
    assert after.status_code == 422
    assert "There is a pulse of this name already" in after.text
    for step in ("create", "x"):
        assert hanna.get(NEW, query_string=described(name="Other") | {"step": step}).status_code == 200
    assert Pulse.select().where(Pulse.key == "other").count() == 0


def test_going_back_keeps_everything_that_was_chosen(hanna):
    fields = described(audience="some", departments=["sales"], cadence="monthly", name="Clima <2026>")
    page = hanna.post(NEW, data=fields | {"step": "edit"}).text
    assert 'value="Clima &lt;2026&gt;"' in page
    assert 'value="sales" checked' in page
    assert 'value="some" checked' in page
    assert '<option selected value="monthly">' in page


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"name": "…"}, "name", "Write a name with letters or digits."),
        ({"name": "Quarterly"}, "name", "There is a pulse of this name already"),
        ({"name": "new"}, "name", "There is a pulse of this name already"),
        ({"first": ""}, "first", "Choose a day."),
        ({"first": "2026-02-30"}, "first", "Choose a day."),
        ({"first": "2025-12-01"}, "first", "the opening hour has passed; choose a later day."),
        ({"first": "9999-12-31"}, "first", "is not between the years 2000 and 2100."),
        ({"timezone": "Madrid"}, "timezone", "This is no time zone"),
        ({"timezone": "../etc/passwd"}, "timezone", "This is no time zone"),
        ({"holidays": STRANGE}, "holidays", "is no country or region"),
        ({"cadence": "../weekly"}, "cadence", "Choose something from the list."),
        ({"questionnaire": "magic"}, "questionnaire", "Choose something from the list."),
        ({"audience": "some"}, "departments", "Choose at least one department, or everybody."),
        ({"audience": "some", "departments": ["magic"]}, "departments", "Choose at least one department"),
        ({"audience": "all", "departments": ["sales"]}, "departments", "You have ticked departments and chosen every"),
    ],
)
def test_a_fault_is_shown_at_its_field_with_all_that_was_typed(hanna, changed, field, said):
    before = everything()
    for step in ("preview", "create"):
        answer = hanna.post(NEW, data=described(**changed) | {"step": step})
        assert answer.status_code == 422, step
        assert said in answer.text.split('class="fault"')[1].split("</small>")[0].replace("&#39;", "'")
        assert "<script>alert" not in answer.text
        if field != "name":
            assert 'value="Clima 2026"' in answer.text
        assert everything() == before


def test_people_whom_another_wave_asks_these_days_rest(wave, company, sign_in, clock):
    clock.move_to(OPENS + DAY)
    rows = tables(sign_in(company.hanna).post(NEW, data=described(first="2026-03-10"), follow_redirects=True).text)[0]
    assert rows[2][2] == "0"
    assert "59 people rest, having been asked by other waves" in rows[2][1]
    assert "Fewer than 5 people" in rows[2][1]


def test_a_weekly_pulse_asks_nobody_twice_within_the_days_of_rest(hanna):
    rows = tables(hanna.post(NEW, data=described(cadence="weekly"), follow_redirects=True).text)[0]
    invited = [row[2] for row in rows if len(row) == 3 and row[1].startswith("It opens")]
    assert invited == ["59", "0", "59", "0"]


def test_a_pulse_of_few_people_is_warned_about(hanna):
    page = hanna.post(NEW, data=described(audience="some", departments=["legal"]), follow_redirects=True).text
    assert "Fewer than 5 people: no results can be shown of so few." in page


def test_the_invitation_is_shown_as_nobody_gets_it(hanna, company):
    Department.update(name="<b>Money</b>").where(Department.key == "finance").execute()
    before = everything()
    page = hanna.get(f"{NEW}/invitation", query_string=described())
    assert everything() == before
    assert "Alex Example" in page.text
    assert "&lt;b&gt;Money" in page.text
    assert "16 February" in page.text
    assert "style-src 'nonce-" in page.headers["Content-Security-Policy"]


def test_the_questions_are_shown_and_take_no_answers(hanna):
    before = everything()
    page = hanna.get(f"{NEW}/questions", query_string=described())
    assert page.status_code == 200
    assert "Keeps its promises" in page.text
    assert everything() == before


@pytest.mark.parametrize("what", ["invitation", "questions"])
def test_nothing_is_shown_of_a_pulse_that_cannot_be(hanna, what):
    assert hanna.get(f"{NEW}/{what}").status_code == 404
    assert hanna.get(f"{NEW}/{what}", query_string=described(name="quarterly")).status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_hr_adds_a_pulse_in_a_browser(chromium, site, company, settings, size):
    from survey.signing import sign_in_token

    hanna = Person.get_by_id(company.hanna.id)
    with browsing(chromium, "en", size) as context:
        page = context.new_page()
        page.goto(f"{site}/login/{sign_in_token(hanna.id, hanna.sign_ins, settings)}")
        page.get_by_role("button").first.click()
        page.goto(f"{site}/hr/pulses")
        page.get_by_role("button", name="Add a pulse").click()
        page.get_by_label("Name").fill("Clima")
        page.get_by_label("How often").select_option("monthly")
        page.get_by_label("the people of these departments").check()
        page.get_by_label("Sales").check()
        page.get_by_role("button", name="See what it would send").click()
        assert "Choose a day." in page.inner_text("main")
        page.get_by_label("First day").fill("2026-02-02")
        page.get_by_role("button", name="See what it would send").click()
        assert "at most 20" in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.frame_locator("iframe").first.get_by_text("Alex Example").wait_for()
        page.get_by_role("button", name="Change something").click()
        assert page.get_by_label("Sales").is_checked()
        page.get_by_role("button", name="See what it would send").click()
        page.get_by_role("button", name="Add the pulse").click()
        page.wait_for_url("**/hr/pulses#clima")
        assert "The pulse is added" in page.inner_text("main")
        page.go_back()
        assert "There is a pulse of this name already" in page.inner_text("main")
    assert Pulse.select().where(Pulse.key == "clima").count() == 1
