"""Members and leads say what they think of their own department; each sees what they may."""

import re

import pytest

from survey import moments
from survey.models import Hindrance, Leadership, LeadView, Mirrored, OwnView, OwnViewTally, Person, ServiceLink
from survey.responses import Answer
from tests.cast import Company
from tests.web.pages import everything

SAID = {"self-overall": "4", "prediction-overall": "5"}
ENGLISH = {"lang": "en"}


@pytest.fixture
def address(link) -> str:
    """Charlie's."""
    return f"/mirror/{link.token}"


@pytest.fixture
def leads_address(wave) -> str:
    return f"/lead/mirror/{wave.id}/finance"


# Members


def test_opening_the_link_changes_nothing_whoever_does_it(client, address):
    before = everything()
    for method in ("GET", "HEAD", "OPTIONS"):
        assert client.open(address, method=method).status_code == 200
    assert everything() == before


def test_who_leads_the_department_by_now_is_not_asked_as_a_member(client, address, company, monkeypatch):
    monkeypatch.setattr(moments, "SECONDS", 1e9)
    assert client.get(address).status_code == 200
    Leadership.create(person=company.charlie, department=company.departments["Sales"])
    assert client.post(address, data=SAID).status_code == 404
    assert not OwnView.select().exists()


def test_a_view_is_stored_once(client, address):
    assert "Thank you!" in client.post(address, data=SAID).text
    assert "Already received" in client.post(address, data=SAID).text
    assert "Already received" in client.get(address).text
    assert OwnView.select().count() == Mirrored.select().count() == 1


@pytest.mark.parametrize("sent", [{}, {"self-overall": "9", "prediction-magic": "x"}, {"self-magic": "3"}])
def test_nothing_said_is_asked_again(client, address, sent):
    answer = client.post(address, data=sent)
    assert answer.status_code == 422
    assert "Nothing is answered yet." in answer.text
    assert not OwnView.select().exists()


def test_it_asks_for_no_cookie(app, address):
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client(use_cookies=False)
    assert "Set-Cookie" not in browser.get(address).headers
    assert browser.post(address, data=SAID).status_code == 200


def test_a_leads_link_and_a_forged_one_lead_nowhere(client, link_of, company, address):
    for path in (f"/mirror/{link_of(company.alice).token}", address[:-1], "/mirror/x"):
        assert client.post(path, data=SAID).status_code == 404
    assert not OwnView.select().exists()


def test_a_closed_wave_takes_nothing(client, address, company, wave):
    company.close_wave(wave)
    assert client.get(address).status_code == client.post(address, data=SAID).status_code == 410


def test_after_answering_the_way_leads_there_until_it_is_said(client, link, address):
    assert f'href="{address}"' in client.post(link.address, data=link.filled()).text
    client.post(address, data=SAID)
    assert "And your own department?" not in client.get(link.address).text


def test_a_lead_is_led_to_their_own_page(client, link_of, company):
    alices = link_of(company.alice)
    page = client.post(f"{alices.address}?lang=en", data=alices.filled()).text
    assert "/mirror/" not in page
    assert "On your page you can say" in page


# Leads


def test_a_lead_says_what_they_expect_and_may_change_it(sign_in, company, leads_address):
    alice = sign_in(company.alice)
    assert leads_address in alice.get("/lead/", query_string=ENGLISH).text
    assert alice.post(leads_address, data=SAID).location == "/lead/"
    assert 'name="self-overall" value="4" checked' in alice.get(leads_address).text
    alice.post(leads_address, data={"self-overall": "2"})
    assert 'name="self-overall" value="2" checked' in alice.get(leads_address).text
    assert LeadView.select().count() == 1


def test_an_empty_view_is_asked_again(sign_in, company, leads_address):
    assert sign_in(company.alice).post(leads_address, data={}).status_code == 422
    assert not LeadView.select().exists()


def test_a_lead_says_what_hinders_and_is_told_first_who_reads_it(sign_in, company, leads_address):
    alice = sign_in(company.alice)
    page = alice.get(leads_address, query_string=ENGLISH).text
    assert page.index("HR reads this answer too") < page.index('name="hinders"')
    assert alice.post(leads_address, data={"hinders": ["resources", "people"]}).location == "/lead/"
    page = alice.get(leads_address).text
    assert re.findall(r'name="hinders" value="(\w+)" checked', page) == ["resources", "people"]
    assert not LeadView.select().exists()


@pytest.mark.parametrize("sent", [["nothing", "resources"], ["weather"], []])
def test_what_hinders_cannot_be_something_and_nothing(sign_in, company, leads_address, sent):
    answer = sign_in(company.alice).post(f"{leads_address}?lang=en", data={"hinders": sent})
    assert answer.status_code == 422
    assert ('value="resources" checked' in answer.text) == ("resources" in sent)
    assert not Hindrance.select().exists()


def excused(company, sign_in, wave) -> None:
    """Clients miss attitude in Finance; Alice says that resources hinder, and Bob, who leads it too, nothing."""
    Leadership.create(person=company.bob, department=company.departments["Finance"])
    for person, reason in ((company.alice, "resources"), (company.bob, "nothing")):
        sign_in(person).post(f"/lead/mirror/{wave.id}/finance", data={"hinders": reason})
    for client_name, people in (("Logistics", 15), ("Sales", 20)):  # not everybody is asked about Finance
        company.rate(wave, client_name, people, lambda provider: Answer(provider, {"overall": 2}, "attitude"))
    company.close_wave(wave)


def test_after_the_wave_each_lead_reads_the_own_reason_beside_what_clients_miss(sign_in, company, wave):
    excused(company, sign_in, wave)
    alice, bob = (sign_in(person).get("/lead/", query_string=ENGLISH).text for person in (company.alice, company.bob))
    assert "Your clients miss attitude more often than means. You said means: limited resources." in alice
    assert "<li>Limited resources</li>" in alice
    assert "Nothing of this" not in alice
    finance = bob.partition('id="finance"')[2].partition("</section>")[0]
    assert "You said that nothing of this hinders." in finance
    assert "imited resources" not in finance


def test_hr_reads_the_reasons_of_all_leads_and_not_whose_they_are(sign_in, company, wave):
    excused(company, sign_in, wave)
    page = sign_in(company.hanna).get("/hr/departments/finance", query_string=ENGLISH).text
    assert "<li>Limited resources · said by 1 of 2</li><li>Nothing of this · said by 1 of 2</li>" in page
    assert "Its clients miss attitude more often than means. Whoever leads it said means: limited resources." in page
    assert "Alice" not in page
    assert "Bob" not in page


def test_until_the_wave_closes_nobody_reads_a_reason(sign_in, company, released):
    wave = company.open_wave()
    sign_in(company.alice).post(f"/lead/mirror/{wave.id}/finance", data={"hinders": "resources"})
    for person, path in ((company.hanna, "/hr/departments/finance"), (company.alice, "/lead/")):
        assert "imited resources" not in sign_in(person).get(path, query_string=ENGLISH).text


def test_other_leads_read_no_reason_of_a_department_that_is_not_theirs(sign_in, company, wave):
    excused(company, sign_in, wave)
    Leadership.delete().where(Leadership.person == company.bob).execute()
    Leadership.create(person=company.bob, department=company.departments["IT"])
    page = sign_in(company.bob).get("/lead/", query_string=ENGLISH).text
    assert "imited resources" not in page
    assert "Nothing of this" not in page


@pytest.mark.parametrize(("name", "status"), [("bob", 404), ("charlie", 403), ("hanna", 403)])
def test_nobody_else_speaks_for_a_department(sign_in, company, leads_address, name, status):
    other = sign_in(getattr(company, name))
    assert other.get(leads_address).status_code == status
    assert other.post(leads_address, data=SAID).status_code == status
    assert not LeadView.select().exists()


@pytest.mark.parametrize("path", ["/lead/mirror/999/finance", "/lead/mirror/99999999999/finance", "/lead/mirror/1/it"])
def test_what_is_not_asked_is_not_found(sign_in, company, wave, path):
    assert sign_in(company.alice).get(path).status_code == 404


def test_of_a_department_that_nobody_uses_nothing_is_asked(sign_in, company, wave, leads_address):
    ServiceLink.delete().where(ServiceLink.provider == company.departments["Finance"]).execute()
    alice = sign_in(company.alice)
    assert "/lead/mirror/" not in alice.get("/lead/").text
    assert alice.get(leads_address).status_code == 404


def said_by_all(company: Company, client, sign_in, link_of, wave) -> None:
    """Ten members of Finance and its lead expect a 5; then everybody answers with fours."""
    members = Person.select().where(Person.department == company.departments["Finance"], Person.id != company.alice.id)
    for person in list(members.limit(10)):
        assert client.post(f"/mirror/{link_of(person).token}", data=SAID).status_code == 200
    sign_in(company.alice).post(f"/lead/mirror/{wave.id}/finance", data=SAID)
    company.answer(wave)
    company.close_wave(wave)


def test_after_the_wave_a_lead_sees_three_mirrors(client, sign_in, link_of, company, wave):
    said_by_all(company, client, sign_in, link_of, wave)
    assert OwnViewTally.select().count() == 2
    page = sign_in(company.alice).get("/lead/", query_string=ENGLISH).text
    assert "Your own view, which only you can see" in page
    assert "Your people's view" in page
    assert "A blind spot: clients say 25 points less than expected" in page


def test_hr_and_other_leads_see_nothing_of_it(client, sign_in, link_of, company, wave):
    said_by_all(company, client, sign_in, link_of, wave)
    for person, path in ((company.hanna, "/hr/departments/finance"), (company.bob, "/lead/")):
        assert "blind spot" not in sign_in(person).get(path, query_string=ENGLISH).text
