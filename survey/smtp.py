"""Handing mails to the company's mail server, many over one connection."""

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from survey.outbox import Refused, Unreachable

TIMEOUT_SECONDS = 20
SERVICE_ENDS = 421  # the server hangs up
TOO_LARGE = 552
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
            raise self._refusal(code, reply) from error
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == TOO_LARGE:
                raise self._refusal(error.smtp_code, error.smtp_error) from error
            self.close()  # it takes no mail from us, whoever it is for
            raise Unreachable(str(error)) from error
        except smtplib.SMTPResponseException as error:
            raise self._refusal(error.smtp_code, error.smtp_error) from error
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
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        try:
            if self._url.scheme == "smtps":
                self._server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=_checking())
            else:
                self._server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
            self._server.ehlo_or_helo_if_needed()
            if self._url.scheme == "smtp" and self._server.has_extn("starttls"):
                self._server.starttls(context=_checking())
            if self._url.username:
                self._server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise Unreachable(f"{host}: {error}") from error
        return self._server

    def _refusal(self, code: int, reply: bytes | str) -> Refused | Unreachable:
        """421: the server hangs up; any other 4xx: not now; 5xx: never."""
        text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
        if code == SERVICE_ENDS:
            self._server = None
            return Unreachable(f"{code} {text}")
        return Refused(f"{code} {text}", forever=code >= 500)


def _checking() -> ssl.SSLContext:
    """smtplib alone would believe any certificate."""
    return ssl.create_default_context()
