"""Who may see what, tried on every page of the URL map as a stranger, as Charlie, as a lead and as HR."""

from datetime import timedelta

import pytest
import time_machine

from survey import create_app, staffing
from survey.models import Leadership, Person, Rating
from survey.settings import Settings
from survey.signing import sign_in_token
from survey.web.access import limiter
from tests.cast import OPENS, Company
from tests.web.pages import addresses, csrf_token, everything

FOR_ALL = {
    *(
        "static",
        "index",
        "respond.answer",
        "respond.confidentiality",
        "api.alive",
        "api.ready",
        "api.metrics",
    ),  # the last by a token of its own
    *("receipt.enter", "receipt.thread", "subscription.choose", "mirror.member", "returns.by_link"),
    *("account.login", "account.offer_sign_in", "account.use_link", "account.logout"),
}
KEYED_BY_LINK = {"subscription.choose", "mirror.member"}  # whoever has the link may send; a session has no part in it
FOR_LEADS = {
    "lead.results",
    "mirror.lead",
    "returns.signed_in",  # for HR too
    "replies.comment",
    "commitments.adopt",
    "commitments.make",
    "commitments.finish",
    "commitments.drop",
}


@pytest.fixture
def guarded(app, wave):
    """Every page and form that somebody must have a right to."""
    found = [page for page in addresses(app, wave_id=wave.id, key="quarterly") if page.endpoint not in FOR_ALL]
    assert len(found) > 20
    return found


@pytest.fixture
def charlie(company, wave, sign_in):
    """Charlie in the session of a lead, which he was until a moment ago."""
    leadership = Leadership.create(person=company.charlie, department=company.departments["Sales"])
    client = sign_in(company.charlie)
    assert client.get("/lead/").status_code == 200
    Leadership.delete().where(Leadership.person == leadership.person).execute()
    return client


def statuses(client, pages) -> dict[object, int]:
    return {page: client.open(page.path, method=page.method).status_code for page in pages}


def test_a_stranger_is_sent_to_the_sign_in_page(client, guarded):
    before = everything()
    for page in guarded:
        answer = client.open(page.path, method=page.method)
        assert (answer.status_code, answer.location) == (302, "/login"), page
    assert everything() == before


def test_charlie_is_refused_everywhere(charlie, guarded):
    before = everything()
    assert statuses(charlie, guarded) == dict.fromkeys(guarded, 403)
    assert everything() == before


def test_a_lead_is_refused_on_every_page_of_hr(company, sign_in, guarded):
    alice = sign_in(company.alice)
    pages = [page for page in guarded if page.endpoint not in FOR_LEADS]
    before = everything()
    assert statuses(alice, pages) == dict.fromkeys(pages, 403)
    assert everything() == before


def test_hr_and_administrators_are_let_in_but_not_among_the_leads(company, sign_in):
    for person in (company.hanna, company.adam):
        client = sign_in(person)
        assert client.get("/hr/").status_code == 200
        assert client.get("/lead/").status_code == 403


def test_a_session_ends_when_a_person_is_deactivated(company, sign_in):
    hanna, alice = sign_in(company.hanna), sign_in(company.alice)
    Person.update(active=False).execute()
    assert hanna.get("/hr/").location == alice.get("/lead/").location == "/login"


def test_a_right_ends_when_the_role_does(company, sign_in):
    hanna = sign_in(company.hanna)
    Person.update(role="").where(Person.id == company.hanna.id).execute()
    assert hanna.get("/hr/").status_code == 403


def test_a_session_lasts_twelve_hours(company, sign_in):
    with time_machine.travel(OPENS, tick=False) as clock:
        hanna = sign_in(company.hanna)
        hanna.get("/hr/")
        clock.shift(timedelta(hours=11, minutes=59))
        assert hanna.get("/hr/").status_code == 200
        clock.shift(timedelta(minutes=2))
        assert hanna.get("/hr/").location == "/login"


def test_a_session_cannot_be_forged(app, client, settings):
    forger = create_app(Settings.from_environment({}, home=settings.home, secret_key="another key"))
    session = forger.session_interface.get_signing_serializer(forger).dumps({"_user_id": "1", "_fresh": True})
    client.set_cookie("espejo", session)
    assert client.get("/hr/").location == "/login"


def test_signing_out_ends_every_session_of_a_person_and_of_nobody_else(company, sign_in):
    desk, phone, copied, adam = (sign_in(person) for person in [company.hanna] * 3 + [company.adam])
    assert desk.post("/logout").location == "/login"
    assert [client.get("/hr/").location for client in (desk, phone, copied)] == ["/login"] * 3
    assert adam.get("/hr/").status_code == 200
    assert sign_in(Person.get_by_id(company.hanna.id)).get("/hr/").status_code == 200


def test_whose_address_hr_changes_must_sign_in_again(company, sign_in):
    alice = sign_in(company.alice)
    assert alice.get("/lead/").status_code == 200
    staffing._change_address(company.alice, "new@mirror.example", by=company.hanna)
    assert alice.get("/lead/").location == "/login"
    hanna = sign_in(company.hanna)
    staffing._change_address(company.hanna, "hanna.new@mirror.example", by=company.hanna)
    assert hanna.get("/hr/").status_code == 200


@pytest.mark.parametrize("known", ["1", "1.", "1.7", "99999.0"])
def test_a_session_that_names_no_state_of_its_person_is_none(company, client, app, known):
    with client.session_transaction() as session:
        session.update(_user_id=known, _fresh=True)
    assert client.get("/hr/").location == "/login"


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(company, client, settings):
    answer = client.post(f"/login/{sign_in_token(company.hanna.id, 0, settings)}")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    assert "Secure" not in answer.headers["Set-Cookie"]


def test_the_session_cookie_is_secure_where_pages_are(company: Company, settings):
    safe = Settings.from_environment(
        {}, home=settings.home, secret_key=settings.key(), base_url="https://espejo.example"
    )
    app = create_app(safe)
    app.config["WTF_CSRF_ENABLED"] = False
    answer = app.test_client().post(f"/login/{sign_in_token(company.hanna.id, 0, safe)}")
    assert "Secure" in answer.headers["Set-Cookie"]


# --- Keys in forms -------------------------------------------------------------------------------------------------


def test_no_form_is_taken_without_a_key(app, company, wave, link, sign_in):
    hanna = sign_in(company.hanna)
    forms = [
        page
        for page in addresses(app, wave_id=wave.id, key="quarterly", token=link.token)
        if page.method == "POST" and page.endpoint not in KEYED_BY_LINK
    ]
    app.config["WTF_CSRF_ENABLED"] = True
    before = everything()
    assert statuses(hanna, forms) == dict.fromkeys(forms, 400)
    assert everything() == before
    assert hanna.get("/hr/").status_code == 200  # not signed out either


def test_a_key_of_another_session_is_no_key(app, company, wave, sign_in):
    hanna, stranger = sign_in(company.hanna), app.test_client()
    app.config["WTF_CSRF_ENABLED"] = True
    key = csrf_token(stranger.get("/login").text)
    assert hanna.post(f"/hr/waves/{wave.id}/close", data={"csrf_token": key}).status_code == 400


def test_forms_are_taken_with_the_key_that_their_page_brought(app, company, wave, sign_in):
    hanna = sign_in(company.hanna)
    app.config["WTF_CSRF_ENABLED"] = True
    page = hanna.get(f"/hr/waves/{wave.id}/close").text
    assert hanna.post(f"/hr/waves/{wave.id}/close", data={"csrf_token": csrf_token(page)}).location == "/hr/"


# --- Limits on attempts --------------------------------------------------------------------------------------------


@pytest.fixture
def limited(app, monkeypatch):
    """A browser whose attempts are counted."""
    monkeypatch.setattr(limiter, "enabled", True)
    return app.test_client()


def test_a_form_without_its_key_is_refused_before_a_limit_counts_it(company, app, limited):
    app.config["WTF_CSRF_ENABLED"] = True
    assert {limited.post("/login", data={"email": "hanna@mirror.example"}).status_code for _ in range(7)} == {400}


def test_a_sixth_link_for_one_address_within_fifteen_minutes_is_refused(company, limited):
    def ask(email: str) -> int:
        return limited.post("/login", data={"email": email}).status_code

    with time_machine.travel(OPENS, tick=False) as clock:
        assert [ask("hanna@mirror.example") for _ in range(5)] == [200] * 5
        assert ask(" HANNA@mirror.example") == 429
        assert ask("\0ha\0nna@mirror.example") == 429
        assert ask("adam@mirror.example") == 200
        clock.shift(timedelta(minutes=16))
        assert ask("hanna@mirror.example") == 200


def test_too_many_attempts_get_a_page_of_their_own(company, limited):
    for _ in range(5):
        limited.post("/login", data={"email": "hanna@mirror.example"})
    answer = limited.post("/login", data={"email": "hanna@mirror.example"}, headers={"Accept-Language": "en"})
    assert "Too many attempts" in answer.text


def test_guessing_links_is_stopped_but_opening_ones_own_is_not(link, limited):
    for _ in range(40):
        assert limited.get(link.address).status_code == 200
    assert [limited.get("/r/forged.token").status_code for _ in range(31)] == [404] * 30 + [429]
    assert limited.get(link.address).status_code == 200
    assert Rating.select().count() == 0


def test_guessing_sign_in_links_is_stopped_but_good_ones_are_not_counted(company, limited, settings):
    good = f"/login/{sign_in_token(company.hanna.id, 0, settings)}"
    for _ in range(40):
        assert limited.get(good).status_code == 200
    assert [limited.post("/login/forged").status_code for _ in range(31)] == [410] * 30 + [429]
