"""A browser's connection, as waitress keeps it, and what whoever is at its other end may not do to others.

A proxy in front would hold most of this off. Nothing here rests on there being one.
"""

import time

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.utilities import RequestEntityTooLarge

FORM_BYTES = 2_000_000  # beyond it a form is refused by its head; what is a little too large gets a page that says so
FILE_BYTES = 51_000_000  # the same of a page that takes files
FILES = "/hr/"  # where the addresses of such pages begin
FORM_SECONDS = 60  # in which a form must have arrived whole
FILE_SECONDS = 900
PIPELINED = 16  # requests that may be sent ahead of their replies; browsers send none


class BoundedRequest(HTTPRequestParser):
    """A request that is refused as soon as it is known to be too large, before it is stored."""

    path = ""  # of one that cannot be read

    @property
    def takes_files(self) -> bool:
        return self.path.startswith(FILES)

    def received(self, data: bytes) -> int:
        consumed = super().received(data)
        most = FILE_BYTES if self.takes_files else FORM_BYTES
        if max(self.content_length, self.body_bytes_received) > most:
            self.error = RequestEntityTooLarge(f"It may have {most} bytes.")
            self.completed, self.expect_continue = True, False
        return int(consumed)


class Channel(HTTPChannel):
    """A browser's connection, whose reply is sent by the thread that makes it, for as long as that takes."""

    parser_class = BoundedRequest
    _begun = 0.0  # when the first byte of the request came that is arriving

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
        if self.request is None:
            self._begun = time.time()
        taken = super().received(data)
        if self.request is not None and time.time() - self._begun > self._patience:
            self.last_activity = 0  # as if nothing had come for long
        if len(self.requests) > PIPELINED:
            self.will_close = True
        return bool(taken)

    @property
    def _patience(self) -> int:
        return FILE_SECONDS if self.request.takes_files else FORM_SECONDS
