"""Letters that many get: what they share is written once, with a blank wherever one reader's own words stand.

A blank is a random word of letters and digits. No text from people holds it, as nobody has seen it; and gettext, the
templates, addresses and the inlining of styles leave it as it is.
"""

import re
from binascii import b2a_qp
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from html import escape
from secrets import token_hex

from survey.envelopes import content_of, sealed, sender_of
from survey.transport import Mail

Words = Mapping[str, str]  # {blank: what stands there}


def blank() -> str:
    return f"x{token_hex(16)}x"


def fits(words: Sequence[str]) -> bool:
    """Whether they read in a page as they are, once markup is escaped; other blanks than a space are changed there."""
    return all(word.isprintable() for word in words)


class FormLetter:
    """A mail of two parts, whose blanks are filled again and again; to whom it goes and when is no part of it."""

    def __init__(self, mail: EmailMessage, blanks: Sequence[str]) -> None:
        self._blanks = tuple(blanks)
        self._sender = sender_of(mail)
        self._plain, self._html = (_Body(part.get_content(), blanks) for part in mail.iter_parts())
        self._bodies = blank(), blank()
        for part, body in zip(mail.iter_parts(), self._bodies, strict=True):
            part.set_content(body, subtype=part.get_content_subtype(), cte="quoted-printable")
        self._frame = _Cut(content_of(mail).decode(), [*self._bodies, *blanks])

    def filled(self, own: Sequence[str], name: str, address: str, now: int) -> Mail:
        """The mail to one reader, whose own words stand in the order of the blanks; they fit."""
        words = dict(zip(self._blanks, own, strict=True))
        escaped = {blank: escape(word, quote=False) for blank, word in words.items()}
        bodies = self._plain.filled(words), self._html.filled(escaped)
        frame = self._frame.filled({**words, **dict(zip(self._bodies, bodies, strict=True))})
        return sealed(frame.encode(), self._sender, name, address, now)


class _Cut:
    """A text that is cut at its blanks."""

    def __init__(self, text: str, blanks: Sequence[str]) -> None:
        self._pieces = re.split(f"({'|'.join(blanks)})", text)

    def filled(self, words: Words) -> str:
        return "".join(words.get(piece, piece) for piece in self._pieces)


class _Body:
    """What a part says. Each line is encoded by itself, so those without a blank are encoded for all."""

    def __init__(self, text: str, blanks: Sequence[str]) -> None:
        lines = text.replace("\r\n", "\n").removesuffix("\n")  # the last end of a line belongs to the frame
        same, *rest = re.split(f"^(.*(?:{'|'.join(blanks)}).*)$", lines, flags=re.MULTILINE)
        self._first = _encoded(same)
        self._rest = [(_Cut(line, blanks), _encoded(same)) for line, same in zip(rest[::2], rest[1::2], strict=True)]

    def filled(self, words: Words) -> str:
        return self._first + "".join(_encoded(line.filled(words)) + same for line, same in self._rest)


def _encoded(lines: str) -> str:
    """Quoted-printable (RFC 2045): no text from people can be taken for the seam between two parts."""
    return b2a_qp(lines.encode()).replace(b"\n", b"\r\n").decode("ascii")
