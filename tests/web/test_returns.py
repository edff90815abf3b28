"""You said, we did: whoever has the link reads what departments have done, under honest headings, and nothing else."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
import time_machine

from survey import commitments, releases
from survey.commitments import Draft
from survey.models import Comment, Commitment, Department, Person
from survey.signing import invitation_token, reader_token, subscriber_token
from survey.web.access import limiter
from survey.web.returns import AT_ONCE, IN_SHORT
from tests.cast import DAY, OPENS
from tests.web.pages import STRANGE, everything, strange

NOW = OPENS + 120 * DAY
TODAY = date(2026, 6, 30)
SOON = TODAY + timedelta(days=30)


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def address(company, released, settings) -> str:
    """Charlie's; Charlie reads English."""
    return f"/you-said/{reader_token(company.charlie.id, settings)}"


@pytest.fixture
def promise(company, released):
    """A department promises something after the latest release, and may do it on a day."""

    def made(text: str, name: str = "Finance", done_on: date | None = None, **values) -> Commitment:
        draft = Draft("diligence", text, values.pop("due_on", SOON), **values)
        found = commitments.make(released[0], company.departments[name], draft, TODAY - timedelta(days=20))
        if done_on:
            commitments.finish(found, done_on)
        return found

    return made


def sections(page: str) -> dict[str, list[str]]:
    """{heading: the commitments below it}"""
    found = {}
    for section in re.findall(r'<section class="improvements.*?</section>', page, re.DOTALL):
        (heading,) = re.findall(r"<h2[^>]*>(.*?) <small>", section)
        found[heading] = [unescape(text) for text in re.findall(r'<p class="what"><bdi>(.*?)</bdi>', section)]
    return found


# --- What stands there ---------------------------------------------------------------------------------------------


def test_what_is_done_comes_first_and_promises_stand_apart(client, address, promise):
    promise("Done first", done_on=TODAY - timedelta(days=5))
    promise("Done last", "IT", done_on=TODAY)
    promise("Late", due_on=TODAY - timedelta(days=1))
    promise("Due today", due_on=TODAY)
    promise("Open", "Sales")
    commitments.drop(promise("Dropped"), "No time", TODAY)
    page = client.get(address).text
    assert list(sections(page).items()) == [
        ("Done", ["Done last", "Done first"]),
        ("Promised, and still in time", ["Due today", "Open"]),
        ("Promised, and late", ["Late"]),
    ]
    assert "Dropped" not in page
    assert "No time" not in page


def test_improvements_are_credited_to_departments_and_to_a_suggestion(client, address, promise, company, released):
    finance = company.departments["Finance"].id
    clients = [found for found in releases.named_clients(released[0], [finance])[finance] if found.name == "Sales"]
    said = Comment.create(wave=released[0], provider=finance, kind="suggestion", text="In confidence: call back.")
    promise("Both", done_on=TODAY, clients=[clients[0].id], suggestion=said.id)
    page = client.get(address).text
    assert '<p class="credit">thanks to a suggestion, and to Sales</p>' in page
    assert "In confidence" not in page
    assert said.id not in page


def test_strange_words_are_text(client, address, promise):
    for done_on in (TODAY, None):
        promise(f"{STRANGE} {done_on}", done_on=done_on)
    Department.update(name=f"{STRANGE}").where(Department.key == "finance").execute()
    page = client.get(address).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}") == 5  # texts, names, and a choice


def test_no_figure_no_comment_and_no_reader_stands_there(client, company, address, promise, wave_of_strange):
    promise("We call back.", done_on=TODAY)
    page = client.get(address).text
    assert "right to left" not in page
    for told in ("Charlie", "charlie@", "Alice", " % ", "<td"):
        assert told not in page


@pytest.fixture
def wave_of_strange(company, released):
    wave = company.open_wave()
    company.rate(wave, "Logistics", 12, strange)
    return company.close_wave(wave)


def test_before_anything_is_promised_the_page_says_so(client, address):
    page = client.get(address).text
    assert "Nothing has been reported yet." in page
    assert sections(page) == {}
    assert "<form" not in page


def test_where_nothing_is_done_yet_promises_do_not_pass_for_deeds(client, address, promise):
    promise("Open")
    page = client.get(address).text
    assert list(sections(page)) == ["Done", "Promised, and still in time"]
    assert "Nothing is done yet." in page


def test_a_department_that_is_no_more_keeps_its_deeds_but_not_its_promises(client, address, promise):
    promise("Done", done_on=TODAY)
    promise("Open")
    Department.update(active=False).where(Department.key == "finance").execute()
    assert sections(client.get(address).text) == {"Done": ["Done"]}


# --- Finding one's way ---------------------------------------------------------------------------------------------


def test_one_department_by_its_key(client, address, promise):
    promise("Ours", done_on=TODAY)
    promise("Theirs", "IT", done_on=TODAY)
    page = client.get(f"{address}?department=it").text
    assert sections(page) == {"Done": ["Theirs"]}
    assert '<option value="it" selected>' in page
    assert sections(client.get(f"{address}?department=").text) == {"Done": ["Theirs", "Ours"]}


def test_a_department_without_any_says_so_and_leads_back(client, address, promise):
    promise("Ours", done_on=TODAY)
    page = client.get(f"{address}?department=legal").text
    assert "Legal has reported nothing yet." in page
    assert '<option value="legal" selected>' in page
    assert f'href="{address}"' in page


def test_more_than_a_page_is_read_page_by_page(client, address, promise):
    names = [f"Deed {number:02}" for number in range(AT_ONCE + 3)]
    for name in names:
        promise(name, done_on=TODAY)
    promise("Open")
    first, second = (client.get(f"{address}?page={number}").text for number in (1, 2))
    assert sections(first)["Done"] + sections(second)["Done"] == names[::-1]
    assert list(sections(second)) == ["Done"]
    assert f'<a href="{address}?page=2" rel="next">' in first
    assert f'<a href="{address}?page=1" rel="prev">' in second
    assert 'rel="next"' not in second


def test_promises_are_told_in_short_until_all_are_asked_for(client, address, promise):
    for number in range(IN_SHORT + 1):
        promise(f"Open {number}")
    page = client.get(address).text
    assert len(sections(page)["Promised, and still in time"]) == IN_SHORT
    (more,) = re.findall(r'href="([^"]+)">See all 6<', page)
    assert sections(client.get(unescape(more)).text) == {
        "Promised, and still in time": [f"Open {number}" for number in range(IN_SHORT + 1)]
    }


def test_choices_go_along_and_the_language_too(client, address, promise):
    for number in range(AT_ONCE + 1):
        promise(f"Open {number}", "IT")
    page = client.get(f"{address}?show=open&department=it&lang=en").text
    assert unescape(re.findall(r'href="([^"]+)" rel="next"', page)[0]) == (
        f"{address}?department=it&show=open&lang=en&page=2"
    )
    assert '<input type="hidden" name="show" value="open">' in page


@pytest.mark.parametrize(
    "query", ["department=x", "show=dropped", "show=x", "page=0", "page=2", "page=x", "page=-1", "page=99999999"]
)
def test_what_is_not_there_is_not_found(client, address, promise, query):
    promise("Ours", done_on=TODAY)
    assert client.get(f"{address}?{query}").status_code == 404


# --- The link ------------------------------------------------------------------------------------------------------


def test_opening_it_changes_nothing_and_brings_no_cookie(app, address):
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client(use_cookies=False)
    before = everything()
    for method in ("GET", "HEAD"):
        page = browser.open(address, method=method)
        assert page.status_code == 200
        assert "Set-Cookie" not in page.headers
    assert browser.post(address).status_code == 405
    assert everything() == before


def test_search_engines_are_told_to_leave_it(client, address):
    assert '<meta name="robots" content="noindex">' in client.get(address).text


def test_it_is_in_the_readers_language(client, company, address, settings):
    spanish = f"/you-said/{reader_token(company.alice.id, settings)}"
    assert "You said, we did" in client.get(address, headers={"Accept-Language": "es"}).text
    assert "Lo dijisteis y lo hicimos" in client.get(spanish, headers={"Accept-Language": "en"}).text


def test_a_link_that_was_not_made_here_leads_nowhere(client, company, address, settings):
    _, mac = address.rsplit("/", 1)[1].split(".")
    person = company.charlie.id
    forged = [f"{company.alice.id}.{mac}", f"{person}.", "x", f"{person}.{mac}0", "%00.%ff"]
    forged += [subscriber_token(person, settings), invitation_token(str(person), settings)]
    assert {client.get(f"/you-said/{token}").status_code for token in forged} == {404}


def test_who_has_left_reads_nothing(client, company, address):
    Person.update(active=False).where(Person.id == company.charlie.id).execute()
    assert client.get(address).status_code == 404


def test_guessing_is_stopped_but_reading_is_not(client, address, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", True)
    assert {client.get(address).status_code for _ in range(40)} == {200}
    assert [client.get("/you-said/forged.token").status_code for _ in range(31)] == [404] * 30 + [429]
    assert client.get(address).status_code == 200


def test_its_key_opens_nothing_else(client, address):
    token = address.rsplit("/", 1)[1]
    for path in ("/r/", "/mirror/", "/summaries/"):
        assert client.get(f"{path}{token}").status_code == 404


# --- Who is signed in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "hanna", "adam"])
def test_leads_and_hr_find_it_in_the_navigation(sign_in, company, promise, name):
    promise("Ours", done_on=TODAY)
    reader = sign_in(getattr(company, name))
    home = reader.get("/", follow_redirects=True)
    assert 'href="/you-said/"' in home.text.partition("</nav>")[0]
    page = reader.get("/you-said/?lang=en").text
    assert sections(page) == {"Done": ["Ours"]}
    assert '<a href="/you-said/" aria-current="page">' in page


def test_everybody_else_needs_the_link(sign_in, client, company, released):
    assert client.get("/you-said/").location == "/login"
    charlie = sign_in(company.charlie)
    assert charlie.get("/you-said/").status_code == 403
