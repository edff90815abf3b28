"""The pages behind a receipt: taken with the answer, kept once, read and written without a session."""

import re

import pytest
from peewee import OperationalError

from survey import receipts, responses, waves
from survey.models import Comment, Rating, Receipt, Reply, database
from survey.receipts import is_code
from survey.web.access import limiter
from tests.cast import OPENS
from tests.test_receipts import CODE, OTHER, SAID, complaining, held
from tests.test_receipts import released as released  # a fixture
from tests.test_receipts import running as running
from tests.web.pages import STRANGE, csrf_token, everything, form_in

LINK = f"/receipt/{CODE}"
ENGLISH = {"Accept-Language": "en"}
SHOWN = re.compile(r"<code>([^<]+)</code>")


@pytest.fixture
def form(client, link) -> dict[str, str]:
    """What Charlie's browser sends: fours, and a complaint about the first provider, with a receipt."""
    given = form_in(client.get(link.address).text)
    return given | link.filled(comment=SAID, kind="complaint", receipt="y")


# --- Taking one with the answer ------------------------------------------------------------------------------------


def test_every_page_brings_fresh_codes_one_for_each_provider(client, link):
    codes = [form_in(client.get(link.address).text)[link.field("code", place)] for place in (0, 1, 2) for _ in range(2)]
    assert len(set(codes)) == 6
    assert all(is_code(code) for code in codes)
    assert not Receipt.select().exists()


def test_who_takes_a_receipt_is_shown_the_code_and_the_link_to_keep(client, link, form):
    page = client.post(link.address, data=form).text
    (code,) = SHOWN.findall(page)
    assert code == form[link.field("code")]
    assert f'href="/receipt/{code}"' in page
    assert client.get(f"/receipt/{code}").status_code == 200
    assert (Receipt.get().comment.text, Receipt.get().comment.provider_id) == (SAID, link.providers[0])


def test_links_below_a_code_leave_it_on_the_screen(client, link, form):
    below = client.post(link.address, data=form).text.split("</dl>")[1]
    links = re.findall(r"<a [^>]*>", below)
    assert len(links) >= 3
    assert [found for found in links if 'target="_blank" rel="noopener"' not in found] == []
    assert below.count("(opens in a new tab)") == len(links)


@pytest.mark.parametrize("change", [{"receipt": ""}, {"kind": "thanks"}, {"comment": "", "overall": "4"}])
def test_without_the_wish_or_a_reason_there_is_no_receipt(client, link, form, change):
    sent = {name: text for name, text in (form | link.first(**change)).items() if text}
    page = client.post(link.address, data=sent)
    assert page.status_code == 200
    assert SHOWN.findall(page.text) == []
    assert not Receipt.select().exists()


def test_what_no_dealings_hides_has_no_receipt(client, link, form):
    client.post(link.address, data=form | link.first(no_dealings="y"))
    assert not Receipt.select().exists()


def test_two_comments_have_a_code_each(client, link, form):
    second = {
        link.field(name, 1): text for name, text in (("comment", "Two"), ("kind", "suggestion"), ("receipt", "y"))
    }
    codes = SHOWN.findall(client.post(link.address, data=form | second).text)
    assert sorted(codes) == sorted(form[link.field("code", place)] for place in (0, 1))
    assert {held(code).text for code in codes} == {SAID, "Two"}


def test_sending_twice_shows_the_same_code_again_and_stores_once(client, link, form):
    first, second = client.post(link.address, data=form), client.post(link.address, data=form)
    assert (first.status_code, second.status_code) == (200, 409)
    assert "Already received" in second.text
    assert SHOWN.findall(second.text) == SHOWN.findall(first.text) != []
    assert Receipt.select().count() == Comment.select().count() == 1


def test_of_two_posts_at_once_both_show_the_code(client, link, form, monkeypatch):
    """The second one was let in while the first was not stored yet."""
    client.post(link.address, data=form)
    asked = responses.questions

    def not_yet(found):
        questions = asked(found)
        return questions and type(questions)(**{**vars(questions), "answered": False})

    monkeypatch.setattr(responses, "questions", not_yet)
    again = client.post(link.address, data=form)
    assert (again.status_code, SHOWN.findall(again.text)) == (409, [form[link.field("code")]])


def test_opening_the_answered_link_shows_no_code(client, link, form):
    client.post(link.address, data=form)
    assert SHOWN.findall(client.get(link.address).text) == []


@pytest.mark.parametrize("forged", ["", "x", "0" * 28, CODE.lower(), f"{CODE}-7K2M", "<script>", "\0"])
def test_a_malformed_code_is_replaced(client, link, form, forged):
    (code,) = SHOWN.findall(client.post(link.address, data=form | link.first(code=forged)).text)
    assert is_code(code)
    assert code != forged
    assert held(code).text == SAID


def test_a_code_that_comes_twice_in_a_form_is_replaced_once(client, link, form):
    second = {link.field("comment", 1): "Two", link.field("kind", 1): "complaint", link.field("receipt", 1): "y"}
    same = form | second | {link.field("code", place): CODE for place in (0, 1)}
    codes = SHOWN.findall(client.post(link.address, data=same).text)
    assert len(set(codes)) == 2
    assert CODE in codes


def test_nobody_gets_at_a_comment_by_sending_its_code_as_ones_own(client, link, link_of, company, form):
    client.post(link.address, data=form)
    code, alice = form[link.field("code")], link_of(company.alice)
    sent = form_in(client.get(alice.address).text) | alice.filled(
        comment="Mine", kind="complaint", receipt="y", code=code
    )
    (given,) = SHOWN.findall(client.post(alice.address, data=sent).text)
    assert given != code
    assert (held(code).text, held(given).text) == (SAID, "Mine")


def test_a_fault_keeps_code_and_wish(client, link, form):
    answer = client.post(link.address, data=form | link.first(kind=""))
    assert answer.status_code == 422
    kept = form_in(answer.text)
    assert (kept[link.field("code")], kept[link.field("receipt")]) == (form[link.field("code")], "y")


def test_when_the_database_is_away_the_code_is_kept_and_given_out_later(client, link, form, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    database.close()
    monkeypatch.setattr(database.obj, "connect", full)
    answer = client.post(link.address, data=form)
    monkeypatch.undo()
    assert answer.status_code == 503
    kept = form_in(answer.text)
    assert SHOWN.findall(client.post(link.address, data=kept).text) == [form[link.field("code")]]


def test_an_answer_that_was_stored_although_its_page_failed_gives_its_code_on_the_next_try(
    client, link, form, monkeypatch
):
    def gone(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(receipts, "taken", gone)
    answer = client.post(link.address, data=form)
    monkeypatch.undo()
    assert (answer.status_code, Rating.select().count()) == (503, 3)
    assert SHOWN.findall(client.post(link.address, data=form_in(answer.text)).text) == [form[link.field("code")]]


# --- Reading -------------------------------------------------------------------------------------------------------


def test_the_link_shows_the_comment_and_what_the_department_replied(client, released, company):
    page = client.get(LINK, headers=ENGLISH).text
    assert "<h1>Complaint about Finance</h1>" in page
    assert SAID in page
    assert "There is no reply yet" in page
    receipts.reply(released, "We are sorry", OPENS)
    page = client.get(LINK, headers=ENGLISH).text
    assert "We are sorry" in page
    assert "Finance, Monday 2 March" in page
    for told in ("Alice", "alice", "09:00", "There is no reply yet"):
        assert told not in page


def test_a_typed_code_leads_to_the_same_place_and_stands_in_no_address(client, released):
    typed = CODE.lower().replace("-", " ")
    page = client.post("/receipt/", data={"code": typed}, headers=ENGLISH)
    assert (page.status_code, page.location) == (200, None)
    assert SAID in page.text
    kept = form_in(page.text)
    assert client.post("/receipt/", data=kept | {"text": "Thank you"}, headers=ENGLISH).status_code == 200
    assert held().thread.messages[0].text == "Thank you"


def test_while_the_wave_is_open_there_is_no_form(client, running):
    page = client.get(LINK, headers=ENGLISH).text
    assert "The wave is still open, until Monday 16 March" in page
    assert SAID in page
    assert "<form" not in page
    assert client.post(LINK, data={"text": "More"}).status_code == 422
    assert not Reply.select().exists()


def test_who_was_among_too_few_is_told_so(client, company, app):
    company.ask_only_about("Finance")
    wave = company.open_wave()
    company.rate(wave, "Sales", 9, complaining())
    company.close_wave(wave)
    page = client.get(LINK, headers=ENGLISH)
    assert page.status_code == 200
    assert "fewer than 10 people rated the department" in page.text
    assert SAID not in page.text
    assert "<form" not in page.text


def test_who_wrote_in_a_wave_that_was_called_off_is_told_so(client, running):
    waves.cancel_wave(running, OPENS + 1)
    page = client.get(LINK, headers=ENGLISH).text
    assert "HR called this wave off" in page
    assert "<form" not in page


def test_reading_changes_nothing_whoever_does_it(client, released):
    before = everything()
    for method in ("GET", "HEAD"):
        for address in (LINK, "/receipt/", f"/receipt/{OTHER}"):
            client.open(address, method=method)
    client.post("/receipt/", data={"code": CODE})
    assert everything() == before


@pytest.mark.parametrize("code", [OTHER, CODE[:-1], f"{CODE}0", "x", "%ff", "ñ", "." * 2000, "../lead"])
def test_all_unknown_codes_get_the_same_answer(client, released, code):
    link, typed = client.get(f"/receipt/{code}", headers=ENGLISH), client.post("/receipt/", data={"code": code})
    assert (link.status_code, typed.status_code) == (404, 404)
    assert "There is no such code" in link.text or code == "../lead"
    assert SAID not in link.text + typed.text


def test_an_unknown_code_is_echoed_as_text(client, released):
    page = client.post("/receipt/", data={"code": STRANGE}, headers=ENGLISH).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_pages_speak_the_browsers_language_or_the_one_asked_for(company, released, sign_in):
    alice = sign_in(company.alice)  # reads Spanish
    for address, browser, shown in ((LINK, "en", "en"), (LINK, "es", "es"), (f"{LINK}?lang=es", "en", "es")):
        assert f'<html lang="{shown}">' in alice.get(address, headers={"Accept-Language": browser}).text


def test_nobody_keeps_or_passes_on_what_a_receipt_shows(client, released):
    answer = client.get(LINK)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers
    assert '<meta name="robots" content="noindex">' in answer.text


# --- Writing back --------------------------------------------------------------------------------------------------


def test_the_writer_writes_back_without_a_session(app, released):
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client(use_cookies=False)
    page = browser.post(LINK, data={"text": f" {STRANGE}\r\nTwo lines "}, headers=ENGLISH)
    assert (page.status_code, "Set-Cookie" in page.headers) == (200, False)
    assert "Your message is there" in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page.text
    (message,) = held().thread.messages
    assert (message.text, message.replied_on) == (f"{STRANGE}\nTwo lines", None)
    assert form_in(page.text)["text"] == ""


def test_with_a_session_the_forms_key_is_needed_and_nothing_typed_is_lost(app, company, released, sign_in):
    alice = sign_in(company.alice)
    app.config["WTF_CSRF_ENABLED"] = True
    for address, sent in ((LINK, {"text": "Typed"}), ("/receipt/", {"code": CODE, "text": "Typed"})):
        Reply.delete().execute()
        refused = alice.post(address, data=sent | {"csrf_token": "too old"}, headers=ENGLISH)
        assert refused.status_code == 400
        assert "please send it once more" in refused.text
        assert not Reply.select().exists()
        again = form_in(refused.text)
        assert again["text"] == "Typed"
        assert csrf_token(refused.text)
        assert alice.post(address, data=again).status_code == 200
        assert Reply.select().count() == 1


@pytest.mark.parametrize(
    ("text", "fault"), [("", "Nothing is written yet"), (" \n\0", "Nothing"), ("x" * 2001, "At most")]
)
def test_what_cannot_be_stored_comes_back_with_the_reason(client, released, text, fault):
    answer = client.post(LINK, data={"text": text}, headers=ENGLISH)
    assert answer.status_code == 422
    assert fault in answer.text
    assert form_in(answer.text)["text"] == text.replace("\0", "").strip()
    assert not Reply.select().exists()


def test_after_twenty_messages_there_is_no_form(client, released):
    for number in range(receipts.MESSAGES):
        assert client.post(LINK, data={"text": str(number)}).status_code == 200
    page = client.get(LINK, headers=ENGLISH).text
    assert "You have written as often as you can" in page
    assert "<form" not in page
    assert client.post(LINK, data={"text": "21"}).status_code == 422


@pytest.mark.parametrize("sent", [{"text": "Typed"}, {"text": "Typed", "code": CODE}])
def test_while_the_database_is_away_what_was_typed_comes_back(client, released, sent, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    address = "/receipt/" if "code" in sent else LINK
    database.close()
    monkeypatch.setattr(database.obj, "connect", full)
    answer = client.post(address, data=sent)
    monkeypatch.undo()
    assert answer.status_code == 503
    assert {**form_in(answer.text)} == sent
    assert client.post(address, data=form_in(answer.text)).status_code == 200
    assert held().thread.messages[0].text == "Typed"


# --- Guessing, and what is written down ----------------------------------------------------------------------------


def test_guessing_is_stopped_but_reading_ones_own_is_not(client, released, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", True)
    for _ in range(40):
        assert client.get(LINK).status_code == 200
    assert [client.get(f"/receipt/{OTHER}").status_code for _ in range(31)] == [404] * 30 + [429]
    assert [client.post("/receipt/", data={"code": OTHER}).status_code for _ in range(31)][-1] == 429
    assert client.get(LINK).status_code == 200
    assert client.post(LINK, data={"text": "Still here"}).status_code == 200


def test_no_log_holds_a_code_or_a_text(client, released, monkeypatch, caplog):
    caplog.set_level("DEBUG")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(receipts, "write_back", fail)
    client.application.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    assert client.post(LINK, data={"text": "Typed"}).status_code == 500
    monkeypatch.setattr(receipts, "held", fail)
    assert client.get(LINK).status_code == 500
    told = [record for record in caplog.records if record.name != "peewee"]
    assert {record.getMessage() for record in told} == {
        "Exception in receipt.thread [POST]",
        "Exception in receipt.thread [GET]",
    }
    assert CODE not in caplog.text.replace("peewee", "")
    assert "Typed" not in "".join(str(record.exc_info) for record in told)
