"""What clients wrote, page by page: on HR's page about a department, and on the lead's."""

import re

import pytest
from flask.testing import FlaskClient

from survey.models import Comment, Receipt, Reply, Wave
from survey.receipts import digest, new_code
from survey.web.said import AT_ONCE
from tests.cast import Company

SHOWN = re.compile(r'<li id="comment-(\w+)">')
HR, LEAD = "/hr/departments/finance", "/lead/"
ENGLISH = {"lang": "en"}


@pytest.fixture
def wave(company: Company, released: list[Wave]) -> Wave:
    """The latest release, with two pages and one comment more about Finance."""
    Comment.delete().execute()
    kinds = ["thanks", *["complaint"] * AT_ONCE, *["suggestion"] * AT_ONCE]
    for kind in kinds:
        Comment.create(wave=released[0], provider=company.departments["Finance"], kind=kind, text=f"A {kind}")
    return released[0]


@pytest.fixture(params=[HR, LEAD])
def reader(request, company: Company, wave: Wave, sign_in) -> tuple[FlaskClient, str]:
    return sign_in(company.hanna if request.param == HR else company.alice), request.param


def shown(client: FlaskClient, address: str, **query: object) -> list[str]:
    return SHOWN.findall(client.get(address, query_string=query).text)


def test_every_comment_stands_on_one_page(reader):
    client, address = reader
    pages = [shown(client, address, **{"page-finance": number}) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [AT_ONCE, AT_ONCE, 1]
    assert {comment for page in pages for comment in page} == {found.id for found in Comment.select()}
    assert shown(client, address) == pages[0]


def test_the_pages_lead_to_one_another_and_count_all_of_a_kind(reader, wave):
    client, address = reader
    second = client.get(address, query_string={"page-finance": "2", "wave": wave.id, **ENGLISH}).text
    assert "Page 2 of 3" in second
    assert f"Suggestions ({AT_ONCE})" in second
    for number, label in ((1, "Previous"), (3, "Next")):
        link = re.search(f'<a href="([^"]+)" rel="[a-z]+">{label}</a>', second)
        assert link is not None
        assert link[1] == f"{address}?wave={wave.id}&amp;page-finance={number}#said-finance"


def test_few_comments_have_no_pages(reader):
    client, address = reader
    Comment.delete().where(Comment.kind != "complaint").execute()
    page = client.get(address, query_string=ENGLISH).text
    assert len(SHOWN.findall(page)) == AT_ONCE
    assert "Next" not in page


@pytest.mark.parametrize("number", ["0", "4", "x", "-1", ""])
def test_there_is_no_other_page(reader, number):
    client, address = reader
    assert client.get(address, query_string={"page-finance": number}).status_code == 404


def test_the_page_of_a_comment_is_found_after_a_reply(company, wave, sign_in):
    alice, thanks = sign_in(company.alice), Comment.get(Comment.kind == "thanks")
    Receipt.create(digest=digest(new_code()), wave=wave, comment=thanks)
    answer = alice.post(f"/lead/comments/{thanks.id}", data={"text": "You are welcome"})
    assert thanks.id in SHOWN.findall(alice.get(answer.location.partition("#")[0]).text)
    assert Reply.get().text == "You are welcome"


def test_a_comment_that_is_not_the_readers_leads_to_the_first_page(company, wave, sign_in):
    other = Comment.create(wave=wave, provider=company.departments["IT"], kind="thanks", text="Not hers")
    found = shown(sign_in(company.alice), LEAD, comment=other.id)
    assert len(found) == AT_ONCE
    assert other.id not in found
