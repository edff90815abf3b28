"""Mails in a browser: nothing is cut off on a phone, with pictures and without."""

from base64 import b64encode
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser as Chromium

from survey.models import Department, Person
from tests.browser import browsing
from tests.mails import Write, _today, each_mail, html_of, pictures_of, post, scenes, written

__all__ = ["_today", "post", "scenes", "written"]  # fixtures

pytestmark = pytest.mark.browser

WIDTHS = (320, 360, 375, 390, 412, 421, 480, 560, 600, 640, 700)  # pixels; the layout changes at 380 and 420
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5).map(one => one.outerHTML.slice(0, 80))"""
LONG = "Departamento de Aprovisionamiento Internacional y Reclamaciones Administrativas"


def with_pictures(mail: EmailMessage) -> str:
    """The HTML as a mail program shows it, its pictures in place."""
    html = html_of(mail)
    for picture in pictures_of(mail):
        cid = picture["Content-ID"].strip("<>")
        html = html.replace(f"cid:{cid}", f"data:image/png;base64,{b64encode(picture.get_content()).decode()}")
    return html


def too_wide(chromium: Chromium, *pages: str) -> dict[int, list[str]]:
    """{width: what stands out of it} of any of the pages."""
    found = {}
    with browsing(chromium) as context:
        shown = context.new_page()
        for html in pages:
            shown.set_content(html)
            for width in WIDTHS:
                shown.set_viewport_size({"width": width, "height": 800})
                if out := shown.evaluate(TOO_WIDE):
                    found[width] = out
    return found


@each_mail
def test_no_mail_is_wider_than_its_window(name: str, written: Write, chromium: Chromium) -> None:
    mails = [written(name, language=language) for language in ("es", "en")]
    pages = dict.fromkeys(page for mail in mails for page in (with_pictures(mail), html_of(mail)))  # with, and blocked
    assert too_wide(chromium, *pages) == {}


@pytest.mark.parametrize("name", ["company", "summary", "summary-of-a-division", "invitation"])
def test_long_names_are_broken_not_cut_off(name: str, written: Write, chromium: Chromium) -> None:
    def renamed() -> None:
        for department in Department.select():
            Department.update(name=f"{LONG} {department.key}").where(Department.id == department.id).execute()
        Person.update(name="Wolfeschlegelsteinhausenbergerdorff " * 3).execute()

    assert too_wide(chromium, with_pictures(written(name, renamed, "es"))) == {}
