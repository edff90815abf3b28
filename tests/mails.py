"""What the tests of mails share: what happens before each kind, the mail that comes of it, and what its reader sees."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest
import time_machine
from flask import Flask

from survey import commitments, duties, mirrors, outbox, waves
from survey.commitments import Draft
from survey.emails import composer
from survey.external import import_external
from survey.measure.scale import COMMENT_KINDS, ITEMS
from survey.measure.sight import PREDICTION, SELF
from survey.models import (
    Bounce,
    Department,
    Leadership,
    Message,
    Person,
    ServiceLink,
    Touchpoint,
    Wave,
    database,
)
from survey.outside import set_departments
from survey.responses import Answer
from survey.settings import Settings
from survey.transport import Mail
from tests.cast import DAY, OPENS, Company, K
from tests.complaining import MADRID, at, complained, reply
from tests.engines import Engine
from tests.test_mirrors import links

OWN = ("overall", "flexibility")  # what the mirrors are asked here
BYTES = 100 * 1024  # of a mail; larger ones are cut off by some readers
TOKEN = re.compile(r"(?<=/r/)[0-9a-f]+\.[0-9a-f]+|(?<=/login/)[\w.-]+|(?<=/summaries/)[\w.]+|(?<=/you-said/)[\w.]+")
LINK = re.compile(r"https?://\S+")
FIGURE = re.compile(r"[+−]?\d+|≈ \d+")
PART = re.compile(r":?\n[\n-]*| · |: | \(| (?=[+−]?\d)|\)")  # between what stands in one piece in the HTML as well
HOSTILE = {
    "line breaks": "Ana\r\nBcc: eve@evil.example\r\n\r\nHello",
    "other line breaks": "Ana\u2028Bcc: eve@evil.example\x85\x0bx",
    "markup": '<b onclick="x()">Ana</b><img src=http://evil.example/x.png></p>',
    "a formula": "=cmd|' /C calc'!A0",
    "quotes": 'O\'Brien "the boss", <eve@evil.example>, \\ Jr.;',
    "placeholders": "100 % %(name)s {{ 7 * 7 }} {% raw %}",
    "an encoded word": "=?utf-8?q?=0D=0ABcc=3A_eve=40evil.example?=",
    "200 letters": "Ñ" * 200,
    "50 words": "Ñu, " * 50,
}
hostile = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())


class Words(HTMLParser):
    """What a reader sees of an HTML page: its words, pictures and links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.links: set[str] = set()
        self.pictures: list[dict[str, str | None]] = []
        self._unseen = 0
        self.feed(html)
        self.text = one_line(" ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._unseen += tag in ("style", "title")
        if tag == "a":
            self.links.add(dict(attrs)["href"] or "")
        if tag == "img":
            self.pictures.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)


def one_line(text: str) -> str:
    return " ".join(text.split())


def read(mail: Mail) -> EmailMessage:
    """The mail after its way through SMTP; parsed, without a defect."""
    assert len(mail.content) < BYTES
    parsed = BytesParser(EmailMessage, policy=policy.default).parsebytes(mail.content)
    for part in parsed.walk():
        assert not part.defects
    return parsed


class Post:
    """Writes mails as sending.deliver would, and reads them as their receiver would."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._compose = composer(app, settings)

    def message(self, kind: str, person: Person) -> Message:
        """The latest message of this kind to this person."""
        query = Message.select().where(Message.kind == kind, Message.person == person)
        return query.order_by(Message.id.desc()).get()

    def mail(self, kind: str, person: Person) -> EmailMessage:
        return read(self._compose(self.message(kind, person), OPENS))


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    """Dates show the year when it is not this one's, and a sign-in link holds its moment."""
    with time_machine.travel(OPENS, tick=False):
        yield


@pytest.fixture
def post(company: Company, app: Flask, settings: Settings) -> Post:
    return Post(app, settings)


def text_of(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html_of(mail: EmailMessage) -> str:
    return mail.get_body(("html",)).get_content()


def pictures_of(mail: EmailMessage) -> list[EmailMessage]:
    return [part for part in mail.walk() if part.get_content_maintype() == "image"]


# --- What happens before each kind of mail -------------------------------------------------------------------------


def customers_say(tmp_path: Path, points: int) -> None:
    """Four hundred customers of Finance say so, on every item."""
    rows = "\n".join(f"Counter,{item},2026-03,{points},400,20" for item in ITEMS)
    file = tmp_path / "customers.csv"
    file.write_text(f"touchpoint,item,date,mean,n,sd\n{rows}\n", encoding="utf-8")
    import_external(file, None, OPENS)
    finance = Department.get(Department.key == "finance")
    set_departments(Touchpoint.get().id, {finance.id: 1.0}, attributed=False)


def mixed(level: int) -> Callable[[int], Answer]:
    """Answers around `level` that differ from person to person and from item to item."""
    chance = Random(level)

    def about(provider: int) -> Answer:
        scores = {item: max(1, min(5, level + chance.choice((-1, 0, 0, 1)))) for item in ITEMS}
        scores["flexibility"] = max(1, scores["flexibility"] - chance.choice((0, 1)))
        silent = chance.random() < 0.7
        return Answer(provider, scores, None, "" if silent else "They listen.", chance.choice(COMMENT_KINDS))

    return about


def opened(company: Company, tmp_path: Path) -> None:
    company.open_wave()


def reminded(company: Company, tmp_path: Path) -> None:
    company.open_wave()
    waves.remind_due(OPENS + 4 * DAY)


def closed(company: Company, tmp_path: Path) -> None:
    """Two waves, the second one better, in which Finance sees itself, and customers who are happier still."""
    customers_say(tmp_path, 80)
    company.released_wave(mixed(3))
    wave, finance = company.open_wave(), company.departments["Finance"]
    for number, link in enumerate(links(company, wave, "Finance")):
        expected = 4 + number % 2
        mirrors.accept(link, {SELF: {"overall": 5, "flexibility": 5}, PREDICTION: dict.fromkeys(OWN, expected)})
    mirrors.keep_lead_view(company.alice, wave, finance, {SELF: dict.fromkeys(OWN, 4), PREDICTION: {"overall": 5}})
    company.answer(wave, mixed(4))
    company.close_wave(wave)
    Bounce.create(person=company.charlie, email=company.charlie.email, reply="550 unknown")


def closed_for_a_division(company: Company, tmp_path: Path) -> None:
    """Charlie leads Sales, and a division in which too few rate one of the departments."""
    services = Department.create(key="services", name="Services")
    for led in (services, company.departments["Sales"]):
        Leadership.create(person=company.charlie, department=led)
    Department.update(parent=services).where(Department.key.in_(["it", "legal"])).execute()
    ServiceLink.delete().where(ServiceLink.provider == company.departments["Legal"]).execute()
    company.released_wave(mixed(4))


def closed_in_vain(company: Company, tmp_path: Path) -> None:
    company.close_wave(company.open_wave())


def missed(company: Company, tmp_path: Path) -> None:
    waves.open_due(OPENS + 100 * DAY, K)


def unopened(company: Company, tmp_path: Path) -> None:
    """A wave is due whose questionnaire has another scale than the wave before."""
    wave = company.released_wave()
    Wave.update(questionnaire=wave.questionnaire.replace("siempre", "a veces")).execute()
    waves.open_due(Wave.get(Wave.state == "planned").opens_at, K)


def complained_of(company: Company, tmp_path: Path) -> None:
    """Alice's departments have had complaints, and have answered one."""
    Leadership.create(person=company.alice, department=company.departments["Logistics"])
    wave = complained(company, Finance=3, Logistics=1)
    reply(company, wave, "Finance", "2026-03-18 09:00")
    duties.recall_complaints(at("2026-03-23 09:00"), 5)


def complained_of_still(company: Company, tmp_path: Path) -> None:
    """A fortnight later one complaint waits."""
    wave = complained(company, Finance=2)
    duties.recall_complaints(at("2026-03-23 09:00"), 5)
    reply(company, wave, "Finance", "2026-03-24 09:00")
    duties.recall_complaints(at("2026-03-30 09:00"), 5)


def promised(company: Company, tmp_path: Path) -> None:
    """Finance has promised something for yesterday and for these days, and Sales, which nobody leads, as well."""
    wave = company.released_wave()
    for name, due_on, text in (
        ("Finance", date(2026, 4, 9), "A calendar of all closings"),
        ("Finance", date(2026, 4, 7), "One address for what is urgent"),
        ("Finance", date(2026, 4, 3), "An answer within two days"),
        ("Sales", date(2026, 4, 8), "Every order has a number"),
        ("Sales", date(2026, 4, 2), "No order by telephone"),
    ):
        draft = Draft("promises", text, due_on)
        commitments.make(wave, company.departments[name], draft, date(2026, 3, 17))
    duties.recall_promises(at("2026-04-06 09:00"), MADRID)
    duties.report_late(at("2026-04-06 09:00"), MADRID)


def asked_to_sign_in(company: Company, tmp_path: Path) -> None:
    outbox.queue(outbox.SIGN_IN, [company.hanna.id], OPENS)


# name → (kind, what happens, to whom)
MAILS = {
    "invitation": (outbox.INVITATION, opened, "charlie"),
    "reminder": (outbox.REMINDER, reminded, "charlie"),
    "summary": (outbox.SUMMARY, closed, "alice"),
    "summary-below-threshold": (outbox.SUMMARY, closed_in_vain, "alice"),
    "summary-of-a-division": (outbox.SUMMARY, closed_for_a_division, "charlie"),
    "company": (outbox.COMPANY, closed, "hanna"),
    "company-below-threshold": (outbox.COMPANY, closed_in_vain, "hanna"),
    "missed": (outbox.MISSED, missed, "hanna"),
    "unopened": (outbox.UNOPENED, unopened, "hanna"),
    "complaints": (outbox.COMPLAINTS, complained_of, "alice"),
    "complaints-again": (outbox.COMPLAINTS, complained_of_still, "alice"),
    "promises": (outbox.PROMISES, promised, "alice"),
    "promises-without-lead": (outbox.PROMISES, promised, "hanna"),
    "overdue": (outbox.OVERDUE, promised, "hanna"),
    "sign-in": (outbox.SIGN_IN, asked_to_sign_in, "hanna"),
}
each_mail = pytest.mark.parametrize("name", MAILS)


class Scenes:
    """What has been played and written, so that it is only once."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}  # databases after each story
        self.mails: dict[tuple[str, str], EmailMessage] = {}  # by name and language


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return Scenes()


Write = Callable[..., EmailMessage]


@pytest.fixture
def written(company: Company, post: Post, engine: Engine, settings: Settings, scenes: Scenes, tmp_path: Path) -> Write:
    """The mail of this name to one of the cast; `after` comes between the story and the mail."""

    def writing(name: str, after: Callable[[], object] = lambda: None, language: str = "en") -> EmailMessage:
        kind, happens, reader = MAILS[name]
        if happens.__name__ not in scenes.kept:
            happens(company, tmp_path)
            database.close()
            scenes.kept[happens.__name__] = engine.keep(settings)
        database.close()
        engine.begin(scenes.kept[happens.__name__], settings)
        person = getattr(company, reader)
        Person.update(language=language).where(Person.id == person.id).execute()
        after()
        return post.mail(kind, person)

    return writing


@pytest.fixture
def to_read(written: Write, scenes: Scenes) -> Write:
    """The same, written once for all tests that only read it."""

    def reading(name: str, language: str = "en") -> EmailMessage:
        if (name, language) not in scenes.mails:
            scenes.mails[name, language] = written(name, language=language)
        return scenes.mails[name, language]

    return reading


HEADERS = {"From", "To", "Date", "Auto-Submitted", "Subject", "Message-ID", "MIME-Version", "Content-Type"}
STOPPABLE = {"List-Unsubscribe", "List-Unsubscribe-Post"}


def assert_sound(mail: EmailMessage, name: str, headers: Iterable[str] = HEADERS) -> None:
    """The mail has the parts it should have and no others, and says `name` without obeying it."""
    assert sorted(mail.keys()) == sorted(headers)
    assert len(mail["To"].addresses) == len(mail["From"].addresses) == 1
    assert "\r" not in mail["Subject"]
    assert "\n" not in mail["Subject"]
    seen = Words(html_of(mail))
    assert not {"b", "script"} & set(seen.tags)
    assert all(str(picture["src"]).startswith("cid:") for picture in seen.pictures)
    assert one_line(name) in seen.text
    assert one_line(name) in one_line(text_of(mail))
