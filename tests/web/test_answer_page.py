"""The pages of who answers: each reads as if it alone had been rendered, whatever was rendered for others before."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from survey import commitments, create_app
from survey.commitments import Draft
from survey.measure.scale import OVERALL
from survey.models import Department, Invitation, Person, Wave
from survey.settings import Settings
from survey.signing import invitation_token
from survey.web.parts import EXTENSION, Parts
from tests.cast import DAY, Company
from tests.web.pages import STRANGE

CODE = re.compile(r"\w{4}(-\w{4}){6}")  # drawn by lot for each page


@pytest.fixture
def read(app: Flask, settings: Settings) -> Callable[..., None]:
    """Read a page, which must be what an application answers that has rendered nothing before."""

    other = create_app(settings)

    def reads_alike(ask: Callable[[FlaskClient], str]) -> str:
        other.extensions[EXTENSION] = Parts()
        found, fresh = ask(app.test_client()), ask(other.test_client())
        assert CODE.sub("…", found) == CODE.sub("…", fresh)
        return found

    return reads_alike


def links(company: Company, wave: Wave, settings: Settings) -> list[str]:
    """Links of two from each department, as the second is spared what was done for the first."""
    by_department: dict[int, list[Invitation]] = {}
    for found in Invitation.select().where(Invitation.wave == wave).order_by(Invitation.person):
        by_department.setdefault(found.person.department_id, []).append(found)
    assert len(by_department) == len(company.departments)
    return [f"/r/{invitation_token(found.id, settings)}" for some in by_department.values() for found in some[:2]]


@pytest.mark.early
def test_every_reader_gets_the_page_as_if_it_were_the_first(company: Company, settings, read) -> None:
    Person.update(name=STRANGE).where(Person.id == company.bob.id).execute()
    Department.update(name=STRANGE).where(Department.key == "it").execute()
    asked = links(company, company.open_wave(), settings)
    Invitation.update(person=None).where(Invitation.person == company.alice.id).execute()
    seen = [
        read(lambda client, link=link, query=query: client.get(link, query_string=query).text)
        for query in ({}, {OVERALL: "4"}, {"lang": "es"}, {"lang": "en"})
        for link in asked
    ]
    assert len(set(seen)) > len(asked)


def test_everybody_is_thanked_as_if_they_were_the_first(company: Company, settings, app, read) -> None:
    asked = links(company, company.open_wave(), settings)
    for link in asked:
        page = app.test_client().get(link).text
        overall = dict.fromkeys(re.findall(rf'name="(p\d+-{OVERALL})"', page), "4")
        thanks = app.test_client().post(link, data=overall)
        assert thanks.status_code == 200
        other = link.rpartition("/")[2]
        assert all(each.rpartition("/")[2] not in thanks.text for each in asked if not each.endswith(other))
        read(lambda client, link=link: client.get(link).text)
        read(lambda client, link=link: client.get(link, query_string={"lang": "en"}).text)
        read(lambda client, link=link, sent=overall: client.post(link, data=sent).text)


def pages(company, settings, client) -> list[str]:
    wave = company.open_wave()
    invited = Invitation.select().where(Invitation.wave == wave)
    return [client.get(f"/r/{invitation_token(found.id, settings)}").text for found in invited]


def test_no_page_holds_another_readers_link_draft_or_code(company: Company, settings, client) -> None:
    found = pages(company, settings, client)
    own = [page.split('data-draft="')[1].split('"')[0] for page in found]
    codes = [line for page in found for line in page.splitlines() if "-code" in line]
    assert len(set(own)) == len(found)
    assert len({code.split('value="')[1] for code in codes}) == len(codes) > len(found)
    for place, page in enumerate(found):
        assert all(other not in page for other in own[:place] + own[place + 1 :])


def test_a_department_that_is_renamed_has_its_new_name_at_once(company: Company, settings, client) -> None:
    company.ask_only_about("IT")
    wave = company.open_wave()
    asked = Invitation.get(Invitation.wave == wave, Invitation.person == company.charlie)
    address = f"/r/{invitation_token(asked.id, settings)}"
    assert "<bdi>IT</bdi>" in client.get(address).text
    Department.update(name="Informática").where(Department.key == "it").execute()
    page = client.get(address).text
    assert "<bdi>Informática</bdi>" in page
    assert "<bdi>IT</bdi>" not in page


def test_what_is_promised_meanwhile_stands_on_the_next_page(company: Company, settings, client) -> None:
    before = company.released_wave()
    wave = company.open_wave()
    with time_machine.travel(wave.opens_at + DAY, tick=False):
        asked = Invitation.get(Invitation.wave == wave, Invitation.person == company.charlie)
        address = f"/r/{invitation_token(asked.id, settings)}"
        page = client.get(address).text
        sent = dict.fromkeys(re.findall(rf'name="(p\d+-{OVERALL})"', page), "4")
        thanks = client.post(address, data=sent).text
        assert "Within two days" not in page + thanks
        today = wave.local_date
        promised = Draft("diligence", "Within two days", today + timedelta(days=30))
        for department in company.departments.values():
            commitments.make(before, department, promised, today)
        assert "Within two days" in client.get(address).text
        Invitation.update(answered=False).where(Invitation.id == asked.id).execute()
        assert "Within two days" in client.get(address).text
        assert "Within two days" in client.post(address, data=sent).text
