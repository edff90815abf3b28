"""Parts of pages that read alike for many readers: each is rendered once, and kept.

What is in no key must be the same for all readers. A key begins with the part's name and the language. Days of this
year are written without it, so that all parts are rendered again in the next one.
"""

import time
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

from markupsafe import escape

from survey.stencils import EncodedStencil, Stencil
from survey.web.access import this_app

T = TypeVar("T")

MOST_PARTS = 2000  # of a few kilobytes each
MOST_PAGES = 10_000  # which share their text with their parts
EXTENSION = "espejo-parts"


class Kept(Generic[T]):
    """What has been made, by all that it is made of."""

    def __init__(self, most: int | None = None) -> None:
        self._most, self._found = most or MOST_PARTS, dict[tuple[Hashable, ...], T]()

    def get(self, key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
        place = (time.gmtime().tm_year, *key)
        found = self._found.get(place)
        if found is None:
            if len(self._found) >= self._most:
                self.forget()
            found = self._found[place] = make()
        return found

    def forget(self) -> None:
        self._found.clear()


class Parts(Kept[EncodedStencil]):
    """The parts of one application's pages, and the pages that were put together from them."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: Kept[EncodedStencil] = Kept(MOST_PAGES)
        self.options: Kept[bytes] = Kept()  # of lists of departments

    def forget(self) -> None:
        """Pages too, or they would keep the text of parts that are no more."""
        super().forget()
        self.pages.forget()

    def part(
        self, key: tuple[Hashable, ...], names: Collection[str], write: Callable[[Mapping[str, str]], str]
    ) -> EncodedStencil:
        """A part with places of these names, around which `write` renders it."""
        return self.get(key, lambda: EncodedStencil.of(Stencil(names, write)))


def encoded(own: Mapping[str, str | bytes]) -> dict[str, bytes]:
    """What is put in places: texts as text, bytes as they are. What is empty has no place."""
    return {name: value if type(value) is bytes else escape(value).encode() for name, value in own.items() if value}


def parts() -> Parts:
    """Those of the application that answers."""
    return this_app().extensions[EXTENSION]
