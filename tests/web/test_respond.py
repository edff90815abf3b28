"""Answering from a mailed link, by people, scanners and attackers."""

import json
import re
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask

from survey import releases, responses, waves
from survey.measure.scale import ITEMS, OVERALL
from survey.models import Comment, Department, Invitation, Person, Rating, Wave
from survey.questionnaire import DEFAULT, load_questionnaire
from survey.settings import Settings
from survey.signing import invitation_token
from tests.web.pages import STRANGE, csrf_token, everything

TITLE = load_questionnaire(DEFAULT).title
FOURS = dict.fromkeys(ITEMS, 4)


def stored() -> dict[int, dict[str, int]]:
    """{provider: its scores}"""
    return {rating.provider_id: json.loads(rating.answers) for rating in Rating.select()}


def written() -> list[tuple[int, str, str]]:
    """(provider, kind, text) of each comment"""
    return list(Comment.select(Comment.provider, Comment.kind, Comment.text).tuples())


def nothing_is_stored() -> bool:
    is_answered = Invitation.select().where(Invitation.answered).exists()
    return not (is_answered or Rating.select().exists() or Comment.select().exists())


# --- Opening the link ----------------------------------------------------------------------------------------------


def test_the_page_asks_about_each_provider_by_name(client, link):
    page = client.get(link.address).text
    for provider in link.providers:
        assert f">{Department.get_by_id(provider).name}</h2>" in page
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


# --- Sending -------------------------------------------------------------------------------------------------------


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
    assert everything() == before


def test_opening_an_answered_link_says_so(client, link):
    client.post(link.address, data=link.filled())
    answer = client.get(link.address)
    assert answer.status_code == 200
    assert "Already received" in answer.text


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


# --- What comes back -----------------------------------------------------------------------------------------------


def test_nothing_answered_is_told_and_stores_nothing(client, link):
    for form in ({}, {link.field(OVERALL): "na"}, {link.field("missing"): "means", link.field("kind"): "thanks"}):
        answer = client.post(link.address, data=form)
        assert answer.status_code == 422
        assert "Nothing is answered yet." in answer.text
    assert nothing_is_stored()


def test_a_comment_without_a_kind_comes_back_with_all_that_was_typed(client, link):
    answer = client.post(link.address, data=link.filled(comment="They <never> call back."))
    field = link.field("comment")
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert f'<textarea id="{field}"' in answer.text
    assert f'aria-describedby="{field}-hint {field}-fault"' in answer.text
    assert ">They &lt;never&gt; call back.</textarea>" in answer.text
    assert answer.text.count("checked") == len(link.providers) * len(ITEMS)
    assert nothing_is_stored()


def test_every_link_of_the_list_of_faults_leads_to_a_place_on_the_page(client, link):
    page = client.post(link.address, data=link.filled(comment="No kind", overall="6", missing="money")).text
    places = re.findall(r'<li><a href="#([^"]+)"', page)
    assert len(places) == 3
    assert all(f'id="{place}"' in page for place in places)


@pytest.mark.parametrize(("length", "status"), [(2000, 200), (2001, 422)])
def test_a_comment_has_at_most_2000_characters(client, link, length, status):
    text = "ñ" * length
    answer = client.post(link.address, data=link.filled(comment=text, kind="thanks"))
    assert answer.status_code == status
    assert (text in answer.text) == (status == 422)
    assert Comment.select().count() == (status == 200)


def test_line_ends_count_once(client, link):
    client.post(link.address, data=link.filled(comment="\r\n".join(["a"] * 1000), kind="thanks"))
    assert Comment.get().text == "\n".join(["a"] * 1000)


def test_a_comment_alone_is_an_answer(client, link):
    assert client.post(link.address, data=link.first(comment="Hello", kind="suggestion")).status_code == 200
    assert (stored(), written()) == ({}, [(link.providers[0], "suggestion", "Hello")])


def test_a_kind_without_a_comment_is_nothing(client, link):
    client.post(link.address, data=link.filled(kind="thanks", comment=" \n "))
    assert not written()


@pytest.mark.parametrize("keys", [True, False])
def test_ten_megabytes_are_refused_with_a_clear_page(app, client, link, keys):
    app.config["WTF_CSRF_ENABLED"] = keys
    data = link.filled(comment="x" * 10_000_000, kind="thanks")
    answer = client.post(link.address, data=data, headers={"Accept-Language": "en"})
    assert answer.status_code == 413
    assert "That is too much text" in answer.text
    assert nothing_is_stored()


def test_a_stream_without_a_length_is_no_way_around(client, link):
    body = BytesIO(b"p1-comment=" + b"x" * 10_000_000)
    ends = {"wsgi.input_terminated": True}  # as servers say of chunked requests
    form = "application/x-www-form-urlencoded"
    answer = client.post(link.address, input_stream=body, content_type=form, environ_overrides=ends)
    assert answer.status_code == 413
    assert nothing_is_stored()


# --- What no page of ours sends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["overall", "missing", "kind"])
def test_what_is_not_offered_is_refused_and_nothing_typed_is_lost(client, link, field):
    for value in (
        "0",
        "6",
        "-1",
        "1.5",
        "٣",
        " 4",
        "4 ",
        " ",
        "\0",
        "nan",
        "1e0",
        "<b>",
        "4\n",
        "None",
        "money",
        "ATTITUDE",
    ):
        answer = client.post(link.address, data=link.filled(overall="1", comment="Kept") | link.first(**{field: value}))
        assert answer.status_code == 422, value
        assert "Kept" in answer.text
    assert nothing_is_stored()


def test_the_first_of_two_scores_counts(client, link):
    data = link.filled() | {link.field(OVERALL): ["2", "5"]}
    assert client.post(link.address, data=data).status_code == 200
    assert stored()[link.providers[0]][OVERALL] == 2


def test_a_provider_that_was_not_asked_about_gets_no_answer(client, link, company):
    ids = {department.id for department in company.departments.values()}
    others = (ids - set(link.providers)) | {999}
    data = link.filled() | {f"p{other}-{item}": "1" for other in others for item in ITEMS}
    assert client.post(link.address, data=data).status_code == 200
    assert set(stored()) == set(link.providers)


def test_answers_about_others_alone_are_no_answer(client, link, company):
    own = company.departments["Sales"].id
    assert client.post(link.address, data={f"p{own}-{OVERALL}": "5"}).status_code == 422
    assert nothing_is_stored()


def test_fields_that_the_page_does_not_have_are_ignored(client, link):
    extra = {"wave": "99", "id": "1", "answered": "0", "client_group": "2", "person": "1", link.field("provider"): "3"}
    client.post(link.address, data=link.filled(secret="5", **{"overall-": "1"}) | extra)
    assert stored() == dict.fromkeys(link.providers, FOURS)


@pytest.mark.parametrize("content", ["application/json", "text/plain", "multipart/form-data"])
def test_what_is_no_form_is_no_answer(client, link, content):
    answer = client.post(link.address, data=json.dumps(link.filled()).encode(), content_type=content)
    assert answer.status_code == 422
    assert nothing_is_stored()


def test_a_file_is_no_comment(client, link):
    data = link.first(kind="thanks") | {link.field("comment"): (BytesIO(b"Hello"), "comment.txt")}
    assert client.post(link.address, data=data, content_type="multipart/form-data").status_code == 422
    assert nothing_is_stored()


def test_nul_bytes_are_left_out_of_a_comment(client, link):
    client.post(link.address, data=link.filled(comment="a\0b", kind="thanks"))
    assert Comment.get().text == "ab"


def test_bytes_that_are_no_text_do_no_harm(client, link):
    body = f"{link.field('comment')}=%ff%fe&{link.field('kind')}=thanks"
    answer = client.post(link.address, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


# --- No dealings, and what is missing ------------------------------------------------------------------------------


def test_no_dealings_stores_nothing_about_that_provider(client, link):
    client.post(link.address, data=link.filled(no_dealings="y", comment="Not said", kind="thanks"))
    assert set(stored()) == set(link.providers[1:])
    assert not written()


def test_no_dealings_with_anybody_is_an_answer(client, link):
    assert (
        client.post(link.address, data={link.field("no_dealings", place): "y" for place in range(3)}).status_code == 200
    )
    assert (stored(), written()) == ({}, [])


@pytest.mark.parametrize("hidden", [{"comment": "A kind is missing"}, {"comment": "x" * 2001, "kind": "thanks"}])
def test_what_no_dealings_hides_is_not_complained_about(client, link, hidden):
    assert client.post(link.address, data=link.filled(no_dealings="y", **hidden)).status_code == 200
    assert set(stored()) == set(link.providers[1:])


@pytest.mark.parametrize(("overall", "kept"), [("1", 2), ("2", 2), ("3", None), ("4", None), ("na", None), ("", None)])
def test_what_is_missing_is_kept_only_of_those_served_badly(client, link, overall, kept):
    client.post(link.address, data=link.filled(overall=overall, missing="means"))
    assert stored()[link.providers[0]].get("missing") == kept


def test_not_knowing_what_is_missing_is_no_answer(client, link):
    client.post(link.address, data=link.filled(overall="1", missing="na"))
    assert "missing" not in stored()[link.providers[0]]


# --- A page that was open for too long -----------------------------------------------------------------------------


@pytest.fixture
def keyed(app: Flask):
    """A browser whose forms need their keys."""
    app.config["WTF_CSRF_ENABLED"] = True
    return app.test_client()


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


# --- What others get to see ----------------------------------------------------------------------------------------


def test_the_answer_page_escapes_what_was_typed(client, link):
    page = client.post(link.address, data=link.filled(comment=STRANGE)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page


def test_a_departments_strange_name_is_text(client, link):
    Department.update(name=STRANGE).execute()
    page = client.post(link.address, data=link.filled(comment="No kind")).text
    assert "<script>alert" not in page
    assert page.count("{{7*7}}") >= len(link.providers)


def test_who_can_learn_what_is_open_to_all_and_names_the_settings_limit(client, settings):
    page = client.get("/confidentiality?lang=en")
    assert page.status_code == 200
    assert f"at least {settings.smallest_group} people" in page.text


def test_nothing_of_an_open_wave_is_told_as_a_comment(client, link, wave):
    client.post(link.address, data=link.filled(comment="Later", kind="thanks"))
    assert written() == [(link.providers[0], "thanks", "Later")]
    assert releases.comments(Wave.get_by_id(wave.id), link.providers) == {}


# --- Who can learn what --------------------------------------------------------------------------------------------

TRUST = ()  # nothing here can prove it

# Each sentence of the page, and the tests that prove it.
PROVED = {
    "Your answers are confidential.": (
        "test_nobody_can_be_singled_out_in_random_companies",
        "test_nobody_can_be_singled_out_in_two_hundred_companies",
    ),
    "That is more than a promise: most of it is how Espejo is built.": TRUST,
    "Here is who could find out what.": TRUST,
    "Nothing about you: neither whether you answered nor what you said.": (
        "test_a_stranger_is_sent_to_the_sign_in_page",
        "test_charlie_is_refused_everywhere",
    ),
    "Figures about groups of at least 5 people, and comments without a name when ten or more people rated the "
    "department.": (
        "test_nothing_published_is_about_fewer_than_k_people",
        "test_comments_show_from_ten_raters_on",
        "test_a_comment_has_no_group_no_score_and_no_time",
    ),
    "Not who answered.": (
        "test_the_page_tells_neither_who_answered_nor_when",
        "test_a_lead_is_refused_on_every_page_of_hr",
    ),
    "The same figures for all departments, and how many of each department (never of fewer than 5 people) have "
    "answered.": (
        "test_the_matrix_shows_each_released_cell",
        "test_an_open_wave_shows_participation_and_nothing_else",
        "test_participation_is_told_by_groups_while_a_wave_is_open",
    ),
    "Not what anybody said.": (
        "test_only_the_gate_reads_what_people_said",
        "test_the_list_of_mail_tells_hr_nobody_who_has_answered_or_has_not",
    ),
    "Who was asked and whether they have answered.": (
        "test_no_answer_has_a_column_for_a_person_an_invitation_a_response_or_a_time",
        "test_accepting_sets_one_flag_adds_a_row_for_each_provider_and_touches_nothing_else",
    ),
    "Until the wave closes, also each answer without a name: which client group it comes from and which department it "
    "is about, but not which answers come from one person.": (
        "test_a_stored_rating_is_id_wave_provider_group_and_scores",
        "test_nothing_that_is_stored_holds_an_id_of_the_invitation_or_of_each_other",
        "test_while_a_wave_is_open_no_query_puts_what_one_person_said_side_by_side",
    ),
    "Whoever reads the database's own traces at that time could join an answer to a person.": (
        "test_while_a_wave_is_open_sqlites_log_joins_answers_with_invitations",
        "test_while_a_wave_is_open_postgresql_keeps_the_order_of_arrival",
    ),
    "When the wave closes the answers are counted and deleted and the files rewritten; what is left are the numbers of "
    "groups, and comments that nothing joins to a person, neither a time nor an order nor a link.": (
        "test_ratings_are_deleted",
        "test_the_files_hold_no_bytes_of_a_rating_nor_of_a_dropped_comment",
        "test_no_order_of_a_closed_wave_on_sqlite_is_the_order_of_arrival",
        "test_no_order_of_a_closed_wave_on_postgresql_is_the_order_of_arrival",
        "test_after_closing_one_transaction_has_written_all_that_is_left",
        "test_no_log_names_a_visitor_an_address_or_a_token",
    ),
    "Whoever runs it could change the program, or watch the network.": TRUST,
    "That is a matter of trust, as with every service inside a company.": TRUST,
    "Reminders go only to those who have not answered.": (
        "test_a_reminder_goes_to_those_who_have_not_answered",
        "test_who_has_answered_gets_neither_invitation_nor_reminder",
    ),
    "To know that, Espejo keeps one yes or no for each invitation, and which mails it has sent.": (
        "test_accepting_sets_one_flag_adds_a_row_for_each_provider_and_touches_nothing_else",
    ),
    "90 days after the wave has closed it forgets who was asked.": (
        "test_people_are_forgotten_when_the_days_are_over",
        "test_a_forgotten_invitation_keeps_nothing_but_its_wave_its_group_and_whether_it_was_answered",
    ),
}


def sentences(page: str) -> list[str]:
    """What the page on confidentiality says, a sentence at a time; its headings are no sentences."""
    told = re.findall(r"<(?:p|dd)>(.*?)</(?:p|dd)>", page.split("<main>")[1], re.DOTALL)
    return [sentence for text in told for sentence in re.split(r"(?<=[.!?]) ", unescape(text).strip())]


def test_every_sentence_of_who_can_learn_what_is_proved_or_a_matter_of_trust(client):
    assert sentences(client.get("/confidentiality?lang=en").text) == list(PROVED)


def test_the_page_says_the_same_in_both_languages(client):
    english, spanish = (client.get(f"/confidentiality?lang={code}").text for code in ("en", "es"))
    assert len(sentences(english)) == len(sentences(spanish))


def test_the_tests_that_prove_it_are_there():
    folder = Path(__file__).parent.parent
    there = {
        name for path in folder.rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    assert {name for names in PROVED.values() for name in names} - there == set()
