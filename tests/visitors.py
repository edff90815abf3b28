"""Visitors over HTTP: their mailed links, and a browser that keeps its connection and its cookie."""

import time
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from peewee import chunked

from survey.models import Invitation, Person, Wave
from survey.settings import Settings
from survey.signing import invitation_token
from survey.waves import invite_due, open_now
from tests.cast import SIZES, Company, K
from tests.servers import PATIENCE_SECONDS
from tests.web.pages import Link


def open_links(settings: Settings, people: int) -> list[Link]:
    """The links of a wave that is open now, in the database that the tables are bound to; never fewer than the cast."""
    company = Company()
    more = (company._values(f"more{number}", "Sales") for number in range(people - sum(SIZES.values())))
    for some in chunked(more, 500):
        Person.insert_many(some).execute()
    now = int(time.time())
    wave = open_now(company.pulse, now, K)
    while Wave.get_by_id(wave.id).state == "opening":  # so many are asked that it takes a while
        if not invite_due(now):
            time.sleep(0.1)  # a scheduler is at it
    return unanswered(wave, settings)


def unanswered(wave: Wave, settings: Settings) -> list[Link]:
    """The links of a wave that have not been used, in the order of their random ids."""
    return [
        Link(invitation_token(found.id, settings), tuple(map(int, found.providers.split())))
        for found in Invitation.select().where(Invitation.wave == wave, ~Invitation.answered).order_by(Invitation.id)
    ]


@dataclass(frozen=True)
class Reply:
    status: int
    text: str
    cookie: str
    seconds: float

    @property
    def heading(self) -> str:
        return self.text.split("<h1>")[1].split("</h1>")[0]


class Browser:
    """One visitor; its connection is kept, as browsers do, and opened again when it was lost."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, cookie: str = "") -> Reply:
        """Raises OSError or HTTPException when no whole reply comes back."""
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        started = time.monotonic()
        try:
            self._connection.request(method, f"{path}?lang=en", urlencode(form or {}), headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except BaseException:
            self._connection.close()
            raise
        given = answer.headers["Set-Cookie"] or ""
        return Reply(answer.status, text, given.split(";")[0], time.monotonic() - started)

    def close(self) -> None:
        self._connection.close()
