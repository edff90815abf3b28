"""From letter to mail: headers that no text from people can change, the two parts, and the pictures."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

import css_inline
from flask import render_template, url_for

from survey.settings import Settings
from survey.transport import Mail


@dataclass(frozen=True)
class Picture:
    cid: str
    png: bytes


@dataclass(frozen=True)
class Letter:
    """What one mail says; `values` go to the templates emails/<kind>.txt and .html."""

    subject: str
    values: dict[str, Any]
    pictures: tuple[Picture, ...] = ()
    subscriber: str = ""  # the key to how often such mails come; empty: they cannot be stopped


class WholeSubjects(EmailPolicy):
    """Folds a long subject between words; Python's own way loses blanks and breaks letters with accents (3.11)."""

    def fold(self, name: str, value: str) -> str:
        if name != "Subject":
            return super().fold(name, value)
        return f"{name}: {Header(str(value), header_name=name).encode(linesep=self.linesep)}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii")


POLICY = WholeSubjects(linesep="\r\n")
INTERNATIONAL = POLICY.clone(utf8=True)  # for an address beyond ASCII


def from_us(subject: str, settings: Settings) -> EmailMessage:
    """A mail with a subject, that says nothing yet, to nobody."""
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(_one_line(settings.company), addr_spec=settings.mail_from)
    mail["Auto-Submitted"] = "auto-generated"  # no holiday notice answers it (RFC 3834)
    mail["Subject"] = _one_line(subject)
    return mail


def written(kind: str, letter: Letter, settings: Settings) -> EmailMessage:
    """The whole mail, but for the headers of `sealed`; inside a request, or what stands in for one."""
    address = urlsplit(settings.address)
    values = {**letter.values, "subject": letter.subject, "sender": settings.mail_from, "host": address.netloc}
    mail = from_us(letter.subject, settings)
    if letter.subscriber:  # the mail program's own button posts to the address (RFC 8058)
        values["choice"] = url_for("subscription.choose", token=letter.subscriber, _external=True)
        mail["List-Unsubscribe"] = f"<{values['choice']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(render_template(f"emails/{kind}.txt", **values))
    mail.add_alternative(_inliner().inline(render_template(f"emails/{kind}.html", **values)), subtype="html")
    html = cast(EmailMessage, mail.get_body(("html",)))
    for picture in letter.pictures:
        html.add_related(picture.png, "image", "png", cid=f"<{picture.cid}>", disposition="inline")
    return mail


def sender_of(mail: EmailMessage) -> str:
    address: str = mail["From"].addresses[0].addr_spec
    return address


def content_of(mail: EmailMessage) -> bytes:
    """What `written` gives, with CRLF between its lines."""
    return mail.as_bytes(policy=POLICY if sender_of(mail).isascii() else INTERNATIONAL)


def sealed(content: bytes, sender: str, name: str, address: str, now: int, message_id: str = "") -> Mail:
    """A mail as it leaves: the content, to somebody, of this moment."""
    head = f"{_to(name, address)}Date: {format_datetime(datetime.fromtimestamp(now, UTC))}\r\n"
    if message_id:
        head += f"Message-ID: <{message_id}>\r\n"
    return Mail(sender, address, head.encode() + content)


def message_id(mail_id: str, settings: Settings) -> str:
    """The same for every copy of a mail."""
    host = urlsplit(settings.address).hostname or ""
    return f"{mail_id}@{host.encode('idna').decode()}"


def _to(name: str, address: str) -> str:
    """The header "To". Python's policy takes 4 ms to encode a name with accents (3.11)."""
    to = Address(_one_line(name), addr_spec=address)
    if to.display_name.isascii():
        return f"To: {to}\r\n"
    words = Header(to.display_name, header_name="To").encode(linesep=POLICY.linesep)
    return f"To: {words}\r\n <{to.addr_spec}>\r\n"


def _one_line(text: str) -> str:
    """A name or a subject as a header can hold it: without line breaks, plain or hidden in an encoded word.

    Python decodes "=?utf-8?q?=0D=0ABcc:…?=" in a name and writes the line break that it finds (RFC 2047, 3.11).
    """
    visible = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(visible.replace("=?", "= ?").split())


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
