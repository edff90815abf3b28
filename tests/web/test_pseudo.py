"""Every page and every mail in a language that nobody speaks: what shows in another one cannot be translated."""

from collections.abc import Iterator
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Error, Page
from werkzeug.exceptions import default_exceptions

from survey import create_app, outbox, receipts, waves
from survey.demo import Mailbox
from survey.emails import LETTERS, compose_test, composer
from survey.models import (
    Comment,
    Commitment,
    Department,
    Invitation,
    Leadership,
    Message,
    Person,
    Receipt,
    Wave,
    database,
)
from survey.pulses import add_pulse
from survey.settings import Settings
from survey.signing import invitation_token, sign_in_token
from survey.web import access
from survey.web.frame import error_page
from tests import pseudo
from tests.browser import serving
from tests.cast import Company
from tests.mails import read
from tests.pseudo import CODE, strays, texts_in
from tests.web.pages import Address, Link, addresses

READS = {"Accept-Language": CODE}
WIDTHS = (390, 1280)

# Texts that run into each other, out of their box, or out of the page.
TROUBLE = """() => {
  const said = element => (element.textContent || "").trim().replace(/\\s+/g, " ").slice(0, 60);
  const page = document.documentElement, found = [];
  if (page.scrollWidth > page.clientWidth) {
    const all = [...document.body.querySelectorAll("*")];
    const far = all.findLast(one => one.getBoundingClientRect().right > page.clientWidth);
    found.push(`the page is ${page.scrollWidth} pixels wide, with "${far && said(far)}"`);
  }
  const shown = element => {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    return box.width > 1 && box.height > 1 && style.visibility === "visible" && style.display !== "none";
  };
  const floats = element => element && // the page scrolls below it
    (["sticky", "fixed"].includes(getComputedStyle(element).position) || floats(element.parentElement));
  for (const element of document.body.querySelectorAll("*")) {
    if (!shown(element) || element.closest("svg") || element.matches("input, select, textarea")) continue;
    const style = getComputedStyle(element), over = element.scrollWidth > element.clientWidth + 1;
    const cuts = ["hidden", "clip"].includes(style.overflowX) && element.clientWidth > 1;
    const holds = element.matches("button, [role=button], label, legend, th") && style.display !== "inline";
    if (over && (cuts || holds)) found.push(`<${element.localName}> cuts off "${said(element)}"`);
  }
  for (const text of document.querySelectorAll("svg text")) {
    const box = text.getBoundingClientRect(), edge = text.ownerSVGElement.getBoundingClientRect();
    if (box.left < edge.left - 1 || box.right > edge.right + 1) found.push(`the picture cuts off "${said(text)}"`);
  }
  const leaves = [...document.querySelectorAll("label, legend, button, a, th, td, dt, dd, h1, h2, h3, h4, svg text")]
    .filter(element => shown(element) && said(element) && !element.querySelector("label, button, a"))
    .filter(element => !element.matches("svg a") && !floats(element));
  const overlaps = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
  const lines = leaves.map(element => [...element.getClientRects()]);
  for (let one = 0; one < leaves.length; one++)
    for (let two = one + 1; two < leaves.length; two++) {
      if (leaves[one].contains(leaves[two])) continue;
      if (lines[one].some(a => lines[two].some(b => overlaps(a, b))))
        found.push(`"${said(leaves[one])}" lies on "${said(leaves[two])}"`);
    }
  return found;
}"""


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The language is offered, until the test ends."""
    with monkeypatch.context() as changed:
        pseudo.install(tmp_path, changed)
        yield
    pseudo.forget()


@pytest.fixture
def third(released: list[Wave], company: Company, offered: None) -> Wave:
    """The language is everybody's; Hanna leads Finance as well; a third wave is open and one was missed."""
    Person.update(language=CODE).execute()
    Leadership.create(person=company.hanna, department=company.departments["Finance"])
    missed = add_pulse("missed", "weekly", date(2026, 9, 21), "Europe/Madrid")
    wave = company.open_wave()
    told = {"state": "cancelled", "cancel_reason": waves.MISSED, "cancelled_at": wave.opens_at}
    Wave.update(told).where(Wave.pulse == missed).execute()
    return wave


@pytest.fixture
def demo(settings: Settings, third: Wave, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """All pages, those of the demo too."""
    app = create_app(settings, demo=True)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    monkeypatch.setattr(access.limiter, "enabled", False)
    return app


@pytest.fixture
def hanna(demo: Flask, company: Company, settings: Settings) -> FlaskClient:
    """Hanna, who may see every page there is."""
    client = demo.test_client()
    person = Person.get_by_id(company.hanna.id)
    assert client.post(f"/login/{sign_in_token(person.id, person.sign_ins, settings)}").status_code == 302
    return client


def owe(company: Company) -> date:
    """Finance has a complaint that waits, a promise that is due and one that is late; the day of the mails about it."""
    wave, finance = Wave.get(Wave.state == "closed"), company.departments["Finance"]
    comment = Comment.create(wave=wave, provider=finance, kind="complaint", text="Late")
    Receipt.create(digest=receipts.digest(receipts.new_code()), wave=wave, comment=comment)
    day = Wave.get(Wave.state == "open").local_date
    told = {"wave": wave, "provider": finance, "item": "promises", "made_on": wave.local_date}
    Commitment.create(**told, text="Soon", due_on=day, reminded_on=day)
    Commitment.create(**told, text="Late", due_on=day - timedelta(days=1), reported_on=day)
    return day


@pytest.fixture
def letters(demo: Flask, company: Company, settings: Settings, third: Wave) -> list[EmailMessage]:
    """A mail of each kind, and the one that only shows that mail works; they lie in the mailbox as well."""
    of_kind = {
        outbox.INVITATION: third,
        outbox.REMINDER: third,
        outbox.MISSED: Wave.get(Wave.state == "cancelled"),
        outbox.UNOPENED: Wave.get(Wave.state == "planned"),
        outbox.SIGN_IN: None,
    }
    alice = Person.get_by_id(company.alice.id)
    box, compose = Mailbox(settings), composer(demo, settings)
    mails = [compose_test(demo, Settings(**{**vars(settings), "language": CODE}), alice.email, third.opened_at)]
    day = owe(company)
    for kind in LETTERS:
        wave = of_kind.get(kind, Wave.get(Wave.state == "closed"))
        message = Message(kind=kind, wave=wave, person=alice, sequence=day.toordinal(), due_at=third.opened_at)
        mails.append(compose(message, third.opened_at))
    for mail in mails[1:]:
        box.send(mail, lambda: None)
    return [read(mail) for mail in mails]


def pages(app: Flask, settings: Settings, wave: Wave, method: str) -> list[Address]:
    """Every page, once for each thing that its key may be: of letters in the demo's pages alone, which have them.

    The link is one that has not been used.
    """
    asked = Invitation.get(Invitation.wave == wave, ~Invitation.answered)
    token = invitation_token(asked.id, settings)
    values = {"wave_id": wave.id, "token": token, "person_id": 1, "cid": "nothing"}
    found = {page: None for key in (Department.get().key, "quarterly") for page in addresses(app, key=key, **values)}
    for letter in Mailbox(settings).messages():
        mailbox = addresses(app, key=letter, **values)
        found |= {page: None for page in mailbox if page.endpoint.startswith("demo.")}
    return [page for page in found if page.method == method and page.endpoint not in ("static", "api.metrics")]


@pytest.mark.slow
def test_every_page_speaks_the_readers_language(demo, hanna, settings, third, letters) -> None:
    known, wrong = pseudo.known_words(), {}
    stranger = demo.test_client()
    seen = set()
    for page in pages(demo, settings, third, "GET"):
        for client in (hanna, stranger):
            answer = client.get(page.path, headers=READS)
            if answer.location or answer.mimetype != "text/html":
                continue
            seen.add((page.endpoint, answer.status_code))
            assert f'<html lang="{CODE}">' in answer.text, page
            if found := strays(texts_in(answer.text), known):
                wrong[page.path] = found
    assert not wrong, "\n".join(f"{path}: {texts}" for path, texts in wrong.items())
    assert {
        ("matrix.table", 200),
        ("respond.answer", 200),
        ("lead.results", 200),
        ("questionnaire.preview", 200),
    } <= seen


def test_what_a_form_says_when_it_is_sent_empty_is_in_the_readers_language(demo, hanna, settings, third) -> None:
    known, wrong = pseudo.known_words(), {}
    forms = sorted(pages(demo, settings, third, "POST"), key=lambda page: page.endpoint == "account.logout")
    for page in forms:
        answer = hanna.post(page.path, headers=READS, follow_redirects=True)
        if answer.mimetype == "text/html" and (found := strays(texts_in(answer.text), known)):
            wrong[page.path] = found
    assert not wrong, "\n".join(f"{path}: {texts}" for path, texts in wrong.items())


def test_what_an_employee_meets_on_the_way_is_in_their_language(demo, company, settings, third) -> None:
    known, client = pseudo.known_words(), demo.test_client()
    first, second = Invitation.select().where(Invitation.wave == third).limit(2)
    before = Invitation.get(Invitation.wave != third)
    addresses = [f"/r/{invitation_token(found.id, settings)}" for found in (first, second, before)]
    steps = [
        client.post(addresses[0]),  # nothing is answered
        client.post(addresses[0], data=_answers(first, overall="6", comment="x" * 3000)),
        client.post(addresses[0], data=_answers(first)),
        client.post(addresses[0], data=_answers(first)),  # once more
        client.get(addresses[2]),  # its wave is closed
    ]
    waves.cancel_wave(third, third.closes_at)
    steps.append(client.get(addresses[1]))
    assert [answer.status_code for answer in steps] == [422, 422, 200, 409, 200, 410]
    for answer in steps:
        assert strays(texts_in(answer.text), known) == []


def _answers(invitation: Invitation, **first: str) -> dict[str, str]:
    link = Link("", tuple(map(int, invitation.providers.split())))
    return link.filled(**first)


@pytest.mark.slow
def test_pages_that_have_nothing_to_show_yet_speak_the_readers_language(
    settings: Settings, offered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access.limiter, "enabled", False)
    hanna = Person.create(name="Hanna Hansen", email="hanna@mirror.example", language=CODE, role="hr")
    Leadership.create(person=hanna, department=Department.create(key="lonely", name="Lonely"))
    app, known, wrong = create_app(settings, demo=True), pseudo.known_words(), {}
    app.config["WTF_CSRF_ENABLED"] = False
    database.close()
    client = app.test_client()
    client.post(f"/login/{sign_in_token(hanna.id, 0, settings)}")
    for page in addresses(app, wave_id=1, person_id=1, cid="nothing", key="lonely"):
        if page.endpoint == "static":
            continue
        answer = client.get(page.path, headers=READS)
        if answer.mimetype == "text/html" and not answer.location and (found := strays(texts_in(answer.text), known)):
            wrong[page.path] = found
    assert not wrong, "\n".join(f"{path}: {texts}" for path, texts in wrong.items())


def test_every_error_page_speaks_the_readers_language(demo, third) -> None:
    known = pseudo.known_words()
    for code, kind in default_exceptions.items():
        with demo.test_request_context("/", headers=READS):
            text, _ = error_page(kind())
            assert strays(texts_in(text), known) == [], code


def test_every_mail_speaks_its_readers_language(letters, third) -> None:
    known = pseudo.known_words()
    assert len(letters) == len(LETTERS) + 1
    for mail in letters:
        html, text = mail.get_body(("html",)), mail.get_body(("plain",)).get_content()
        shown = [mail["Subject"], *text.split("\n\n"), *(texts_in(html.get_content()) if html else ())]
        assert strays(shown, known) == [], mail["Subject"]
        assert html is None or f'<html lang="{CODE}">' in html.get_content()


@pytest.mark.early
@pytest.mark.browser
def test_no_page_is_broken_by_longer_words(demo, company, settings, third, letters, chromium: Chromium) -> None:
    with serving(demo) as address:
        context = chromium.new_context(locale=CODE)
        page = context.new_page()
        person = Person.get_by_id(company.hanna.id)
        page.goto(f"{address}/login/{sign_in_token(person.id, person.sign_ins, settings)}")
        page.click("main button")
        wrong: list[str] = []
        for found in pages(demo, settings, third, "GET"):
            if found.endpoint == "account.offer_sign_in" or not _opens(page, address + found.path):
                continue
            page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 844})
                wrong += [f"{found.path} at {width}: {trouble}" for trouble in page.evaluate(TROUBLE)]
        context.close()
    assert not wrong, "\n".join(wrong)


def _opens(page: Page, address: str) -> bool:
    """Whether a page opens; a file is offered to be kept instead."""
    try:
        answer = page.goto(address)
    except Error as error:
        if "Download is starting" in error.message or "ERR_ABORTED" in error.message:
            return False
        raise
    return answer is not None and answer.headers.get("content-type", "").startswith("text/html")


# --- The tests see what they should --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        "<p>[Ŝééñð ~] Send</p>",
        '<img alt="Answers">',
        '<a title="More" href="/">[ḿ ~]</a>',
        "<label>[a ~]</label><input type=submit value=Send>",
        "<table><td>open</td></table>",
        "<p>[cut off</p><p>Untranslated</p>",
    ],
)
def test_a_text_that_cannot_be_translated_is_found(html: str) -> None:
    assert strays(texts_in(html), set())


@pytest.mark.parametrize(
    "html",
    [
        "<p>[Ŝééñð <strong>[ñóŵ ~]</strong> 12 ~]</p>",
        "<script>let words</script><p>68 · ≈ 70, x</p>",
        "<text>[Ŝééñð ɱý á…</text>",
        "<p>Finance: [ñóŵ ~] http://127.0.0.1/hr/pulses</p>",
    ],
)
def test_data_and_what_is_translated_are_left_alone(html: str) -> None:
    assert strays(texts_in(html), {"finance"}) == []


def test_a_strange_text_is_longer_and_keeps_its_placeholders() -> None:
    strange = pseudo.pseudo("%(num)d departments serve <b>both</b> alike")
    assert "%(num)d" in strange
    assert "<b>" in strange
    assert len(strange) >= 1.4 * len("%(num)d departments serve <b>both</b> alike")
