"""Headless Chromium for tests, and a server for the pages it walks; the fixtures `chromium` and `site` begin here."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PATIENCE_MS = 20_000  # a busy machine is slow
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def launched() -> Iterator[Chromium]:
    """Chromium, until the block ends."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """The addresses hold tokens, and nobody reads this."""


def read_first(app: WSGIApplication) -> WSGIApplication:
    """Each answer is read before it is sent: werkzeug leaves a file open whose reader hangs up in between."""

    def answered(environ: Any, start_response: Any) -> list[bytes]:
        found = app(environ, start_response)
        try:
            return [b"".join(found)]
        finally:
            if hasattr(found, "close"):
                found.close()

    return answered


@contextmanager
def serving(app: WSGIApplication) -> Iterator[str]:
    """Serve `app` by threads of this process, until the block ends; gives its address."""
    server = make_server("127.0.0.1", 0, read_first(app), threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def browsing(
    chromium: Chromium, language: str = "en", size: Any = PHONE, scheme: Any = "light", **options: Any
) -> Iterator[BrowserContext]:
    """A browser without history, as somebody has it; `options` are playwright's: has_touch, java_script_enabled …"""
    context = chromium.new_context(
        locale=language, timezone_id="Europe/Madrid", viewport=size, color_scheme=scheme, **options
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        context.close()
