"""Which department uses which other one, as HR keeps it on a page."""

import pytest

from survey import releases
from survey.models import Department, ServiceLink
from survey.releases import Added
from tests.web.pages import everything, filled

GRID = "/hr/people/links"


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


@pytest.fixture
def cell(company):
    """The field of a client and a provider."""

    def name(client: str, provider: str) -> str:
        return f"w-{company.departments[client].id}-{company.departments[provider].id}"

    return name


def weight(client: str, provider: str) -> float | None:
    links = ServiceLink.select().join(Department, on=(ServiceLink.client == Department.id))
    found = [link for link in links if (link.client.name, link.provider.name) == (client, provider)]
    return found[0].weight if found else None


def test_the_grid_shows_every_pair_once_and_nobody_with_itself(hanna, company, cell):
    fields = filled(hanna.get(GRID).text)
    assert {value for name, value in fields.items() if name.startswith("w-")} == {"1.0"}
    assert sum(name.startswith("w-") for name in fields) == 5 * 4


def test_links_are_changed_and_removed_all_together(hanna, cell):
    fields = filled(hanna.get(GRID).text) | {cell("Sales", "IT"): "0.3", cell("Legal", "IT"): "0.0"}
    answer = hanna.post(GRID, data=fields, follow_redirects=True)
    assert "2 links are changed." in answer.text
    assert (weight("Sales", "IT"), weight("Legal", "IT"), weight("Sales", "Legal")) == (0.3, None, 1.0)
    assert "Nothing was different" in hanna.post(GRID, data=filled(answer.text), follow_redirects=True).text


def test_one_client_at_a_time_changes_no_other(hanna, cell):
    page = hanna.get(f"{GRID}?client=sales").text
    fields = filled(page) | {cell("Sales", "IT"): "0.5", cell("Legal", "IT"): "0.5"}
    assert sum(name.startswith("w-") for name in filled(page)) == 4
    assert hanna.post(f"{GRID}?client=sales", data=fields).location == f"{GRID}?client=sales"
    assert (weight("Sales", "IT"), weight("Legal", "IT")) == (0.5, 1.0)


def test_a_weight_between_the_steps_stays_as_it_is(hanna, company, cell):
    ServiceLink.update(weight=0.37).where(ServiceLink.client == company.departments["Sales"]).execute()
    hanna.post(GRID, data=filled(hanna.get(GRID).text) | {cell("Legal", "IT"): "0.5"})
    assert weight("Sales", "IT") == 0.37


@pytest.mark.parametrize("address", [GRID, f"{GRID}?client=sales"])
def test_who_saves_after_somebody_else_overwrites_nothing_unawares(hanna, cell, address):
    mine = filled(hanna.get(address).text) | {cell("Sales", "IT"): "0.2"}
    hanna.post(GRID, data=filled(hanna.get(GRID).text) | {cell("Sales", "Finance"): "0.9"})
    before = everything()
    answer = hanna.post(address, data=mine)
    assert answer.status_code == 409
    assert "Somebody else has changed these links meanwhile." in answer.text
    assert "stored: 90%" in answer.text
    assert everything() == before
    assert hanna.post(address, data=filled(answer.text)).status_code == 302
    assert (weight("Sales", "IT"), weight("Sales", "Finance")) == (0.2, 1.0)


@pytest.mark.parametrize("given", ["-0.1", "1.1", "nan", "inf", "much", ""])
def test_what_is_no_weight_changes_nothing(hanna, cell, given):
    fields = filled(hanna.get(GRID).text) | {cell("Sales", "IT"): "0.2", cell("Legal", "IT"): given}
    before = everything()
    assert hanna.post(GRID, data=fields).status_code == 400
    assert everything() == before


def test_many_departments_are_changed_one_at_a_time(hanna, company):
    rows = [{"key": f"d{number}", "name": f"D {number}"} for number in range(20)]
    Department.insert_many(rows).execute()
    page = hanna.get(GRID).text
    assert "choose one of them above" in page
    assert "<table" not in page
    assert len(filled(hanna.get(f"{GRID}?client=d1").text)) == 24 + 2


def test_a_client_that_there_is_not_is_not_found(hanna):
    assert hanna.get(f"{GRID}?client=magic").status_code == 404


# --- What people added ---------------------------------------------------------------------------------------------


@pytest.fixture
def added(released, company, monkeypatch):
    """People of Sales and Legal added IT in both waves; only Legal is linked with it."""
    sales, legal, it = (company.departments[name] for name in ("Sales", "Legal", "IT"))
    ServiceLink.delete().where(ServiceLink.client == sales, ServiceLink.provider == it).execute()
    both = frozenset({sales.id, legal.id})
    rows = [Added(it.id, both, (10, 19)), Added(it.id, both, (5, 9)), Added(sales.id, frozenset({legal.id}), (5, 9))]
    monkeypatch.setattr(releases, "added", lambda waves: rows)


def test_what_people_added_is_suggested_and_linked_with_one_tap(added, hanna):
    assert "1 link is suggested" in hanna.get("/hr/people").text
    page = hanna.get(GRID).text
    assert "People of Sales added IT in 2 of the last waves (the last time 5 to 9 people)." in page
    for said in ("1 link is added.", "They are linked already."):
        answer = hanna.post(f"{GRID}/suggested", data={"provider": "it", "client": "sales"}, follow_redirects=True)
        assert said in answer.text
    assert weight("Sales", "IT") == 0.5
    assert "added IT" not in hanna.get(GRID).text


def test_a_suggestion_about_nothing_links_nothing(hanna, company):
    before = everything()
    assert hanna.post(f"{GRID}/suggested", data={"provider": "magic", "client": "sales"}).status_code == 404
    hanna.post(f"{GRID}/suggested", data={"provider": "it", "client": "it"})
    hanna.post(f"{GRID}/suggested", data={"provider": "it"})
    assert everything() == before
