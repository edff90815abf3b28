"""Handing mails to the company's mail server, many over one connection."""

import smtplib
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from survey.transport import LineCut, Mail, Refused, Unreachable

TIMEOUT_SECONDS = 20
SERVICE_ENDS = 421  # the server hangs up
TOO_LARGE = 552
END_OF_MAIL = b"\r\n.\r\n"
PORTS = {"smtp": 25, "smtps": 465}
BEYOND_ASCII = ("SMTPUTF8", "BODY=8BITMIME")  # RFC 6531


class Conversation(smtplib.SMTP):
    """While the server considers a mail that it has heard to the end, something else may be done."""

    meanwhile: Callable[[], None]
    _has_said_all = False

    def send(self, said: Any) -> None:
        super().send(said)
        self._has_said_all = isinstance(said, bytes) and said.endswith(END_OF_MAIL)

    def getreply(self) -> tuple[int, bytes]:
        if self._has_said_all:
            self._has_said_all = False
            self.meanwhile()
        return super().getreply()


class SecretConversation(Conversation, smtplib.SMTP_SSL):
    """The same, over TLS from its first word."""


class SmtpTransport:
    """Speaks SMTP with the server of an URL: smtp:// (STARTTLS when it is offered) or smtps://."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """`timeout_seconds` is how long the server may take for each of its answers."""
        self._url, self._timeout = urlsplit(url), timeout_seconds
        self._server: Conversation | None = None

    def send(self, mail: Mail, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Hand one mail over; the connection is made at the first and kept. `meanwhile` is done before its last answer.

        Raises Refused when the server refuses this mail, LineCut when it breaks off in the middle of it, Unreachable
        when it cannot be spoken to.
        """
        if self._server is not None and self._server.sock is None:
            self._server = None  # it hung up after it had refused the mail before
        is_new = self._server is None
        server = self._server or self._connect()
        server.meanwhile = meanwhile
        try:
            server.sendmail(mail.sender, [mail.receiver], mail.content, BEYOND_ASCII if mail.is_international else ())
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            raise self._refusal(code, reply, address=True) from error
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == SERVICE_ENDS and not is_new:
                self._server = None  # as many as it takes over one connection; nothing of this mail has been said yet
                return self.send(mail, meanwhile)
            if error.smtp_code in (SERVICE_ENDS, TOO_LARGE):
                raise self._refusal(error.smtp_code, error.smtp_error) from error
            self.close()  # it takes no mail from us, whoever it is for
            raise Unreachable(str(error)) from error
        except smtplib.SMTPResponseException as error:
            raise self._refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(str(error), forever=True) from error
        except OSError as error:
            self._drop()
            raise LineCut(str(error)) from error

    def close(self) -> None:
        if self._server is None:
            return
        try:
            self._server.quit()
        except (OSError, smtplib.SMTPException):
            self._server.close()  # it had gone already
        self._server = None

    def _drop(self) -> None:
        """Leave without a word: the server is not listening."""
        if self._server is not None:
            self._server.close()
        self._server = None

    def _connect(self) -> Conversation:
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        try:
            if self._url.scheme == "smtps":
                self._server = SecretConversation(host, port, timeout=self._timeout, context=_checking())
            else:
                self._server = Conversation(host, port, timeout=self._timeout)
            self._server.ehlo_or_helo_if_needed()
            if self._url.scheme == "smtp" and self._server.has_extn("starttls"):
                self._server.starttls(context=_checking())
            if self._url.username:
                self._server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Unreachable(f"{host}: {error}") from error
        return self._server

    def _refusal(self, code: int, reply: bytes | str, *, address: bool = False) -> Refused | LineCut:
        """421: the server hangs up; any other 4xx: not now; 5xx: never."""
        text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
        if code == SERVICE_ENDS:
            self._drop()
            return LineCut(f"{code} {text}")
        return Refused(f"{code} {text}", forever=code >= 500, address=address)


def _checking() -> ssl.SSLContext:
    """smtplib alone would believe any certificate."""
    return ssl.create_default_context()
