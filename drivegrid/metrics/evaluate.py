"""Score predicted scenes against true ones: lanes alone by a benchmark's rule, or everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import ConfigError
from drivegrid.geometry import Box, FloatArray, Point, Polygon, Polyline
from drivegrid.metrics.boxes import BoxScore, score_boxes
from drivegrid.metrics.culane import CULANE, CulaneRule, CulaneScore, match_lanes
from drivegrid.metrics.lanes import DENSE_STEP_PX, densify
from drivegrid.metrics.pairing import FramePairs, lines_of, pair_scenes
from drivegrid.metrics.points import RADIUS_PX, PointScore, score_points
from drivegrid.metrics.regions import RegionScore
from drivegrid.metrics.rules.polygons import joint_overlap
from drivegrid.metrics.rules.tusimple import score_pairs

LaneRuleName: TypeAlias = Literal["culane", "tusimple"]


def _culane(
    pairs: FramePairs, rule: CulaneRule, step: float | None, label: str | None = None
) -> CulaneScore:
    frames = {}
    for name, (pred, gt) in pairs.pairs.items():
        found = lines_of(pred, label)
        dense = found if step is None else [densify(line, step) for line in found]
        frames[name] = match_lanes(dense, lines_of(gt, label), gt.frame.size_wh, rule)
    return CulaneScore(frames, rule)


def evaluate_lanes(
    pred_scenes: Iterable[Scene],
    gt_scenes: Iterable[Scene],
    rule: LaneRuleName = "culane",
    *,
    culane: CulaneRule = CULANE,
    thresholds: Sequence[float] = (0.5, 0.75),
    densify_px: float | None = None,
) -> dict[str, Any]:
    """Score every line of the scenes as a lane.

    Args:
        pred_scenes: Predictions.
        gt_scenes: Truth. Under the rule ``"tusimple"`` its own rows count, as `lane_rows` gives
            them, and the ``run_time`` (ms) a prediction was read with.
        rule: Whose definition of a hit.
        culane: How lanes are drawn under the rule ``"culane"``.
        thresholds: IoU thresholds under the rule ``"culane"``.
        densify_px: Largest spacing of points along predicted lines before the CULane spline. None
            takes the points as they are, as the official tool takes those of a file; lines decoded
            from few tokens want about 10.

    Returns:
        Totals as ``CulaneScore.as_dict`` or ``TusimpleScore.as_dict``, the frames that did not
        meet or could not be used (see `pair_scenes`), and ``per_frame`` by name: matches and
        counts, or accuracy, FP and FN.

    Raises:
        ConfigError: If the rule is unknown.
    """
    pairs = pair_scenes(pred_scenes, gt_scenes)
    if rule == "culane":
        drawn = _culane(pairs, culane, densify_px)
        out = drawn.as_dict(thresholds)
        out["parameters"]["densify_px"] = densify_px
        per_frame: dict[str, Any] = {
            name: {
                "num_pred": frame.num_pred,
                "num_gt": frame.num_gt,
                "matches": [list(match) for match in frame.matches],
                "at_iou": {f"{t:g}": frame.counts(t).as_dict() for t in thresholds},
            }
            for name, frame in drawn.frames.items()
        }
    elif rule == "tusimple":
        sampled = score_pairs(pairs)
        out = sampled.as_dict()
        per_frame = {
            name: {"accuracy": frame.accuracy, "fp": frame.fp, "fn": frame.fn}
            for name, frame in sampled.frames.items()
        }
    else:
        raise ConfigError(f"rule must be 'culane' or 'tusimple', got {rule!r}.")
    return {**out, **pairs.as_dict(), "per_frame": per_frame}


def _labels(pairs: FramePairs, kind: type) -> list[str]:
    """Return the labels that occur with this kind of shape, on either side, sorted."""
    return sorted(
        {
            instance.label
            for scenes in pairs.pairs.values()
            for scene in scenes
            for instance in scene.instances
            if isinstance(instance.geometry, kind)
        }
    )


def _sides(
    pairs: FramePairs, kind: type, label: str
) -> Iterator[tuple[list[Instance], list[Instance]]]:
    """Yield, frame by frame, the predicted and true instances of a kind and label."""
    for pred, gt in pairs.pairs.values():
        chosen = [
            [i for i in scene.instances if i.label == label and isinstance(i.geometry, kind)]
            for scene in (pred, gt)
        ]
        yield chosen[0], chosen[1]


def _stack(instances: Iterable[Instance], width: int) -> FloatArray:
    rows = [instance.geometry.vertices().ravel() for instance in instances]
    return np.asarray(rows, dtype=np.float64).reshape(-1, width)


def _boxes(pairs: FramePairs, label: str) -> BoxScore:
    scores = (score_boxes(_stack(p, 4), _stack(g, 4)) for p, g in _sides(pairs, Box, label))
    return sum(scores, BoxScore())


def _points(pairs: FramePairs, label: str, radius_px: float) -> PointScore:
    score = PointScore(radius_px=radius_px)
    for pred, gt in _sides(pairs, Point, label):
        held = [i.extra.get("box_xyxy") for i in gt]
        boxes = [None if box is None else np.asarray(box, dtype=np.float64) for box in held]
        score += score_points(_stack(pred, 2), _stack(gt, 2), boxes, radius_px=radius_px)
    return score


def _polygons(pairs: FramePairs, label: str) -> RegionScore:
    score = RegionScore()
    for pred, gt in _sides(pairs, Polygon, label):
        if pred or gt:
            score += RegionScore((joint_overlap(pred, gt),))
    return score


def _with_labels(
    labels: Sequence[str], score: Callable[[str], Any], nothing: Any
) -> dict[str, Any]:
    """Return the score over all labels with each label's own beneath ``per_label``."""
    by_label = {label: score(label) for label in labels}
    per_label = {label: one.as_dict() for label, one in by_label.items()}
    for row in per_label.values():
        del row["parameters"]
    return {**sum(by_label.values(), nothing).as_dict(), "per_label": per_label}


def _lanes(pairs: FramePairs, rule: CulaneRule, step: float | None) -> dict[str, Any]:
    def row(score: CulaneScore) -> dict[str, Any]:
        at_half, entry = score.counts(0.5), score.as_dict()
        entry |= {key: at_half.as_dict()[key] for key in ("precision", "recall")}
        return entry | {"n": at_half.tp + at_half.fn, "num_pred": at_half.tp + at_half.fp}

    whole = row(_culane(pairs, rule, step))
    whole["parameters"]["densify_px"] = step
    per_label = {
        label: row(_culane(pairs, rule, step, label)) for label in _labels(pairs, Polyline)
    }
    for entry in per_label.values():
        del entry["parameters"]
    return {**whole, "per_label": per_label}


def evaluate_scenes(
    pred_scenes: Iterable[Scene],
    gt_scenes: Iterable[Scene],
    *,
    culane: CulaneRule = CULANE,
    radius_px: float = RADIUS_PX,
    densify_px: float | None = DENSE_STEP_PX,
) -> dict[str, Any]:
    """Score lines, boxes, points and polygons together, in all and by label.

    Args:
        pred_scenes: Predictions.
        gt_scenes: Truth. A point whose ``extra`` holds ``box_xyxy`` is hit inside that box.
        culane: How lines are drawn.
        radius_px: How near a point must come to a true point without a box.
        densify_px: As in :func:`evaluate_lanes`; applied to predictions only.

    Returns:
        ``lanes`` (f1_50, f1_75, mf1, precision, recall), ``boxes`` (acc, precision, recall, f1 at
        50 and 80), ``points`` (hit, pixel errors), ``polygons`` (giou, ciou), each with ``n``,
        ``parameters`` and ``per_label``, and the frames as `evaluate_lanes` names them. Rates in
        [0, 1], None over nothing. Boxes and points only match within their label; the lines'
        total ignores labels; all polygons of a label in a frame are one region.
    """
    pairs = pair_scenes(pred_scenes, gt_scenes)
    return {
        "lanes": _lanes(pairs, culane, densify_px),
        "boxes": _with_labels(_labels(pairs, Box), lambda x: _boxes(pairs, x), BoxScore()),
        "points": _with_labels(
            _labels(pairs, Point),
            lambda x: _points(pairs, x, radius_px),
            PointScore(radius_px=radius_px),
        ),
        "polygons": _with_labels(
            _labels(pairs, Polygon), lambda x: _polygons(pairs, x), RegionScore()
        ),
        **pairs.as_dict(),
    }
