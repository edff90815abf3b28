"""The page about mail: what HR reads there, what HR can do, and what nobody can read there."""

import pytest
import time_machine

from survey import outbox, sending, transport, waves
from survey.models import Bounce, Message, Wave
from survey.vitals import vitals
from survey.web import mailroom
from tests.cast import DAY, OPENS
from tests.test_outbox import Post, compose, raises
from tests.web.pages import STRANGE, csrf_token, everything, tables

MOMENT = OPENS + 3600
PAGE = "/hr/outbox"
DEEDS = ("resend", "pause", "resume")


@pytest.fixture(autouse=True)
def clock():
    """A moment while the first wave is open."""
    with time_machine.travel(MOMENT, tick=False) as clock:
        yield clock


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


@pytest.fixture
def failed(company, wave):
    """Bob's invitation is refused for good, Alice's for now; all others are sent."""

    def reply(address):
        if address.startswith("bob@"):
            raise transport.Refused(f"550 {STRANGE}", forever=True, address=True)
        if address.startswith("alice@"):
            raise transport.Refused("451 try later", forever=False)

    def play():
        sending.deliver(OPENS, compose, Post(reply))
        return wave

    company.once("two invitations fail", play)


def letter_of(person) -> Message:
    return Message.get(Message.person == person)


def state_of(person) -> str:
    return letter_of(person).state


def rows(page: str, table: int) -> list[list[str]]:
    return tables(page)[table][1:]


# --- What it shows -------------------------------------------------------------------------------------------------


def test_letters_that_failed_are_named_with_reason_and_moment(failed, hanna):
    page = hanna.get(PAGE).text
    shown = {row[0].split("@")[0].split()[-1]: row[1:] for row in rows(page, 1)}
    assert set(shown) == {"Brownbob", "Álvarezalice"}
    assert shown["Álvarezalice"][:3] == ["invitationto be tried again", "Mon 2 Mar, 09:00", "451 try later"]
    assert "550 <script>alert(1)</script>" in shown["Brownbob"][2]
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_a_delivery_is_shown_wave_by_wave(failed, hanna):
    ((wave, kind, settled, retry, dead),) = rows(hanna.get(PAGE).text, 0)
    assert (wave, kind, settled, retry, dead) == ("quarterly · 2 Mar 2026", "invitation", "57 of 59", "1", "1")


def test_while_mail_leaves_the_page_says_how_long_and_renews_itself(wave, hanna, with_server):
    sending.deliver(MOMENT, compose, Post(), per_minute=20)
    page = hanna.get(PAGE).text
    assert "39 mails are on their way." in page
    assert "more minute" in page
    assert 'id="progress" data-moves' in page


def test_when_all_is_delivered_the_page_rests(wave, hanna, with_server):
    sending.deliver(MOMENT, compose, Post())
    page = hanna.get(PAGE).text
    assert "No mail waits to be sent." in page
    assert "data-moves" not in page


def test_without_a_server_nothing_moves(wave, hanna):
    assert "data-moves" not in hanna.get(PAGE).text


def test_while_mail_is_paused_nothing_moves(wave, hanna, with_server):
    assert "data-moves" in hanna.get(PAGE).text
    outbox.pause(MOMENT)
    assert "data-moves" not in hanna.get(PAGE).text


@pytest.fixture
def with_server(app, settings):
    """The settings name a mail server."""
    object.__setattr__(app.config["ESPEJO"], "smtp_url", "smtp://127.0.0.1:9")


def test_the_list_of_mail_tells_hr_nobody_who_has_answered_or_has_not(wave, hanna, company):
    refuses = raises(transport.Refused("550 no", forever=True, address=True))
    company.answer(wave, share=0.1)  # before any mail was tried
    sending.deliver(MOMENT, compose, Post(raises(transport.Refused("451 later", forever=False), only="3@")))
    company.answer(wave, share=0.5)
    sending.deliver(MOMENT + DAY, compose, Post())  # those of whom some have answered meanwhile
    waves.remind_due(wave.opens_at + 4 * DAY)  # to those who have not
    sending.deliver(wave.opens_at + 4 * DAY, compose, Post(refuses))
    assert {state for (state,) in Message.select(Message.state).tuples()} == {"dropped", "dead", "sent"}
    for address in (PAGE, "/hr/people", "/hr/"):
        main = hanna.get(address).text.split("<main")[1]
        assert "@mirror.example" not in main.replace("hanna@mirror.example", ""), address
        assert "no longer active" not in main
        assert "has answered" not in main


@pytest.mark.parametrize("state", ["dropped", "retry", "dead", "none: erased, or never reminded"])
def test_nothing_shows_what_became_of_one_reminder(wave, hanna, company, state):
    """HR may erase somebody, or give an address that is refused: neither tells whether a reminder was for them."""
    waves.remind_due(wave.opens_at + 4 * DAY)
    Message.update(state="sent", tried_at=MOMENT).execute()
    looked = [hanna.get(address).text for address in (PAGE, "/hr/pulses", "/hr/")], vitals(MOMENT)
    of_bob = (Message.kind == outbox.REMINDER) & (Message.person == company.bob)
    if state.startswith("none"):
        Message.delete().where(of_bob).execute()
    else:
        Message.update(state=state, due_at=MOMENT - DAY).where(of_bob).execute()
    assert ([hanna.get(address).text for address in (PAGE, "/hr/pulses", "/hr/")], vitals(MOMENT)) == looked


def test_no_reminder_is_sent_again_for_that_would_tell_of_it(wave, hanna, company):
    waves.remind_due(wave.opens_at + 4 * DAY)
    Message.update(state="sent").execute()
    reminder = Message.get(Message.kind == outbox.REMINDER, Message.person == company.bob)
    Message.update(state="dead").where(Message.id == reminder.id).execute()
    for chosen in ("all", str(reminder.id)):
        answer = hanna.post(f"{PAGE}/resend", data={"message": chosen}, follow_redirects=True)
        assert "It is under way already, or too late to be sent." in answer.text
    assert Message.get_by_id(reminder.id).state == "dead"


def test_that_reminders_are_under_way_is_told_without_a_number(wave, hanna, with_server):
    Message.update(state="sent").execute()
    waves.remind_due(wave.opens_at + 4 * DAY)
    page = hanna.get(PAGE).text
    assert "Reminders are on their way." in page
    assert rows(page, 0)[1][1:] == ["reminder 1", "under way, not counted"]
    Message.update(state="sent").execute()
    assert rows(hanna.get(PAGE).text, 0)[1][1:] == ["reminder 1", "done, not counted"]


def test_a_letter_of_somebody_who_has_answered_goes_like_one_that_was_sent(failed, hanna, company):
    """Two companies that differ in nothing but whether Alice answered look alike afterwards."""
    company.answer(Wave.get(Wave.state == "open"))
    sending.deliver(MOMENT + DAY, compose, Post())
    answered = hanna.get(PAGE).text
    Message.update(state="sent", reason="").where(Message.person == company.alice).execute()
    assert hanna.get(PAGE).text == answered


def test_the_list_ends_somewhere(wave, hanna, monkeypatch):
    monkeypatch.setattr(mailroom, "LETTERS_SHOWN", 20)
    sending.deliver(OPENS, compose, Post(raises(transport.Refused("550 no", forever=True))))
    assert len(rows(hanna.get(PAGE).text, 1)) == 20


# --- Sending again -------------------------------------------------------------------------------------------------


def test_one_letter_is_sent_again(failed, hanna, company):
    answer = hanna.post(f"{PAGE}/resend", data={"message": letter_of(company.bob).id}, follow_redirects=True)
    assert "1 mail is sent again." in answer.text
    assert state_of(company.bob) == "pending"
    assert sending.deliver(MOMENT, compose, Post()) == {"sent": 2}


def test_impatience_sends_a_letter_again_once(failed, hanna, company):
    form = {"message": letter_of(company.bob).id}
    answers = [hanna.post(f"{PAGE}/resend", data=form, follow_redirects=True).text for _ in range(2)]
    assert "It is under way already, or too late to be sent." in answers[1]
    post = Post()
    sending.deliver(MOMENT, compose, post)
    hanna.post(f"{PAGE}/resend", data=form)
    sending.deliver(MOMENT, compose, post)
    assert post.taken.count("bob@mirror.example") == 1


def test_all_letters_that_were_refused_for_good_are_sent_again(failed, hanna, company):
    sending.deliver(MOMENT, compose, Post(raises(transport.Refused("550 no", forever=True))))
    answer = hanna.post(f"{PAGE}/resend", data={"message": "all"}, follow_redirects=True)
    assert "2 mails are sent again." in answer.text
    assert sending.deliver(MOMENT, compose, Post()) == {"sent": 2}


def test_a_letter_that_comes_too_late_offers_no_button_and_is_not_sent(failed, hanna, company, clock, sign_in):
    assert 'name="message" value="all"' in hanna.get(PAGE).text
    bobs = letter_of(company.bob)
    clock.move_to(bobs.expires_at)
    hanna = sign_in(company.hanna)
    assert "too late" in hanna.get(PAGE).text
    hanna.post(f"{PAGE}/resend", data={"message": bobs.id})
    assert state_of(company.bob) == "dead"


@pytest.mark.parametrize("message", ["", "x", "-1", "1.0", "٣", "9" * 40, "all "])
def test_what_is_no_letter_is_refused(failed, hanna, message):
    before = everything()
    assert hanna.post(f"{PAGE}/resend", data={"message": message}).status_code == 404
    assert everything() == before


def test_a_letter_that_there_is_not_changes_nothing(failed, hanna):
    before = everything()
    assert hanna.post(f"{PAGE}/resend", data={"message": "99999"}).status_code == 302
    assert everything() == before


# --- The switch ----------------------------------------------------------------------------------------------------


def test_mail_is_paused_and_resumed_and_every_page_that_should_says_so(wave, hanna):
    assert "Mail is paused." in hanna.post(f"{PAGE}/pause", follow_redirects=True).text
    assert "Mail has been paused since Monday 2 March at 10:00" in hanna.get(PAGE).text
    assert "Mail is paused, so none leaves." in hanna.get("/hr/").text
    assert sending.deliver(MOMENT, compose, Post()) == {}
    assert "Mail leaves again." in hanna.post(f"{PAGE}/resume", follow_redirects=True).text
    assert sending.deliver(MOMENT, compose, Post()) == {"sent": 59}


def test_looking_changes_nothing(failed, hanna):
    before = everything()
    for method in ("GET", "HEAD"):
        assert hanna.open(PAGE, method=method).status_code == 200
    assert everything() == before
    assert {hanna.get(f"{PAGE}/{deed}").status_code for deed in DEEDS} == {405}


@pytest.mark.parametrize("deed", DEEDS)
def test_only_hr_does_anything_here(failed, company, client, sign_in, deed):
    before = everything()
    assert client.post(f"{PAGE}/{deed}").location == "/login"
    alice = sign_in(company.alice)
    after_sign_in = everything()
    assert alice.post(f"{PAGE}/{deed}", data={"message": "all"}).status_code == 403
    assert everything() == after_sign_in
    assert before["Message"] == after_sign_in["Message"]


def test_every_form_of_the_page_has_a_key(failed, hanna, app, company):
    app.config["WTF_CSRF_ENABLED"] = True
    for deed, paused in (("pause", True), ("resume", False)):
        page = hanna.get(PAGE).text.split("<main")[1]
        assert page.count("<form") == page.count('name="csrf_token"') == 3  # one letter, all letters, the switch
        assert hanna.post(f"{PAGE}/{deed}").status_code == 400
        assert hanna.post(f"{PAGE}/{deed}", data={"csrf_token": csrf_token(page)}).status_code == 302
        assert (outbox.paused_since() is not None) is paused


# --- Beside the person ---------------------------------------------------------------------------------------------


def test_a_refused_address_stands_beside_the_person_until_a_mail_is_taken(failed, hanna, company):
    page = hanna.get("/hr/people").text
    ((who, where, what),) = rows(page, 1)
    assert (who, where) == ("Bob Brownbob@mirror.example", "IT")
    assert what.startswith("Mail to this address was refused: 550 <script>alert(1)")
    assert "<script>alert" not in page
    outbox.resend(MOMENT)
    sending.deliver(MOMENT, compose, Post())
    assert len(tables(hanna.get("/hr/people").text)) == 1
    assert not Bounce.select().exists()
