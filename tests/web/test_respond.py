"""Answering from a mailed link, by people, scanners and attackers."""

import pytest
from flask import Flask

from survey import releases, responses, waves, wording
from survey.measure.scale import ITEMS, OVERALL
from survey.models import Department, Invitation, Person, Rating, Wave
from survey.questionnaire import DEFAULT, load_questionnaire
from survey.settings import Settings
from survey.signing import invitation_token
from tests.web.pages import STRANGE, csrf_token, everything, form_in, nothing_is_stored, stored, written

TITLE = load_questionnaire(DEFAULT).title
FOURS = dict.fromkeys(ITEMS, 4)


# --- Opening the link ------------------------------------------------------------------------------------------------


def test_the_page_asks_about_each_provider_by_name(client, link):
    page = client.get(link.address).text
    for provider in link.providers:
        assert f"<bdi>{Department.get_by_id(provider).name}</bdi></h2>" in page
    assert page.count("<fieldset") == page.count("<legend") == len(link.providers) * (len(ITEMS) + 2)
    assert page.count('type="radio"') == len(link.providers) * (len(ITEMS) * 6 + 4 + 3)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_the_link_changes_nothing_whoever_does_it(client, link, method):
    before = everything()
    for address in [link.address] * 3 + [f"{link.address}?lang=en", f"{link.address}?{link.field(OVERALL)}=5"]:
        assert client.open(address, method=method).status_code == 200
    assert everything() == before


def test_other_ways_of_sending_are_refused(client, link):
    for method in ("PUT", "PATCH", "DELETE"):
        assert client.open(link.address, method=method, data=link.filled()).status_code == 405
    assert nothing_is_stored()


def test_the_page_is_in_the_persons_language_not_the_browsers(client, link, link_of, company):
    spanish, english = {"Accept-Language": "es"}, {"Accept-Language": "en"}
    assert TITLE["en"] in client.get(link.address, headers=spanish).text
    assert TITLE["es"] in client.get(link_of(company.alice).address, headers=english).text


@pytest.mark.parametrize(("asked", "shown"), [("es", "es"), ("en", "en"), ("fr", "en"), ("", "en"), ("<b>", "en")])
def test_the_address_switches_the_language(client, link, asked, shown):
    page = client.get(link.address, query_string={"lang": asked}, headers={"Accept-Language": "es"}).text
    assert f'<html lang="{shown}">' in page
    assert TITLE[shown] in page


def test_the_language_stays_when_the_form_comes_back(client, link):
    assert TITLE["es"] in client.post(f"{link.address}?lang=es", data={}).text
    form = form_in(client.get(f"{link.address}?lang=es").text)
    assert TITLE["es"] in client.post(link.address, data=form).text
    assert "¡Gracias!" in client.post(link.address, data=form | link.filled()).text


@pytest.mark.parametrize("kind", ["thanks", ""])
def test_the_button_that_switches_the_language_keeps_all_that_was_typed(client, link, kind):
    typed = form_in(client.get(link.address).text) | link.filled(overall="2", comment=STRANGE, kind=kind)
    answer = client.post(link.address, data=typed | {"switch": "es"})
    assert answer.status_code == 200
    assert TITLE["es"] in answer.text
    assert 'class="faults"' not in answer.text
    assert (
        form_in(answer.text).items()
        >= {name: text for name, text in typed.items() if text and name != "language"}.items()
    )
    assert nothing_is_stored()


def test_a_page_that_came_back_with_faults_switches_its_language_too(client, link):
    form = form_in(client.post(link.address, data=link.filled(comment="No kind")).text)
    answer = client.post(link.address, data=form | {"switch": "es"})
    assert TITLE["es"] in answer.text
    assert "No kind" in answer.text


@pytest.mark.parametrize("asked", ["fr", "", "<b>"])
def test_a_language_that_is_not_offered_is_not_switched_to(client, link, asked):
    assert TITLE["en"] in client.post(link.address, data={"switch": asked}).text


# --- What the page says first --------------------------------------------------------------------------------------


def test_the_page_says_who_asks_why_how_long_and_until_when(client, link):
    page = client.get(link.address).text
    assert "Mirror Ltd asks how other departments serve you" in page
    assert "about 2 minutes" in page
    assert "until Monday 16 March at 18:00" in page


def test_the_link_tells_its_owner_whose_it_is_and_others_too_little(client, link, link_of, company):
    assert "that of C… C… at Mirror Ltd" in client.get(link.address).text
    assert "Clark" not in client.get(link.address).text
    assert "de A… Á… en Mirror Ltd" in client.get(link_of(company.alice).address).text


def test_a_forgotten_person_has_no_name_there(client, link):
    Invitation.update(person=None).execute()
    assert "This link is personal. Please do not forward it." in client.get(f"{link.address}?lang=en").text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Lucía García", "L… G…"),
        ("María de la Cruz-Ruiz Pérez", "M… d… l… C…"),
        ("  J  ", "J…"),
        ("李雷", "李…"),
        ("מרים כהן", "מ… כ…"),
        ("\u202e<b> 'q", "b… q…"),
        ("...", ""),
    ],
)
def test_of_a_name_the_initials_show(name, shown):
    assert wording.masked(name) == shown


def test_the_page_brings_no_cookie(app, link):
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client()
    for answer in (
        browser.get(link.address),
        browser.post(link.address, data={}),
        browser.post(link.address, data=link.filled()),
        browser.get(link.address),
        browser.get("/confidentiality"),
    ):
        assert "Set-Cookie" not in answer.headers


# --- The first answer, from the mail -------------------------------------------------------------------------------


@pytest.mark.parametrize("score", ["1", "5"])
def test_the_mails_link_fills_in_the_first_overall_answer_and_stores_nothing(client, link, score):
    before = everything()
    page = client.get(f"{link.address}?overall={score}").text
    assert form_in(page)[link.field(OVERALL)] == score
    assert page.count(" checked") == 1
    assert f"{score} of 5" in page
    assert everything() == before


@pytest.mark.parametrize("score", ["0", "6", "", "4.0", " 4", "na", "٣", "<b>", "45"])
def test_whatever_else_the_link_says_is_ignored(client, link, score):
    page = client.get(link.address, query_string={"overall": score}).text
    assert " checked" not in page
    assert "of 5" not in page


def test_what_the_link_says_is_no_answer_before_it_is_sent(client, link):
    assert client.post(f"{link.address}?overall=4", data={}).status_code == 422
    assert nothing_is_stored()


def test_what_was_chosen_on_the_page_counts_not_what_the_link_says(client, link):
    client.post(f"{link.address}?overall=4", data=link.first(promises="3"))
    assert stored() == {link.providers[0]: {"promises": 3}}


def forged(token: str, settings: Settings) -> list[str]:
    found, mac = token.split(".")
    other = Settings.from_environment({}, secret_key="another key")
    return [
        *(
            token[:-1],
            token[:-8],
            found,
            f"{found}.",
            f".{mac}",
            f"{found}.{'0' * 32}",
            f"{'0' * 32}.{mac}",
            f"{token}0",
        ),
        *(
            f"{token}.{mac}",
            token.upper(),
            invitation_token(found, other),
            "%00.%00",
            "%ff.%ff",
            "ñ.ñ",
            "x",
            "." * 2000,
        ),
    ]


def test_a_forged_or_truncated_link_leads_nowhere(client, link, settings):
    for token in forged(link.token, settings):
        for method in ("GET", "POST"):
            answer = client.open(f"/r/{token}", method=method, data=link.filled() if method == "POST" else None)
            assert answer.status_code == 404, token
    assert nothing_is_stored()


def test_a_link_whose_last_sign_is_cut_off_is_told_from_a_page_that_does_not_exist(client, link):
    page = client.get(f"/r/{link.token[:-1]}", headers={"Accept-Language": "en"}).text
    assert "This link is not valid" in page


# --- Sending ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_stored_once_and_names_nobody(client, link, company):
    answer = client.post(link.address, data=link.filled(comment="Thanks for March.", kind="thanks"))
    assert answer.status_code == 200
    assert "Thank you!" in answer.text
    assert stored() == dict.fromkeys(link.providers, FOURS)
    assert written() == [(link.providers[0], "thanks", "Thanks for March.")]


def test_a_rating_keeps_neither_person_nor_time_nor_invitation(client, link, company):
    client.post(link.address, data=link.filled(), headers={"User-Agent": "Charlie's phone"})
    for row in Rating.select().dicts():
        assert set(row) == {"id", "wave", "provider", "client_group", "answers", "added"}
        assert row["id"] not in link.token
    assert Invitation.select().where(Invitation.answered).count() == 1


def test_the_second_answer_is_told_that_the_first_one_counts(client, link):
    client.post(link.address, data=link.filled())
    before = everything()
    answer = client.post(link.address, data=link.filled(overall="1"))
    assert answer.status_code == 409
    assert "Already received" in answer.text
    assert "sent it twice, all is well" in answer.text
    assert everything() == before


def test_opening_an_answered_link_says_so(client, link):
    client.post(link.address, data=link.filled())
    answer = client.get(link.address)
    assert answer.status_code == 200
    assert "Already received" in answer.text
    assert "sent it twice" not in answer.text


@pytest.mark.parametrize(("language", "promise"), [("en", "without your name."), ("es", "sin tu nombre.")])
def test_thanks_promise_no_more_than_who_can_learn_what(client, link, language, promise):
    first = client.post(f"{link.address}?lang={language}", data=link.filled()).text
    again = client.get(f"{link.address}?lang={language}").text
    for page in (first, again):
        assert promise in page
        for too_much in ("nobody", "could find", "nadie", "encontrar"):
            assert too_much not in page


def test_of_two_posts_at_once_one_is_stored(client, link, monkeypatch):
    questions = responses.questions
    monkeypatch.setattr(responses, "questions", lambda found: late(questions(found)))

    def late(asked):  # the other post comes in between reading and storing
        monkeypatch.setattr(responses, "questions", questions)
        assert client.post(link.address, data=link.filled()).status_code == 200
        return asked

    assert client.post(link.address, data=link.filled(overall="1")).status_code == 409
    assert stored() == dict.fromkeys(link.providers, FOURS)


@pytest.mark.parametrize("had_answered", [True, False])
def test_who_opens_the_link_of_a_cancelled_wave_hears_what_became_of_it(client, link, wave, had_answered):
    if had_answered:
        client.post(link.address, data=link.filled())
    waves.cancel_wave(wave, wave.opens_at + 1)
    answer = client.get(link.address)
    assert answer.status_code == 410
    assert "all its answers were deleted" in answer.text
    assert client.post(link.address, data=link.filled()).status_code == 410


def test_a_closed_wave_takes_no_answers(client, link, company, wave):
    company.close_wave(wave)
    before = everything()
    for method in ("GET", "POST"):
        answer = client.open(link.address, method=method, data=link.filled() if method == "POST" else None)
        assert answer.status_code == 410
        assert "This wave is closed" in answer.text
    assert everything() == before


def test_a_wave_that_closes_meanwhile_takes_no_answer(client, link, wave, monkeypatch):
    questions = responses.questions

    def late(found: str):
        asked = questions(found)
        waves.close_wave(wave, wave.closes_at)
        return asked

    monkeypatch.setattr(responses, "questions", late)
    assert client.post(link.address, data=link.filled()).status_code == 410
    assert Invitation.select().where(Invitation.answered).count() == 0


def test_an_answered_link_of_a_closed_wave_still_says_received(client, link, company, wave):
    client.post(link.address, data=link.filled())
    company.close_wave(wave)
    assert "Already received" in client.get(link.address).text


def test_who_has_been_deactivated_may_still_use_the_link(client, link, company):
    Person.update(active=False).where(Person.id == company.charlie.id).execute()
    assert client.post(link.address, data=link.filled()).status_code == 200


# --- A page that was open for too long -------------------------------------------------------------------------------


@pytest.fixture
def keyed(app: Flask):
    """A browser that has a session, so that its forms need their keys."""
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client()
    browser.get("/login")
    return browser


def test_a_browser_that_keeps_no_cookies_can_answer(app, link):
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client(use_cookies=False)
    form = form_in(browser.get(link.address).text)
    assert browser.post(link.address, data=form | link.filled()).status_code == 200
    assert stored() == dict.fromkeys(link.providers, FOURS)


def test_elsewhere_no_form_is_taken_without_its_key(app, company):
    app.config["WTF_CSRF_ENABLED"] = True
    for browser in (app.test_client(), app.test_client(use_cookies=False)):
        assert browser.post("/login", data={"email": "hanna@mirror.example"}).status_code == 400


def test_switching_the_language_needs_no_key(keyed, link):
    assert keyed.post(link.address, data={"switch": "es"}).status_code == 200


@pytest.mark.parametrize("key", ["", "forged", None])
def test_a_form_without_its_key_comes_back_filled_in(keyed, link, key):
    data = link.filled(comment=STRANGE, kind="thanks", overall="2") | ({} if key is None else {"csrf_token": key})
    answer = keyed.post(link.address, data=data)
    assert answer.status_code == 400
    assert "please send it once more" in answer.text
    assert "right to left" in answer.text
    assert f'name="{link.field(OVERALL)}" value="2" checked' in answer.text
    assert nothing_is_stored()


def test_what_came_back_can_be_sent_once_more(keyed, link):
    answer = keyed.post(link.address, data=link.filled(overall="2"))
    assert (
        keyed.post(link.address, data=link.filled(overall="2") | {"csrf_token": csrf_token(answer.text)}).status_code
        == 200
    )
    assert stored()[link.providers[0]][OVERALL] == 2


def test_with_its_key_the_form_is_taken_at_once(keyed, link):
    key = csrf_token(keyed.get(link.address).text)
    assert keyed.post(link.address, data=link.filled() | {"csrf_token": key}).status_code == 200


def test_without_a_key_a_forged_an_answered_and_a_closed_link_get_their_own_pages(
    keyed, client, link, link_of, company, wave
):
    assert keyed.post("/r/forged.token").status_code == 404
    Invitation.update(answered=True).where(Invitation.person == company.charlie).execute()
    assert keyed.post(link.address).status_code == 409
    bob = link_of(company.bob)
    company.close_wave(wave)
    assert keyed.post(bob.address).status_code == 410


# --- What others get to see ------------------------------------------------------------------------------------------


def test_the_answer_page_escapes_what_was_typed(client, link):
    page = client.post(link.address, data=link.filled(comment=STRANGE)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page


def test_a_departments_strange_name_is_text(client, link):
    Department.update(name=STRANGE).execute()
    page = client.post(link.address, data=link.filled(comment="No kind")).text
    assert "<script>alert" not in page
    assert page.count("{{7*7}}") >= len(link.providers)


def test_nothing_of_an_open_wave_is_told_as_a_comment(client, link, wave):
    client.post(link.address, data=link.filled(comment="Later", kind="thanks"))
    assert written() == [(link.providers[0], "thanks", "Later")]
    assert releases.comments(Wave.get_by_id(wave.id), link.providers) == {}
