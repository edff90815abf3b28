"""Handing mails to the company's mail server, many over one connection."""

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from survey.outbox import Refused, Unreachable

TIMEOUT_SECONDS = 20
SERVICE_ENDS = 421  # the server hangs up
PORTS = {"smtp": 25, "smtps": 465}


class SmtpTransport:
    """Speaks SMTP with the server of an URL: smtp:// (STARTTLS when it is offered) or smtps://."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._server: smtplib.SMTP | None = None

    def send(self, mail: EmailMessage) -> None:
        """Hand one mail over; the connection is made at the first and kept.

        Raises Refused when the server refuses this mail, Unreachable when it cannot be spoken to.
        """
        server = self._server or self._connect()
        try:
            server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            raise _refusal(code, reply) from error
        except smtplib.SMTPServerDisconnected as error:
            self._server = None
            raise Unreachable(str(error)) from error
        except smtplib.SMTPResponseException as error:
            if error.smtp_code == SERVICE_ENDS:
                self._server = None
                raise Unreachable(str(error)) from error
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(str(error), forever=True) from error
        except OSError as error:
            self._server = None
            raise Unreachable(str(error)) from error

    def close(self) -> None:
        if self._server is None:
            return
        try:
            self._server.quit()
        except (OSError, smtplib.SMTPException):
            self._server.close()  # it had gone already
        self._server = None

    def _connect(self) -> smtplib.SMTP:
        kind = smtplib.SMTP_SSL if self._url.scheme == "smtps" else smtplib.SMTP
        try:
            server = kind(self._url.hostname or "", self._url.port or PORTS[self._url.scheme], timeout=TIMEOUT_SECONDS)
            server.ehlo_or_helo_if_needed()
            if self._url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except (OSError, smtplib.SMTPException) as error:
            raise Unreachable(f"{self._url.hostname}: {error}") from error
        self._server = server
        return server


def _refusal(code: int, reply: bytes | str) -> Refused:
    """4xx: not now; 5xx: never."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return Refused(f"{code} {text}", forever=code >= 500)
