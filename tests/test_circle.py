"""The whole circle: asked, answered, closed, told. Over SMTP and HTTP in separate processes, and in a browser."""

import json
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, FrameLocator, Page, Request, expect

from survey.measure.scale import ITEMS
from tests.browser import DESK, PHONE, Chromium, browsing
from tests.servers import Installation, MailServer, link_in, wait_until

# --- Over SMTP and HTTP --------------------------------------------------------------------------------------------

OPENING, LATER = "2026-03-02T09:00+01:00", "2026-03-02T09:02+01:00"
REMINDING, CLOSING = "2026-03-06T09:00+01:00", "2026-03-16T18:00+01:00"
SIZES = {"Finanzas": 6, "Compras": 7, "Ventas": 8}
PEOPLE = {f"{name.lower()}{number}@mirror.example": name for name, size in SIZES.items() for number in range(size)}
LEADS = {f"{name.lower()}0@mirror.example": name for name in SIZES}
SILENT = {"ventas6@mirror.example", "ventas7@mirror.example"}


class Reader:
    """Follows a link as a browser would; the page brings no cookie, so its form needs no key."""

    def __init__(self, link: str) -> None:
        self._link = link
        self.page = self._fetch()[1]

    def answer(self, turn: int) -> tuple[int, str]:
        """Answer all that is asked, each `turn` and item differently; status and page."""
        asked = sorted(set(re.findall(rf'name="(p\d+-(?:{"|".join(ITEMS)}))"', self.page)))
        assert len(asked) == 2 * len(ITEMS)
        scores = {name: str(2 + (turn + place * place) % 4) for place, name in enumerate(asked)}
        return self.post(scores)

    def post(self, fields: dict[str, str]) -> tuple[int, str]:
        return self._fetch(urlencode(fields).encode())

    def _fetch(self, body: bytes | None = None) -> tuple[int, str]:
        try:
            with urlopen(self._link, body, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def mirror(tmp_path: Path) -> Installation:
    """Three departments that use each other, customers of one of them, and a pulse; nobody listens for mail yet."""
    people = [f"{email},{email.title()},{name},en,{LEADS.get(email, '')}" for email, name in PEOPLE.items()]
    links = [f"{client};{provider};0,5" for client in SIZES for provider in SIZES if client != provider]
    files = {
        "people.csv": ["email,name,department,language,leads", *people],
        "links.csv": ["client;provider;weight", *links],
        "customers.csv": ["touchpoint,item,date,mean,n,sd", *(f"Finanzas,{item},2026-02,80,400,20" for item in ITEMS)],
    }
    for name, lines in files.items():
        (tmp_path / name).write_text("\r\n".join(lines), encoding="utf-8-sig")
    installed = Installation(tmp_path)
    for kind, name in (("people", "people.csv"), ("links", "links.csv"), ("external", "customers.csv")):
        installed.run("import", kind, name)
    installed.run("pulse", "add", "clima", "--cadence", "quarterly", "--first", "2026-03-02")
    return installed


@pytest.mark.early
@pytest.mark.slow
def test_a_pulse_runs_from_invitation_to_summary_in_separate_processes(mirror: Installation) -> None:
    """The mail server is down at first; two people answer only never, so they alone are reminded."""
    assert mirror.run("tick", "--at", OPENING) == f"waves opened: 1\nmails retry: {len(PEOPLE)}\n"
    with MailServer(mirror.smtp_port) as post:
        assert mirror.run("tick", "--at", OPENING) == "Nothing was due.\n"
        assert mirror.run("tick", "--at", LATER) == f"mails sent: {len(PEOPLE)}\n"
        links = {email: link_in(mail, "/r/") for email, mail in post.take().items()}
        assert links.keys() == PEOPLE.keys()

        with mirror.serving("serve", "--no-scheduler"):
            assert_answers_are_taken_once(links)

        assert mirror.run("tick", "--at", REMINDING) == f"waves reminded: 1\nmails sent: {len(SILENT)}\n"
        reminders = post.take()
        assert {email: link_in(mail, "/r/") for email, mail in reminders.items()} == {e: links[e] for e in SILENT}

        assert mirror.run("tick", "--at", CLOSING) == f"waves closed: 1\nmails sent: {len(LEADS)}\n"
        summaries = post.take()
    assert summaries.keys() == LEADS.keys()
    rows = json.loads(mirror.run("results", "--format", "json"))
    for email, department in LEADS.items():
        assert figures_of(summaries[email]) == figures_in(rows, department)
    assert figures_in(rows, "Finanzas")["All in all"][2]  # a gap, since its customers were asked as well


def assert_answers_are_taken_once(links: dict[str, str]) -> None:
    first = Reader(next(iter(links.values())))
    for turn, email in enumerate(sorted(links.keys() - SILENT)):
        status, page = Reader(links[email]).answer(turn)
        assert (status, "Thank you!" in page) == (200, True)
    status, page = first.answer(0)
    assert (status, "Already received" in page) == (409, True)


Figures = dict[str, tuple[int, int | None, int | None]]  # by item: inside, outside, gap


def figures_of(summary: EmailMessage) -> Figures:
    """The figures that a summary's text tells."""
    text = summary.get_body(("plain",)).get_content().replace("−", "-").replace("\r\n", "\n")
    lines = re.findall(r"^- (.+): (?:≈ )?(\d+)(?: · Outside (\d+))?(?: · Gap ([+-]?\d+))?$", text, re.MULTILINE)
    return {item: (int(inside), number(outside), number(gap)) for item, inside, outside, gap in lines}


def figures_in(rows: list[dict[str, object]], department: str) -> Figures:
    """The same from `espejo results`."""
    names = dict(
        zip(
            ("overall", "promises", "diligence", "flexibility", "openness", "improvement"),
            ("All in all", "Keeps promises", "Acts promptly", "Adapts", "Takes criticism", "Improves"),
            strict=True,
        )
    )
    own = [row for row in rows if (row["provider"], row["clients"]) == (department, "all")]
    assert len(own) == len(ITEMS)
    return {names[row["item"]]: (row["mean"], row["outside"], row["gap"]) for row in own}


def number(text: str) -> int | None:
    return int(text) if text else None


# --- In a browser --------------------------------------------------------------------------------------------------

OPEN_PAGES = ["/", "/mailbox/", "/login", "/confidentiality"]
HR_PAGES = ["matrix", "gap", "pulses", "people", "external", "outbox", "departments/ventas", "departments/legal", ""]
DEPARTMENT = "Ventas"
OVERALL = re.compile(r": (\d+) (?:de 100 en conjunto|of 100 all in all)")


@pytest.fixture(params=["es-ES", "en-GB"])
def locale(request: pytest.FixtureRequest) -> str:
    return request.param


class Visitor:
    """Somebody with a browser, who notices what goes wrong on any page: errors, and text wider than a phone."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page = context.new_page()
        self.address = address
        self.troubles: list[str] = []
        self.page.on("console", lambda told: self._note(self._is_trouble(told), told.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("requestfailed", lambda request: self._note(*self._failed(request)))

    def open(self, path: str) -> Page:
        answer = self.page.goto(path if path.startswith("http") else self.address + path)
        self._note(answer is None or answer.status >= 400, f"{path} was not found")
        self.look()
        return self.page

    def look(self) -> None:
        """Note what is too wide, here and in frames, at a desk and on a phone."""
        for size in (DESK, PHONE):
            self.page.set_viewport_size(size)
            for frame in self.page.frames:
                wide = frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                self._note(wide > 0, f"{frame.url} is {wide} pixels too wide for {size['width']}")
        self.page.set_viewport_size(DESK)

    def _failed(self, request: Request) -> tuple[bool, str]:
        """Whether it matters, and what it was: what is still on its way when somebody goes on is given up."""
        return "ERR_ABORTED" not in str(request.failure), f"{request.url}: {request.failure}"

    def _is_trouble(self, told: ConsoleMessage) -> bool:
        """Measuring a mail runs a script in its frame, which has none of its own and forbids any."""
        return told.type in ("error", "warning") and not told.text.startswith("Blocked script execution")

    def _note(self, wrong: bool, text: str) -> None:
        if wrong:
            self.troubles.append(f"{self.page.url}: {text}")


@pytest.fixture
def visitor(chromium: Chromium, locale: str, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor of a new demo, whose browser prefers `locale`."""
    with Installation(tmp_path).serving("demo") as address, browsing(chromium, locale, DESK) as context:
        yield Visitor(context, address)


@pytest.mark.early
@pytest.mark.browser
def test_the_demo_is_walked_from_an_employees_mail_to_the_leads_page(visitor: Visitor, locale: str) -> None:
    for path in OPEN_PAGES:
        assert visitor.open(path).locator("html").get_attribute("lang") == locale[:2]
    for _ in range(3):
        answer_as_employee(visitor)
    close_as_hr(visitor)
    mailed = read_summary(visitor)
    assert shown_to_lead(visitor) == mailed
    assert not visitor.troubles, "\n".join(visitor.troubles)


def answer_as_employee(visitor: Visitor) -> None:
    """Who is who → mailbox → mail → link → answer → thanks."""
    page = visitor.open("/")
    page.locator("main li a[href*='/mailbox/']").first.click()
    open_mail(visitor, "a").locator("a.button").click()
    page.wait_for_url("**/r/*")
    visitor.look()
    names = page.locator("input[value='4']").evaluate_all("boxes => boxes.map(box => box.name)")
    assert len(names) >= 2 * len(ITEMS)
    for name in names:
        page.locator(f"label:has(input[name='{name}'][value='4'])").click()
    page.locator("form[method=post] button").last.click()
    expect(page.locator("form")).to_have_count(0)
    expect(page.locator("h1")).to_have_text(re.compile("Thank you!|¡Gracias!"))
    visitor.look()


def close_as_hr(visitor: Visitor) -> None:
    """Sign in as HR, look at every page, close the wave."""
    page = visitor.open("/")
    page.locator("form[action*='/be/'] button").first.click()
    page.wait_for_url("**/hr/")
    for path in HR_PAGES:
        visitor.open(f"/hr/{path}")
    visitor.open("/hr/pulses").locator("a[href*='/close']").click()
    page.wait_for_url("**/close")
    visitor.look()
    page.locator("main form button").click()
    page.wait_for_url("**/hr/")
    expect(page.locator("[role=status]")).to_be_visible()
    visitor.look()


def read_summary(visitor: Visitor) -> int:
    """The overall figure of the lead's mail, the same in HTML and text; ends behind its link, where one signs in."""
    visitor.page.context.clear_cookies()
    visitor.open("/mailbox/")
    html = open_mail(visitor, f"a:text-matches('^{DEPARTMENT}: \\\\d')")
    page = visitor.page
    page.locator("summary").click()
    figure = int(html.locator(".big").inner_text())
    assert OVERALL.findall(page.locator("pre").inner_text())[0] == str(figure)
    assert html.locator("img").evaluate("picture => picture.complete && picture.naturalWidth > 500")
    html.locator("a.button").click()
    page.wait_for_url("**/login*")
    visitor.look()
    return figure


def shown_to_lead(visitor: Visitor) -> int:
    """Sign in as the lead; the overall figure on the page."""
    page = visitor.open("/")
    page.locator(f"form[action*='/be/'] button:text-is('{DEPARTMENT}')").click()
    page.wait_for_url("**/lead/**")
    visitor.look()
    return int(OVERALL.findall(page.locator("main").inner_text())[0])


def open_mail(visitor: Visitor, link: str) -> FrameLocator:
    """Open the first mail in the mailbox shown that `link` matches, as soon as it is there; gives its HTML."""
    page, found = visitor.page, visitor.page.locator("main table").locator(link).first
    wait_until(lambda: found.count() or ((page.wait_for_timeout(500), page.reload()) and found.count()))
    visitor.look()
    found.click()
    page.wait_for_url(re.compile(r"/mailbox/\d+"))
    visitor.look()
    return page.frame_locator("iframe")
