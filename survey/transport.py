"""A mail as it leaves, who takes it, and what may go wrong while it is handed over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

LONGEST_REPLY = 300  # characters that are kept of what a mail server says


@dataclass(frozen=True)
class Mail:
    sender: str  # an address, as is `receiver`
    receiver: str
    content: bytes  # headers and all, its lines ended by CRLF

    @property
    def is_international(self) -> bool:
        """Whether only a server that offers SMTPUTF8 can take it (RFC 6531)."""
        return not (self.sender + self.receiver).isascii()


class Transport(Protocol):
    def send(self, mail: Mail, meanwhile: Callable[[], None]) -> None:
        """Hand one mail over; `meanwhile` may be done while the server considers it, and does not fail.

        Raises Refused, LineCut or Unreachable.
        """

    def close(self) -> None:
        """End the conversation."""


class NotTaken(Exception):
    """What the mail server says is the text of strangers: one line of it is kept, without control characters."""

    def __init__(self, reply: str) -> None:
        visible = "".join(sign if sign.isprintable() else " " for sign in reply)
        super().__init__(" ".join(visible.split())[:LONGEST_REPLY])


class Unreachable(NotTaken):
    """The mail server cannot be spoken to; nothing more is tried this time."""


class LineCut(NotTaken):
    """The conversation broke off in the middle of one mail, which may have arrived. The next one begins a new one."""


class Refused(NotTaken):
    """The mail server refused one mail; `forever` when trying again is pointless, `address` when it is to blame."""

    def __init__(self, reply: str, forever: bool, address: bool = False) -> None:
        super().__init__(reply)
        self.forever, self.address = forever, address
