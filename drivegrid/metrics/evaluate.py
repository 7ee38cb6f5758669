"""Score predicted scenes against true ones: lanes alone by a benchmark's rule, or everything.

Frames meet by image name (a leading slash does not matter); frames without a name meet by
position. A true frame nobody predicted counts as an empty prediction, as in the official tools; a
predicted frame without truth is left out. Both are counted and named, and so is what cannot be
used (see `pair_scenes`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import shapely

from drivegrid.data.formats.tusimple import lane_rows
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import ConfigError
from drivegrid.geometry import Box, FloatArray, Point, Polygon, Polyline
from drivegrid.metrics.boxes import BoxScore, score_boxes
from drivegrid.metrics.culane import CULANE, CulaneRule, CulaneScore, match_lanes
from drivegrid.metrics.lanes import DENSE_STEP_PX, densify
from drivegrid.metrics.points import RADIUS_PX, PointScore, score_points
from drivegrid.metrics.regions import Overlap, RegionScore, region_of, region_overlap
from drivegrid.metrics.tusimple import TusimpleScore, score_frame

LaneRuleName: TypeAlias = Literal["culane", "tusimple"]


@dataclass(frozen=True)
class FramePairs:
    """Predicted and true scenes that show the same image.

    Args:
        pairs: Frame name to (prediction, truth), in the order of the truth.
        missing: Names of true frames without a usable prediction; their prediction is empty.
        extra: Names of predicted frames without a truth; they are not scored.
        rejected: Why a frame's truth or prediction could not be used, one line each.
    """

    pairs: dict[str, tuple[Scene, Scene]]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    rejected: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return how many frames met, the names of those that did not, and what was set aside."""
        return {
            "num_frames": len(self.pairs),
            "missing_frames": list(self.missing),
            "extra_frames": list(self.extra),
            "rejected_frames": list(self.rejected),
        }


def _by_name(scenes: Iterable[Scene], known: Collection[str] = ()) -> dict[str, list[Scene]]:
    named: dict[str, list[Scene]] = {}
    for i, scene in enumerate(scenes):
        name = _known_end(scene.frame.image.lstrip("/"), known) or f"#{i}"
        named.setdefault(name, []).append(scene)
    return named


def _known_end(name: str, known: Collection[str]) -> str:
    """Return the longest end of a path that is a known name, or the path."""
    parts = name.split("/")
    ends = ("/".join(parts[i:]) for i in range(len(parts)))
    return next((end for end in ends if end in known), name)


def pair_scenes(pred: Iterable[Scene], gt: Iterable[Scene]) -> FramePairs:
    """Bring together the scenes of the same image.

    A prediction whose name is no true one, but ends in one (``data/clips/1/20.jpg`` for
    ``clips/1/20.jpg``), is that image's. A reader that finds no picture assumes a size
    (``extra["assumed_size"]``); then the other side's size holds for both.

    What cannot be used is set aside and named, and the rest is scored. Nothing a prediction does
    takes a frame out of the count: an image predicted twice, and one of another size than its
    truth, count as not predicted at all. An image labelled twice has no known truth: it is not
    scored.

    >>> from drivegrid.data.scene import Frame
    >>> a, b = (Scene(Frame(name, (64, 48))) for name in ("/a.jpg", "b.jpg"))
    >>> pair_scenes([a], [b]).missing, pair_scenes([a], [b]).extra
    (('b.jpg',), ('a.jpg',))
    >>> pair_scenes([b, b], [b]).rejected
    ('predictions must hold each image once, got b.jpg and b.jpg',)
    """
    true = _by_name(gt)
    predicted = _by_name(pred, true)
    rejected = [
        f"{what} must hold each image once, got "
        + " and ".join(scene.frame.image or name for scene in scenes)
        for what, side in (("truth", true), ("predictions", predicted))
        for name, scenes in side.items()
        if len(scenes) > 1
    ]
    pairs, missing = {}, []
    for name, scenes in true.items():
        if len(scenes) > 1:
            continue
        found = predicted.get(name, [])
        pair = _same_size(found[0], scenes[0]) if len(found) == 1 else None
        if pair is None:
            missing.append(name)
        if len(found) == 1 and pair is None:
            rejected.append(
                f"predictions must have the size of the truth {scenes[0].frame.size_wh}, got "
                f"{found[0].frame.size_wh} for {name}"
            )
        pairs[name] = pair or (Scene(scenes[0].frame), scenes[0])
    extra = tuple(name for name in predicted if name not in true)
    return FramePairs(pairs, tuple(missing), extra, tuple(rejected))


def _same_size(pred: Scene, gt: Scene) -> tuple[Scene, Scene] | None:
    """Return both scenes in the size that is known; None if they are known to differ."""
    if pred.frame.size_wh == gt.frame.size_wh:
        return pred, gt
    if pred.extra.get("assumed_size"):
        return replace(pred, frame=replace(pred.frame, size_wh=gt.frame.size_wh)), gt
    if gt.extra.get("assumed_size"):
        return pred, replace(gt, frame=replace(gt.frame, size_wh=pred.frame.size_wh))
    return None


def lines_of(scene: Scene, label: str | None = None) -> list[FloatArray]:
    """Return the (N, 2) points of the scene's lines, all of them or those of one label."""
    return [
        i.geometry.xy
        for i in scene.instances
        if isinstance(i.geometry, Polyline) and label in (None, i.label)
    ]


def _culane(
    pairs: FramePairs, rule: CulaneRule, step: float | None, label: str | None = None
) -> CulaneScore:
    frames = {}
    for name, (pred, gt) in pairs.pairs.items():
        found = lines_of(pred, label)
        dense = found if step is None else [densify(line, step) for line in found]
        frames[name] = match_lanes(dense, lines_of(gt, label), gt.frame.size_wh, rule)
    return CulaneScore(frames, rule)


def _tusimple(pairs: FramePairs) -> TusimpleScore:
    frames = {}
    for name, (pred, gt) in pairs.pairs.items():
        rows, lanes = lane_rows(gt)
        run_time = pred.extra.get("tusimple", {}).get("run_time", 0.0)
        frames[name] = score_frame(lane_rows(pred, rows)[1], lanes, rows, run_time)
    return TusimpleScore(frames)


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
        sampled = _tusimple(pairs)
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
            score += RegionScore((_joint_overlap(pred, gt),))
    return score


def _joint_overlap(pred: Sequence[Instance], gt: Sequence[Instance]) -> Overlap:
    areas = [
        shapely.union_all([region_of(instance.geometry.parts()) for instance in side])
        for side in (pred, gt)
    ]
    return region_overlap(areas[0], areas[1])


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
