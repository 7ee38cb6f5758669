"""Random draws that cost a microsecond, for worlds of a hundred things."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_BLOCK = 256
"""How many numbers are drawn at a time: one by one each would cost four times as much."""


class Draws:
    """A seeded source of numbers in one stream."""

    def __init__(self, *key: int) -> None:
        random = np.random.Generator(np.random.SFC64(list(key))).random
        blocks = iter(lambda: random(_BLOCK).tolist(), None)
        self._random: Callable[[], float] = chain.from_iterable(blocks).__next__

    def share(self) -> float:
        """Return a number in [0, 1)."""
        return self._random()

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int((high - low + 1) * self._random())

    def chance(self, share: float) -> bool:
        """Return True in a share of all cases."""
        return self._random() < share

    def bell(self, spread: float) -> float:
        """Return a nearly normal number, a sum of three uniform ones: at most 3 spreads from 0."""
        total = self._random() + self._random() + self._random()
        return (total - 1.5) * 2 * spread

    def gap(self, mean: float) -> float:
        """Return an exponential waiting distance, at most 8 means."""
        return -mean * float(np.log(max(1 - self._random(), 3.4e-4)))

    def pick(self, items: Sequence[T]) -> T:
        """Return one item, all alike."""
        return items[int(len(items) * self._random())]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Return one key in proportion to its weight."""
        sums = list(accumulate(weights.values()))
        index = bisect(sums, self._random() * sums[-1])
        return list(weights)[min(index, len(weights) - 1)]
