"""Headers of mails: no text from people can change one, and each arrives as it was written."""

from email.message import EmailMessage

import pytest

from survey.envelopes import content_of, from_us, message_id, sealed, sender_of
from survey.settings import Settings
from survey.transport import Mail
from tests.cast import OPENS
from tests.engines import settings_in
from tests.mails import HOSTILE, hostile, one_line, read


def mail_to(name: str, address: str = "ana@x.example", sender: str = "espejo@x.example") -> Mail:
    mail = from_us("Sí", Settings(mail_from=sender))
    mail.set_content("¿Qué tal?")
    return sealed(content_of(mail), sender_of(mail), name, address, OPENS, "1@x.example")


def parsed(mail: Mail) -> EmailMessage:
    found = read(mail)
    assert sorted(found.keys()) == sorted({*found.keys()})
    assert found["Bcc"] is None
    return found


@pytest.mark.parametrize("name", ["Ana", "María Ñúñez de la Torre-García", "O'Brien, Jr.", "a.b", "名前 🎉", ""])
def test_a_name_arrives_as_it_was_written(name: str) -> None:
    (to,) = parsed(mail_to(name))["To"].addresses
    assert (to.display_name, to.addr_spec) == (name, "ana@x.example")


@hostile
def test_a_hostile_name_stays_one_name_of_one_receiver(name: str) -> None:
    (to,) = parsed(mail_to(name))["To"].addresses
    assert to.addr_spec == "ana@x.example"
    assert "".join(to.display_name.split()) == "".join(one_line(name).replace("=?", "= ?").split())


@pytest.mark.parametrize("name", [HOSTILE["200 letters"], HOSTILE["50 words"], "Ñu Ñu " * 30])
def test_no_line_of_a_header_is_longer_than_mail_servers_like(name: str) -> None:
    assert max(map(len, mail_to(name).content.splitlines())) <= 78


def test_a_mail_has_its_moment_and_its_id() -> None:
    mail = parsed(mail_to("Ana"))
    assert (mail["Date"].datetime.timestamp(), mail["Message-ID"]) == (OPENS, "<1@x.example>")


@pytest.mark.parametrize(
    ("sender", "receiver"), [("espejo@x.example", "ana@ñandú.example"), ("espejo@ñandú.example", "ana@x.example")]
)
def test_an_address_beyond_ascii_is_written_as_it_is(sender: str, receiver: str) -> None:
    mail = mail_to("Ana", receiver, sender)
    assert mail.is_international
    assert f"To: Ana <{receiver}>\r\n".encode() in mail.content
    assert f"<{sender}>\r\n".encode() in mail.content


@pytest.mark.parametrize(
    ("address", "host"),
    [("https://espejo.x.example/app", "espejo.x.example"), ("https://ñandú.example:8443", "xn--and-6ma2c.example")],
)
def test_an_id_ends_in_the_host_that_links_lead_to(tmp_path, address: str, host: str) -> None:
    assert message_id("1", settings_in(tmp_path, base_url=address)) == f"1@{host}"
