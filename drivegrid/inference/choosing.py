"""How the next token is picked from its distribution: the likeliest, or by chance."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from drivegrid.errors import ConfigError
from drivegrid.geometry import FloatArray
from drivegrid.tokens.automaton import TokenClasses

NONE_CHANCE = 0.5
"""Probability that "none" must exceed to be the answer."""


class Choose(Protocol):
    """Picks a token."""

    def __call__(self, chances: FloatArray, first: TokenClasses | None) -> int:
        """Return the next token.

        Args:
            chances: (V,) probabilities of the legal tokens.
            first: The vocabulary, at the first token of an answer; None later.
        """


def greedy(chances: FloatArray, first: TokenClasses | None) -> int:
    """Return the likeliest token, at first "none" only if likelier than all labels together.

    The labels share the chance that there is something: three signs at 0.2 each must not lose
    against "none" at 0.4.
    """
    if first is not None and first.none and chances[first.none[0]] <= NONE_CHANCE:
        chances = chances.copy()
        chances[first.none[0]] = 0.0
    return int(chances.argmax())


class Sampler:
    """Draws tokens from the likeliest ones (nucleus sampling, Holtzman et al. 2020).

    Args:
        temperature: Probabilities are raised to 1 / temperature; above 0.
        top_p: The fewest tokens that hold this share of the probability are drawn from, in (0, 1].
        rng: Source of chance.

    Raises:
        ConfigError: If a number is out of range.

    >>> sampler = Sampler(1.0, 0.5, np.random.default_rng(0))
    >>> {sampler(np.array([0.2, 0.6, 0.2]), None) for _ in range(9)}
    {1}
    """

    def __init__(self, temperature: float, top_p: float, rng: np.random.Generator) -> None:
        if not 0.0 < temperature < np.inf:
            raise ConfigError(f"temperature must be above 0, got {temperature}.")
        if not 0.0 < top_p <= 1.0:
            raise ConfigError(f"top_p must lie in (0, 1], got {top_p}.")
        self.temperature, self.top_p, self.rng = temperature, top_p, rng

    def __call__(self, chances: FloatArray, first: TokenClasses | None) -> int:
        """Return a token drawn by chance; see `Choose`."""
        del first
        # Relative to the best, or a low temperature would round all of them to 0.
        weights = (chances / chances.max()) ** (1 / self.temperature)
        order = np.argsort(-weights, kind="stable")
        sums = weights[order].cumsum()
        count = 1 + int(np.searchsorted(sums, self.top_p * sums[-1]))
        count = min(count, int((weights > 0).sum()))
        place = np.searchsorted(sums[:count], self.rng.random() * sums[count - 1], side="right")
        return int(order[min(int(place), count - 1)])
