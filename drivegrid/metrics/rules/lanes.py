"""CULane, CurveLanes and OpenLane 2D: lanes drawn wide and compared by pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray, Polyline
from drivegrid.metrics.culane import (
    CULANE,
    CURVELANES,
    MF1_THRESHOLDS,
    CulaneFrame,
    CulaneRule,
    CulaneScore,
    LanePair,
    match_frames,
)
from drivegrid.metrics.evaluation import (
    Evaluation,
    MatchRow,
    calibration_of,
    match_rows,
    of_kind,
    tally_of,
)
from drivegrid.metrics.lanes import densify
from drivegrid.metrics.matching import Counts
from drivegrid.metrics.openlane import IOU as OPENLANE_IOU
from drivegrid.metrics.openlane import OPENLANE, lane_category, scored_lane
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Rates, Sums, mean_of, over

Numbered = list[tuple[int, Instance]]


def evaluate_culane(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score every line by the CULane rule: 1640x590, width 30, IoU > .5."""
    return _evaluate(pairs, settings, CULANE, (0.5, 0.75))


def evaluate_curvelanes(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score every line by the CurveLanes rule: 224x224, width 5, IoU > .5."""
    return _evaluate(pairs, settings, CURVELANES, (0.5, 0.75), "curvelanes")


def evaluate_openlane(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score lines by the OpenLane 2D rule: 1920x1280, width 30, IoU > .3, equal category."""
    return _evaluate(pairs, settings, OPENLANE, (OPENLANE_IOU, 0.5), "openlane")


def _evaluate(
    pairs: FramePairs,
    settings: Settings,
    rule: CulaneRule,
    thresholds: Sequence[float],
    name: str = "culane",
) -> Evaluation:
    """Score by a rule of this family; its first threshold decides what a hit is."""
    by_category = name == "openlane"
    sides = [
        (_taking_part(pred, by_category), _taking_part(gt, by_category))
        for pred, gt in pairs.pairs.values()
    ]
    sizes = [gt.frame.size_wh for _, gt in pairs.pairs.values()]
    ready = [
        _lane_pair(*side, size, settings.densify_px, by_category)
        for side, size in zip(sides, sizes, strict=True)
    ]
    frames = match_frames(ready, rule, settings.workers)
    rows = tuple(_rows(pairs, sides, frames, thresholds[0]))
    levels = sorted({*thresholds, *MF1_THRESHOLDS})
    counted = [_counts(frame, levels) for frame in frames]
    columns = ("num_pred", "num_gt", *(_key("tp", level) for level in levels))
    tally = tally_of(tuple(pairs.pairs), counted, columns, _rates(tuple(thresholds)))
    score = CulaneScore(dict(zip(pairs.pairs, frames, strict=True)), rule)
    figures: dict[str, Any] = score.as_dict(thresholds)
    figures["parameters"] |= {"rule": name, "densify_px": settings.densify_px}
    if by_category:
        figures["parameters"] |= {"iou": OPENLANE_IOU, "category": "must be equal"}
    counts = {
        _key(name, level): number
        for level in thresholds
        for name, number in zip(("tp", "fp", "fn"), _three(score.counts(level)), strict=True)
    }
    figures = {**tally.rates_of(), **counts, **figures, **calibration_of(rows)}
    return Evaluation(figures, tally, rows, _key("f1", thresholds[0]))


def _three(counts: Counts) -> tuple[int, int, int]:
    return counts.tp, counts.fp, counts.fn


def _taking_part(scene: Scene, by_category: bool) -> Numbered:
    """Return the lines of a scene; OpenLane passes over those of one point."""
    lines = of_kind(scene, Polyline)
    return [pair for pair in lines if not by_category or len(pair[1].geometry.vertices()) > 1]


def _lane_pair(
    pred: Numbered, gt: Numbered, size_wh: tuple[int, int], step: float | None, by_category: bool
) -> LanePair:
    lanes: list[list[FloatArray]] = [
        [item.geometry.vertices() for _, item in side] for side in (pred, gt)
    ]
    allowed = None
    if by_category:
        lanes = [[scored_lane(lane) for lane in side] for side in lanes]
        mine, true = ([lane_category(item, size_wh) for _, item in side] for side in (pred, gt))
        allowed = np.equal.outer(mine, true).astype(np.float64).reshape(len(pred), len(gt))
    if step is not None:
        lanes[0] = [densify(lane, step) for lane in lanes[0]]
    return LanePair(lanes[0], lanes[1], size_wh, allowed)


def _rows(
    pairs: FramePairs,
    sides: Sequence[tuple[Numbered, Numbered]],
    frames: Sequence[CulaneFrame],
    threshold: float,
) -> Iterator[MatchRow]:
    for name, side, frame in zip(pairs.pairs, sides, frames, strict=True):
        hits = [iou > threshold for _, _, iou in frame.matches]
        yield from match_rows(name, side, frame.matches, hits)


def _key(what: str, threshold: float) -> str:
    return f"{what}_{round(100 * threshold)}"


def _counts(frame: CulaneFrame, levels: Sequence[float]) -> dict[str, float]:
    tp = {_key("tp", level): float(frame.counts(level).tp) for level in levels}
    return {"num_pred": frame.num_pred, "num_gt": frame.num_gt, **tp}


def _rates(thresholds: tuple[float, ...]) -> Rates:
    return partial(_lane_rates, thresholds)


def _lane_rates(thresholds: tuple[float, ...], sums: Sums) -> dict[str, FloatArray]:
    """Return F1, precision and recall at the thresholds, and mF1."""
    lanes = sums["num_pred"] + sums["num_gt"]
    rates: dict[str, FloatArray] = {}
    for threshold in thresholds:
        tp = sums[_key("tp", threshold)]
        rates |= {
            _key("f1", threshold): over(2 * tp, lanes),
            _key("precision", threshold): over(tp, sums["num_pred"]),
            _key("recall", threshold): over(tp, sums["num_gt"]),
        }
    each = [over(2 * sums[_key("tp", level)], lanes) for level in MF1_THRESHOLDS]
    return {**rates, "mf1": mean_of(each)}
