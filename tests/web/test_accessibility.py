"""WCAG 2.2 AA on every page that a person can reach, in both languages, light and dark, on a phone and zoomed.

Zoomed means 320 CSS pixels: what WCAG 1.4.10 (Reflow) asks for, a screen of 1280 pixels at 400 %, or of 640 at 200 %.
"""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from survey.web.access import limiter
from tests.browser import PHONE
from tests.web import gallery
from tests.web.gallery import AXE, Gallery, walls

pytestmark = pytest.mark.browser

NO_PAGES = {"static", "api.alive", "api.ready", "api.metrics", "hr.picture", "demo.picture", "account.offer_sign_in"}
NO_PAGES |= {gallery.MAIL, "launch.invitation"}  # mails, shown in a frame of a page
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ZOOMED = {"width": 320, "height": 690}
WIDTH = "document.documentElement.scrollWidth"
CHECK = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": RULES}}
COLOURS = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}}
WORDS = CHECK | {"rules": {"color-contrast": {"enabled": False}}}

in_one_language = pytest.mark.parametrize("language", ["es"], indirect=True)  # where words make no difference


@pytest.fixture(params=["es", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def begun(company, settings, language, monkeypatch) -> Gallery:
    monkeypatch.setattr(limiter, "enabled", False)
    return gallery.begun(company, settings, language)


@pytest.fixture
def running(released, company, settings, language, monkeypatch) -> Gallery:
    monkeypatch.setattr(limiter, "enabled", False)
    return gallery.running(company, settings, language)


@pytest.fixture(scope="module")
def hung() -> list[Gallery]:
    """The gallery, once it is there."""
    return []


@pytest.fixture
def once(request: pytest.FixtureRequest, hung: list[Gallery], language: str) -> Gallery:
    """The running gallery for tests that look at its pages alone, and ask the application for nothing else."""
    if not hung:
        hung.append(request.getfixturevalue("running"))
    return hung[0]


def violations(page: Page, options: dict[str, Any]) -> list[str]:
    """What axe finds: the rule, and where."""
    found = page.evaluate("async options => (await axe.run(options)).violations", options)
    return [f"{one['id']}: {node['html'][:140]}" for one in found for node in one["nodes"][:3]]


def faults(page: Page) -> list[str]:
    """What is wrong with a page on a phone: light, dark, zoomed."""
    page.add_script_tag(url=AXE)
    # As tall as the page: what the bar at the bottom happens to cover is reached by scrolling.
    page.set_viewport_size({**PHONE, "height": page.evaluate("document.documentElement.scrollHeight")})
    if page.locator("html[lang=en]").count():  # colours are the same in every language
        found = violations(page, WORDS)
    else:
        found = violations(page, CHECK)
        page.emulate_media(color_scheme="dark")
        found += [f"dark, {fault}" for fault in violations(page, COLOURS)]
    for size in (PHONE, ZOOMED):
        page.set_viewport_size(size)
        if (width := page.evaluate(WIDTH)) > size["width"]:
            found.append(f"{width} pixels wide on {size['width']}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    return found


def faults_of(chromium, shown: Gallery) -> dict[str, list[str]]:
    with walls(chromium, shown) as open_page:
        return {name: found for name in shown.pages if (found := faults(open_page(name)))}


@pytest.mark.early
def test_nothing_is_wrong_with_any_page(chromium, running):
    assert len(running.pages) > 40
    assert faults_of(chromium, running) == {}


def test_nothing_is_wrong_with_any_page_before_the_first_wave_has_closed(chromium, begun):
    assert len(begun.pages) > 12
    assert faults_of(chromium, begun) == {}


@in_one_language
def test_every_page_of_the_url_map_is_looked_at(once):
    rules = [rule for rule in once.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    pages = {rule.endpoint for rule in rules if not rule.endpoint.startswith("download.")}
    assert pages - NO_PAGES - {name.split(" (")[0] for name in once.pages} == {"respond.answer"}
    assert "answer, fresh" in once.pages
    assert "login, button" in once.pages


def test_a_fault_is_found(chromium, app):
    bad = Gallery(app, "en")
    bad.pages["bad"] = app.response_class(
        "<title>x</title><p style='color: #999'>grey</p><img src='x'><div style='width: 500px'>wide</div>"
    )
    bad.pages["bad in English"] = app.response_class("<html lang=en><title>x</title><h1>x</h1><img src='x'>")
    found = {name: " ".join(told) for name, told in faults_of(chromium, bad).items()}
    for expected in ("html-has-lang", "image-alt", "color-contrast", "pixels wide on 320", "pixels wide on 390"):
        assert expected in found["bad"]
    assert "image-alt" in found["bad in English"]


PLACES = """[...document.querySelectorAll("h1, h2, h3, h4, legend, label, input, select, textarea, button")]
    .filter(stop => stop.checkVisibility() && stop.getClientRects().length)
    .map(stop => [stop.tagName, stop.getBoundingClientRect().top, stop.getBoundingClientRect().bottom])"""


@in_one_language
def test_without_styles_and_scripts_all_is_there_in_the_order_of_reading(chromium, once):
    """Headings, questions and fields stand below each other as they come; nothing is drawn over anything else."""
    with walls(chromium, once, styled=False, java_script_enabled=False) as open_page:
        for name in once.pages:
            places = open_page(name).evaluate(PLACES)
            assert "H1" in {tag for tag, *_ in places}, name
            for (_, top, _), (tag, _, bottom) in pairwise(places):
                assert bottom >= top, f"{name}: {tag} stands above what comes before it"


@in_one_language
def test_without_styles_and_scripts_every_field_of_the_answer_page_is_seen(chromium, once):
    with walls(chromium, once, styled=False, java_script_enabled=False) as open_page:
        page = open_page("answer, fresh")
        fields = page.locator("main :is(input:not([type=hidden]), select, textarea)")
        assert fields.count() > 60
        assert all(field.is_visible() for field in fields.all())
        assert page.locator("#send").is_visible()
