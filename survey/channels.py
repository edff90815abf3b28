"""A browser's connection, as waitress keeps it, and what whoever is at its other end may not do to others.

A proxy in front would hold most of this off. Nothing here rests on there being one.
"""

import time
from collections.abc import Callable
from functools import cached_property

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import Error, RequestEntityTooLarge

FORM_BYTES = 2_000_000  # beyond it a form is refused by its head; what is a little too large gets a page that says so
FILE_BYTES = 51_000_000  # the same of whoever may send files; waitress looks after it
FORM_SECONDS = 60  # in which a form must have arrived whole
FILE_SECONDS = 900
HURRIED_SECONDS = 10  # in which a head must have arrived, and where places are few all of a request
CROWDED_SHARE = 0.75  # of all places; when more are taken, they are few
PIPELINED = 16  # requests that may be sent ahead of their replies; browsers send none

MaySendFiles = Callable[[str, str], bool]  # by the path and the cookies of a POST


class LengthRequired(Error):
    """A request does not say how large it is. Browsers do, and so does a proxy that waits until it has all of it."""

    code = 411
    reason = "Length Required"


class BoundedRequest(HTTPRequestParser):
    """A request that is refused by its head, before anything else of it is stored or invited."""

    path = ""  # of one that cannot be read
    empty: bool
    error: Error | None

    @staticmethod
    def may_send_files(path: str, cookies: str) -> bool:
        """Nobody, until `channel_class` knows who."""
        return False

    @cached_property
    def takes_files(self) -> bool:
        """Asked only where it matters, as it takes longer than all else here."""
        return self.command == "POST" and self.may_send_files(self.path, self.headers.get("COOKIE", ""))

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        if self.empty:  # blank lines belong to what follows, or each of them would be waited for anew
            self.empty = self.completed = self.headers_finished = False
            self.header_plus = b""
            return consumed
        if self.headers_finished and self.error is None:
            self.error = self._fault()
        if self.error is not None:
            self.completed, consumed = True, len(data)
        if self.completed:
            self.expect_continue = False  # or waitress would wait for what it has, or does not want
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # an address like http://[ or a length of 5,000 digits: waitress foresees neither
            raise ParsingError("The head cannot be read.") from error

    def _fault(self) -> Error | None:
        """What the head says that is not taken.

        Chunks are none of it: waitress would keep, and read again from its beginning whenever more comes, a chunk's
        head that never ends. HTTP 1.0 knows no chunks, so there it leaves the header as it stands.
        """
        if self.chunked or "TRANSFER_ENCODING" in self.headers:
            return LengthRequired("A request must say how large it is, with Content-Length.")
        if self.content_length > FORM_BYTES and not self.takes_files:
            return RequestEntityTooLarge(f"It may have {FORM_BYTES} bytes, and a file {FILE_BYTES} once you sign in.")
        return None


class Channel(HTTPChannel):
    """A browser's connection, whose reply is sent by the thread that makes it, for as long as that takes."""

    parser_class = BoundedRequest
    _begun = 0.0  # when what is arriving came first, or came again after the replies that it was behind
    _is_behind = False  # others; nothing more of it is read until they are answered

    def writable(self) -> bool:
        """Whether the thread of all connections is to send.

        waitress would have it try again and again while the other one sends, and each try takes Python away from that:
        together they served half as many. What the other has left over, or too much to hold back, is sent from here.
        """
        if self.requests and not self.will_close and self.total_outbufs_len < self.adj.outbuf_high_watermark:
            return False
        return bool(super().writable())

    def received(self, data: bytes) -> bool:
        """Take what has come; who sends a request byte by byte, or very many at once, is sent away."""
        before = self.request
        taken = super().received(data)
        request = self.request
        if request is not None:
            if request is not before or self._is_behind:
                self._begun = time.monotonic()
            elif self._is_late(request):
                self.will_close = True
            self._is_behind = bool(self.requests)
        if len(self.requests) > PIPELINED:
            self.will_close = True
        return bool(taken)

    def _is_late(self, request: BoundedRequest) -> bool:
        """Whether it has been arriving for too long."""
        seconds = time.monotonic() - self._begun
        if seconds <= HURRIED_SECONDS:
            return False
        if not request.headers_finished or self._is_crowded:
            return True
        return seconds > FORM_SECONDS and (seconds > FILE_SECONDS or not request.takes_files)

    @property
    def _is_crowded(self) -> bool:
        return len(self.server.active_channels) > CROWDED_SHARE * self.adj.connection_limit


def channel_class(may_send_files: MaySendFiles) -> type[Channel]:
    """Connections of whom these pages judge so."""
    judged = type("JudgedRequest", (BoundedRequest,), {"may_send_files": staticmethod(may_send_files)})
    return type("JudgedChannel", (Channel,), {"parser_class": judged})
