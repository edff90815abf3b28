"""Texts that read alike for many people but in a few places: written once, then filled in for each of them.

While the text is written, a stand-in holds each place. It is drawn by lot when the program starts, so no text of
anybody's can hold one.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

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

    def __init__(self, pieces: list[bytes], places: list[tuple[int, str]]) -> None:
        """`places` says which of the pieces is to be replaced, and its name. Pieces are shared, and never changed."""
        self._pieces, self._places = pieces, places

    @classmethod
    def of(cls, stencil: Stencil) -> "EncodedStencil":
        places = [(place, name) for place, name in enumerate(stencil.parts) if place % 2]
        return cls([part.encode() for part in stencil.parts], places)

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        pieces = self._pieces.copy()
        for place, name in self._places:
            pieces[place] = values[name]
        return b"".join(pieces)

    def renamed(self, names: Mapping[str, str]) -> "EncodedStencil":
        """The same with other names for some of its places."""
        return EncodedStencil(self._pieces, [(place, names.get(name, name)) for place, name in self._places])

    def around(self, others: Mapping[str, Sequence["EncodedStencil"]]) -> "EncodedStencil":
        """This one, with others in the places of these names, one after the other."""
        names, whole = dict(self._places), EncodedStencil([], [])
        for place, piece in enumerate(self._pieces):
            name = names.get(place, "")
            for part in others.get(name) or [EncodedStencil([piece], [(0, name)] if name else [])]:
                whole._places += [(len(whole._pieces) + within, name) for within, name in part._places]
                whole._pieces += part._pieces
        return whole
