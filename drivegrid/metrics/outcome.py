"""One rule's evaluation with everything that is told of it: intervals, splits and frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from drivegrid.metrics.evaluation import Evaluation
from drivegrid.metrics.matching import plain
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.report import flatten
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.rules.table import find_rule
from drivegrid.metrics.tally import LEVEL, RESAMPLES, Interval, intervals, weighted_intervals

Resampled: TypeAlias = Literal["frame", "clip"]
WEIGHTED_RESAMPLES = 200
"""Most resamples of rates that are worked out anew for each: AP."""
MIN_CLIPS = 10
"""Fewest clips that are resampled as a whole; an interval over fewer would mean little."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are drawn.

    Args:
        by: Frames, or whole clips; None takes clips where there are at least `MIN_CLIPS`.
        resamples: How many resamples; 0 draws no intervals.
        seed: Of the draw.
    """

    by: Resampled | None = None
    resamples: int = RESAMPLES
    seed: int = 0

    def groups(self, pairs: FramePairs) -> list[str] | None:
        """Return the clip of each frame, None where frames are drawn one by one."""
        clips = [gt.frame.clip for _, gt in pairs.pairs.values()]
        by_clip = self.by == "clip" or (self.by is None and len(set(clips)) >= MIN_CLIPS)
        if not by_clip or None in clips:
            return None
        return [str(clip) for clip in clips]


@dataclass(frozen=True)
class Outcome:
    """What one rule says of a pair of data sets.

    Args:
        rule: Its name.
        evaluation: What it found.
        intervals: Of each rate, by name.
        drawn: How the intervals were drawn.
        splits: Split name to its sums and rates.
    """

    rule: str
    evaluation: Evaluation
    intervals: Mapping[str, Interval]
    drawn: Mapping[str, Any]
    splits: Mapping[str, Mapping[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return figures, intervals, splits and ``per_frame`` as JSON values."""
        found = self.ends()
        return {
            **self.evaluation.figures,
            "intervals": {**found, "parameters": dict(self.drawn)} if found else {},
            "splits": dict(self.splits),
            "per_frame": self.per_frame(),
        }

    def shown(self) -> dict[str, Any]:
        """Return the figures for people: what ``at_iou`` says again is left out."""
        return {name: value for name, value in self.evaluation.figures.items() if name != "at_iou"}

    def shown_splits(self) -> dict[str, dict[str, Any]]:
        """Return of each split what the totals show, and how many predictions and truths."""
        told = {"frames", "num_pred", "num_gt", *flatten(self.shown())}
        return {
            split: {name: value for name, value in row.items() if name in told}
            for split, row in self.splits.items()
        }

    def ends(self) -> dict[str, list[float | None]]:
        """Return low and high end of each interval; None where no resample gave the rate."""
        return {name: [plain(i.low), plain(i.high)] for name, i in self.intervals.items()}

    def per_frame(self) -> dict[str, dict[str, float | None]]:
        """Return the counts and rates of each frame, by name."""
        tally = self.evaluation.tally
        columns = {**tally.columns, **tally.rates_by_frame()}
        return {
            name: {key: plain(float(column[i])) for key, column in columns.items()}
            for i, name in enumerate(tally.names)
        }

    def worst_frames(self, count: int) -> list[tuple[str, float]]:
        """Return the frames with the lowest of the rule's main rate, worst first, and that rate.

        Perfect ones are not among them, nor those that have none.
        """
        rates = self.evaluation.tally.rates_by_frame().get(self.evaluation.worst)
        if rates is None:
            return []
        order = np.argsort(rates, kind="stable")[:count]
        names = self.evaluation.tally.names
        return [(names[i], float(rates[i])) for i in order if rates[i] < 1]


def evaluate_rule(
    rule: str,
    pairs: FramePairs,
    settings: Settings,
    bootstrap: Bootstrap,
    splits: Mapping[str, Sequence[int]] | None = None,
) -> Outcome:
    """Score pairs by a rule, with intervals and splits.

    Args:
        rule: A name in ``rules.table.RULES``.
        pairs: Predictions and truth.
        settings: How the rule is run.
        bootstrap: How intervals are drawn.
        splits: Places of the frames of each split.

    Raises:
        ConfigError: If the rule is unknown.
        MissingExtraError: If the rule needs a package that is not installed.
    """
    evaluation = find_rule(rule)(pairs, settings)
    tally = evaluation.tally
    groups = bootstrap.groups(pairs)
    if evaluation.weighted is not None:
        bootstrap = replace(bootstrap, resamples=min(bootstrap.resamples, WEIGHTED_RESAMPLES))
    drawn = {
        "method": "percentile bootstrap",
        "by": "frame" if groups is None else "clip",
        "resamples": bootstrap.resamples,
        "seed": bootstrap.seed,
        "level": LEVEL,
    }
    found = _intervals(evaluation, groups, bootstrap)
    apart = {}
    for name, places in (splits or {}).items():
        chosen = np.asarray(places, dtype=np.int64)
        sums = {
            column: int(value) if value.is_integer() else value
            for column, value in tally.sums(chosen).items()
        }
        apart[name] = {"frames": len(chosen), **sums, **tally.rates_of(chosen)}
    return Outcome(rule, evaluation, found, drawn, apart)


def _intervals(
    evaluation: Evaluation, groups: Sequence[str] | None, bootstrap: Bootstrap
) -> dict[str, Interval]:
    names, (resamples, seed) = evaluation.tally.names, (bootstrap.resamples, bootstrap.seed)
    if not resamples:
        return {}
    if evaluation.weighted is None:
        return intervals(evaluation.tally, groups, resamples=resamples, seed=seed)
    if not names:
        return {}
    return weighted_intervals(evaluation.weighted, groups or names, resamples=resamples, seed=seed)
