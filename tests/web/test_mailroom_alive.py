"""The page about mail in a browser: it brings itself up to date while mail leaves, and then rests."""

from collections.abc import Iterator

import pytest

from survey import create_app, sending
from survey.models import database
from survey.settings import Settings
from survey.signing import sign_in_token
from tests.browser import Chromium, serving
from tests.test_outbox import Post, compose

pytestmark = pytest.mark.browser

MOVES = "#progress[data-moves]"
RESTS = "#progress:not([data-moves])"


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    with serving(create_app(Settings(**{**vars(settings), "smtp_url": "smtp://127.0.0.1:9"}))) as address:
        yield address


def test_the_page_follows_a_delivery_to_its_end(company, wave, settings, address, chromium: Chromium) -> None:
    token = sign_in_token(company.hanna.id, company.hanna.sign_ins, settings)
    page = chromium.new_context(locale="en-GB").new_page()
    page.goto(f"{address}/login/{token}")
    page.click("main button")
    page.goto(f"{address}/hr/outbox")
    assert "59 mails are on their way." in page.inner_text(MOVES)
    with database.connection_context():
        sending.deliver(wave.opens_at, compose, Post())
    page.wait_for_selector(RESTS)  # nobody has reloaded it
    assert "No mail waits to be sent." in page.inner_text(RESTS)
    assert "59 of 59" in page.inner_text(RESTS)
