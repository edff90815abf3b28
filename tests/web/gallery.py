"""Every page that a person can reach, in each of its states, as the server sends it; and a browser that shows them."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask, Response
from flask.testing import FlaskClient
from peewee import OperationalError
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from werkzeug.test import TestResponse

from survey import commitments, create_app, mirrors, receipts, responses
from survey.commitments import Draft
from survey.demo import Mailbox
from survey.measure.scale import OVERALL
from survey.models import (
    Comment,
    Commitment,
    CommitmentClient,
    Department,
    Invitation,
    Leadership,
    Person,
    Wave,
    database,
)
from survey.responses import Answer
from survey.scheduler import Clockwork
from survey.settings import Settings
from survey.signing import invitation_token, reader_token, sign_in_token, subscriber_token
from survey.web.access import session_of
from survey.web.guide import STEPS
from tests.browser import PHONE, browsing, serving
from tests.cast import OPENS, Company, asked_by
from tests.test_receipts import complaining
from tests.web.pages import Link, addresses, form_in, strange
from tests.web.test_intake import WIDE, steps_to_the_check
from tests.web.test_launch import NEW, described
from tests.web.test_rosters import PEOPLE, UPLOAD

AXE = "/axe.js"  # what looks for faults of a page, on the wall beside it, where its policy allows scripts
MAIL = "demo.message_html"  # a mail as its reader sees it, in a frame of a page: no page by itself
CODES = {state: receipts.new_code() for state in ("waiting", "replied", "quiet", "too few", "called off")}


@dataclass
class Gallery:
    """{name of a state: the page} in one language."""

    app: Flask
    language: str
    pages: dict[str, TestResponse] = field(default_factory=dict)

    def hang(self, name: str, page: TestResponse, status: int = 200) -> str:
        assert (page.status_code, page.mimetype) == (status, "text/html"), f"{name}: {page.status}"
        self.pages[name] = page
        return page.text

    @property
    def asked(self) -> dict[str, Any]:
        """What a request says of the language."""
        return {"query_string": {"lang": self.language}, "headers": {"Accept-Language": self.language}}


@contextmanager
def walls(
    chromium: Chromium, gallery: Gallery, *, styled: bool = True, **options: Any
) -> Iterator[Callable[[str], Page]]:
    """A browser on a phone; the function that opens a page of the gallery in it.

    Motion is reduced: a colour on its way to another one has too little contrast for a moment.
    """
    places = {name: f"/page/{number}" for number, name in enumerate(gallery.pages)}
    hung = {places[name]: Response(page.data, page.status, page.headers) for name, page in gallery.pages.items()}
    hung[AXE] = Response(AXE_SCRIPT, headers={"Cache-Control": "max-age=3600"}, mimetype="text/javascript")

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return hung.get(environ["PATH_INFO"], gallery.app)(environ, start_response)

    with (
        serving(answer) as address,
        browsing(chromium, gallery.language, PHONE, reduced_motion="reduce", **options) as context,
    ):
        if not styled:
            context.route("**/*.css*", lambda route: route.abort())
        shown = context.new_page()

        def open_page(name: str) -> Page:
            shown.goto(address + places[name])
            return shown

        yield open_page


def begun(company: Company, settings: Settings, language: str) -> Gallery:
    """Before any wave has closed."""
    app = _demo(settings)
    gallery = Gallery(app, language)
    _hang_all(gallery, _readers(app, company), ["finance", "quarterly"])
    return gallery


def running(company: Company, settings: Settings, language: str) -> Gallery:
    """Two waves are released and one is open, in which people have left comments with receipts."""
    app = _demo(settings)
    gallery = Gallery(app, language)
    Leadership.create(person=company.bob, department=company.departments["Legal"])
    comment = _conversations(company)
    _promises(company)
    wave = company.open_wave()
    company.rate(wave, "Sales", 3, complaining(CODES["waiting"]))
    Clockwork(app, settings, box := Mailbox(settings)).mail(wave.opens_at)
    readers = _readers(app, company)
    values = {"wave_id": wave.id, "comment_id": comment, "code": CODES["replied"]}
    values["token"] = subscriber_token(company.alice.id, settings)
    _hang_all(gallery, readers, ["finance", "quarterly", box.messages()[0]], **values)
    _hang_files(gallery, readers["hr"])
    _hang_plan(gallery, readers["hr"])
    _hang_ways_in(gallery, company, settings)
    _hang_returns(gallery, company, settings)
    _hang_receipts(gallery)
    _hang_replies(gallery, readers["lead"], comment)
    _hang_suggestion(gallery, readers["lead"])
    _hang_mirror(gallery, settings, wave)
    _hang_answers(gallery, settings, wave)
    return gallery


def _demo(settings: Settings) -> Flask:
    app = create_app(settings, demo=True)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return app


def _readers(app: Flask, company: Company) -> dict[str, FlaskClient]:
    """Browsers of HR, a lead and a stranger."""
    readers = {"hr": app.test_client(), "lead": app.test_client(), "stranger": app.test_client()}
    for name, person in (("hr", company.hanna), ("lead", company.alice)):
        with readers[name].session_transaction() as session:
            session["_user_id"], session["_fresh"] = session_of(person), True
    return readers


def _conversations(company: Company) -> str:
    """A closed wave with comments of every kind, some with receipts; the comment that has been replied to."""
    wave = company.open_wave()
    finance = company.departments["Finance"].id
    company.rate(wave, "Sales", 1, complaining(CODES["replied"], finance))
    company.rate(wave, "Logistics", 1, complaining(CODES["quiet"], finance))
    company.rate(wave, "Logistics", 14, lambda provider: Answer(provider, {OVERALL: 1}, "attitude"))
    mirrors.keep_lead_view(company.alice, wave, company.departments["Finance"], {}, ["resources", "people"])
    company.answer(wave, strange)
    company.close_wave(wave)
    found = receipts.held(CODES["replied"])
    assert found
    assert found.comment_id
    published = receipts.published(found.comment_id, [finance])
    assert published
    receipts.write_back(found, "Is there any news?")
    receipts.reply(published, "We are looking into it.", OPENS)
    receipts.write_back(found, "Thank you.")
    return found.comment_id


def _promises(company: Company) -> None:
    """Somebody suggests something to Finance; IT has done what it had promised Finance and Sales."""
    wave = Wave.select().where(Wave.state == "closed").order_by(Wave.id.desc()).get()
    finance, it, sales = (company.departments[name] for name in ("Finance", "IT", "Sales"))
    Comment.create(wave=wave, provider=finance, kind="suggestion", text="Call back.")
    draft = Draft("promises", "We answer within two days.", wave.local_date)
    made = commitments.make(wave, it, draft, wave.local_date, is_done=True)
    for client in (finance, sales):
        CommitmentClient.create(commitment=made, department=client)


def _hang_suggestion(gallery: Gallery, lead: FlaskClient) -> None:
    found = Comment.get(Comment.kind == "suggestion", Comment.text == "Call back.")
    meant = {"wave": found.wave_id, "department": found.provider_id, "suggestion": found.id}
    asked = gallery.asked | {"query_string": meant | gallery.asked["query_string"]}
    assert 'name="done"' in gallery.hang("commitments.adopt (lead)", lead.get("/lead/commitments/", **asked))


def _hang_all(gallery: Gallery, readers: dict[str, FlaskClient], keys: Sequence[str], **values: Any) -> None:
    """Every address of the URL map that gives whoever may see it a page; so a new one cannot be forgotten."""
    values = {"wave_id": 1, "person_id": 1, "cid": "chart", **values}
    found = dict.fromkeys(page for key in keys for page in addresses(gallery.app, key=key, **values))
    for address in (page for page in found if page.method == "GET"):
        for reader, client in readers.items():
            page = client.get(address.path, buffered=True, **gallery.asked)
            if page.status_code == 200 and page.mimetype == "text/html" and address.endpoint != MAIL:
                gallery.hang(f"{address.endpoint} ({reader})", page)
                break


def _hang_files(gallery: Gallery, hr: FlaskClient) -> None:
    """What HR brings in, from the file to the deed."""

    def sent(address: str, text: str) -> str:
        return hr.post(address, data={"file": (io.BytesIO(text.encode()), "file.csv")}).location

    gallery.hang("rosters.preview (hr)", hr.get(sent(UPLOAD, PEOPLE), **gallery.asked))
    first = sent("/hr/external/uploads", WIDE)
    check = steps_to_the_check(hr, first)
    for step in STEPS:
        gallery.hang(f"intake.step ({step})", hr.get(first.replace("layout", step), **gallery.asked))
    gallery.hang("intake.check (hr)", hr.get(check, **gallery.asked))


def _hang_plan(gallery: Gallery, hr: FlaskClient) -> None:
    """A new pulse, before it is added."""
    soon = datetime.now(UTC).date() + timedelta(days=40)
    plan = described(first=str(soon))
    asked = gallery.asked | {"query_string": plan | {"step": "preview"} | gallery.asked["query_string"]}
    gallery.hang("launch.new, shown", hr.get(NEW, **asked))
    gallery.hang("launch.new, refused", hr.post(NEW, data=plan | {"name": ""}, **gallery.asked), 422)
    gallery.hang("launch.questions (hr)", hr.get(f"{NEW}/questions", **asked))


def _hang_ways_in(gallery: Gallery, company: Company, settings: Settings) -> None:
    stranger, asked = gallery.app.test_client(), gallery.asked
    gallery.hang("login, no address", stranger.post("/login", **asked), 422)
    gallery.hang("login, sent", stranger.post("/login", data={"email": "nobody@mirror.example"}, **asked))
    gallery.hang("login, expired", stranger.get("/login/forged", **asked), 410)
    token = sign_in_token(company.adam.id, company.adam.sign_ins, settings)
    gallery.hang("login, button", stranger.get(f"/login/{token}", **asked))
    gallery.hang("error", stranger.get("/nothing", **asked), 404)


def _hang_returns(gallery: Gallery, company: Company, settings: Settings) -> None:
    """You said, we did, as an employee reads it: nothing yet, then something of every kind, page by page."""
    client, asked = gallery.app.test_client(), gallery.asked
    address = f"/you-said/{reader_token(company.charlie.id, settings)}"
    gallery.hang("returns, nothing yet", client.get(address, **asked))
    wave = Wave.select().where(Wave.state == "closed").order_by(Wave.id.desc()).first()
    today = datetime.now(UTC).date()
    for name, number in product(("Finance", "IT"), range(12)):
        draft = Draft("diligence", f"Promise {number}", today + timedelta(days=9 * (number != 10)))
        made = commitments.make(wave, company.departments[name], draft, today - timedelta(days=30 * (number != 11)))
        if number < 9:
            commitments.finish(made, today)
    Commitment.update(due_on=today - timedelta(days=1)).where(Commitment.text == "Promise 10").execute()
    gallery.hang("returns.by_link (employee)", client.get(address, **asked))
    for choice in ({"show": "late"}, {"department": "it"}, {"department": "legal"}):
        query = gallery.asked["query_string"] | choice
        gallery.hang(f"returns, {choice}", client.get(address, query_string=query))
    gallery.hang("returns, unknown link", client.get("/you-said/forged.token", **asked), 404)


def _hang_receipts(gallery: Gallery) -> None:
    client, asked = gallery.app.test_client(), gallery.asked
    for state in ("waiting", "quiet"):
        gallery.hang(f"receipt, {state}", client.get(f"/receipt/{CODES[state]}", **asked))
    too_few = Wave.select().where(Wave.state == "closed").first()
    called_off = Wave.create(
        **{name: getattr(too_few, name) for name in ("pulse", "occurrence", "opens_at", "closes_at", "min_group")},
        local_date="2025-01-01",
        state="cancelled",
    )
    for state, wave in (("too few", too_few), ("called off", called_off)):
        receipts.Receipt.create(digest=receipts.digest(CODES[state]), wave=wave)
        gallery.hang(f"receipt, {state}", client.get(f"/receipt/{CODES[state]}", **asked))
    link = f"/receipt/{CODES['quiet']}"
    gallery.hang("receipt, unknown", client.post("/receipt/", data={"code": "7K2M"}, **asked), 404)
    gallery.hang("receipt, typed", client.post("/receipt/", data={"code": CODES["quiet"]}, **asked))
    gallery.hang("receipt, nothing written", client.post(link, data={"text": ""}, **asked), 422)
    gallery.hang("receipt, written", client.post(link, data={"text": "More"}, **asked))
    with without_database():
        gallery.hang("receipt, kept", client.post(link, data={"text": "More"}, **asked), 503)


def _hang_replies(gallery: Gallery, lead: FlaskClient, comment: str) -> None:
    gallery.hang("reply, nothing written", lead.post(f"/lead/comments/{comment}", data={}, **gallery.asked), 422)
    with without_database():
        kept = lead.post(f"/lead/comments/{comment}", data={"text": "More"}, **gallery.asked)
    gallery.hang("reply, kept", kept, 503)
    without = Comment.select().where(
        Comment.provider == Department.get(Department.key == "finance"), Comment.kind == "complaint"
    )
    silent = next(
        row.id for row in without if not receipts.Receipt.select().where(receipts.Receipt.comment == row).exists()
    )
    gallery.hang("reply, nobody to reach", lead.get(f"/lead/comments/{silent}", **gallery.asked))


def _hang_mirror(gallery: Gallery, settings: Settings, wave: Wave) -> None:
    client, asked = gallery.app.test_client(), gallery.asked
    token = next(
        link.token for link in _links(settings, wave) if not mirrors.glass(asked_by(link.token.split(".")[0])).lead
    )
    link = f"/mirror/{token}"
    gallery.hang("mirror.member (asked)", client.get(link, **asked))
    gallery.hang("mirror.member (nothing filled in)", client.post(link, **asked), 422)
    gallery.hang("mirror.member (thanks)", client.post(link, data={"self-overall": "4"}, **asked))
    gallery.hang("mirror.member (received)", client.get(link, **asked))


def _hang_answers(gallery: Gallery, settings: Settings, wave: Wave) -> None:
    """The answer page from the mailed link to what comes after it."""
    client, asked = gallery.app.test_client(), gallery.asked
    link, *others = _links(settings, wave)
    assert 'class="provider notices"' in gallery.hang("answer, fresh", client.get(link.address, **asked))
    gallery.hang(
        "answer, first one given", client.get(link.address, query_string={"overall": "2", "lang": gallery.language})
    )
    gallery.hang("answer, nothing filled in", client.post(link.address, **asked), 422)
    form = {"language": gallery.language} | form_in(gallery.pages["answer, fresh"].text) | link.filled(comment="Why?")
    gallery.hang("answer, no kind", client.post(link.address, data=form, **asked), 422)
    addable = next(str(found.id) for found in responses.questions(link.token.split(".")[0]).addable)
    gallery.hang("answer, added", client.post(link.address, data=form | {"add": addable, "adding": "y"}, **asked))
    form |= link.first(kind="suggestion", receipt="y")
    with without_database():
        gallery.hang("answer, kept", client.post(link.address, data=form, **asked), 503)
    gallery.hang("answer, thanks", client.post(link.address, data=form, **asked))
    gallery.hang("answer, sent twice", client.post(link.address, data=form, **asked), 409)
    gallery.hang("answer, received", client.get(link.address, **asked))
    gallery.hang("answer, unknown link", client.get("/r/forged.token", **asked), 404)
    for state in ("closed", "cancelled"):
        Wave.update(state=state).where(Wave.id == wave.id).execute()
        gallery.hang(f"answer, {state}", client.get(others[0].address, **asked), 410)


def _links(settings: Settings, wave: Wave) -> list[Link]:
    waiting = Invitation.select().where(Invitation.wave == wave, ~Invitation.answered).join(Person).order_by(Person.id)
    return [Link(invitation_token(one.id, settings), tuple(map(int, one.providers.split()))) for one in waiting]


@contextmanager
def without_database() -> Iterator[None]:
    """The database cannot be reached."""

    def away(*_: object, **__: object) -> None:
        raise OperationalError("unable to open database file")

    was_open = database.close()
    connect, database.obj.connect = database.obj.connect, away
    try:
        yield
    finally:
        database.obj.connect = connect
        if was_open:
            database.connect()
