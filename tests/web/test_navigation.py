"""Finding one's way: the same entries everywhere, the wave and item go along, and signing in leads back."""

import re

import pytest

from survey.web.access import is_own_page
from tests.web.pages import csrf_token

PAGES = ["/hr/", "/hr/matrix", "/hr/gap", "/hr/pulses", "/hr/people", "/hr/external", "/hr/outbox"]


def entries(page: str) -> dict[str, str]:
    """{address without its choices: the whole address} of the main navigation."""
    (navigation,) = re.findall(r'<nav aria-label="Main">(.*?)</nav>', page, re.DOTALL)
    found = re.findall(r'href="(/hr/[^"?]*)([^"]*)"', navigation)
    return {path: path + query for path, query in found}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_the_same_entries_and_marks_its_own(hanna, page):
    text = hanna.get(page).text
    assert set(PAGES) <= set(entries(text))
    (current,) = re.findall(r'<a href="([^"]+)" aria-current="page">', text.partition("</nav>")[0])
    assert current == page


def test_a_page_below_an_entry_marks_it_as_the_way_there(company, wave, sign_in):
    hanna = sign_in(company.hanna)
    assert 'aria-current="page"' not in hanna.get(f"/hr/waves/{wave.id}/close").text.partition("</nav>")[0]
    assert 'aria-current="page"' in hanna.get("/hr/pulses").text.partition("</nav>")[0]


@pytest.mark.parametrize("page", [*PAGES, "/hr/departments/finance"])
def test_the_wave_and_the_item_go_along_from_page_to_page(hanna, released, page):
    _, earlier = released
    choice = f"?wave={earlier.id}&amp;item=promises"
    addresses = entries(hanna.get(f"{page}?wave={earlier.id}&item=promises").text)
    assert {address.removeprefix(path) for path, address in addresses.items()} == {choice}


def test_nothing_goes_along_that_was_not_chosen(hanna):
    assert set(entries(hanna.get("/hr/?lang=en&x=1").text).values()) >= set(PAGES)


def test_the_zone_of_times_is_named(hanna):
    assert "Times are those of Europe/Madrid" in hanna.get("/hr/").text


# --- Back to the page asked for --------------------------------------------------------------------------------------


def sign_in_token_of(person, settings):
    from survey.models import Person
    from survey.signing import sign_in_token

    current = Person.get_by_id(person.id)
    return sign_in_token(current.id, current.sign_ins, settings)


@pytest.mark.parametrize("page", ["/lead/?wave=1", "/lead/"])
def test_signing_in_leads_back_to_the_page_asked_for(client, company, released, settings, page):
    assert client.get(page).location == "/login"
    assert client.get("/login").status_code == 200
    assert client.post(f"/login/{sign_in_token_of(company.alice, settings)}").location == page


def test_it_leads_back_once(client, company, settings):
    client.get("/hr/gap?item=promises")
    client.post(f"/login/{sign_in_token_of(company.hanna, settings)}")
    client.post("/logout")
    assert client.post(f"/login/{sign_in_token_of(company.hanna, settings)}").location == "/hr/"


def test_a_form_is_not_what_one_is_led_back_to(client, company, settings):
    assert client.post("/hr/outbox/pause").location == "/login"
    assert client.post(f"/login/{sign_in_token_of(company.hanna, settings)}").location == "/hr/"


def test_another_servers_page_in_the_session_is_not_followed(client, company, settings):
    with client.session_transaction() as session:
        session["next"] = "//evil.example/"
    assert client.post(f"/login/{sign_in_token_of(company.hanna, settings)}").location == "/hr/"


def test_an_address_cannot_say_where_signing_in_leads(client, company, settings):
    client.get("/login?next=https://evil.example/")
    token = sign_in_token_of(company.hanna, settings)
    assert client.post(f"/login/{token}?next=https://evil.example/").location == "/hr/"


@pytest.mark.parametrize("page", ["/", "/lead/?wave=3", "/hr/gap?item=promises&wave=12", "/hr/departments/it%C3%B1"])
def test_a_page_of_ours_is_one(page):
    assert is_own_page(page)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "lead/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/a\r\nSet-Cookie: x=1",
        "/ /evil.example",
        " //evil.example",
        "/a\\b",
    ],
)
def test_nothing_else_is(page):
    assert not is_own_page(page)


def test_who_may_not_see_a_page_can_sign_out_on_it(app, company, sign_in):
    alice = sign_in(company.alice)
    app.config["WTF_CSRF_ENABLED"] = True
    answer = alice.get("/hr/")
    assert answer.status_code == 403
    assert alice.post("/logout", data={"csrf_token": csrf_token(answer.text)}).location == "/login"
    assert alice.get("/lead/").location == "/login"


def test_other_errors_offer_no_signing_out(company, sign_in):
    assert "/logout" not in sign_in(company.alice).get("/missing").text
