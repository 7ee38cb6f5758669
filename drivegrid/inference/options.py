"""How an answer is chosen among those a model might give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from drivegrid.errors import ConfigError
from drivegrid.inference.choosing import Choose, Sampler, greedy
from drivegrid.inference.collect import Places


class Options(TypedDict, total=False):
    """`DecodingOptions` without ``rounds``, as keywords of `Predictor.ask`."""

    samples: int
    temperature: float
    top_p: float
    seed: int
    places: Places
    constrained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingOptions:
    """How an answer is chosen.

    Args:
        rounds: Refine turns.
        samples: Answers that are drawn; of several the one is given that agrees most with the
            others (`drivegrid.inference.consistency`). A single one is the greedy answer.
        temperature: Of the draws, above 0.
        top_p: Share of the probability they are drawn from.
        seed: Of the draws.
        places: "expected" puts anchors where the probabilities of 3 x 3 cells expect them; then
            ``rounds`` must be 0, since offsets count from the middle of a cell.
        constrained: Whether the grammar rules out tokens. Offsets always mirror the proposal.

    Raises:
        ConfigError: Naming all that is out of range.
    """

    rounds: int = 1
    samples: int = 1
    temperature: float = 0.7
    top_p: float = 0.95
    seed: int = 0
    places: Places = "cells"
    constrained: bool = True

    def __post_init__(self) -> None:
        problems = []
        if self.rounds < 0:
            problems.append(f"rounds must be at least 0, got {self.rounds}.")
        if self.samples < 1:
            problems.append(f"samples must be at least 1, got {self.samples}.")
        if not 0 < self.temperature < np.inf:
            problems.append(f"temperature must be above 0, got {self.temperature}.")
        if not 0 < self.top_p <= 1:
            problems.append(f"top_p must lie in (0, 1], got {self.top_p}.")
        if self.seed < 0:
            problems.append(f"seed must be at least 0, got {self.seed}.")
        if self.places not in ("cells", "expected"):
            problems.append(f"places must be 'cells' or 'expected', got {self.places!r}.")
        elif self.places == "expected" and self.rounds:
            problems.append(f"rounds must be 0 with expected places, got {self.rounds}.")
        if problems:
            raise ConfigError(" ".join(problems))

    def choices(self) -> list[Choose]:
        """Return how each sample picks its tokens; the same whatever else is asked beside it."""
        if self.samples == 1:
            return [greedy]
        return [
            Sampler(self.temperature, self.top_p, np.random.default_rng([self.seed, number]))
            for number in range(self.samples)
        ]
