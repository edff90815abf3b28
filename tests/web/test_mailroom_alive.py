"""The page about mail in a browser: it brings itself up to date while mail leaves, and then rests."""

from collections.abc import Iterator
from threading import Thread

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from survey import create_app, outbox
from survey.models import database
from survey.settings import Settings
from survey.signing import sign_in_token
from tests.test_circle import Chromium, chromium  # noqa: F401 - a fixture
from tests.test_outbox import Post, compose

pytestmark = pytest.mark.browser

MOVES = "#progress[data-moves]"
RESTS = "#progress:not([data-moves])"


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """The addresses hold tokens, and nobody reads this."""


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    app = create_app(Settings(**{**vars(settings), "smtp_url": "smtp://127.0.0.1:9"}))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_follows_a_delivery_to_its_end(company, wave, settings, address, chromium: Chromium) -> None:  # noqa: F811
    token = sign_in_token(company.hanna.id, company.hanna.sign_ins, settings)
    page = chromium.new_context(locale="en-GB").new_page()
    page.goto(f"{address}/login/{token}")
    page.click("main button")
    page.goto(f"{address}/hr/outbox")
    assert "59 mails are on their way." in page.inner_text(MOVES)
    with database.connection_context():
        outbox.deliver(wave.opens_at, compose, Post())
    page.wait_for_selector(RESTS)  # nobody has reloaded it
    assert "No mail waits to be sent." in page.inner_text(RESTS)
    assert "59 of 59" in page.inner_text(RESTS)
