"""What all pages share: headers, error pages, languages, the database connection, and a log without secrets."""

import re

import pytest
from flask import Flask, g
from peewee import OperationalError
from werkzeug.test import TestResponse

from survey import releases, responses
from survey.colours import look
from survey.models import Invitation, database
from survey.settings import Settings
from survey.signing import sign_in_token
from survey.web import frame
from tests.web.pages import addresses

STATIC = ("static",)
CACHEABLE = "max-age=31536000"


@pytest.fixture(scope="module")
def fetched() -> list[tuple[str, TestResponse]]:
    """The answers, once they are there."""
    return []


@pytest.fixture
def answers(app: Flask, company, wave, link, sign_in, fetched):
    """(page, its answer) for every address of the application, fetched by HR; and for every kind of error."""
    if not fetched:
        fetched += _fetch(app, wave, link, sign_in(company.hanna))
    return fetched


def _fetch(app: Flask, wave, link, hanna) -> list[tuple[str, TestResponse]]:
    pages = [page for page in addresses(app, wave_id=wave.id, token=link.token) if page.method == "GET"]
    found = [(page.path, hanna.get(page.path, buffered=True)) for page in pages]
    errors = [
        "/missing",
        "/static/missing.css",
        "/lead/",
        "/r/forged.token",
        "/login/forged",
        "/logout",
        "/hr/matrix?item=x",
    ]
    return found + [(path, hanna.get(path)) for path in errors] + [("/hr", hanna.get("/hr"))]


# --- Headers -------------------------------------------------------------------------------------------------------


def test_every_answer_forbids_what_no_page_needs(answers):
    for path, answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy, path
        assert policy.startswith("default-src 'none'; ")
        assert {"base-uri 'none'", "form-action 'self'", "frame-ancestors 'self'"} <= set(policy.split("; ")), path
        assert answer.headers["Referrer-Policy"] == "no-referrer", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path


def test_no_page_is_kept_by_a_browser_or_a_proxy(answers):
    for path, answer in answers:
        if answer.status_code >= 300 or not path.startswith("/static/"):
            assert answer.headers["Cache-Control"] == "no-store", path


def test_no_page_holds_what_the_policy_forbids(answers):
    for path, answer in answers:
        if answer.mimetype == "text/html":
            page = answer.text.replace(f"<style>{look(Settings().colour).css}</style>", "")
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)|javascript:", page), path


def test_files_may_be_kept_since_their_address_changes_with_them(client):
    page = client.get("/login").text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(files) >= 3
    for address in files:
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
        with client.get(address) as answer:
            assert CACHEABLE in answer.headers["Cache-Control"]


def test_the_page_for_answers_begins_no_session(app, link):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    client.get(link.address)
    with client.session_transaction() as session:
        assert set(session) == set()


# --- Errors --------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch):
    """Whatever reads or stores an answer fails."""

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(responses, "accept", fail)
    monkeypatch.setattr(releases, "released_waves", fail)


def test_a_failure_gets_a_page_of_ours_in_the_readers_language(client, link, broken):
    answer = client.post(link.address, data=link.filled(), headers={"Accept-Language": "es"})
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "disk" not in answer.text
    assert "Traceback" not in answer.text


def test_a_failure_stores_nothing(client, link, monkeypatch):
    monkeypatch.setattr(responses, "_add_ratings", lambda *_: 1 / 0)
    assert client.post(link.address, data=link.filled()).status_code == 500
    assert not Invitation.select().where(Invitation.answered).exists()


def test_an_error_page_is_made_even_when_the_database_is_away(company, sign_in, monkeypatch):
    hanna = sign_in(company.hanna)
    database.close()

    def away(*_: object, **__: object) -> None:
        raise OperationalError("no such host")

    monkeypatch.setattr(database.obj, "connect", away)
    answer = hanna.get("/hr/", headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert "The database does not answer just now" in answer.text


@pytest.mark.parametrize(
    "path", ["/missing", "/hr/departments/none", "/hr/waves/99/close", "/hr/waves/x/close", "/r/", "/r/a/b"]
)
def test_what_does_not_exist_is_said_in_so_many_words(company, sign_in, path):
    answer = sign_in(company.hanna).get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


# --- The log -------------------------------------------------------------------------------------------------------


def test_the_log_of_a_failed_answer_names_neither_token_nor_address(client, link, broken, caplog):
    caplog.set_level("DEBUG")
    client.post(link.address, data=link.filled(comment="Nobody should read this", kind="thanks"))
    assert "Exception in respond.answer [POST]" in caplog.text
    assert "the disk is on fire" in caplog.text
    assert link.token.split(".")[1] not in caplog.text
    assert link.address not in caplog.text
    assert "Nobody should read this" not in caplog.text


def test_no_token_reaches_the_log_whatever_is_done_with_it(app, link, company, settings, caplog):
    caplog.set_level("DEBUG")
    app.config["WTF_CSRF_ENABLED"] = True
    signing_in = sign_in_token(company.hanna.id, 0, settings)
    client = app.test_client()
    for path in (link.address, f"{link.address}0", f"/login/{signing_in}", f"/login/{signing_in}x"):
        for method in ("GET", "HEAD", "POST", "PUT"):
            client.open(path, method=method, data={"a": "x" * 2_000_000} if method == "PUT" else {})
    assert caplog.records
    assert link.token.split(".")[1] not in caplog.text
    assert signing_in not in caplog.text


# --- Languages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "browser", "shown"),
    [("en", "es", "en"), ("es", "en", "es"), ("fr", "en-GB,fr", "en"), ("", "fr", "es"), ("", "de,en;q=0.5", "en")],
)
def test_a_strangers_language_is_the_one_asked_for_else_the_browsers(client, settings, asked, browser, shown):
    page = client.get("/login", query_string={"lang": asked}, headers={"Accept-Language": browser}).text
    assert f'<html lang="{shown}">' in page


def test_a_signed_in_persons_language_is_their_own(company, sign_in):
    assert '<html lang="en">' in sign_in(company.hanna).get("/hr/", headers={"Accept-Language": "es"}).text
    assert '<html lang="es">' in sign_in(company.alice).get("/lead/", headers={"Accept-Language": "en"}).text


# --- The database connection ---------------------------------------------------------------------------------------


def test_a_page_gives_back_the_connection_that_it_opened(client, link):
    database.close()
    for path in (link.address, "/r/forged.token", "/readyz", "/missing"):
        client.get(path)
        assert database.is_closed(), path


@pytest.mark.parametrize("address", ["/hr/departments/a%00b", "/r/a%00b", "/receipt/%00", "/hr/matrix?item=%00"])
def test_an_address_with_nul_is_no_address(company, sign_in, address):
    """PostgreSQL takes no such text, and would fail."""
    assert sign_in(company.hanna).get(address).status_code == 404


def test_a_connection_that_failed_is_given_up_whatever_else_fails_afterwards(app):
    with app.test_request_context("/"):
        for error in (OperationalError("disk I/O error"), ValueError("while that was told")):
            frame.log_failure(error)
        assert g.database_failed
