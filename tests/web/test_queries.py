"""The price of a page: every page of the URL map makes as many queries with much to show as with little."""

import re
from datetime import date

import pytest

from survey import commitments, outside, releases, tallies, waves
from survey.commitments import Draft
from survey.models import Department, Invitation, Leadership, ServiceLink, Wave, database
from survey.pulses import add_pulse
from survey.signing import invitation_token
from tests.cast import Company, K
from tests.web.pages import addresses, mixed

MOST = 50  # queries of one page
FAR = date(2028, 1, 3)  # when all other waves of a test are over
REST_DAYS = 14
NOT_HERE = re.compile(r"/close$|/cancel$|/0{32}|/comments/|/uploads/|/mirror/|/forged|/pulses/new/|/lead/commitments/")
PICTURES = ("gap", "quadrant", "practices", "over-time")


@pytest.fixture
def queries(caplog, monkeypatch):
    """How many queries the fetching of an address makes, to a process that remembers nothing."""
    monkeypatch.setattr(tallies.Memory, "get", lambda memory, *key: None)
    caplog.set_level("DEBUG", logger="peewee")

    def count(client, address: str) -> int:
        outside._remembered.cache_clear()
        caplog.clear()
        with client.get(address) as answer:
            assert answer.status_code == 200, address
            answer.get_data()
        return sum(record.name == "peewee" for record in caplog.records)

    return count


@pytest.fixture
def pages(app, released) -> list[str]:
    """Every page of HR's and of leads, and every picture; of what is uploaded or written there is nothing here."""
    found = {page.path for page in addresses(app, wave_id=released[0].id) if page.method == "GET"}
    found -= {path for path in found if path.startswith("/hr/pulses/finance")}
    pulses = {page.path for page in addresses(app, wave_id=released[0].id, key="quarterly") if page.method == "GET"}
    found |= {path for path in pulses if path.startswith("/hr/pulses/quarterly")}
    found |= {f"/hr/pictures/{name}.svg" for name in PICTURES}
    found |= {f"/hr/pictures/{name}.svg?department=finance" for name in ("items", "trend")}
    return sorted(
        page for page in found if page.startswith(("/hr/", "/lead/", "/you-said/")) and not NOT_HERE.search(page)
    )


def grow(company: Company) -> None:
    """Six more departments, led by Hanna, that use and are used by those there are; and two waves about them all.

    And two more pulses: one has a wave that is open, the other one had to skip its own, as everybody rests.
    """
    old = list(company.departments.values())
    for number in range(6):
        new = company.departments[f"New {number}"] = Department.create(key=f"new-{number}", name=f"New {number}")
        Leadership.create(person=company.hanna, department=new)
        for place in range(12):
            company._person(f"new{number}-{place}", new.name)
        for other in old:
            ServiceLink.create(client=other, provider=new, weight=1)
            ServiceLink.create(client=new, provider=other, weight=1)
    promise_everything(company.released_wave(mixed), done="Two")
    promise_everything(company.released_wave(mixed), done="Two")
    for key in ("one-more", "another"):
        add_pulse(key, "quarterly", FAR, "Europe/Madrid", holidays="ES", blackouts=[(FAR, FAR)])
    for wave in list(Wave.select().where(Wave.state == "planned").order_by(Wave.opens_at, Wave.id)):
        waves.open_wave(wave, wave.opens_at, K, REST_DAYS)


def promise_everything(wave: Wave, done: str = "") -> None:
    """Three commitments of each department, credited to all clients that the release names; that one is done."""
    providers = {department.id: department for department in Department.select()}
    for provider, clients in releases.named_clients(wave, providers).items():
        for text in ("One", "Two", "Three"):
            draft = Draft("promises", text, wave.local_date, clients=[client.id for client in clients])
            commitments.make(wave, providers[provider], draft, wave.local_date, is_done=text == done)


@pytest.mark.slow
def test_the_number_of_queries_does_not_grow_with_what_a_page_shows(company, released, pages, sign_in, queries):
    promise_everything(released[0], done="One")
    Leadership.create(person=company.hanna, department=company.departments["Finance"])
    hanna = sign_in(company.hanna)
    before = {address: queries(hanna, address) for address in pages}
    assert len(before) > 12
    assert max(before.values()) <= MOST, before
    grow(company)
    assert hanna.get("/lead/").text.count('<section class="department"') == 7
    assert {address: queries(hanna, address) for address in pages} == before


def test_what_answering_costs_does_not_grow_with_what_comes_back(company, released, settings, client, queries):
    promise_everything(released[1])
    asked = Invitation.get(Invitation.wave == company.open_wave(), Invitation.person == company.charlie)
    address = f"/r/{invitation_token(asked.id, settings)}"

    def thanks() -> int:
        with database.connection_context():
            Invitation.update(answered=True).execute()
        found = queries(client, address)
        Invitation.update(answered=False).execute()
        return found

    before = queries(client, address), thanks()
    promise_everything(released[0])
    assert (queries(client, address), thanks()) == before
