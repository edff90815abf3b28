"""Noticing that the clock on the wall was set forth or back, by a clock that nobody can set.

Going back does no harm: nothing is due twice. Going forth does: waves would be skipped as missed or closed too early,
and mails dropped as pointless, which nothing brings back when the clock is put right. So after a leap nothing is done
until the new time has stood for a while or somebody confirms it. A process that starts has nothing to compare with: it
believes the clock, because it cannot tell a wrong one from a long night.
"""

import logging
from datetime import timedelta

log = logging.getLogger(__name__)

JUMP_SECONDS = 60  # less is a clock being adjusted
LEAP_SECONDS = 3600  # forth by more than this: nothing is done for now
STEADY_SECONDS = 2 * 3600  # so long a clock must run evenly before its new time is believed


class Watch:
    """The watch of one process. `wall` is UTC seconds; `steady` is seconds since whenever, and never jumps."""

    def __init__(self) -> None:
        self._offset: float | None = None  # wall - steady, at the last look
        self._believed = 0.0  # the offset that is acted by
        self._jumped_at = 0.0  # steady
        self._waits = False

    def may_act(self, wall: int, steady: float, ticked_at: int) -> bool:
        """Whether what is due by the wall's clock may be done now.

        `ticked_at` is when a clock was last known to run, by any process; a jump is logged once.
        """
        offset = wall - steady
        if self._offset is None:
            self._begin(offset, wall, steady, ticked_at)
        elif abs(jump := offset - self._offset) > JUMP_SECONDS:
            log.warning("The clock has jumped %s by %s.", "forth" if jump > 0 else "back", _long(jump))
            self._jumped_at = steady
        self._offset = offset
        confirmed = self._waits and abs(ticked_at - wall) < LEAP_SECONDS
        if confirmed or steady - self._jumped_at >= STEADY_SECONDS:
            self._believed = offset
        self._wait(offset - self._believed > LEAP_SECONDS)
        return not self._waits

    def _begin(self, offset: float, wall: int, steady: float, ticked_at: int) -> None:
        self._believed, self._jumped_at = offset, steady - STEADY_SECONDS
        if ticked_at > wall + JUMP_SECONDS:
            log.warning("The clock stands %s before it last ticked; nothing is done twice.", _long(ticked_at - wall))
        elif 0 < ticked_at < wall - LEAP_SECONDS:
            log.warning("Nothing has made the clock tick for %s; it catches up now.", _long(wall - ticked_at))

    def _wait(self, waits: bool) -> None:
        if waits and not self._waits:
            log.warning(
                "Nothing is done until the clock has run evenly for %s, is put right, or `espejo tick` confirms it.",
                _long(STEADY_SECONDS),
            )
        if self._waits and not waits:
            log.warning("The clock is believed again; what is due is done.")
        self._waits = waits


def _long(seconds: float) -> timedelta:
    return timedelta(seconds=round(abs(seconds)))
