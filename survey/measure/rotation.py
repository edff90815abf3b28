"""Who is asked about whom: each person about a few providers, by weight, rotating so that all get their turn."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from math import sqrt
from typing import TypeVar

Provider = TypeVar("Provider", int, str)

KEPT = 1000  # departments whose line is remembered: all their people share it

GOLDEN = (sqrt(5) - 1) / 2  # its multiples, less their whole part, spread more evenly than any other number's
SILVER = sqrt(2) - 1  # the next best; no whole number of its steps is a whole number of golden ones


def providers_to_ask(weights: Mapping[Provider, float], most: int, seat: int, wave: int) -> list[Provider]:
    """Up to `most` providers for the person on `seat` (0, 1 … within the department) in the pulse's `wave` (0, 1 …).

    Systematic sampling with probability proportional to weight (Madow 1949): providers lie side by side on a line of
    length `most`, each as long as its probability of being asked about (never more than 1), and points one unit apart
    pick them. The first point moves with the seat and with the wave, so that the people of one department cover all its
    providers, and one person meets other providers in the next wave.

    By hand: weights 1, 1, 1, 1 and most 2 make lengths of 0.5; the points 0.3 and 1.3 pick the first and the third.
    Providers of weight 0 are never asked about; with `most` or fewer, all are. The heaviest come first.
    """
    point = ((seat + 1) * GOLDEN + wave * SILVER) % 1
    chosen = []
    for provider, end in _line(tuple(sorted(weights.items())), most):
        if point < end - 1e-9:
            chosen.append(provider)
            point += 1
    return sorted(chosen, key=lambda provider: -weights[provider])


@lru_cache(maxsize=KEPT)
def _line(weights: tuple[tuple[Provider, float], ...], most: int) -> list[tuple[Provider, float]]:
    """Each provider and where its part of the line ends."""
    lengths = _probabilities({provider: weight for provider, weight in weights if weight > 0}, most)
    return list(zip(lengths, accumulate(lengths.values()), strict=True))


def _probabilities(weights: Mapping[Provider, float], most: int) -> dict[Provider, float]:
    """Each provider's probability of being among `most`, proportional to its weight but never above 1."""
    certain: set[Provider] = set()
    while True:
        rest = {provider: weight for provider, weight in weights.items() if provider not in certain}
        places = most - len(certain)
        total = sum(rest.values())
        new = {provider for provider, weight in rest.items() if weight * places >= total}
        if not new:
            return {
                provider: 1.0 if provider in certain else weights[provider] * places / total for provider in weights
            }
        certain |= new
