"""Parts of pages that read alike for many readers: each is rendered once, and kept.

What is in no key must be the same for all readers. A key begins with the part's name and the language. Days of this
year are written without it, so that all parts are rendered again in the next one.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from flask import current_app
from markupsafe import escape

from survey.stencils import EncodedStencil, Stencil

T = TypeVar("T")

MOST_PARTS = 2000  # of a few kilobytes each
EXTENSION = "espejo-parts"


class Kept(Generic[T]):
    """What has been made, by all that it is made of."""

    def __init__(self) -> None:
        self._found: dict[tuple[Hashable, ...], T] = {}

    def get(self, key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
        place = (time.gmtime().tm_year, *key)
        found = self._found.get(place)
        if found is None:
            if len(self._found) >= MOST_PARTS:
                self._found.clear()
            found = self._found[place] = make()
        return found


class Parts(Kept[EncodedStencil]):
    """The parts of one application's pages."""

    def filled(
        self, *key: Hashable, own: Mapping[str, str | bytes], write: Callable[[Mapping[str, str]], str]
    ) -> bytes:
        """A part in UTF-8 with what is the reader's own in its places: texts as text, bytes as they are.

        `write` renders it around what it is given for each of `own`; whether a value is empty may decide what else is
        written.
        """
        values = {
            name: value if type(value) is bytes else escape(value).encode() for name, value in own.items() if value
        }

        def stencil() -> EncodedStencil:
            blank = dict.fromkeys(own, "")
            return EncodedStencil(Stencil(values, lambda places: write(blank | places)))

        return self.get((*key, *values), stencil).fill(values)


def parts() -> Parts:
    """Those of the application that answers."""
    return current_app.extensions[EXTENSION]
