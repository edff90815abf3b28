"""Each mail, word for word as approved in tests/approved; and what must hold for all of them."""

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

from survey import create_app, outbox, waves
from survey.emails import compose_test, composer
from survey.external import import_external
from survey.measure.scale import COMMENT_KINDS, ITEMS
from survey.models import Department, Leadership, Message, Person, Touchpoint, database
from survey.outside import set_departments
from survey.pulses import add_pulse
from survey.responses import Answer
from survey.settings import Settings
from tests.approval import assert_approved
from tests.cast import DAY, OPENS, Company, K
from tests.engines import Engine

BYTES = 100 * 1024  # of a mail; larger ones are cut off by some readers
TOKEN = re.compile(r"(?<=/r/)[0-9a-f]+\.[0-9a-f]+|(?<=/login/)[\w.-]+|(?<=/summaries/)[\w.]+")
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


class Post:
    """Writes mails as outbox.deliver would, and reads them as their receiver would."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._compose = composer(app, settings)

    def message(self, kind: str, person: Person) -> Message:
        """The latest message of this kind to this person."""
        query = Message.select().where(Message.kind == kind, Message.person == person)
        return query.order_by(Message.id.desc()).get()

    def mail(self, kind: str, person: Person) -> EmailMessage:
        """The mail after its way through SMTP; parsed, without a defect."""
        written = self._compose(self.message(kind, person), OPENS).as_bytes()
        assert len(written) < BYTES
        parsed = BytesParser(EmailMessage, policy=policy.default).parsebytes(written)
        for part in parsed.walk():
            assert not part.defects
        return parsed


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
    """Two waves, the second one better, and customers who are happier still."""
    customers_say(tmp_path, 80)
    company.released_wave(mixed(3))
    company.released_wave(mixed(4))


def closed_in_vain(company: Company, tmp_path: Path) -> None:
    company.close_wave(company.open_wave())


def missed(company: Company, tmp_path: Path) -> None:
    waves.open_due(OPENS + 100 * DAY, K)


def asked_to_sign_in(company: Company, tmp_path: Path) -> None:
    outbox.queue(outbox.SIGN_IN, [company.hanna.id], OPENS)


# name → (kind, what happens, to whom)
MAILS = {
    "invitation": (outbox.INVITATION, opened, "charlie"),
    "reminder": (outbox.REMINDER, reminded, "charlie"),
    "summary": (outbox.SUMMARY, closed, "alice"),
    "summary-below-threshold": (outbox.SUMMARY, closed_in_vain, "alice"),
    "missed": (outbox.MISSED, missed, "hanna"),
    "sign-in": (outbox.SIGN_IN, asked_to_sign_in, "hanna"),
}
each_mail = pytest.mark.parametrize("name", MAILS)


@pytest.fixture(scope="module")
def scenes() -> dict[str, str]:
    """Databases after each mail's story, so that it happens only once."""
    return {}


Write = Callable[..., EmailMessage]


@pytest.fixture
def written(
    company: Company, post: Post, engine: Engine, settings: Settings, scenes: dict[str, str], tmp_path: Path
) -> Write:
    """The mail of this name to one of the cast; `after` comes between the story and the mail."""

    def writing(name: str, after: Callable[[], object] = lambda: None, language: str = "en") -> EmailMessage:
        kind, happens, reader = MAILS[name]
        if name not in scenes:
            happens(company, tmp_path)
            database.close()
            scenes[name] = engine.keep(settings)
        database.close()
        engine.begin(scenes[name], settings)
        person = getattr(company, reader)
        Person.update(language=language).where(Person.id == person.id).execute()
        after()
        return post.mail(kind, person)

    return writing


# --- Word for word -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["es", "en"])
@each_mail
def test_a_mail_reads_as_it_was_approved(name: str, language: str, written: Write) -> None:
    mail = written(name, language=language)
    head = "\n".join(f"{header}: {mail[header]}" for header in ("From", "To", "Subject", "Auto-Submitted"))
    assert_approved(f"{name}-{language}", TOKEN.sub("<token>", f"{head}\n\n{text_of(mail)}"))


def test_a_year_of_missed_waves_is_a_line_for_each_pulse(company: Company, post: Post) -> None:
    add_pulse("weekly", "weekly", date(2026, 3, 2), "Europe/Madrid")
    waves.open_due(OPENS + 368 * DAY, K)
    mail = post.mail(outbox.MISSED, company.hanna)
    assert mail["Subject"] == "Espejo: 58 waves were not opened"
    assert "- quarterly: 5 waves, from Monday 2 March to" in text_of(mail)
    assert "- weekly: 53 waves, from Monday 2 March to" in text_of(mail)
    assert "<li>weekly: 53 waves, from Monday 2 March to" in html_of(mail)


@each_mail
def test_html_and_text_say_the_same(name: str, written: Write) -> None:
    mail = written(name)
    seen, text = Words(html_of(mail)), text_of(mail)
    assert seen.links == set(LINK.findall(text))
    html, text = LINK.sub("", seen.text), LINK.sub("", text)
    assert sorted(set(FIGURE.findall(html))) == sorted(set(FIGURE.findall(text)))
    assert [part for part in PART.split(text) if part not in html] == []


@each_mail
def test_a_mail_fetches_nothing_from_anywhere(name: str, written: Write) -> None:
    html = html_of(written(name))
    seen = Words(html)
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(seen.tags)
    assert all(str(picture["src"]).startswith("cid:") for picture in seen.pictures)
    assert "url(" not in html
    assert "@import" not in html
    assert all(link.startswith("http://127.0.0.1:8000/") for link in seen.links)


@each_mail
def test_every_copy_of_a_mail_has_the_same_id_and_links(
    name: str, written: Write, company: Company, post: Post
) -> None:
    first = written(name)
    kind, _, reader = MAILS[name]
    second = post.mail(kind, getattr(company, reader))
    assert first["Message-ID"] == second["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{32}@127\.0\.0\.1>", first["Message-ID"])
    assert text_of(first) == text_of(second)


def test_two_mails_have_different_ids(company: Company, post: Post) -> None:
    company.open_wave()
    mails = [post.mail(outbox.INVITATION, person) for person in (company.alice, company.bob)]
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]


def test_a_mail_is_written_in_the_language_of_its_reader(company: Company, post: Post) -> None:
    company.open_wave()
    spanish, english = (post.mail(outbox.INVITATION, person) for person in (company.alice, company.bob))
    assert '<html lang="es">' in html_of(spanish)
    assert '<html lang="en">' in html_of(english)


# --- The lead's summary --------------------------------------------------------------------------------------------


def test_the_picture_travels_with_the_mail_and_is_told_in_words(written: Write) -> None:
    mail = written("summary")
    (picture,) = pictures_of(mail)
    (shown,) = Words(html_of(mail)).pictures
    assert picture["Content-ID"] == f"<{str(shown['src']).removeprefix('cid:')}>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content().startswith(b"\x89PNG")
    assert int(str(shown["width"])) > 100
    assert str(shown["alt"]).startswith("How Finance serves its clients, 0 to 100: All in all ")


def test_a_lead_of_every_department_still_gets_a_small_mail(written: Write, company: Company) -> None:
    def promoted() -> None:
        for department in company.departments.values():
            Leadership.get_or_create(person=company.alice, department=department)

    mail = written("summary", promoted)
    assert text_of(mail).count("of 100 all in all") == len(company.departments)
    assert len(pictures_of(mail)) == len(Words(html_of(mail)).pictures) == 2


def test_a_lead_reads_about_the_own_departments_alone(written: Write) -> None:
    mail = written("summary")
    all_of_it = f"{mail['Subject']} {text_of(mail)} {html_of(mail)}"
    assert re.search(r"\bFinance\b", all_of_it)
    assert not re.search(r"\b(IT|Sales|Logistics|Legal)\b", all_of_it)


def test_who_leads_nothing_gets_no_summary(company: Company, post: Post) -> None:
    company.released_wave()
    readers = {message.person_id for message in Message.select().where(Message.kind == outbox.SUMMARY)}
    assert readers == {company.alice.id, company.bob.id}


def test_a_department_below_the_threshold_gets_no_picture_and_no_figure(written: Write) -> None:
    mail = written("summary-below-threshold")
    assert pictures_of(mail) == []
    assert "of 100" not in text_of(mail)


def test_a_summary_of_several_departments_names_them_in_its_subject(company: Company, post: Post) -> None:
    Leadership.create(person=company.bob, department=company.departments["Sales"])
    company.released_wave()
    assert post.mail(outbox.SUMMARY, company.bob)["Subject"] == "What your clients say: IT, Sales"


# --- Names that bite -----------------------------------------------------------------------------------------------


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


def without_blanks(text: str) -> str:
    """Long headers are folded at any place; and an encoded word in a name is broken up by a blank."""
    return "".join(text.split())


@hostile
def test_a_persons_name_cannot_change_a_mail(name: str, written: Write, company: Company) -> None:
    mail = written("invitation", Person.update(name=name).where(Person.id == company.charlie.id).execute)
    assert_sound(mail, name)
    assert mail["To"].addresses[0].addr_spec == "charlie@mirror.example"


@hostile
def test_a_departments_name_cannot_change_a_mail(name: str, written: Write) -> None:
    mail = written("summary", Department.update(name=name).where(Department.key == "finance").execute)
    assert_sound(mail, name, HEADERS | STOPPABLE)
    assert without_blanks(name) in without_blanks(mail["Subject"])


@hostile
def test_the_companys_name_cannot_change_a_mail(name: str, company: Company, settings: Settings) -> None:
    named = Settings.from_environment({}, home=settings.home, secret_key=settings.secret_key, company=name)
    company.open_wave()
    mail = Post(create_app(named), named).mail(outbox.INVITATION, company.charlie)
    assert len(mail["From"].addresses) == 1
    assert mail["From"].addresses[0].addr_spec == "espejo@localhost"
    assert one_line(name) in Words(html_of(mail)).text
    assert "Bcc" not in mail


def test_a_line_break_in_a_test_mail_is_no_header(settings: Settings) -> None:
    named = Settings.from_environment({}, home=settings.home, company=HOSTILE["line breaks"])
    mail = compose_test(create_app(named), named, "root@mirror.example", OPENS)
    assert sorted(mail.keys()) == sorted(
        ["From", "To", "Date", "Auto-Submitted", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    )
