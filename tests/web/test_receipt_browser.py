"""A complaint, its reply and what its writer answers, in the browsers of a client on a phone and of a lead."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from survey import receipts
from survey.models import Comment, Department, Leadership, Reply, Wave
from survey.settings import Settings
from survey.signing import sign_in_token
from tests.browser import DESK, Chromium, browsing
from tests.cast import Company
from tests.web.pages import Link, written
from tests.web.test_respond_browser import Visit, read
from tests.web.test_respond_browser import visit as visit  # a fixture

pytestmark = pytest.mark.browser

COMPLAINT, REPLY, ANSWER = "They promised it for Monday", "We are sorry: what did we promise?", "The new contract"

Opened = Callable[[], Page]


def complain(page: Page, link: Link) -> None:
    """Write a complaint about the first provider, and ask for a receipt."""
    page.locator("textarea").first.fill(COMPLAINT)
    page.locator(f"[name='{link.field('kind')}'][value=complaint]").check()
    page.locator(f"[name='{link.field('receipt')}']").check()


def send(page: Page) -> None:
    """Go to the last department, where there is one after the other, and send."""
    while page.locator(".next").filter(visible=True).count():
        page.locator(".next").click()
    page.locator("#send").click()


def code_shown(page: Page) -> str:
    code = page.locator(".receipts code").inner_text()
    assert receipts.is_code(code)
    return code


def code_in_form(page: Page, link: Link) -> str:
    return page.locator(f"[name='{link.field('code')}']").input_value()


@pytest.fixture
def lead(company: Company, link: Link, chromium: Chromium, site: str, settings: Settings) -> Iterator[Opened]:
    """Signs in, by the mailed link, whoever leads Charlie's first provider; gives the page of the own departments."""
    with read():
        provider = Department.get_by_id(link.providers[0])
        Leadership.get_or_create(person=company.bob, department=provider)
    with browsing(chromium, size=DESK) as context:

        def opened() -> Page:
            page = context.new_page()
            page.goto(f"{site}/login/{sign_in_token(company.bob.id, 0, settings)}")
            page.locator("main button").click()
            page.goto(f"{site}/lead/")
            return page

        yield opened


def close_with_all_others(company: Company, wave: Wave) -> None:
    with read():
        company.answer(wave)
        company.close_wave(wave)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_complaint_is_replied_to_and_its_writer_answers_without_a_name(
    visit: Visit, link: Link, lead: Opened, company: Company, wave: Wave, scripts: bool
) -> None:
    with visit(java_script_enabled=scripts, has_touch=True) as phone:
        complain(phone, link)
        send(phone)
        expect(phone.locator("h1")).to_have_text("Thank you!")
        code = code_shown(phone)
        phone.get_by_role("link", name="The link to keep").click()
        expect(phone).to_have_url(re.compile(f"/receipt/{code}$"))
        expect(phone.locator("main")).to_contain_text("The wave is still open")

        close_with_all_others(company, wave)
        desk = lead()
        said = desk.locator(".said > li").filter(has_text=COMPLAINT)
        said.locator("summary").click()
        said.get_by_label("Your reply").fill(REPLY)
        said.get_by_role("button", name="Send the reply").click()
        expect(desk.locator(".flash")).to_contain_text("Your reply is there")

        phone.reload()
        expect(phone.locator(".theirs blockquote")).to_have_text(REPLY)
        for told in ("Bob", "Brown", ":00"):
            expect(phone.locator(".thread")).not_to_contain_text(told)
        phone.locator("#text").fill(ANSWER)
        phone.get_by_role("button", name="Send without my name").click()
        expect(phone.locator(".done")).to_be_visible()

        desk.reload()
        answered = desk.locator(".thread .theirs")
        expect(answered).to_contain_text(ANSWER)
        expect(answered).to_contain_text("New")
        expect(desk.locator("main")).not_to_contain_text("Charlie")


# --- A receipt that is lost on its way -------------------------------------------------------------------------------


@contextmanager
def lost_answer(page: Page, arrives: bool) -> Iterator[None]:
    """The next thing sent reaches the server, or not; what the server says to it reaches nobody."""

    def lose(route: Route) -> None:
        if arrives:
            route.fetch()
        route.abort()

    page.route("**/r/*", lose, times=1)
    yield
    expect(page.locator("[role=status]")).to_contain_text("did not get through")


def test_a_receipt_lost_on_its_way_is_shown_when_it_is_sent_again(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        complain(page, link)
        code = code_in_form(page, link)
        with lost_answer(page, arrives=True):
            send(page)
        send(page)
        expect(page.locator("h1")).to_have_text("Already received")
        assert code_shown(page) == code
        assert page.evaluate("localStorage.length") == 0


def test_a_receipt_lost_on_its_way_is_shown_after_a_reload(visit: Visit, link: Link) -> None:
    """The answer is stored, so the page has no form any more; the draft still has the code."""
    with visit("?lang=es", size=DESK) as page:
        complain(page, link)
        code = code_in_form(page, link)
        page.route("**/r/*", lambda route: (route.fetch(), route.abort()), times=1)
        send(page)
        expect(page.locator("[role=status]")).to_contain_text("no se ha perdido")
        page.reload()
        expect(page.locator("h1")).to_have_text("Respuesta ya recibida")
        expect(page.locator("html")).to_have_attribute("lang", "es")
        assert code_shown(page) == code
        assert page.evaluate("localStorage.length") == 0
        page.reload()
        expect(page.locator(".receipts")).to_have_count(0)  # shown once
    with read():
        assert written() == [(link.providers[0], "complaint", COMPLAINT)]


def test_the_draft_keeps_the_code_until_it_could_be_shown(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        complain(page, link)
        code = code_in_form(page, link)
        with lost_answer(page, arrives=True):
            send(page)
        page.route("**/r/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
        page.reload()
        expect(page.locator("h1")).to_have_text("Already received")
        assert code in page.evaluate("JSON.stringify(localStorage)")
        page.unroute("**/r/*")
        page.evaluate("dispatchEvent(new Event('online'))")
        assert code_shown(page) == code


def test_what_never_arrived_is_sent_after_a_reload_with_the_same_code(visit: Visit, link: Link) -> None:
    with visit(size=DESK) as page:
        complain(page, link)
        code = code_in_form(page, link)
        with lost_answer(page, arrives=False):
            send(page)
        page.reload()
        assert code_in_form(page, link) == code
        send(page)
        expect(page.locator("h1")).to_have_text("Thank you!")
        assert code_shown(page) == code


def test_a_draft_with_a_code_that_leads_to_another_comment_gets_a_fresh_one(
    visit: Visit, link: Link, company: Company, wave: Wave
) -> None:
    """Somebody else has answered on this device, and the code was given out with that answer."""
    with visit(size=DESK) as page:
        complain(page, link)
        code = code_in_form(page, link)
        with read():
            other = Comment.create(wave=wave, provider=link.providers[0], kind="complaint", text="Another one")
            receipts.Receipt.create(digest=receipts.digest(code), wave=wave, comment=other)
        page.reload()
        send(page)
        assert code_shown(page) != code
    with read():
        assert receipts.held(code).text == "Another one"
        assert not Reply.select().exists()
