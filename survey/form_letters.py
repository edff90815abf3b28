"""Letters that many get: what they share is written once, and a reader's own words are put in where they stand.

The places are words of letters and digits: gettext, the templates, addresses and the inlining of styles leave them as
they are.
"""

import re
from binascii import b2a_qp
from collections.abc import Mapping
from email.message import EmailMessage
from html import escape

from survey.envelopes import content_of, sealed, sender_of
from survey.stencils import PLACE, Stencil, places
from survey.transport import Mail

BODIES = ("plain", "html")
LINE_WITH_PLACE = re.compile(rf"^(.*{PLACE.pattern.replace('(', '(?:')}.*)$", re.MULTILINE)

Own = Mapping[str, str]  # {place: a reader's own words}


def fits(own: Own) -> bool:
    """Whether these words are the same in a page, once markup is escaped; some blanks are written in another way."""
    return all(words.isprintable() for words in own.values())


class FormLetter:
    """A mail of two parts, with places; what `sealed` adds is no part of it."""

    def __init__(self, mail: EmailMessage) -> None:
        self._sender = sender_of(mail)
        bodies = dict(zip(BODIES, mail.iter_parts(), strict=True))
        self._plain, self._html = (_Body(part.get_content()) for part in bodies.values())
        for body, place in places(BODIES).items():
            bodies[body].set_content(place, subtype=body, cte="quoted-printable")
        self._frame = Stencil.of(content_of(mail).decode())

    def filled(self, own: Own, name: str, address: str, now: int, message_id: str) -> Mail:
        """The mail to one reader, with words that fit in every place."""
        escaped = {place: escape(words, quote=False) for place, words in own.items()}
        frame = self._frame.fill({"plain": self._plain.filled(own), "html": self._html.filled(escaped)})
        return sealed(frame.encode(), self._sender, name, address, now, message_id)


class _Body:
    """What a part says. Each line is encoded by itself, so those without a place are encoded for all readers."""

    def __init__(self, text: str) -> None:
        lines = text.replace("\r\n", "\n").removesuffix("\n")  # the last end of a line belongs to the frame
        same, *rest = LINE_WITH_PLACE.split(lines)
        self._first = _encoded(same)
        self._rest = [(Stencil.of(line), _encoded(same)) for line, same in zip(rest[::2], rest[1::2], strict=True)]

    def filled(self, own: Own) -> str:
        return self._first + "".join(_encoded(line.fill(own)) + same for line, same in self._rest)


def _encoded(lines: str) -> str:
    """Quoted-printable (RFC 2045): no text from people can be taken for the seam between two parts."""
    return b2a_qp(lines.encode()).replace(b"\n", b"\r\n").decode("ascii")
