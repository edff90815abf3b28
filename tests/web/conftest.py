"""What the tests of the pages share: how far the company's story has gone, and somebody's mailed link.

Each stage of the story is played once and copied for each test that begins there.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, Route

from survey.database import bind
from survey.external import import_external
from survey.models import Invitation, Person, Wave, database
from survey.settings import Settings
from survey.signing import invitation_token
from tests.browser import Chromium, browsing
from tests.cast import OPENS, Company
from tests.engines import Engine
from tests.web.pages import Link, mixed

Stages = dict[str, str]


@pytest.fixture(scope="session")
def stages(engine: Engine, cast: tuple[str, Company], tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """Databases in which a wave is open, and in which two are released and customers have spoken."""
    begun, company = cast
    home = tmp_path_factory.mktemp("stages")
    settings = engine.settings(home)
    engine.begin(begun, settings)
    bind(settings)
    with database.connection_context():
        company.open_wave()
    opened = engine.keep(settings)
    with database.connection_context():
        company.answer(Wave.get(Wave.state == "open"), mixed)
        company.close_wave(Wave.get(Wave.state == "open"))
        company.released_wave(mixed)
        import_external(_customers(home), None, OPENS)
    return {"open": opened, "released": engine.keep(settings)}


def _customers(folder: Path) -> Path:
    """Customers like Finance, are cool about IT, and rate a shop that counts for nobody yet."""
    scores = {"Finance": (5, 5, 5, 4), "IT": (2, 3, 3, 2), "Shop": (4, 4, 3, 4)}
    rows = [
        f"{name},{item},2026-01-1{place},{score}"
        for name, given in scores.items()
        for item in ("overall", "promises")
        for place, score in enumerate(given * 2)
    ]
    path = folder / "customers.csv"
    path.write_text("\n".join(["touchpoint,item,date,score", *rows]), encoding="utf-8")
    return path


def _begin_at(stage: str, engine: Engine, company: Company, settings: Settings) -> None:
    assert database.is_closed(), "Ask for the stage before anything is read or written."
    engine.begin(stage, settings)
    company.shelf = engine.shelf(stage, settings)


@pytest.fixture
def wave(engine: Engine, company: Company, settings: Settings, stages: Stages) -> Wave:
    """The first wave, open; nobody has answered."""
    _begin_at(stages["open"], engine, company, settings)
    return Wave.get(Wave.state == "open")


@pytest.fixture
def released(engine: Engine, company: Company, settings: Settings, stages: Stages) -> list[Wave]:
    """Two released waves, the latest first, and what customers say."""
    _begin_at(stages["released"], engine, company, settings)
    return list(Wave.select().where(Wave.state == "closed").order_by(Wave.id.desc()))


@pytest.fixture
def link_of(wave: Wave, settings: Settings) -> Callable[[Person], Link]:
    """The link that a person was mailed."""

    def found(person: Person) -> Link:
        invitation = Invitation.get(Invitation.wave == wave, Invitation.person == person)
        return Link(invitation_token(invitation.id, settings), tuple(map(int, invitation.providers.split())))

    return found


@pytest.fixture
def link(link_of: Callable[[Person], Link], company: Company) -> Link:
    """Charlie's link; Charlie reads English."""
    return link_of(company.charlie)


@pytest.fixture
def hanna(company: Company, released: list[Wave], sign_in: Callable[[Person], FlaskClient]) -> FlaskClient:
    """HR, when two waves are released."""
    return sign_in(company.hanna)


@pytest.fixture
def beginner(company: Company, sign_in: Callable[[Person], FlaskClient]) -> FlaskClient:
    """HR before any wave has closed."""
    return sign_in(company.hanna)


@pytest.fixture
def browse(app: Flask, chromium: Chromium) -> Iterator[Callable[..., Page]]:
    """Opens pages of a signed-in test client in Chromium, without a server: every request is handed to the client."""
    with ExitStack() as contexts:

        def opened(client: FlaskClient, address: str, width: int, **options: Any) -> Page:
            def answer(route: Route) -> None:
                parts = urlsplit(route.request.url)
                with client.get(f"{parts.path}?{parts.query}") as found:
                    route.fulfill(status=found.status_code, body=found.data, headers=dict(found.headers))

            size = {"width": width, "height": 800}
            page = contexts.enter_context(browsing(chromium, size=size, **options)).new_page()
            page.route("**/*", answer)
            page.goto(f"http://espejo.example{address}")
            return page

        yield opened
