"""How many answered in a wave and in the ones before it, by division."""

from collections.abc import Sequence
from dataclasses import dataclass

from survey import releases
from survey.models import Wave
from survey.releases import Clients, Participation

COMPARED = 4  # waves side by side


@dataclass(frozen=True)
class Turnout:
    """A wave beside the earlier ones of its pulse; each row has an entry for each of `waves`, the latest first."""

    waves: tuple[Wave, ...]
    groups: tuple[Participation, ...]  # of the first wave, as people were asked
    wholes: tuple[Participation, ...]
    rows: tuple[tuple[Clients, tuple[Participation | None, ...]], ...]  # divisions, then groups of several divisions

    @property
    def wave(self) -> Wave:
        return self.waves[0]

    @property
    def has_mixed(self) -> bool:
        """Whether groups of several divisions stand by themselves."""
        return any(len(clients.departments) > 1 for clients, _ in self.rows)

    @property
    def whole(self) -> Participation:
        return self.wholes[0]


def turnout_until(wave: Wave, released: Sequence[Wave]) -> Turnout:
    """The turnout of one wave."""
    return turnouts([wave], released)[0]


def turnouts(waves: Sequence[Wave], released: Sequence[Wave]) -> list[Turnout]:
    """The turnout of each of `waves`, beside those among `released`. Three queries."""
    compared = {wave.id: (wave, *_before(wave, released)) for wave in waves}
    found = releases.participations([wave for several in compared.values() for wave in several])
    return [_turnout(several, found) for several in compared.values()]


def _before(wave: Wave, released: Sequence[Wave]) -> list[Wave]:
    earlier = [other for other in released if other.pulse_id == wave.pulse_id and other.occurrence < wave.occurrence]
    return sorted(earlier, key=lambda other: -other.occurrence)[: COMPARED - 1]


def _turnout(waves: tuple[Wave, ...], found: dict[int, list[Participation]]) -> Turnout:
    divided = [{row.clients: row for row in releases.by_division(found[wave.id])} for wave in waves]
    rows = dict.fromkeys(clients for by_clients in divided for clients in by_clients)
    ordered = sorted(rows, key=lambda clients: (len(clients.departments), clients.departments))
    return Turnout(
        waves=waves,
        groups=tuple(found[waves[0].id]),
        wholes=tuple(releases.whole_participation(found[wave.id]) for wave in waves),
        rows=tuple((clients, tuple(by_clients.get(clients) for by_clients in divided)) for clients in ordered),
    )
