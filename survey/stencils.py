"""Texts that read alike for many people but in a few places: written once, then filled in for each of them.

While the text is written, a stand-in holds each place. It is drawn by lot when the program starts, so no text of
anybody's can hold one.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping

MARK = secrets.token_hex(12)
PLACE = re.compile(rf"{MARK}(\w+?){MARK}")


def places(names: Iterable[str]) -> dict[str, str]:
    """What stands in for each."""
    return {name: f"{MARK}{name}{MARK}" for name in names}


class Stencil:
    """A text with places that have names."""

    def __init__(self, names: Iterable[str], write: Callable[[dict[str, str]], str]) -> None:
        """`write` makes the text, given what is to stand in each place."""
        self.parts = PLACE.split(write(places(names)))  # every other one is a name

    @classmethod
    def of(cls, text: str) -> "Stencil":
        """From a text that holds places already."""
        return cls((), lambda _places: text)

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with a value in each place, as it is."""
        parts = self.parts.copy()
        parts[1::2] = [values[name] for name in parts[1::2]]
        return "".join(parts)


class EncodedStencil:
    """The same in UTF-8, for what is sent often: the text is encoded once, as are the values before they come here."""

    def __init__(self, stencil: Stencil) -> None:
        self._parts = [part.encode() for part in stencil.parts]
        self._names = stencil.parts[1::2]

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        parts = self._parts.copy()
        parts[1::2] = [values[name] for name in self._names]
        return b"".join(parts)
