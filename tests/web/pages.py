"""Reading pages and databases as an attacker would: every address, every table, every row."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from survey.measure.scale import ITEMS, OVERALL
from survey.models import TABLES, Comment, Invitation, Rating, Table, database
from survey.responses import Answer

STRANGE = "<script>alert(1)</script>{{7*7}} \u202eright to left\u202c 🙃 'q' \"d\" &amp;"


NEW = {"upload_id": "0" * 32, "step": "layout", "import_id": 1, "person_id": 1}  # what HR brings in, and whom


@dataclass(frozen=True)
class Link:
    """Somebody's mailed link: its token, and the providers it asks about."""

    token: str
    providers: tuple[int, ...]

    @property
    def address(self) -> str:
        return f"/r/{self.token}"

    def field(self, name: str, place: int = 0) -> str:
        """The name of a field about the provider at `place`."""
        return f"p{self.providers[place]}-{name}"

    def first(self, **values: str) -> dict[str, str]:
        """Fields about the first provider."""
        return {self.field(name): value for name, value in values.items()}

    def filled(self, **values: str) -> dict[str, str]:
        """Everybody gets fours; `values` replace or add fields about the first provider."""
        return {f"p{provider}-{item}": "4" for provider in self.providers for item in ITEMS} | self.first(**values)


@dataclass(frozen=True)
class Address:
    """One page of the URL map, with a value in each of its places."""

    endpoint: str
    path: str
    method: str


def addresses(app: Flask, **values: Any) -> Iterator[Address]:
    """Every page and every form of the application, so that a new one cannot be forgotten."""
    known = {"filename": "base.css", "form": "csv", "key": "finance", "token": "forged.token", "code": "FORGED"}
    known |= {"name": "gap", "kind": "svg", "clients": "it", "table": "items"}
    known |= {"commitment_id": 1, "comment_id": "forged", **NEW, **values}
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            given = {name: known[name] for name in rule.arguments}
            for method in sorted((rule.methods or set()) & {"GET", "POST", "HEAD"}):
                yield Address(rule.endpoint, app.url_for(rule.endpoint, **given), method)


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables: two of these are equal when nothing has changed in between."""
    return {table.__name__: sorted(table.select().tuples(), key=repr) if _has_rows(table) else [] for table in TABLES}


def _has_rows(table: type[Table]) -> bool:
    """Most tables have none, and to word a query for all columns takes longer."""
    return database.execute_sql(f'SELECT 1 FROM "{table._meta.table_name}" LIMIT 1').fetchone() is not None


def stored() -> dict[int, dict[str, int]]:
    """{provider: its scores}"""
    return {rating.provider_id: json.loads(rating.answers) for rating in Rating.select()}


def written() -> list[tuple[int, str, str]]:
    """(provider, kind, text) of each comment"""
    return list(Comment.select(Comment.provider, Comment.kind, Comment.text).tuples())


def nothing_is_stored() -> bool:
    is_answered = Invitation.select().where(Invitation.answered).exists()
    return not (is_answered or Rating.select().exists() or Comment.select().exists())


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[list[str]]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "table":
            self.found.append([])
        elif tag == "tr":
            self.found[-1].append([])
        elif tag in ("th", "td"):
            self.found[-1][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._in_cell = False
            self.found[-1][-1][-1] = " ".join(self.found[-1][-1][-1].split())

    def handle_data(self, text: str) -> None:
        if self._in_cell:
            self.found[-1][-1][-1] += text


def tables(html: str) -> list[list[list[str]]]:
    """The text of every cell, by table and row."""
    parser = _Tables()
    parser.feed(html)
    return parser.found


def rows(client: FlaskClient, address: str, table: int = -1) -> dict[str, list[str]]:
    """A table of a page by the first cell of each row."""
    return {row[0]: row[1:] for row in tables(client.get(address).text)[table]}


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._text_of: str | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "textarea":
            self._text_of = given["name"]
            self.fields[given["name"]] = ""
        elif tag == "input" and (given["type"] == "hidden" or "checked" in given):
            self.fields[given["name"]] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text_of = None

    def handle_data(self, text: str) -> None:
        if self._text_of:
            self.fields[self._text_of] += text


def form_in(html: str) -> dict[str, str]:
    """What a browser would send if the page's form were sent as it stands."""
    parser = _Form()
    parser.feed(html)
    return parser.fields


class _Filled(HTMLParser):
    """The fields of the last form, lists of choices among them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._choice: str | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "form":
            self.fields = {}
        elif tag == "select":
            self._choice = given["name"]
        elif tag == "option" and self._choice and ("selected" in given or self._choice not in self.fields):
            self.fields[self._choice] = given["value"]
        elif tag == "input" and (given.get("type") not in ("checkbox", "radio", "file") or "checked" in given):
            self.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._choice = None


def filled(html: str) -> dict[str, str]:
    """What a browser would send if the page's last form were sent as it stands."""
    parser = _Filled()
    parser.feed(html)
    return parser.fields


def csrf_token(html: str) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', html)
    assert found
    return found[1]


def mixed(provider: int) -> Answer:
    """Scores that differ from provider to provider and from item to item."""
    return Answer(provider, {item: 1 + (provider + place) % 5 for place, item in enumerate(ITEMS)})


def strange(provider: int) -> Answer:
    """An answer whose comment tries to be more than text."""
    return Answer(provider, {OVERALL: 4}, comment=STRANGE, comment_kind="complaint")
