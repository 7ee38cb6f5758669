"""Figures of frames that add up, the rates of their sums, and how sure those are.

Every metric of a set is a function of sums over frames: F1 of TP, FP and FN, a mean of values and
their number. So a rate of a split, or of a bootstrap resample, needs no second matching.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from drivegrid.errors import ConfigError
from drivegrid.geometry import FloatArray
from drivegrid.metrics.matching import plain

Sums: TypeAlias = Mapping[str, FloatArray]
"""Column name to sums over frames, all of one shape: () for one set of frames, (R,) for many."""
Rates: TypeAlias = Callable[[Sums], dict[str, FloatArray]]

WeightedRates: TypeAlias = Callable[[FloatArray], Mapping[str, float]]
"""(N,) how often each frame counts, to rates; nan over nothing."""

RESAMPLES = 1000
LEVEL = 0.95


def over(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part / whole elementwise, nan where the whole is 0: a score over nothing is no score.

    >>> over(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    out: FloatArray = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def mean_of(rates: Sequence[FloatArray]) -> FloatArray:
    """Return the elementwise mean of the rates that are not nan; nan where all are.

    >>> mean_of([np.array([1.0, np.nan]), np.array([0.0, np.nan])]).tolist()
    [0.5, nan]
    """
    stacked = np.stack([np.asarray(rate, np.float64) for rate in rates])
    known = ~np.isnan(stacked)
    return over(np.where(known, stacked, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


@dataclass(frozen=True)
class Tally:
    """One row of additive figures for each frame.

    Args:
        names: (N,) frame names, in order.
        columns: Column name to (N,) values.
        rates: Sums of the columns to rates; elementwise over any shape, nan over nothing.
    """

    names: tuple[str, ...]
    columns: Mapping[str, FloatArray]
    rates: Rates

    def sums(self, frames: npt.NDArray[np.int64] | None = None) -> dict[str, float]:
        """Return the sum of each column over the frames of these places; None takes all."""
        chosen = slice(None) if frames is None else frames
        return {name: float(column[chosen].sum()) for name, column in self.columns.items()}

    def rates_by_frame(self) -> dict[str, FloatArray]:
        """Return (N,) each rate of each frame alone; nan where it is over nothing."""
        return self.rates(self.columns)

    def rates_of(self, frames: npt.NDArray[np.int64] | None = None) -> dict[str, float | None]:
        """Return each rate over the frames of these places; None where it is over nothing."""
        sums = {name: np.asarray(value) for name, value in self.sums(frames).items()}
        return {name: plain(float(rate)) for name, rate in self.rates(sums).items()}


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval; both ends are nan if no resample gave the rate."""

    low: float
    high: float


def intervals(
    tally: Tally,
    groups: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Return the percentile bootstrap interval of each rate (Efron, 1979).

    Args:
        tally: What was counted.
        groups: (N,) what each frame is drawn together with, for example its clip: frames of a clip
            are alike, and drawing them one by one would promise too much. None draws frames.
        resamples: How often as many groups as there are are drawn with replacement.
        seed: Of the draw; equal seeds give equal intervals.
        level: Share of the resamples between the ends, in (0, 1).

    Raises:
        ConfigError: If there are not as many groups as frames, or a number is out of range.

    >>> right = np.array([1.0, 0.0, 1.0, 1.0])
    >>> table = Tally(("a", "b", "c", "d"), {"right": right, "n": np.ones(4)},
    ...               lambda sums: {"share": over(sums["right"], sums["n"])})
    >>> found = intervals(table)["share"]
    >>> found.low, found.high
    (0.25, 1.0)
    """
    if groups is not None and len(groups) != len(tally.names):
        raise ConfigError(f"groups must be one a frame, got {len(groups)}, not {len(tally.names)}.")
    if resamples < 1 or not 0 < level < 1:
        raise ConfigError(
            f"resamples must be at least 1 and level in (0, 1), got {resamples} and {level}."
        )
    if not tally.names or not tally.columns:
        return {name: Interval(np.nan, np.nan) for name in tally.rates_of()}
    drawn = _resampled_sums(tally, groups, resamples, np.random.default_rng(seed))
    return {name: _percentiles(rate, level) for name, rate in tally.rates(drawn).items()}


def weighted_intervals(
    rates: WeightedRates, groups: Sequence[str], *, resamples: int, seed: int = 0
) -> dict[str, Interval]:
    """Return the bootstrap intervals of rates that are no functions of sums over frames.

    Args:
        rates: How often each frame counts to the rates.
        groups: (N,) as in :func:`intervals`, at least one; a name of its own for each frame draws
            frames.
        resamples: At least 1.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    count = int(place.max()) + 1
    drawn = []
    for _ in range(resamples):
        often = np.bincount(rng.integers(count, size=count), minlength=count)
        drawn.append(rates(often[place].astype(np.float64)))
    return {name: _percentiles(np.array([one[name] for one in drawn]), LEVEL) for name in drawn[0]}


def _percentiles(rate: FloatArray, level: float) -> Interval:
    known = rate[~np.isnan(rate)]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(known, tails) if len(known) else (np.nan, np.nan)
    return Interval(float(low), float(high))


def _resampled_sums(
    tally: Tally, groups: Sequence[str] | None, resamples: int, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Return (R,) sums of each column: one matrix product a resample, over sums of groups."""
    values = np.stack(list(tally.columns.values()), axis=1)
    if groups is not None:
        _, place = np.unique(np.asarray(groups), return_inverse=True)
        summed = np.zeros((int(place.max()) + 1, values.shape[1]))
        np.add.at(summed, place, values)
        values = summed
    count = len(values)
    sums = np.empty((resamples, values.shape[1]))
    for i in range(resamples):
        weights = np.bincount(rng.integers(count, size=count), minlength=count)
        sums[i] = weights @ values
    return dict(zip(tally.columns, sums.T, strict=True))
