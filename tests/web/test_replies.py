"""A lead replies to comments about the own department, and to no others."""

import re
from collections.abc import Callable

import pytest
from peewee import OperationalError

from survey import receipts, tallies, waves
from survey.models import Comment, Leadership, Receipt, Reply, database
from survey.responses import Answer
from survey.signing import sign_in_token
from survey.web import replies
from tests.cast import DAY, OPENS
from tests.test_receipts import CODE, SAID, held
from tests.test_receipts import released as released  # a fixture
from tests.test_receipts import running as running
from tests.web.pages import STRANGE, csrf_token, everything, form_in

ENGLISH = {"lang": "en"}


@pytest.fixture
def address(released) -> str:
    return f"/lead/comments/{released.comment.id}"


@pytest.fixture
def alice(company, released, sign_in):
    """Alice, who leads Finance."""
    return sign_in(company.alice)


def test_below_a_comment_with_a_receipt_there_is_a_form(alice, address):
    page = alice.get("/lead/", query_string=ENGLISH).text
    assert SAID in page
    assert f'action="{address}"' in page
    assert "its writer can read it" in page
    assert page.count("a reply would reach nobody") == 1  # once for all comments


def test_a_comment_without_a_receipt_says_that_its_writer_cannot_be_reached(alice, address):
    Receipt.delete().execute()
    page = alice.get("/lead/", query_string=ENGLISH).text
    assert SAID in page
    assert "to the others a reply would reach nobody" in page
    assert f'action="{address}"' not in page
    assert "<textarea" not in alice.get(address).text
    assert alice.post(address, data={"text": "Hello?"}).status_code == 422
    assert not Reply.select().exists()


def test_a_reply_is_stored_with_its_day_and_without_its_writer(alice, address, released, monkeypatch):
    monkeypatch.setattr(replies, "now", lambda: OPENS + 30 * DAY)
    answer = alice.post(address, data={"text": f"{STRANGE}\r\nSorry"})
    assert answer.status_code == 302
    wave, comment = released.wave.id, released.comment.id
    assert answer.location == f"/lead/?wave={wave}&comment={comment}#comment-{comment}"
    (reply,) = Reply.select()
    assert (reply.text, reply.by_client, str(reply.replied_on)) == (f"{STRANGE}\nSorry", False, "2026-04-01")
    page = alice.get("/lead/", query_string=ENGLISH).text
    assert "Your department, Wednesday 1 April" in page
    assert "<script>alert" not in page
    assert "Alice Álvarez" not in page


def test_the_lead_reads_what_the_writer_added_and_that_it_is_new(alice, address):
    alice.post(address, data={"text": "What happened?"})
    assert "<strong>New</strong>" not in alice.get("/lead/", query_string=ENGLISH).text
    receipts.write_back(held(), STRANGE)
    page = alice.get("/lead/", query_string=ENGLISH).text
    assert page.count("<strong>New</strong>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page
    alice.post(address, data={"text": "I see"})
    assert "<strong>New</strong>" not in alice.get("/lead/", query_string=ENGLISH).text


def with_receipts(codes: list[str]) -> Callable[[int], Answer]:
    """As many answers with a complaint as there are codes: "Said 0", "Said 1" …; then others without."""
    numbered = iter(enumerate(codes))

    def about(provider: int) -> Answer:
        number, code = next(numbered, (0, ""))
        if not code:
            return Answer(provider, {"overall": 4})
        return Answer(provider, {"overall": 4}, None, f"Said {number}", "complaint", receipts.digest(code))

    return about


def test_comments_with_news_stand_first(company, sign_in):
    company.ask_only_about("Finance")
    wave, codes = company.open_wave(), [receipts.new_code() for _ in range(10)]
    company.rate(wave, "Sales", 10, with_receipts(codes))
    company.close_wave(wave)
    last = Comment.select().order_by(Comment.id.desc()).get().text
    receipts.write_back(held(codes[int(last.split()[1])]), "Any news?")
    assert sign_in(company.alice).get("/lead/").text.split("<blockquote>")[1].startswith(last)


def test_hr_reads_the_comment_but_not_the_conversation(company, released, sign_in, address):
    receipts.reply(released, "Between us", OPENS)
    receipts.write_back(held(), "In confidence")
    for person in (company.hanna, company.adam):
        reader = sign_in(person)
        page = reader.get("/hr/departments/finance").text
        assert SAID in page
        assert "Between us" not in page
        assert "In confidence" not in page
        assert reader.get(address).status_code == reader.post(address, data={"text": "x"}).status_code == 403


def test_no_other_lead_reads_or_replies(company, sign_in, address):
    receipts.write_back(held(), "In confidence")
    before = everything()
    for person, status in ((company.bob, 404), (company.charlie, 403)):
        reader = sign_in(person)
        before = everything()
        for method in ("GET", "HEAD", "POST"):
            assert reader.open(address, method=method, data={"text": "x"}).status_code == status
        assert everything() == before
        assert "In confidence" not in reader.get("/lead/").text


def test_who_has_lost_the_department_has_lost_its_conversations(company, alice, address):
    Leadership.create(person=company.alice, department=company.departments["IT"])
    Leadership.delete().where(Leadership.department == company.departments["Finance"]).execute()
    assert alice.get(address).status_code == alice.post(address, data={"text": "x"}).status_code == 404


@pytest.mark.parametrize("key", ["forged", "0" * 32, "%00", CODE, "1", "ñ", "x" * 500])
def test_forged_comments_are_not_there(alice, key):
    for method in ("GET", "POST"):
        assert alice.open(f"/lead/comments/{key}", method=method, data={"text": "x"}).status_code == 404
    assert not Reply.select().exists()


def test_a_comment_of_an_open_wave_is_not_there(running, company, sign_in):
    alice = sign_in(company.alice)
    address = f"/lead/comments/{Comment.get().id}"
    assert alice.get(address).status_code == alice.post(address, data={"text": "x"}).status_code == 404
    assert SAID not in alice.get("/lead/").text


def test_a_comment_of_a_wave_that_was_called_off_is_gone(running, company, sign_in):
    alice, address = sign_in(company.alice), f"/lead/comments/{Comment.get().id}"
    waves.cancel_wave(running, OPENS + 1)
    assert alice.get(address).status_code == 404


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_what_cannot_be_stored_comes_back_with_the_reason(alice, address, text):
    answer = alice.post(address, data={"text": text}, query_string=ENGLISH)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert form_in(answer.text)["text"] == text.strip()
    assert not Reply.select().exists()


@pytest.mark.parametrize("stage", ["connect", "reply"])
def test_while_the_database_is_away_the_reply_comes_back(alice, address, monkeypatch, stage):
    def full(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    alice.application.config["WTF_CSRF_ENABLED"] = True
    key = {"csrf_token": csrf_token(alice.get(address).text)}
    database.close()
    monkeypatch.setattr(*((database.obj, "connect") if stage == "connect" else (receipts, "reply")), full)
    answer = alice.post(address, data=key | {"text": STRANGE}, headers={"Accept-Language": "en"})
    nothing_typed = alice.post(address, data=key, headers={"Accept-Language": "en"})
    monkeypatch.undo()
    assert (answer.status_code, nothing_typed.status_code) == (503, 503)
    assert "All that you wrote is still here" in answer.text
    assert f'action="{address}"' in answer.text
    assert alice.post(address, data=form_in(answer.text)).status_code == 302
    assert Reply.get().text == STRANGE


def test_a_page_that_was_open_for_too_long_keeps_the_reply(alice, address, sign_in, company):
    bob = sign_in(company.bob)
    alice.application.config["WTF_CSRF_ENABLED"] = True
    sent = {"csrf_token": "too old", "text": STRANGE}
    refused = alice.post(address, data=sent, query_string=ENGLISH)
    assert refused.status_code == 400
    assert "open for too long" in refused.text
    assert not Reply.select().exists()
    assert "<textarea" not in bob.post(address, data=sent).text
    assert alice.post(address, data=form_in(refused.text)).status_code == 302
    assert Reply.get().text == STRANGE


@pytest.mark.parametrize("with_keys", [True, False])
def test_whoever_is_signed_out_by_now_sends_the_reply_after_signing_in(alice, address, company, with_keys):
    alice.application.config["WTF_CSRF_ENABLED"] = with_keys
    sent = {"csrf_token": csrf_token(alice.get(address).text), "text": STRANGE}
    alice.delete_cookie("espejo")
    refused = alice.post(address, data=sent, query_string=ENGLISH)
    assert refused.status_code == 403
    assert "All that you wrote is still here" in refused.text
    assert SAID not in refused.text
    assert not Reply.select().exists()
    with alice.session_transaction() as session:
        assert STRANGE not in str(dict(session))
    link = f"/login/{sign_in_token(company.alice.id, company.alice.sign_ins, alice.application.config['ESPEJO'])}"
    key = {"csrf_token": csrf_token(alice.get(link).text)}
    assert alice.post(link, data=key).status_code == 302
    assert STRANGE not in alice.get(address).text
    assert alice.post(address, data=form_in(refused.text)).status_code == 302
    assert Reply.get().text == STRANGE


def test_the_page_for_the_signed_out_is_the_same_whatever_comment_is_named(client, address):
    pages = [client.post(path, data={"text": "Sorry"}) for path in (address, f"/lead/comments/{'0' * 32}")]
    assert [page.status_code for page in pages] == [403, 403]
    assert len({re.sub("[0-9a-f]{32}", "", page.text) for page in pages}) == 1
    for answer in (client.get(address), client.post(address, data={"text": " "})):
        assert answer.location == "/login"


def test_after_twenty_replies_there_is_no_form(alice, address):
    for number in range(receipts.MESSAGES):
        assert alice.post(address, data={"text": str(number)}).status_code == 302
    assert "<textarea" not in alice.get(address).text
    assert alice.post(address, data={"text": "21"}).status_code == 422


def test_the_page_needs_as_many_queries_for_ten_conversations_as_for_one(company, sign_in, caplog, monkeypatch):
    monkeypatch.setattr(tallies.Memory, "get", lambda memory, *key: None)  # how full it is depends on other tests
    company.ask_only_about("Finance")
    company.released_wave()
    alice, found = sign_in(company.alice), []
    caplog.set_level("DEBUG", logger="peewee")
    for conversations in (1, 10):
        wave, given = company.open_wave(), [receipts.new_code() for _ in range(conversations)]
        company.rate(wave, "Sales", 10, with_receipts(given))
        company.close_wave(wave)
        for code in given:
            receipts.write_back(held(code), "More")
        alice.get("/lead/")  # what customers say is remembered from then on
        caplog.clear()
        assert alice.get("/lead/").text.count("<blockquote>") == 2 * conversations
        found.append(sum(record.name == "peewee" for record in caplog.records))
    assert found[0] == found[1]
