"""What is filled in on the answer page: what is taken, what comes back, what is refused."""

import json
import re
from io import BytesIO

import pytest

from survey import moments
from survey.measure.scale import ITEMS, OVERALL
from survey.models import Comment, Department, Invitation, Rating
from tests.web.pages import STRANGE, form_in, nothing_is_stored, stored, written

FOURS = dict.fromkeys(ITEMS, 4)


# --- What comes back -------------------------------------------------------------------------------------------------


def test_nothing_answered_is_told_and_stores_nothing(client, link):
    for form in ({}, {link.field("missing"): "means", link.field("kind"): "thanks"}, link.first(comment=" \n ")):
        answer = client.post(link.address, data=form)
        assert answer.status_code == 422
        assert "Nothing is answered yet." in answer.text
    assert nothing_is_stored()


def test_a_comment_without_a_kind_comes_back_with_all_that_was_typed(client, link):
    answer = client.post(link.address, data=link.filled(comment="They <never> call back."))
    field = link.field("kind")
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert f'<fieldset id="{field}" class="kind" aria-describedby="{field}-fault">' in answer.text
    assert "Say whether this is" in answer.text.split(f'<p class="fault" id="{field}-fault">')[1].split("</p>")[0]
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


# --- What no page of ours sends --------------------------------------------------------------------------------------


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


# --- No dealings, and what is missing --------------------------------------------------------------------------------


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


def test_that_one_cannot_say_is_an_answer(client, link):
    cannot = {f"p{provider}-{item}": "na" for provider in link.providers for item in ITEMS}
    assert "Thank you!" in client.post(link.address, data=cannot).text
    assert (stored(), written()) == ({}, [])
    assert Invitation.select().where(Invitation.answered).count() == 1


@pytest.mark.parametrize(("overall", "kept"), [("1", 2), ("2", 2), ("3", None), ("4", None), ("na", None), ("", None)])
def test_what_is_missing_is_kept_only_of_those_served_badly(client, link, overall, kept):
    client.post(link.address, data=link.filled(overall=overall, missing="means"))
    assert stored()[link.providers[0]].get("missing") == kept


def test_not_knowing_what_is_missing_is_no_answer(client, link):
    client.post(link.address, data=link.filled(overall="1", missing="na"))
    assert "missing" not in stored()[link.providers[0]]


# --- Added departments ---------------------------------------------------------------------------------------------


@pytest.fixture
def others(link) -> list[Department]:
    """Four more departments, which nobody is asked about."""
    return [Department.create(key=name.lower(), name=name) for name in ("Archive", "Canteen", "Garage", "Library")]


def about(department: Department, **values: str) -> dict[str, str]:
    """Fields about an added department."""
    return {"added": str(department.id)} | {f"p{department.id}-{name}": value for name, value in values.items()}


def offered(page: str) -> list[str]:
    return re.findall(r'<option value="\d+"[^>]*>([^<]+)</option>', page)


def test_all_other_departments_are_offered(client, link, others, company):
    asked = {Department.get_by_id(provider).name for provider in link.providers}
    not_asked = set(company.departments) - asked - {"Sales"}
    assert offered(client.get(link.address).text) == sorted(not_asked | {department.name for department in others})


def test_the_button_adds_the_departments_questions_and_keeps_all_that_was_typed(client, link, others):
    typed = link.filled(overall="2", comment=STRANGE, kind="thanks")
    answer = client.post(link.address, data=typed | {"add": str(others[0].id), "adding": "y"})
    assert answer.status_code == 200
    assert "<bdi>Archive</bdi></h2>" in answer.text
    assert "4 of 4" in answer.text
    assert "Archive" not in offered(answer.text)
    form = form_in(answer.text)
    assert form["added"] == str(others[0].id)
    assert all(form[name] == text for name, text in typed.items())
    assert nothing_is_stored()


def test_what_is_said_of_an_added_department_is_stored(client, link, others):
    said = about(others[1], overall="1", missing="both", comment="Warm meals", kind="suggestion")
    assert "Thank you!" in client.post(link.address, data=link.filled() | said).text
    assert stored()[others[1].id] == {"overall": 1, "missing": 3}
    assert (others[1].id, "suggestion", "Warm meals") in written()
    assert [rating.provider for rating in Rating.select().where(Rating.added)] == [others[1]]


def test_after_two_no_more_are_offered_until_one_is_taken_off(client, link, others):
    two = {"added": [str(department.id) for department in others[:2]], "adding": "y"}
    full = client.post(link.address, data=two).text
    assert ("5 of 5" in full, offered(full)) == (True, [])
    fewer = client.post(link.address, data={"added": two["added"], "remove": str(others[0].id)}).text
    assert "4 of 4" in fewer
    assert "<bdi>Canteen</bdi></h2>" in fewer
    assert "Archive" in offered(fewer)


def test_who_chooses_a_department_and_sends_at_once_gets_its_questions_first(client, link, others):
    answer = client.post(link.address, data=link.filled() | {"add": str(others[2].id)})
    assert answer.status_code == 422
    assert "<bdi>Garage</bdi>: You have added this department" in answer.text
    assert f'<a href="#provider-{others[2].id}">' in answer.text
    assert nothing_is_stored()
    assert client.post(link.address, data=form_in(answer.text)).status_code == 200


def test_what_cannot_be_added_is_told_and_nothing_typed_is_lost(client, link, others, company):
    Department.update(active=False).where(Department.id == others[3].id).execute()
    own, asked = company.departments["Sales"].id, link.providers[1]
    for wrong in (own, asked, others[3].id, 999, "x", "<b>", "1.0"):
        answer = client.post(link.address, data=link.filled(comment="Kept", kind="thanks") | {"added": str(wrong)})
        assert answer.status_code == 422, wrong
        assert "This department cannot be added." in answer.text
        assert "Kept" in answer.text
        assert nothing_is_stored()
    assert client.post(link.address, data=form_in(answer.text)).status_code == 200


def test_a_third_one_is_refused(client, link, others):
    three = {"added": [str(department.id) for department in others[:3]]}
    answer = client.post(link.address, data=link.filled() | three)
    assert answer.status_code == 422
    assert '<a href="#send">This department cannot be added.' in answer.text
    assert nothing_is_stored()


def test_the_same_one_twice_counts_once(client, link, others):
    twice = about(others[0], overall="4") | {"added": [str(others[0].id)] * 2}
    assert client.post(link.address, data=link.filled() | twice).status_code == 200
    assert Rating.select().where(Rating.added).count() == 1


def test_an_added_department_alone_is_an_answer(client, link, others):
    assert client.post(link.address, data=about(others[0], overall="5")).status_code == 200
    assert stored() == {others[0].id: {"overall": 5}}


def test_names_of_two_hundred_characters_and_of_other_scripts_are_text(client, link, others):
    for name in ("x" * 200, STRANGE, "\u202eשירות לקוחות"):
        Department.update(name=name).where(Department.id == others[0].id).execute()
        page = client.post(link.address, data={"add": str(others[0].id)}).text
        assert "<script>alert" not in page
        assert page.count("<bdi>") == 5  # each heading, and the one in the list of faults


def test_what_cannot_be_added_any_more_is_told_though_the_page_still_offers_it(client, link, others, monkeypatch):
    monkeypatch.setattr(moments, "SECONDS", 1e9)
    assert "Library" in client.get(link.address).text
    Department.update(active=False).where(Department.id == others[3].id).execute()
    said = link.filled(comment="Kept", kind="thanks") | about(others[3], overall="4")
    answer = client.post(link.address, data=said)
    assert answer.status_code == 422
    assert "This department cannot be added." in answer.text
    assert "Kept" in answer.text
    assert nothing_is_stored()
