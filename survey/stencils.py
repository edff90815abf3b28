"""Texts that read alike for many people but in a few places: written once, then filled in for each of them.

While the text is written, a stand-in holds each place. It is drawn by lot when the program starts, so no text of
anybody's can hold one.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping

MARK = secrets.token_hex(12)
PLACE = re.compile(rf"{MARK}(\w+?){MARK}")


class Stencil:
    """A text with places that have names."""

    def __init__(self, names: Iterable[str], write: Callable[[dict[str, str]], str]) -> None:
        """`write` makes the text, given what is to stand in each place."""
        text = write({name: f"{MARK}{name}{MARK}" for name in names})
        self._parts = PLACE.split(text)  # every other one is a name

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with a value in each place, as it is."""
        parts = self._parts.copy()
        parts[1::2] = [values[name] for name in parts[1::2]]
        return "".join(parts)
