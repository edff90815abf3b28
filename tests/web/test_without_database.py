"""Pages while the database is away, full or locked: nothing typed is lost, and everything goes on when it is back."""

import json
import sqlite3
from collections.abc import Callable

import pytest
from peewee import DatabaseError, IntegrityError, InterfaceError, InternalError, OperationalError

from survey import responses
from survey.models import Comment, Rating, Wave, database
from tests.web.pages import STRANGE, form_in, nothing_is_stored

FULL = OperationalError("database or disk is full")
KEPT = "All that you wrote is still here"
AWAY = "The database does not answer just now"
STAGES = ("connect", "questions", "accept")
ERRORS = (
    FULL,
    InterfaceError("connection already closed"),
    InternalError("cannot execute UPDATE in a read-only transaction"),
    DatabaseError("database disk image is malformed"),
    IntegrityError("FOREIGN KEY constraint failed"),
    sqlite3.OperationalError("disk I/O error"),
)

Break = Callable[..., None]


@pytest.fixture
def break_at(monkeypatch: pytest.MonkeyPatch) -> Break:
    """From now on the database fails at this stage of a request."""

    def broken(stage: str, error: Exception = FULL) -> None:
        def fail(*_: object, **__: object) -> None:
            raise type(error)(*error.args)

        database.close()
        monkeypatch.setattr(database.obj if stage == "connect" else responses, stage, fail)

    return broken


@pytest.fixture
def typed(link) -> dict[str, str]:
    """A form with an answer of every kind."""
    second = {
        link.field("no_dealings", 1): "y",
        link.field("comment", 2): "Two\r\nlines",
        link.field("kind", 2): "thanks",
    }
    return link.filled(overall="2", missing="means", openness="na", comment=STRANGE, kind="complaint") | second


@pytest.fixture
def keyed(app):
    """A browser that has a session, so that its forms need their keys."""
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client()
    browser.get("/login")
    return browser


def as_kept(form: dict[str, str]) -> dict[str, str]:
    """What was typed in a form, without what the page itself puts there, and with plain line ends."""
    return {
        name: text.replace("\r\n", "\n")
        for name, text in form.items()
        if name not in ("csrf_token", "language") and text
    }


# --- The answer page -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_whatever_fails_all_that_was_typed_comes_back_and_can_be_sent_again(
    keyed, link, typed, break_at, monkeypatch, stage, error
):
    typed = form_in(keyed.get(link.address).text) | typed
    break_at(stage, error)
    answer = keyed.post(link.address, data=typed)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert KEPT in answer.text
    kept = form_in(answer.text)
    assert as_kept(kept) == as_kept(typed)
    monkeypatch.undo()
    assert nothing_is_stored()
    assert "Thank you!" in keyed.post(link.address, data=kept).text
    assert {comment.text for comment in Comment.select()} == {STRANGE, "Two\nlines"}
    first = Rating.get(Rating.provider == link.providers[0])
    assert json.loads(first.answers).items() >= {"overall": 2, "missing": 2, "promises": 4}.items()


def test_it_comes_back_as_often_as_the_database_fails(client, link, typed, break_at):
    break_at("connect")
    for _ in range(3):
        sent = typed
        typed = form_in(client.post(link.address, data=sent).text)
        assert as_kept(typed) == as_kept(sent)


@pytest.mark.parametrize("stage", STAGES)
def test_a_page_that_was_open_for_too_long_loses_nothing_either(keyed, link, typed, break_at, stage):
    typed = form_in(keyed.get(link.address).text) | typed
    break_at(stage)
    answer = keyed.post(link.address, data=typed | {"csrf_token": "too old"})
    assert answer.status_code == (400 if stage == "accept" else 503)
    assert as_kept(form_in(answer.text)) == as_kept(typed)


@pytest.mark.parametrize("stage", STAGES)
def test_it_comes_back_in_the_language_of_the_page_that_was_sent(client, link_of, company, typed, break_at, stage):
    link = link_of(company.alice)  # reads Spanish
    form = form_in(client.get(link.address, headers={"Accept-Language": "en"}).text)
    break_at(stage)
    answer = client.post(link.address, data=form | link.filled(), headers={"Accept-Language": "en"})
    assert "Todo lo que has escrito sigue aquí" in answer.text


@pytest.mark.parametrize(("language", "shown"), [("es", "es"), ("fr", "en"), (None, "en")])
def test_without_a_language_of_ours_the_browsers_counts(client, link, break_at, company, sign_in, language, shown):
    break_at("connect")
    form = link.filled() | ({"language": language} if language else {})
    assert f'<html lang="{shown}">' in client.post(link.address, data=form, headers={"Accept-Language": "en"}).text


def test_only_a_link_of_ours_gets_back_what_was_sent(client, link, typed, break_at):
    break_at("connect")
    answer = client.post(f"{link.address[:-1]}x", data=typed, headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert AWAY in answer.text
    assert "right to left" not in answer.text


def test_opening_a_link_says_that_the_database_is_away(client, link, break_at):
    break_at("connect")
    answer = client.get(link.address, headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert AWAY in answer.text


def test_the_page_that_keeps_answers_brings_no_cookie(app, link, typed, break_at):
    app.config["WTF_CSRF_ENABLED"] = True
    break_at("connect")
    assert "Set-Cookie" not in app.test_client().post(link.address, data=typed).headers


# --- What is stored ------------------------------------------------------------------------------------------------


def fail_at(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    """The database takes everything but a statement that begins so."""
    execute_sql, commit = database.obj.execute_sql, database.obj.commit

    def some(sql: str, *args: object) -> object:
        if sql.startswith(statement):
            raise FULL
        return execute_sql(sql, *args)

    def end() -> None:
        if statement == "COMMIT":
            raise FULL
        commit()

    monkeypatch.setattr(database.obj, "execute_sql", some)
    monkeypatch.setattr(database.obj, "commit", end)


@pytest.mark.parametrize("statement", ["UPDATE", "INSERT", "COMMIT"])
def test_a_failure_on_the_way_stores_nothing(client, link, typed, monkeypatch, statement):
    fail_at(monkeypatch, statement)
    assert client.post(link.address, data=typed).status_code == 503
    monkeypatch.undo()
    assert nothing_is_stored()
    assert client.post(link.address, data=typed).status_code == 200


# --- Other pages ---------------------------------------------------------------------------------------------------


def test_every_other_page_says_so_as_well(client, break_at, wave: Wave):
    break_at("connect")
    for path in ("/", "/login", "/hr/", "/hr/matrix", "/lead/", "/confidentiality"):
        answer = client.get(path, headers={"Accept-Language": "en"})
        assert (answer.status_code, AWAY in answer.text) == (503, True), path


@pytest.mark.parametrize(("browser", "shown"), [("es", "es"), ("en", "en"), ("fr", "es"), ("", "es")])
def test_the_page_needs_nothing_of_who_is_signed_in(company, sign_in, break_at, browser, shown):
    hanna = sign_in(company.hanna)
    break_at("connect")
    answer = hanna.get("/hr/", headers={"Accept-Language": browser})
    assert answer.status_code == 503
    assert f'<html lang="{shown}">' in answer.text


def test_what_only_we_could_mend_is_not_called_away(company, sign_in, monkeypatch):
    hanna = sign_in(company.hanna)
    database.close()

    def wrong(*_: object, **__: object) -> None:
        raise IntegrityError("UNIQUE constraint failed")

    monkeypatch.setattr(database.obj, "connect", wrong)
    assert hanna.get("/hr/").status_code == 500


# --- The log -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_the_log_has_one_line_without_token_text_or_traceback(client, link, typed, break_at, caplog, stage):
    caplog.set_level("INFO")
    break_at(stage)
    client.post(link.address, data=typed)
    assert caplog.messages == ["No database for respond.answer [POST]: database or disk is full"]
    assert caplog.records[0].exc_info is None


def test_the_log_names_what_failed_first_not_what_failed_because_of_it(client, link, typed, monkeypatch, caplog):
    fail_at(monkeypatch, "INSERT")

    def gone() -> None:
        raise OperationalError("cannot rollback - no transaction is active")

    rollback = database.obj.rollback
    monkeypatch.setattr(database.obj, "rollback", gone)
    client.post(link.address, data=typed)
    rollback()
    assert caplog.messages == ["No database for respond.answer [POST]: database or disk is full"]
