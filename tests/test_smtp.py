"""Handing mails over: to a real mail server of our own, which does as each test tells it."""

import smtplib
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from survey import outbox, smtp
from survey.emails import composer
from survey.models import Department, Message, Person, PulseDepartment
from survey.outbox import queue
from survey.sending import deliver
from survey.settings import Settings
from survey.smtp import SmtpTransport
from survey.transport import LineCut, Mail, Refused, Unreachable
from tests.cast import OPENS, Company


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Server:
    """A mail server. `replies` names what it says in place of 250 to MAIL, RCPT (by address) and DATA."""

    def __init__(self, *, takes_all_addresses: bool = False) -> None:
        self.mails: list[EmailMessage] = []
        self.connections: set[Any] = set()
        self.replies: dict[str, str] = {}
        self._taken: Counter[Any] = Counter()  # by connection
        self.drops_at_data = False
        self.drops_after_refusal = False
        self.mails_per_connection = 1000
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=takes_all_addresses)
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{self._controller.port}"

    def stop(self) -> None:
        if self._controller.server is not None:
            self._controller.stop()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd looks for this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.connections.add(session.peer)
        envelope.mail_from = address
        if self._taken[session.peer] >= self.mails_per_connection:
            return "421 that was enough"
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        elif self.drops_after_refusal:
            server.transport.write(f"{reply}\r\n".encode())
            server.transport.close()
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.drops_at_data:
            server.transport.abort()
            return "250 OK"
        reply = self.replies.get("DATA", "250 OK")
        if reply.startswith("250"):
            self.mails.append(message_of(envelope))
            self._taken[session.peer] += 1
        return reply


def message_of(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    found = message_from_bytes(envelope.content, policy=default)
    assert isinstance(found, EmailMessage)
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def transport(server: Server) -> Iterator[SmtpTransport]:
    opened = SmtpTransport(server.url)
    yield opened
    opened.close()


def mail_to(address: str = "ana@x.example") -> Mail:
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = "espejo@mirror.example"
    mail["To"] = Address("", addr_spec=address)
    mail["Subject"] = "¿Cómo nos atendemos?"
    mail.set_content("Señora:\n.\nBuenos días.\n")
    return Mail("espejo@mirror.example", address, mail.as_bytes(policy=mail.policy.clone(utf8=not address.isascii())))


# Delivered


def test_a_mail_arrives_as_it_was_written(server: Server, transport: SmtpTransport) -> None:
    transport.send(mail_to())
    (mail,) = server.mails
    assert mail["Subject"] == "¿Cómo nos atendemos?"
    assert mail.get_content().splitlines() == ["Señora:", ".", "Buenos días."]


def test_many_mails_take_one_connection(server: Server, transport: SmtpTransport) -> None:
    for number in range(20):
        transport.send(mail_to(f"p{number}@x.example"))
    assert (len(server.mails), len(server.connections)) == (20, 1)


def test_after_the_conversation_has_ended_a_mail_begins_a_new_one(server: Server, transport: SmtpTransport) -> None:
    transport.send(mail_to())
    transport.close()
    transport.send(mail_to())
    assert len(server.connections) == 2


def test_ending_a_conversation_that_never_began_does_nothing(server: Server) -> None:
    SmtpTransport(server.url).close()
    assert not server.connections


@pytest.fixture
def delivered(app: Flask, settings: Settings, company: Company, server: Server) -> Callable[[int], list[EmailMessage]]:
    """Send what is due through the real composer and the real server."""

    def send(now: int) -> list[EmailMessage]:
        server.mails.clear()
        deliver(now, composer(app, settings), SmtpTransport(server.url))
        return server.mails

    return send


def test_a_whole_wave_of_invitations_is_delivered(
    company: Company, server: Server, delivered: Callable[[int], list[EmailMessage]]
) -> None:
    PulseDepartment.create(pulse=company.pulse, department=company.departments["Finance"])
    company.open_wave()
    mails = delivered(OPENS)
    assert (len(mails), len({mail["To"] for mail in mails}), len(server.connections)) == (12, 12, 1)
    assert {message.state for message in Message.select()} == {"sent"}


def test_a_mail_says_that_a_machine_wrote_it_and_when(
    company: Company, delivered: Callable[[int], list[EmailMessage]]
) -> None:
    queue(outbox.SIGN_IN, [company.alice.id], OPENS)
    (mail,) = delivered(OPENS)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.timestamp() == OPENS


def test_a_second_copy_has_the_same_message_id(
    company: Company, delivered: Callable[[int], list[EmailMessage]]
) -> None:
    queue(outbox.SIGN_IN, [company.alice.id], OPENS)
    (first,) = list(delivered(OPENS))
    Message.update(state="retry").execute()
    (second,) = delivered(OPENS + 3600)
    assert first["Message-ID"] == second["Message-ID"] == f"<{Message.get().mail_id}@127.0.0.1>"


@pytest.mark.parametrize(
    "name", ['Ñu "Evil" <boss@x.example>', "Smith, John; Doe", "=?utf-8?q?x?=", "x" * 200, "ñ" * 200, "名前 🎉"]
)
def test_a_hostile_name_stays_a_name(
    company: Company, delivered: Callable[[int], list[EmailMessage]], name: str
) -> None:
    Person.update(name=name).where(Person.id == company.alice.id).execute()
    queue(outbox.SIGN_IN, [company.alice.id], OPENS)
    (mail,) = delivered(OPENS)
    (address,) = mail["To"].addresses
    assert address.addr_spec == "alice@mirror.example"
    assert "boss@x.example" not in [found.addr_spec for found in mail["To"].addresses]


def test_a_name_with_a_line_break_writes_no_header(
    company: Company, delivered: Callable[[int], list[EmailMessage]]
) -> None:
    Person.update(name="Alice\r\nBcc: boss@x.example").where(Person.id == company.alice.id).execute()
    queue(outbox.SIGN_IN, [company.alice.id], OPENS)
    (mail,) = delivered(OPENS)
    assert mail["Bcc"] is None
    assert [address.addr_spec for address in mail["To"].addresses] == ["alice@mirror.example"]


def test_the_sender_is_the_company(
    app: Flask, company: Company, settings: Settings, delivered: Callable[[int], list[EmailMessage]]
) -> None:
    queue(outbox.SIGN_IN, [company.alice.id], OPENS)
    (mail,) = delivered(OPENS)
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Mirror Ltd", "espejo@localhost")


def test_a_department_named_like_markup_is_text_in_the_html(
    company: Company, delivered: Callable[[int], list[EmailMessage]]
) -> None:
    Department.update(name="<img src=x onerror=alert(1)>").where(Department.name == "Finance").execute()
    PulseDepartment.create(pulse=company.pulse, department=company.departments["Legal"])
    company.open_wave()
    pages = [mail.get_body(("html",)).get_content() for mail in delivered(OPENS)]
    assert any("&lt;img src=x" in page for page in pages)
    assert not any("<img src=x" in page for page in pages)


# Refused


@pytest.mark.parametrize(
    ("place", "reply", "forever"),
    [
        ("ana@x.example", "550 no such user", True),
        ("ana@x.example", "451 try again later", False),
        ("ana@x.example", "452 mailbox full", False),
        ("DATA", "554 looks like spam", True),
        ("DATA", "451 try again later", False),
        ("MAIL", "552 too large", True),
    ],
)
def test_a_refusal_of_one_mail_keeps_the_servers_words(
    server: Server, transport: SmtpTransport, place: str, reply: str, forever: bool
) -> None:
    server.replies[place] = reply
    with pytest.raises(Refused) as refused:
        transport.send(mail_to())
    assert (str(refused.value), refused.value.forever) == (reply, forever)


@pytest.mark.parametrize("place", ["ana@x.example", "DATA", "MAIL"])
def test_after_a_refusal_the_same_connection_takes_the_next_mail(
    server: Server, transport: SmtpTransport, place: str
) -> None:
    server.replies[place] = "552 no"
    with pytest.raises(Refused):
        transport.send(mail_to())
    server.replies.clear()
    transport.send(mail_to("bea@x.example"))
    assert (len(server.mails), len(server.connections)) == (1, 1)


@pytest.mark.parametrize("place", ["MAIL", "ana@x.example", "DATA"])
def test_a_server_that_hangs_up_cuts_one_mail_and_is_spoken_to_anew(
    server: Server, transport: SmtpTransport, place: str
) -> None:
    server.replies[place] = "421 closing down"
    with pytest.raises(LineCut, match="421"):
        transport.send(mail_to())
    server.replies.clear()
    transport.send(mail_to("bea@x.example"))
    assert (len(server.mails), len(server.connections)) == (1, 2)


def test_a_server_that_takes_a_few_mails_over_one_connection_gets_the_next_over_another(
    server: Server, transport: SmtpTransport
) -> None:
    """Nothing of the mail had been said yet, so no copy of it can have arrived."""
    server.mails_per_connection = 3
    for number in range(7):
        transport.send(mail_to(f"p{number}@x.example"))
    assert [mail["To"] for mail in server.mails] == [f"p{number}@x.example" for number in range(7)]
    assert len(server.connections) == 3


def test_a_server_that_hangs_up_after_a_refusal_takes_the_next_mail_anew(
    server: Server, transport: SmtpTransport
) -> None:
    server.replies["ana@x.example"] = "550 no such user"
    server.drops_after_refusal = True
    with pytest.raises(Refused):
        transport.send(mail_to())
    transport.send(mail_to("bea@x.example"))
    assert (len(server.mails), len(server.connections)) == (1, 2)


@pytest.mark.parametrize("reply", ["530 authentication required", "451 not now", "550 not from you"])
def test_a_server_that_takes_no_mail_from_us_kills_no_message(
    server: Server, transport: SmtpTransport, reply: str
) -> None:
    server.replies["MAIL"] = reply
    with pytest.raises(Unreachable, match=reply[:3]):
        transport.send(mail_to())


def test_a_line_that_is_cut_after_the_mail_is_spoken_over_anew(server: Server, transport: SmtpTransport) -> None:
    server.drops_at_data = True
    with pytest.raises(LineCut):
        transport.send(mail_to())
    server.drops_at_data = False
    transport.send(mail_to())
    assert len(server.mails) == 1


def test_nobody_listening_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1: .*refused"):
        SmtpTransport(f"smtp://127.0.0.1:{free_port()}").send(mail_to())


def test_a_server_that_stops_between_two_mails_is_unreachable(server: Server, transport: SmtpTransport) -> None:
    transport.send(mail_to())
    server.stop()
    with pytest.raises(LineCut):
        transport.send(mail_to())
    with pytest.raises(Unreachable):
        transport.send(mail_to())


def test_only_a_refusal_of_the_receiver_blames_the_address(server: Server, transport: SmtpTransport) -> None:
    blamed = []
    for place in ("ana@x.example", "DATA"):
        server.replies = {place: "550 no"}
        with pytest.raises(Refused) as refused:
            transport.send(mail_to())
        blamed.append(refused.value.address)
    assert blamed == [True, False]


def test_what_a_server_says_is_kept_as_one_line_without_control_characters(
    server: Server, transport: SmtpTransport
) -> None:
    server.replies["ana@x.example"] = "550 no\t\x1b[31m\x07such user \x7f" + "x" * 400
    with pytest.raises(Refused) as refused:
        transport.send(mail_to())
    assert str(refused.value).startswith("550 no [31m such user")
    assert (str(refused.value).isprintable(), len(str(refused.value))) == (True, 300)


def test_a_server_that_never_answers_is_unreachable() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        started = time.monotonic()
        with pytest.raises(Unreachable):
            SmtpTransport(f"smtp://127.0.0.1:{deaf.getsockname()[1]}", timeout_seconds=0.1).send(mail_to())
    assert time.monotonic() - started < 2


def test_an_address_that_the_server_cannot_write_is_refused_for_good(server: Server, transport: SmtpTransport) -> None:
    with pytest.raises(Refused) as refused:
        transport.send(mail_to("ana@ñandú.example"))
    assert refused.value.forever


def test_an_address_beyond_ascii_is_written_to_where_the_server_offers_it() -> None:
    server = Server(takes_all_addresses=True)
    transport = SmtpTransport(server.url)
    transport.send(mail_to("ana@ñandú.example"))
    transport.close()
    server.stop()
    (mail,) = server.mails
    assert "To: ana@ñandú.example".encode() in mail.as_bytes()
    assert mail["Subject"] == "¿Cómo nos atendemos?"


def test_something_else_is_done_once_while_the_server_considers_the_whole_mail(
    server: Server, transport: SmtpTransport
) -> None:
    done: list[str] = []
    server.replies["bea@x.example"] = "550 no"
    for address in ("ana@x.example", "bea@x.example", "carla@x.example"):
        with suppress(Refused):
            transport.send(mail_to(address), lambda to=address: done.append(to))
    assert done == ["ana@x.example", "carla@x.example"]


def test_signing_in_where_the_server_offers_none_is_unreachable(server: Server) -> None:
    with pytest.raises(Unreachable):
        SmtpTransport(server.url.replace("//", "//user:p%40ss@")).send(mail_to())


# How it connects


class Seen(Exception):
    """The test has seen what it wanted to."""


def test_user_and_password_are_read_from_the_url(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(smtplib.SMTP, "login", lambda _, user, password: said.append((user, password)))
    transport = SmtpTransport(server.url.replace("//", "//user%40x:p%3Ass@"))
    transport.send(mail_to())
    transport.close()
    assert said == [("user@x", "p:ss")]


@pytest.mark.parametrize(
    ("url", "kind", "port"), [("smtp://h", "Conversation", 25), ("smtps://h", "SecretConversation", 465)]
)
def test_a_scheme_has_its_usual_port(monkeypatch: pytest.MonkeyPatch, url: str, kind: str, port: int) -> None:
    def seen(*place: Any, **_: Any) -> None:
        raise Seen(place)

    monkeypatch.setattr(smtp, kind, seen)
    with pytest.raises(Seen, match=str(port)):
        SmtpTransport(url).send(mail_to())


def test_a_servers_certificate_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(*_: Any, context: ssl.SSLContext, **__: Any) -> None:
        raise Seen(context.verify_mode, context.check_hostname)

    monkeypatch.setattr(smtp, "SecretConversation", seen)
    with pytest.raises(Seen) as found:
        SmtpTransport("smtps://h").send(mail_to())
    assert found.value.args == (ssl.CERT_REQUIRED, True)
