"""What one rule found out: its figures, the counts of each frame, and each match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray
from drivegrid.metrics.calibration import calibrate
from drivegrid.metrics.matching import Match
from drivegrid.metrics.tally import Rates, Tally, WeightedRates


@dataclass(frozen=True, slots=True)
class MatchRow:
    """One prediction with what it was matched with, or one truth that nothing was matched with.

    Args:
        frame: Name of the frame.
        label: Label of the prediction, or of the truth nobody found.
        pred: Index among the instances of the prediction; None for a truth nobody found.
        gt: Index among the instances of the truth; None for a false alarm.
        overlap: IoU of a pair, or 1 or 0 for points; 0 without a pair.
        hit: Whether the rule counts the pair.
        confidence: Of the prediction, if it has one.
    """

    frame: str
    label: str
    pred: int | None
    gt: int | None
    overlap: float
    hit: bool
    confidence: float | None


@dataclass(frozen=True)
class Evaluation:
    """The outcome of one rule.

    Args:
        figures: Totals by name, with ``parameters`` among them.
        tally: Counts of each frame and the rates of their sums.
        rows: Matches; empty for rules that match nothing.
        worst: Name of the rate by which frames are called good or bad; "" if there is none.
        curves: (recall, precision) points by label, of rules that define their own curve.
        weighted: Rates of a set in which each frame counts so often, where the rates are no
            functions of the tally's sums.
    """

    figures: Mapping[str, Any]
    tally: Tally
    rows: tuple[MatchRow, ...] = ()
    worst: str = ""
    curves: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    weighted: WeightedRates | None = None


def tally_of(
    names: Iterator[str] | tuple[str, ...],
    frames: list[dict[str, float]],
    columns: tuple[str, ...],
    rates: Rates,
) -> Tally:
    """Return a tally of one dict of figures a frame; a figure that is not there counts 0."""
    values: dict[str, FloatArray] = {
        column: np.array([frame.get(column, 0.0) for frame in frames], dtype=np.float64)
        for column in columns
    }
    return Tally(tuple(names), values, rates)


def match_rows(
    name: str,
    sides: tuple[list[tuple[int, Instance]], list[tuple[int, Instance]]],
    matches: tuple[Match, ...],
    hits: list[bool],
) -> Iterator[MatchRow]:
    """Yield the rows of one frame.

    Args:
        name: Of the frame.
        sides: Predicted and true instances that took part, with their places in their scenes.
        matches: Pairs, by place in the two lists.
        hits: Whether each pair counts.
    """
    pred, gt = sides
    pairs = {i: (j, overlap, hit) for (i, j, overlap), hit in zip(matches, hits, strict=True)}
    for i, (place, instance) in enumerate(pred):
        j, overlap, hit = pairs.get(i, (None, 0.0, False))
        true = None if j is None else gt[j][0]
        yield MatchRow(name, instance.label, place, true, overlap, hit, instance.confidence)
    found = {j for _, j, _ in matches}
    for j, (place, instance) in enumerate(gt):
        if j not in found:
            yield MatchRow(name, instance.label, None, place, 0.0, False, None)


def of_kind(scene: Scene, kind: type) -> list[tuple[int, Instance]]:
    """Return the instances with this kind of shape and their places in the scene."""
    return [(i, item) for i, item in enumerate(scene.instances) if isinstance(item.geometry, kind)]


def calibration_of(rows: tuple[MatchRow, ...]) -> dict[str, Any]:
    """Return the calibration of the predictions that have a confidence; empty if none has."""
    known = [row for row in rows if row.pred is not None and row.confidence is not None]
    if not known:
        return {}
    right = [row.hit for row in known]
    return {"calibration": calibrate([row.confidence or 0.0 for row in known], right).as_dict()}
