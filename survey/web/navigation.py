"""Finding one's way: the same entries on every page, and the wave and item that were chosen go along."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_babel import gettext as _

from survey.measure.scale import ITEMS

CHOSEN = ("wave", "item")  # what travels in the address from page to page


@dataclass(frozen=True)
class Entry:
    """A page of HR's; `current` is what aria-current says about it, or empty."""

    address: str
    name: str
    current: str


def configure(app: Flask) -> None:
    app.jinja_env.globals.update(hr_pages=hr_pages, page_of=page_of, keeping=keeping)


def hr_pages() -> list[Entry]:
    """HR's pages in their order."""
    names = {
        "/hr/": _("Overview"),
        "/hr/matrix": _("Matrix"),
        "/hr/gap": _("Gap"),
        "/hr/compare": _("Compare"),
        "/hr/complaints": _("Complaints"),
        "/hr/pulses": _("Pulses"),
        "/hr/people": _("People"),
        "/hr/external": _("Customers"),
        "/hr/outbox": _("Mail"),
    }
    endpoints = _endpoints()
    return [Entry(page_of(page), name, _current(page)) for page, name in names.items() if page in endpoints]


def page_of(page: str) -> str:
    """The address of a page ("/hr/gap") with the wave and item that the reader has chosen."""
    return keeping(_endpoints()[page])


def keeping(endpoint: str) -> str:
    """The address of an endpoint with the wave and item that the reader has chosen."""
    chosen: dict[str, Any] = {name: request.args[name] for name in CHOSEN if name in request.args}
    if chosen.get("item") not in ITEMS:
        chosen.pop("item", None)  # a page may offer more, such as all items at once
    return url_for(endpoint, **chosen)


def _current(page: str) -> str:
    """ "page" on the page itself, "true" on the pages below it."""
    if request.path == page:
        return "page"
    return "true" if page != "/hr/" and request.path.startswith(f"{page}/") else ""


def _endpoints() -> dict[str, str]:
    """{path: endpoint} of every page without places to fill in."""
    return {
        rule.rule: rule.endpoint
        for rule in current_app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments
    }
