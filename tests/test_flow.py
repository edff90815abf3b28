"""The loop closed, through two waves: told by mail, promised, done, asked of whoever wanted it, confirmed, credited."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from survey import outbox, receipts, waves
from survey.emails import composer
from survey.models import Commitment, Department, Invitation, Message, Person, Wave
from survey.responses import Answer
from survey.settings import Settings
from survey.signing import reader_token
from tests.cast import DAY, Company, K
from tests.mails import read
from tests.servers import link_in
from tests.web.pages import Link

PROMISED = "Somebody is on call until eight."
CODE = receipts.new_code()
ASKED = f"Finance says that this is done: “{PROMISED}” Did you notice?"
Post = Callable[[str, Wave], dict[str, EmailMessage]]


@pytest.fixture
def post(app: Flask, settings: Settings) -> Post:
    """`post(kind, wave)`: {address: the mail of this kind that a wave made}, of ten of Sales and two of the others"""
    compose = composer(app, settings)

    def sent(kind: str, wave: Wave) -> dict[str, EmailMessage]:
        found: dict[str, EmailMessage] = {}
        taken: Counter[str] = Counter()
        queued = Message.select(Message, Person, Department).join(Person).join(Department)
        for message in list(queued.where(Message.kind == kind, Message.wave == wave).order_by(Person.id)):
            name = message.person.department.name
            taken[name] += 1
            if taken[name] <= (10 if name == "Sales" else 2):
                found[message.person.email] = read(compose(message, message.due_at))
        return found

    return sent


@contextmanager
def on(moment: int) -> Iterator[None]:
    with time_machine.travel(moment, tick=False):
        yield


def path(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def suggesting(company: Company) -> Callable[[int], Answer]:
    """Everybody gives fours; the first who rates Finance suggests something and takes a receipt."""
    codes = iter([receipts.digest(CODE)])

    def about(provider: int) -> Answer:
        if provider == company.departments["Finance"].id and (code := next(codes, None)):
            return Answer(provider, {"overall": 4}, None, "Somebody could be on call.", "suggestion", code)
        return Answer(provider, {"overall": 4})

    return about


@pytest.mark.early
def test_a_promise_goes_from_the_summary_to_the_credit(
    company: Company, client: FlaskClient, sign_in: Callable[[Person], FlaskClient], post: Post, settings: Settings
) -> None:
    first = company.open_wave()
    company.answer(first, suggesting(company))
    company.close_wave(first)

    # The lead's summary leads to the page, and from the suggestion to a promise that names Sales and IT.
    mail = post(outbox.SUMMARY, first)["alice@mirror.example"]
    with on(first.closes_at + DAY):
        alice = sign_in(company.alice)
        page = alice.get(path(link_in(mail, "/lead/")) + "&lang=en").text
        promise_it(company, alice, page)
        assert f"{PROMISED}</p>" in client.get(f"/receipt/{CODE}?lang=en").text
    with on(first.closes_at + 40 * DAY):
        alice = sign_in(company.alice)
        alice.post(f"/lead/commitments/{Commitment.get().id}/done")
        assert "in the next wave its clients are asked" in alice.get("/lead/?lang=en").text

    # The next wave asks those two departments, in the mail's own link, and nobody else.
    second = company.open_wave()
    invited = post(outbox.INVITATION, second)
    with on(second.opens_at + DAY):
        asked = {email for email, mail in invited.items() if ASKED in opened(client, mail)}
        assert asked == {email for email in invited if department_of(email) in ("Sales", "IT")}
        assert len(asked) == 12
        for place, email in enumerate(sorted(asked)):
            answer(client, second, email, invited[email], "not-yet" if place % 6 == 0 else "yes")
        for email in sorted(invited.keys() - asked):
            answer(client, second, email, invited[email], "yes")  # forged: the page has no such question
    assert waves.close_wave(second, second.closes_at)

    # Most of them confirm it: their lead and HR read how many, and all who answered that it is.
    with on(second.closes_at + DAY):
        told = "Confirmed: of 10 to 19 clients who could say, 83% noticed it (55% to 95%)."
        assert told in sign_in(company.alice).get("/lead/?lang=en").text
        assert told in sign_in(company.hanna).get("/hr/departments/finance").text
        thanks = opened(client, invited["charlie@mirror.example"])
        credited = thanks.split('id="did-done"')[1]
        assert PROMISED in credited
        assert "thanks to a suggestion, and to IT and Sales" in credited
        assert "<strong>confirmed by its clients</strong>" in credited
        improvements = client.get(f"/you-said/{reader_token(company.charlie.id, settings)}?lang=en").text
        assert "thanks to a suggestion, and to IT and Sales · confirmed by its clients" in improvements
        assert f"{PROMISED}</p>" in client.get(f"/receipt/{CODE}?lang=en").text

    # A third wave asks about it no more.
    third = company.open_wave()
    assert ASKED not in "".join(opened(client, mail) for mail in post(outbox.INVITATION, third).values())


def promise_it(company: Company, alice: FlaskClient, page: str) -> None:
    """Adopt the suggestion by the form that the page leads to, crediting Sales and IT."""
    (address,) = re.findall(r'<p class="adopt"><a href="([^"]+)"', page)
    form = alice.get(address.replace("&amp;", "&")).text
    suggestion = re.findall(r'<option value="(\w{32})" selected>', form)
    clients = [company.departments[name].id for name in ("Sales", "IT")]
    assert all(f'name="clients" value="{client}"' in form for client in clients)
    sent = {
        "wave": re.findall(r'name="wave" value="(\d+)"', form)[0],
        "department": company.departments["Finance"].id,
        "text": PROMISED,
        "item": "diligence",
        "due_on": "2026-05-29",
        "suggestion": suggestion,
        "clients": clients,
    }
    assert alice.post("/lead/commitments/", data=sent).status_code == 302


def opened(client: FlaskClient, mail: EmailMessage) -> str:
    return client.get(path(link_in(mail, "/r/")), query_string={"lang": "en"}).text


def department_of(email: str) -> str:
    return Person.get(Person.email == email).department.name


def answer(client: FlaskClient, wave: Wave, email: str, mail: EmailMessage, noticed: str) -> None:
    invitation = Invitation.get(Invitation.wave == wave, Invitation.person == Person.get(Person.email == email))
    link = Link(path(link_in(mail, "/r/"))[3:], tuple(map(int, invitation.providers.split())))
    sent = link.filled() | {f"c{Commitment.get().id}-noticed": noticed}
    assert client.post(link.address.partition("?")[0], data=sent).status_code == 200


def test_with_fewer_than_k_answers_the_loop_ends_honestly(
    company: Company, client: FlaskClient, sign_in: Callable[[Person], FlaskClient], post: Post
) -> None:
    first = company.open_wave()
    company.answer(first, suggesting(company))
    company.close_wave(first)
    with on(first.closes_at + DAY):
        alice = sign_in(company.alice)
        promise_it(company, alice, alice.get("/lead/?lang=en").text)
        alice.post(f"/lead/commitments/{Commitment.get().id}/done")
    second = company.open_wave()
    invited = post(outbox.INVITATION, second)
    with on(second.opens_at + DAY):
        staff = [email for email in sorted(invited) if department_of(email) == "Sales"][: K - 1]
        for email in staff:
            answer(client, second, email, invited[email], "yes")
    assert waves.close_wave(second, second.closes_at)
    with on(second.closes_at + DAY):
        page = sign_in(company.alice).get("/lead/?lang=en").text
        assert "Too few answers: so few of its clients said whether they noticed that nothing is told." in page
        assert "confirmed by its clients" not in opened(client, invited[staff[0]])
