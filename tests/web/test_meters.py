"""/metrics: for whoever shows the token; every figure is there, and none tells who answered when."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from peewee import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from survey import create_app, leases, responses
from survey.database import open_database
from survey.models import Wave, database
from survey.settings import Settings
from survey.web import access, meters
from survey.web.blueprints import BLUEPRINTS, FOR_EMPLOYEES, WATCHED
from tests.cast import OPENS, Company
from tests.engines import fresh_database, settings_in
from tests.servers import Installation
from tests.web.pages import addresses

TOKEN = "a token for tests"
Figures = dict[tuple[str, ...], float]


@pytest.fixture
def watched(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The pages of an installation that has a token."""
    app = create_app(settings_in(settings.home_folder, database_url=settings.database_url, metrics_token=TOKEN))
    app.config["WTF_CSRF_ENABLED"] = False
    monkeypatch.setattr(access.limiter, "enabled", False)
    return app


@pytest.fixture
def read(watched: Flask) -> Callable[[], Figures]:
    return lambda: figures(watched.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text)


def figures(text: str) -> Figures:
    """{(name, values of its labels …): value}"""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_without_a_token_in_the_settings_there_is_no_such_page(client) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ñ"])
def test_who_does_not_show_the_token_sees_nothing(watched: Flask, header: str) -> None:
    answer = watched.test_client().get("/metrics", headers={"Authorization": header})
    assert (answer.status_code, answer.text) == (401, "")


def test_it_says_what_the_database_says(read: Callable[[], Figures], company: Company) -> None:
    company.open_wave()
    leases.hold("web1:42:abcd", OPENS)
    found = read()
    assert found["espejo_database_up",] == found["espejo_waves_open",] == 1
    assert found["espejo_mails", "pending"] == 59
    assert found["espejo_mail_wait_seconds",] > 0
    assert found["espejo_clock_age_seconds",] > 0
    assert found["espejo_clock_held",] == 0


def test_it_answers_while_the_database_is_away(
    read: Callable[[], Figures], watched: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("no such host")

    database.close()
    monkeypatch.setattr(database.obj, "connect", refuse)
    before = read()
    assert before["espejo_database_up",] == 0
    assert watched.test_client().get("/hr/").status_code == 503
    after = read()
    assert after["espejo_database_away_total",] == before["espejo_database_away_total",] + 1
    assert after["espejo_requests_total", "hr.overview", "503"] >= 1


def counted(before: Figures, after: Figures) -> set[str]:
    """The names of pages that were counted in between."""
    return {key[1] for key in after if key[0].startswith("espejo_request") and after[key] != before.get(key)}


def test_requests_are_counted_by_the_name_of_the_page(
    read: Callable[[], Figures], watched: Flask, company: Company
) -> None:
    before = read()
    assert watched.test_client().get("/lead/").status_code == 302
    after = read()
    key = "espejo_requests_total", "lead.results", "302"
    assert after[key] == before.get(key, 0) + 1
    assert after["espejo_request_seconds_count", "lead.results"] >= 1


def test_no_page_of_an_employee_moves_any_figure(read: Callable[[], Figures], watched: Flask, link, wave: Wave) -> None:
    browser = watched.test_client()
    read()
    before = read()
    moved_by_reading = counted(before, read())
    before = read()
    assert browser.get(link.address).status_code == 200
    assert browser.post(link.address, data=link.filled()).status_code == 200
    for page in addresses(watched, token=link.token, wave_id=wave.id):
        if page.endpoint.partition(".")[0] not in WATCHED:
            browser.open(page.path, method=page.method).close()
    browser.get("/no/such/page")
    after = read()
    assert counted(before, after) == moved_by_reading == {"api.metrics"}
    still = {key: value for key, value in after.items() if "api.metrics" not in key}
    assert {key for key in still if still[key] != before.get(key)} <= {
        ("espejo_clock_age_seconds",),
        ("espejo_mail_wait_seconds",),
        ("espejo_mails", "pending"),  # /login has queued a mail
    }


def test_who_is_watched_is_a_lead_hr_or_a_machine() -> None:
    assert {page.blueprint.name for page in FOR_EMPLOYEES} == {blueprint.name for blueprint in BLUEPRINTS} - WATCHED
    assert {"respond", "mirror", "receipt"} <= {page.blueprint.name for page in FOR_EMPLOYEES}


def test_an_employees_page_that_fails_is_counted_without_its_name(
    read: Callable[[], Figures], watched: Flask, link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("database is locked")

    before = read()
    monkeypatch.setattr(responses, "accept", fail)
    assert watched.test_client().post(link.address, data=link.filled()).status_code == 503
    after = read()
    assert counted(before, after) == {"api.metrics", meters.EMPLOYEES}
    assert "respond" not in str(after)


def test_jobs_tell_how_long_they_took(read: Callable[[], Figures]) -> None:
    jobs = meters.timed({"waves": lambda now: Counter({"waves closed": now})})
    before = read()
    assert jobs["waves"](0) == Counter({"waves closed": 0})
    jobs["waves"](2)
    after = read()
    assert after["espejo_job_seconds_count", "waves"] == before.get(("espejo_job_seconds_count", "waves"), 0) + 2
    assert after["espejo_closing_seconds_count",] == before["espejo_closing_seconds_count",] + 1


@pytest.fixture
def two_workers(server: str, tmp_path: Path) -> Iterator[str]:
    with fresh_database(server) as address:
        open_database(settings_in(tmp_path / "home", database_url=address))
        database.close()
        installed = Installation(tmp_path, database_url=address, metrics_token=TOKEN)
        with installed.serving("serve", "--workers", "2", "--no-scheduler") as url:
            yield url


@pytest.mark.postgres
def test_workers_on_one_address_count_together(two_workers: str) -> None:
    for _ in range(20):
        with urlopen(f"{two_workers}/readyz") as answer:
            assert answer.status == 200
    asked = Request(f"{two_workers}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    for _ in range(4):
        with urlopen(asked) as answer:
            assert figures(answer.read().decode())["espejo_requests_total", "api.ready", "200"] == 20
