"""Steps of a job: beats now and then while things pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TypeVar

from drivegrid.dashboard.work import Beat

T = TypeVar("T")

BEAT_S = 0.5
"""How often a job says how far it is."""


class Steps:
    """Beats now and then while things pass, and counts them.

    Args:
        beat: Of the job.
    """

    def __init__(self, beat: Beat) -> None:
        self._beat, self._last = beat, 0.0

    def say(self, progress: float, message: str) -> None:
        """Beat, if the last time is long enough ago."""
        if time.monotonic() - self._last > BEAT_S:
            self._beat(progress, message)
            self._last = time.monotonic()

    def watch(
        self, things: Iterator[T], span: tuple[float, float], total: int, what: str
    ) -> Iterator[T]:
        """Pass things on, of which there are about so many."""
        first, last = span
        for number, thing in enumerate(things):
            share = min(1.0, number / max(1, total))
            self.say(first + share * (last - first), f"{what} {number:,} of {total:,}")
            yield thing
