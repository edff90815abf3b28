"""Parts of pages that read alike for many readers: each is rendered once, and kept.

{% call remembered("thanks", language, first_time) %} … {% endcall %}
"""

import time
from collections.abc import Callable, Hashable

from markupsafe import Markup

MOST_PARTS = 2000  # of a few kilobytes each


class Parts:
    """What has been rendered, by all that it is made of: what is not in the key must be the same for all readers."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Hashable, ...], Markup] = {}

    def remembered(self, *key: Hashable, caller: Callable[[], Markup], unless: object = False) -> Markup:
        """The part as it was rendered before; it is made afresh when there is none, and always when `unless` holds.

        The key begins with the part's name and the language. Days of this year are written without it, so that all
        parts are rendered again in the next one.
        """
        if unless:
            return caller()
        place = (time.gmtime().tm_year, *key)
        found = self._kept.get(place)
        if found is None:
            if len(self._kept) >= MOST_PARTS:
                self._kept.clear()
            found = self._kept[place] = caller()
        return found
