"""The demo's pages: who is who, and the mailbox; and that a real installation has neither."""

import re
from urllib.parse import unquote

import pytest
import time_machine

from survey import waves
from survey.demo import Mailbox
from survey.models import Message, Person, Wave
from survey.scheduler import Clockwork
from tests.cast import OPENS
from tests.web.pages import STRANGE, addresses, mixed, tables


@pytest.fixture(autouse=True)
def clock():
    """A moment after the wave has opened; it goes on, since the mailbox names letters by it."""
    with time_machine.travel(OPENS + 30):
        yield


@pytest.fixture
def deliver(demo, settings):
    """Let the mail go out into the mailbox."""
    return lambda: Clockwork(demo, settings, Mailbox(settings)).mail(OPENS + 60)


@pytest.fixture
def demo(wave, company, demo):
    Person.update(department=company.departments["Finance"]).where(Person.id == company.hanna.id).execute()
    return demo


@pytest.fixture
def little_mail(demo, company):
    """Only Charlie is written to."""
    Message.delete().where(Message.person != company.charlie).execute()


@pytest.fixture
def visitor(demo):
    return demo.test_client()


def letters(visitor, to: str) -> list[str]:
    """The addresses of somebody's letters, the latest first."""
    return re.findall(r'href="(/mailbox/\d+)"', visitor.get("/mailbox/", query_string={"to": to}).text)


def links(visitor, letter: str) -> list[str]:
    """The links in a letter's text."""
    text = visitor.get(letter).text.split("<pre>")[1]
    return re.findall(r'href="http://127\.0\.0\.1:8000([^"]+)"', text)


def test_a_real_installation_has_no_demo_pages(app, client, company):
    for path in ("/mailbox/", "/mailbox/1", f"/be/{company.hanna.id}"):
        assert client.open(path, method="POST" if "be" in path else "GET").status_code == 404
    assert not any(page.endpoint.startswith("demo") for page in addresses(app, wave_id=1))


def test_the_whole_circle_can_be_walked_without_a_mail_server(visitor, deliver, company, wave):
    company.answer(wave, mixed, share=0.9)
    deliver()
    to = unquote(re.findall(r'href="/mailbox/\?to=([^"]+)"', visitor.get("/").text)[0])
    answering = next(link for link in links(visitor, letters(visitor, to)[0]) if link.startswith("/r/"))
    asked = re.findall(r'name="(p\d+-overall)" value="5"', visitor.get(answering).text)
    assert visitor.post(answering, data=dict.fromkeys(asked, "5")).status_code == 200
    assert visitor.post(f"/be/{company.hanna.id}").location == "/hr/"
    assert visitor.post(f"/hr/waves/{wave.id}/close").status_code == 302
    deliver()
    summary = letters(visitor, "alice@mirror.example")[0]
    leads_page = next(link for link in links(visitor, summary) if link.startswith("/lead/"))
    assert visitor.post(f"/be/{company.alice.id}").location == "/lead/"
    assert "<h2>Finance</h2>" in visitor.get(leads_page).text


def test_a_letter_is_shown_as_html_within_the_policy_and_with_its_picture(visitor, deliver, company, wave):
    company.answer(wave, mixed)
    waves.close_wave(wave, OPENS + 30)
    deliver()
    letter = letters(visitor, "bob@mirror.example")[0]
    answer = visitor.get(f"{letter}/html")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    nonce = re.search(r"style-src 'nonce-([\w-]+)'", answer.headers["Content-Security-Policy"])[1]
    assert " style=" not in answer.text
    assert answer.text.count("<style") == answer.text.count(f'<style nonce="{nonce}"')
    (picture,) = re.findall(rf'src="({letter}/pictures/[^"]+)"', answer.text)
    assert visitor.get(picture).mimetype == "image/png"
    assert visitor.get(picture).data.startswith(b"\x89PNG")


def test_only_leads_and_hr_can_be_chosen_to_be(visitor, company):
    assert visitor.post(f"/be/{company.bob.id}").location == "/lead/"
    for person in (company.charlie.id, company.adam.id, 0, 999):
        assert visitor.post(f"/be/{person}").status_code == 404
    assert visitor.get(f"/be/{company.hanna.id}").status_code == 405


def test_employees_to_be_are_people_who_have_not_answered(visitor, company, wave):
    assert "/mailbox/?to=" in visitor.get("/").text
    company.answer(wave)
    assert "/mailbox/?to=" not in visitor.get("/").text


def test_of_more_mails_than_are_shown_the_number_is_told(visitor, deliver, monkeypatch):
    deliver()
    everybody = len(visitor.get("/mailbox/").text.split("<td><a ")) - 1
    monkeypatch.setattr("survey.web.demo.MESSAGES_SHOWN", 2)
    page = visitor.get("/mailbox/?lang=en").text
    assert page.count("<td><a ") == 2
    assert f"2 of {everybody} mails are shown, the latest." in page
    monkeypatch.setattr("survey.web.demo.MESSAGES_SHOWN", everybody)
    assert "mails are shown" not in visitor.get("/mailbox/?lang=en").text


def test_each_mail_of_the_mailbox_has_its_date(visitor, little_mail, deliver):
    deliver()
    (row,) = tables(visitor.get("/mailbox/?lang=en").text)[0][1:]
    assert re.fullmatch(r"Mon, 2 Mar 2026, \d\d:\d\d", row[1])


def test_an_empty_mailbox_says_so(visitor):
    assert 'class="warning"' in visitor.get("/mailbox/").text


@pytest.mark.parametrize("key", ["1", "x", "..", "..%2Fsecret-key", "%2e%2e", "²", ".", "1.eml"])
def test_no_key_leads_out_of_the_mailbox(visitor, key):
    for path in (f"/mailbox/{key}", f"/mailbox/{key}/html", f"/mailbox/{key}/pictures/x"):
        assert visitor.get(path).status_code in (308, 404)


def test_a_picture_that_a_letter_does_not_have_is_refused(visitor, little_mail, deliver):
    deliver()
    letter = letters(visitor, "charlie@mirror.example")[0]
    assert visitor.get(f"{letter}/pictures/none").status_code == 404


def test_strange_names_are_text_in_the_mailbox(visitor, little_mail, deliver, company):
    Person.update(name=STRANGE.replace('"', "")).where(Person.id != company.hanna.id).execute()
    deliver()
    for path in ("/", "/mailbox/", letters(visitor, "charlie")[0], f"{letters(visitor, 'charlie')[0]}/html"):
        assert "<script>alert" not in visitor.get(path).text, path


def test_the_demo_works_without_an_open_wave(visitor, company, wave):
    company.close_wave(Wave.get_by_id(wave.id))
    assert visitor.get("/").status_code == 200


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_frame_of_a_letter_is_as_tall_as_the_letter(browse, visitor, deliver, company, wave, width):
    company.answer(wave, mixed)
    waves.close_wave(wave, OPENS + 30)
    deliver()
    page = browse(visitor, letters(visitor, "bob@mirror.example")[0], width)
    page.locator("iframe.fitted").wait_for()
    shown, needed = page.evaluate("""() => {
        const frame = document.querySelector("iframe"), letter = frame.contentDocument.documentElement;
        return [frame.clientHeight, letter.scrollHeight];
    }""")
    assert shown == needed > 300
