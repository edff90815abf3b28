"""How often summaries come, chosen from the link that stands in each of them."""

import re

import pytest

from survey import outbox
from survey.emails import composer
from survey.models import Message, Person
from survey.signing import invitation_token, subscriber_token
from survey.subscriptions import frequency_of
from tests.cast import OPENS
from tests.mails import read
from tests.web.pages import csrf_token, everything


@pytest.fixture
def address(company, settings) -> str:
    """Bob's; Bob reads English."""
    return f"/summaries/{subscriber_token(company.bob.id, settings)}"


def bobs_choice(company) -> tuple[str, str]:
    return frequency_of(company.bob.id), Person.get_by_id(company.bob.id).language


def test_opening_the_link_changes_nothing_whoever_does_it(client, address):
    before = everything()
    for method in ("GET", "HEAD", "OPTIONS"):
        assert client.open(address, method=method).status_code == 200
    assert everything() == before


def test_the_page_is_in_the_readers_language_and_names_nobody(client, address):
    page = client.get(address, headers={"Accept-Language": "es"}).text
    assert "How often do you want the mail?" in page
    assert "Bob" not in page
    assert "bob@" not in page


def test_a_choice_is_stored_and_the_page_follows_the_language(client, address, company):
    page = client.post(address, data={"frequency": "monthly", "language": "es"})
    assert page.status_code == 200
    assert "Tu elección está guardada." in page.text
    assert re.search('value="monthly"[^>]*checked|checked[^>]*value="monthly"', page.text)
    assert bobs_choice(company) == ("monthly", "es")


@pytest.mark.parametrize(
    "sent", [{}, {"frequency": "hourly", "language": "en"}, {"frequency": "each", "language": "xx"}]
)
def test_what_is_not_offered_changes_nothing(client, address, company, sent):
    assert client.post(address, data=sent).status_code == 422
    assert bobs_choice(company) == ("each", "en")


def test_one_click_in_the_mail_program_ends_them(app, client, company, settings):
    company.released_wave()
    app.config["WTF_CSRF_ENABLED"] = True  # the mail program has no form's key
    message = Message.get(Message.kind == outbox.SUMMARY, Message.person == company.bob)
    mail = read(composer(app, settings)(message, OPENS))
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = mail["List-Unsubscribe"].strip().removeprefix(f"<{settings.address}").removesuffix(">")
    assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert bobs_choice(company) == ("never", "en")


def test_one_click_ends_hrs_summaries_too(app, client, company, settings):
    company.released_wave()
    mail = read(
        composer(app, settings)(Message.get(Message.kind == outbox.COMPANY, Message.person == company.hanna), OPENS)
    )
    path = mail["List-Unsubscribe"].strip().removeprefix(f"<{settings.address}").removesuffix(">")
    assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert frequency_of(company.hanna.id) == "never"


def test_hr_finds_the_choice_on_the_overview(company, settings, released, sign_in):
    address = f"/summaries/{subscriber_token(company.hanna.id, settings)}"
    assert address in sign_in(company.hanna).get("/hr/").text


def test_only_mails_that_can_be_stopped_say_so(app, company, settings):
    company.open_wave()
    for kind in (outbox.INVITATION,):
        mail = read(composer(app, settings)(Message.get(Message.kind == kind), OPENS))
        assert mail["List-Unsubscribe"] is None


def test_who_stopped_the_mails_still_has_the_page(client, address, company, released, sign_in):
    client.post(address, data={"frequency": "never", "language": "en"})
    page = sign_in(company.bob).get("/lead/")
    assert page.status_code == 200
    assert address in page.text


def test_a_link_that_was_not_made_here_leads_nowhere(client, address, company, settings):
    _, mac = address.rsplit("/", 1)[1].split(".")
    forged = [f"{company.alice.id}.{mac}", f"{company.bob.id}.", "x", f"{company.bob.id}.{mac}0", "%00.%ff"]
    forged.append(invitation_token(str(company.bob.id), settings))
    for token in forged:
        assert client.post(f"/summaries/{token}", data={"frequency": "never", "language": "en"}).status_code == 404
    assert bobs_choice(company) == ("each", "en")


def test_who_has_left_chooses_nothing(client, address, company):
    Person.update(active=False).where(Person.id == company.bob.id).execute()
    assert client.get(address).status_code == 404


def test_the_form_needs_no_session(app, address, company):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client(use_cookies=False)
    page = client.get(address)
    assert "Set-Cookie" not in page.headers
    assert client.post(address, data={"frequency": "never", "language": "en"}).status_code == 200
    with pytest.raises(AssertionError):
        csrf_token(page.text)
