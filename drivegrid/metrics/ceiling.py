"""The ceiling: the score of perfect tokens, which no model on the lattice beats but by luck.

Every shape is encoded and decoded; the result is scored as a prediction. Figures are percent,
counts and pixels excepted. A shape the codec refuses (wholly outside the image) stays in the
truth and counts as missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from drivegrid.data.formats.lanes import prolonged
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, FloatArray, Geometry, Point, Polygon, Polyline, Size
from drivegrid.metrics.boxes import BoxScore, score_referred
from drivegrid.metrics.culane import CULANE, CulaneRule, CulaneScore, match_lanes
from drivegrid.metrics.lanes import DENSE_STEP_PX, densify
from drivegrid.metrics.matching import plain, ratio
from drivegrid.metrics.points import RADIUS_PX, PointScore, score_points
from drivegrid.metrics.regions import RegionScore, polygon_overlap
from drivegrid.metrics.tusimple import (
    H_SAMPLES,
    IMAGE_WH,
    NO_POINT,
    TusimpleScore,
    rows_of,
    score_frame,
)
from drivegrid.tokens.grid import GridGeometry, GridSpec

SMALL_SIDE_PX, LARGE_SIDE_PX = 32.0, 96.0
"""COCO's size buckets: small below 32^2 square pixels, large from 96^2 on."""


class ShapeCodec(Protocol):
    """What the ceiling needs of ``drivegrid.tokens.codec.Codec``."""

    @property
    def grid(self) -> GridSpec:
        """The lattice."""

    @property
    def rounds(self) -> int:
        """Rounds of offsets that ``encode`` writes."""

    @property
    def line_encoder(self) -> str:
        """How lines become anchors."""

    def encode(self, geometry: Geometry, size_wh: Size) -> GridGeometry:
        """Return the tokens of a shape."""

    def decode(
        self, tokens: GridGeometry, size_wh: Size, *, smooth: bool = False
    ) -> Geometry | None:
        """Return the shape of tokens."""


@dataclass(frozen=True)
class CeilingReport:
    """Scores of perfect tokens, in percent unless the name says otherwise.

    Args:
        lanes: f1_50, f1_75, mf1, tusimple_accuracy, anchors_per_lane, tokens_per_lane, n.
        boxes: By label, and ``"all"``; in each by size (``all``, ``small``, ``medium``,
            ``large``): mean_iou, acc_50, acc_80, n.
        points: hit, mean_error_px, median_error_px, n.
        polygons: giou, ciou, n.
        refused: Shapes the codec could not encode.
        parameters: The lattice, the encoder, and the rules of the scores.
    """

    lanes: dict[str, float]
    boxes: dict[str, dict[str, dict[str, float]]]
    points: dict[str, float]
    polygons: dict[str, float]
    refused: int
    parameters: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return everything by name; a score over nothing is None."""
        return {
            "lanes": _plain(self.lanes),
            "boxes": _plain(self.boxes),
            "points": _plain(self.points),
            "polygons": _plain(self.polygons),
            "refused": self.refused,
            "parameters": self.parameters,
        }


def _plain(value: Any) -> Any:
    """Return nested figures with None for nan."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value if isinstance(value, int) else plain(value)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A true instance, its tokens, and what they decode to."""

    gt: Instance
    size_wh: Size
    tokens: GridGeometry | None
    decoded: Geometry | None


def _through_tokens(scene: Scene, codec: ShapeCodec, smooth: bool) -> list[_Pair]:
    size_wh, pairs = scene.frame.size_wh, []
    for instance in scene.instances:
        try:
            tokens = codec.encode(instance.geometry, size_wh)
        except GeometryError:
            pairs.append(_Pair(instance, size_wh, None, None))
        else:
            decoded = codec.decode(tokens, size_wh, smooth=smooth)
            pairs.append(_Pair(instance, size_wh, tokens, decoded))
    return pairs


def _of_kind(pairs: Iterable[_Pair], kind: type) -> list[_Pair]:
    return [pair for pair in pairs if isinstance(pair.gt.geometry, kind)]


def _percent(values: Mapping[str, float]) -> dict[str, float]:
    return {name: 100 * value for name, value in values.items()}


def _lanes(frames: Sequence[list[_Pair]], rule: CulaneRule) -> dict[str, float]:
    drawn, sampled = {}, {}
    for i, frame in enumerate(frames):
        lanes = _of_kind(frame, Polyline)
        if not lanes:
            continue
        size_wh = lanes[0].size_wh
        gt = [pair.gt.geometry.vertices() for pair in lanes]
        pred = [pair.decoded.vertices() for pair in lanes if pair.decoded is not None]
        dense = [densify(line, DENSE_STEP_PX) for line in pred]
        drawn[str(i)] = match_lanes(dense, gt, size_wh, rule)
        rows = [_sampled(side, size_wh) for side in (pred, gt)]
        if rows[1]:
            sampled[str(i)] = score_frame(rows[0], rows[1])
    score = CulaneScore(drawn, rule)
    written = [p.tokens for f in frames for p in _of_kind(f, Polyline) if p.tokens is not None]
    anchors = [tokens.num_anchors for tokens in written]
    each = [tokens.num_anchors * (1 + len(tokens.offsets)) for tokens in written]
    return {
        **_percent({"f1_50": score.f1(0.5), "f1_75": score.f1(0.75), "mf1": score.mf1}),
        "tusimple_accuracy": 100 * TusimpleScore(sampled).accuracy,
        "anchors_per_lane": ratio(sum(anchors), len(written)),
        "tokens_per_lane": ratio(sum(each), len(written)),
        "n": sum(frame.num_gt for frame in drawn.values()),
    }


def _sampled(lines: Iterable[FloatArray], size_wh: Size) -> list[FloatArray]:
    """Return the lines' x at TuSimple's rows, those that meet any row; as they are written."""
    half_row = (H_SAMPLES[1] - H_SAMPLES[0]) / 2 * size_wh[1] / IMAGE_WH[1]
    rows = (rows_of(prolonged(line, half_row, size_wh[0]), size_wh) for line in lines)
    return [xs for xs in rows if (xs != NO_POINT).any()]


def _size_bucket(box: Box) -> str:
    area = float(box.wh.prod())
    if area < SMALL_SIDE_PX**2:
        return "small"
    return "medium" if area < LARGE_SIDE_PX**2 else "large"


def _boxes(pairs: Sequence[_Pair]) -> dict[str, dict[str, dict[str, float]]]:
    scores: dict[str, dict[str, BoxScore]] = {}
    for pair in pairs:
        assert isinstance(pair.gt.geometry, Box)
        decoded = pair.decoded.xyxy if isinstance(pair.decoded, Box) else None
        one = score_referred([decoded], pair.gt.geometry.xyxy[None])
        for label in ("all", pair.gt.label):
            by_size = scores.setdefault(label, {})
            for size in ("all", _size_bucket(pair.gt.geometry)):
                by_size[size] = by_size.get(size, BoxScore()) + one
    return {
        label: {size: _box_row(score) for size, score in by_size.items()}
        for label, by_size in scores.items()
    }


def _box_row(score: BoxScore) -> dict[str, float]:
    rates = {"mean_iou": score.mean_iou, "acc_50": score.acc(0.5), "acc_80": score.acc(0.8)}
    return {**_percent(rates), "n": score.num_gt}


def _points(pairs: Sequence[_Pair], radius_px: float) -> dict[str, float]:
    score = PointScore(radius_px=radius_px)
    for pair in pairs:
        box = pair.gt.extra.get("box_xyxy")
        pred = np.zeros((0, 2)) if pair.decoded is None else pair.decoded.vertices()
        boxes = None if box is None else [np.asarray(box, dtype=np.float64)]
        score += score_points(pred, pair.gt.geometry.vertices(), boxes, radius_px=radius_px)
    return {
        "hit": 100 * score.hit_rate,
        "mean_error_px": score.mean_error,
        "median_error_px": score.median_error,
        "n": score.num_gt,
    }


def _polygons(pairs: Sequence[_Pair]) -> dict[str, float]:
    overlaps = tuple(
        polygon_overlap(() if p.decoded is None else p.decoded.parts(), p.gt.geometry.parts())
        for p in pairs
    )
    score = RegionScore(overlaps)
    return {**_percent({"giou": score.giou, "ciou": score.ciou}), "n": len(overlaps)}


def ceiling(
    scenes: Iterable[Scene],
    codec: ShapeCodec,
    *,
    smooth: bool = False,
    rule: CulaneRule = CULANE,
    radius_px: float = RADIUS_PX,
) -> CeilingReport:
    """Score perfect tokens on the scenes.

    Args:
        scenes: Truth.
        codec: Lattice, encoder and rounds; ``drivegrid.tokens.codec.Codec``.
        smooth: Decode lines as smooth curves rather than polylines.
        rule: How lanes are drawn.
        radius_px: Radius of a hit for points that have no ``extra["box_xyxy"]``.

    Boxes, points and polygons are compared each with its own decoding, without matching; decoded
    lines get a point about every 10 px before the CULane spline. Tokens of a lane are grid and
    offset tokens without tags.
    """
    frames = [_through_tokens(scene, codec, smooth) for scene in scenes]
    pairs = [pair for frame in frames for pair in frame]
    grid = codec.grid
    return CeilingReport(
        lanes=_lanes(frames, rule),
        boxes=_boxes(_of_kind(pairs, Box)),
        points=_points(_of_kind(pairs, Point), radius_px),
        polygons=_polygons(_of_kind(pairs, Polygon)),
        refused=sum(pair.tokens is None for pair in pairs),
        parameters={
            "grid": f"{grid.cols}x{grid.rows}",
            "offset": f"{grid.offset_cols}x{grid.offset_rows}",
            "gamma": grid.gamma,
            "rounds": codec.rounds,
            "line_encoder": codec.line_encoder,
            "smooth": smooth,
            "densify_px": DENSE_STEP_PX,
            "radius_px": radius_px,
            "lane_rule": rule.as_dict(),
            "num_scenes": len(frames),
        },
    )


def ceilings(
    scenes: Sequence[Scene], codecs: Mapping[str, ShapeCodec], *, smooth: bool = False
) -> dict[str, CeilingReport]:
    """Return the ceiling of each named codec, for example of several lattices or rounds."""
    return {name: ceiling(scenes, codec, smooth=smooth) for name, codec in codecs.items()}
