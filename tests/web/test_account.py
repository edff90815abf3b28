"""Signing in by a mailed link, tried by scanners, strangers and the impatient."""

import re
from datetime import timedelta

import pytest
import time_machine

from survey.emails import composer
from survey.models import Department, Leadership, Message, Person
from survey.settings import Settings
from survey.signing import sign_in_token
from tests.cast import OPENS
from tests.mails import read
from tests.web.pages import csrf_token, everything


@pytest.fixture
def token(company, settings):
    return sign_in_token(company.hanna.id, company.hanna.sign_ins, settings)


def ask(client, email: str):
    return client.post("/login", data={"email": email})


def is_signed_in(client) -> bool:
    return client.get("/hr/").status_code == 200


def test_the_way_from_the_form_through_the_mail_to_hrs_page(app, company, settings):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    form = client.get("/login").text
    client.post("/login", data={"email": "hanna@mirror.example", "csrf_token": csrf_token(form)})
    mail = read(composer(app, settings)(Message.get(), OPENS))
    (path,) = re.findall(r"http://127.0.0.1:8000(/login/\S+)", mail.get_body(("plain",)).get_content())
    button = client.get(path).text
    assert client.post(path, data={"csrf_token": csrf_token(button)}).location == "/hr/"


def test_opening_the_link_uses_nothing_up(client, token):
    before = everything()
    for method in ["GET", "HEAD"] * 10:
        assert client.open(f"/login/{token}", method=method).status_code == 200
    assert everything() == before
    assert not is_signed_in(client)


def test_a_link_works_once(app, token):
    first, second = app.test_client(), app.test_client()
    assert first.post(f"/login/{token}").location == "/hr/"
    assert second.post(f"/login/{token}").status_code == 410
    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_using_one_link_uses_up_all_that_were_mailed_before(app, company, settings):
    tokens = []
    for moment in (OPENS, OPENS + 60):
        with time_machine.travel(moment, tick=False):
            tokens.append(sign_in_token(company.hanna.id, 0, settings))
    with time_machine.travel(OPENS + 120, tick=False):
        assert app.test_client().post(f"/login/{tokens[1]}").status_code == 302
        assert app.test_client().post(f"/login/{tokens[0]}").status_code == 410


def test_a_link_works_for_fifteen_minutes(client, company, settings):
    with time_machine.travel(OPENS, tick=False) as clock:
        token = sign_in_token(company.hanna.id, 0, settings)
        clock.shift(timedelta(minutes=15))
        assert client.get(f"/login/{token}").status_code == 200
        clock.shift(timedelta(seconds=1))
        assert client.get(f"/login/{token}").status_code == 410
        assert client.post(f"/login/{token}").status_code == 410
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: "A" + t[1:], lambda t: t + "x", lambda t: "%ff", str.upper]
)
def test_a_tampered_link_is_refused(client, token, change):
    for method in ("GET", "POST"):
        assert client.open(f"/login/{change(token)}", method=method).status_code == 410
    assert not is_signed_in(client)


def test_a_link_of_another_installation_is_refused(client, company):
    other = Settings.from_environment({}, secret_key="another key")
    assert client.post(f"/login/{sign_in_token(company.hanna.id, 0, other)}").status_code == 410


def test_a_link_of_somebody_who_has_left_is_refused(client, company, token):
    Person.update(active=False).where(Person.id == company.hanna.id).execute()
    assert client.post(f"/login/{token}").status_code == 410


@pytest.mark.parametrize("email", ["nobody@mirror.example", "charlie@mirror.example", "x' OR 1=1 --@mirror.example"])
def test_who_may_not_sign_in_gets_the_same_page_and_no_mail(client, company, email):
    refused = ask(client, email)
    assert Message.select().count() == 0
    assert refused.text == ask(client, "hanna@mirror.example").text
    assert Message.get().person == company.hanna


def test_the_address_may_be_written_in_any_case(client, company):
    ask(client, "  Alice@MIRROR.example ")
    assert Message.get().person == company.alice


def test_who_has_left_gets_no_mail(client, company):
    Person.update(active=False).where(Person.id == company.hanna.id).execute()
    assert ask(client, "hanna@mirror.example").status_code == 200
    assert Message.select().count() == 0


@pytest.mark.parametrize("email", ["", "   ", "\0", "x" * 250 + "@long", "no-arroba", "@mirror.example", "hanna@"])
def test_without_an_address_the_form_comes_back(client, company, email):
    answer = ask(client, email)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "como ana@example.com" in answer.text
    assert Message.select().count() == 0


@pytest.mark.parametrize(("name", "page"), [("hanna", "/hr/"), ("alice", "/lead/")])
def test_the_link_leads_to_the_page_of_ones_own(client, company, settings, name, page):
    person = getattr(company, name)
    assert client.post(f"/login/{sign_in_token(person.id, 0, settings)}").location == page


def test_everybody_comes_to_the_page_of_their_own(company, sign_in):
    assert sign_in(company.hanna).get("/").location == "/hr/"
    assert sign_in(company.alice).get("/").location == "/lead/"


def test_a_lead_in_hr_finds_both(company, sign_in):
    Leadership.create(person=company.hanna, department=Department.get())
    page = sign_in(company.hanna).get("/hr/").text
    assert 'href="/lead/"' in page


def test_a_stranger_at_the_front_door_is_shown_the_way(client, settings):
    assert 'href="/login"' in client.get("/").text


def test_signing_out_ends_the_session(company, sign_in):
    hanna = sign_in(company.hanna)
    assert hanna.post("/logout").location == "/login"
    assert not is_signed_in(hanna)


def test_a_link_elsewhere_does_not_sign_out(company, sign_in):
    hanna = sign_in(company.hanna)
    assert hanna.get("/logout").status_code == 405
    assert is_signed_in(hanna)
