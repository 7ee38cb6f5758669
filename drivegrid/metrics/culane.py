"""CULane F1: lanes drawn as wide lines, matched one to one by the IoU of their pixels.

The rule of the official C++ evaluator (XingangPan/SCNN, tools/lane_evaluation), pixel for pixel:
points are single-precision floats; a lane of two points is drawn straight, a longer one through
a natural cubic spline over chord length, 50 samples a segment; samples are rounded half to even
and joined by ``cv2.line``; IoU by counting pixels; one maximum-weight matching a frame, whatever
the threshold; a pair counts if its IoU is *strictly* greater. A lane of fewer than two points has
IoU 0 with everything and still counts.

One departure: a point repeated in a row is dropped. The official tool divides by zero there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.errors import ConfigError
from drivegrid.geometry import FloatArray, Size
from drivegrid.metrics.matching import Counts, Match, match_pairs, plain, total
from drivegrid.metrics.workers import map_frames

SAMPLES_PER_SEGMENT = 50
MF1_THRESHOLDS = tuple(round(0.50 + 0.05 * i, 2) for i in range(10))
"""IoU .50:.05:.95, whose mean F1 is mF1 (Turoad/CLRNet)."""
_FAR = 1 << 20  # cv2.line is exact for coordinates this large, and no canvas is

Float32Array = npt.NDArray[np.float32]
MaskArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CulaneRule:
    """How lanes are drawn.

    Args:
        width: Line width in pixels of the canvas. CULane 30, OpenLane 30, CurveLanes 5.
        canvas_wh: Size lanes are scaled to before drawing. CULane (1640, 590), CurveLanes
            (224, 224); None draws in each image's own pixels.

    Raises:
        ConfigError: If the width or the canvas is not positive.
    """

    width: int = 30
    canvas_wh: Size | None = (1640, 590)

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 255:
            raise ConfigError(f"width must lie in [1, 255], got {self.width}.")
        if self.canvas_wh is not None and min(self.canvas_wh) < 1:
            raise ConfigError(f"canvas_wh must be positive, got {self.canvas_wh}.")

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return {
            "width": self.width,
            "canvas_wh": list(self.canvas_wh) if self.canvas_wh else "native",
            "samples_per_segment": SAMPLES_PER_SEGMENT,
        }


CULANE = CulaneRule()
CURVELANES = CulaneRule(width=5, canvas_wh=(224, 224))
"""CurveLanes scales every picture to 224x224 (aliyun/conditional-lane-detection)."""


def _bends(points: Float32Array, chords: FloatArray) -> FloatArray:
    """Return (N, 2) second derivatives of the natural spline: the official sweep, in its order."""
    slopes = np.diff(points, axis=0) / chords[:, None]
    rises = (6 * np.diff(slopes, axis=0)).tolist()
    h = chords.tolist()
    uppers: list[float] = []
    rights: list[tuple[float, float]] = []
    upper, right = 0.0, (0.0, 0.0)
    for i, (dx, dy) in enumerate(rises):
        low = h[i] if i else 0.0
        pivot = 2 * (h[i] + h[i + 1]) - low * upper
        upper = h[i + 1] / pivot
        right = ((dx - low * right[0]) / pivot, (dy - low * right[1]) / pivot)
        uppers.append(upper)
        rights.append(right)
    bends = np.zeros((len(points), 2))
    below = (0.0, 0.0)
    for i in range(len(rights) - 1, -1, -1):
        below = (rights[i][0] - uppers[i] * below[0], rights[i][1] - uppers[i] * below[1])
        bends[i + 1] = below
    return bends


def spline_samples(points: FloatArray) -> Float32Array:
    """Return the points ``cv2.line`` joins, as the official evaluator computes them.

    Args:
        points: (N, 2) in pixels of the canvas, N >= 2; no point twice in a row.

    Returns:
        (M, 2) float32: the two points themselves, or 50 samples a segment and the last point.

    >>> spline_samples(np.array([[0.0, 0.0], [0.0, 50.0], [0.0, 100.0]])).shape
    (101, 2)
    """
    knots = points.astype(np.float32)
    if len(knots) == 2:
        return knots
    steps = np.diff(knots, axis=0).astype(np.float64)
    chords = np.sqrt((steps**2).sum(axis=1))
    bends = _bends(knots, chords)
    h = chords[:, None]
    linear = steps / h - (2 * h * bends[:-1] + h * bends[1:]) / 6
    square, cube = bends[:-1] / 2, np.diff(bends, axis=0) / (6 * h)
    t = h / SAMPLES_PER_SEGMENT * np.arange(SAMPLES_PER_SEGMENT)
    t2, t3 = t**2, t**3
    samples: Float32Array = np.empty((t.size + 1, 2), np.float32)
    for axis in (0, 1):  # one at a time: rows of 50 are quicker than pairs of two
        start, b, c, d = (part[:, axis, None] for part in (knots[:-1], linear, square, cube))
        samples[:-1, axis] = (start + b * t + c * t2 + d * t3).ravel()
    samples[-1] = knots[-1]
    return samples


@dataclass(frozen=True, slots=True)
class LaneRaster:
    """The pixels of one drawn lane: a mask (H, W) of 0 and 1 whose corner lies at x, y."""

    x: int
    y: int
    mask: MaskArray
    area: int

    def overlap(self, other: LaneRaster) -> int:
        """Return the number of pixels both lanes cover."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.mask.shape[1], other.x + other.mask.shape[1])
        bottom = min(self.y + self.mask.shape[0], other.y + other.mask.shape[0])
        if right <= left or bottom <= top:
            return 0
        mine = self.mask[top - self.y : bottom - self.y, left - self.x : right - self.x]
        theirs = other.mask[top - other.y : bottom - other.y, left - other.x : right - other.x]
        return cv2.countNonZero(cv2.bitwise_and(mine, theirs))


def _without_repeats(points: npt.NDArray[Any]) -> npt.NDArray[Any]:
    differ = points[1:] != points[:-1]
    keep = np.ones(len(points), dtype=bool)
    np.logical_or(differ[:, 0], differ[:, 1], out=keep[1:])
    return points[keep]


def draw_lane(points: FloatArray, canvas_wh: Size, width: int = 30) -> LaneRaster:
    """Draw one lane; exactly the pixels of the official evaluator.

    Args:
        points: (N, 2) in pixels of the canvas; may leave it. N < 2 draws nothing.
        canvas_wh: Width and height of the canvas.
        width: Line width in pixels.

    Only the box around the lane is drawn, and it ends where the canvas ends, so that lines are
    clipped at the same borders.

    >>> draw_lane(np.array([[20.0, 0.0], [20.0, 99.0]]), (100, 100), width=30).area
    3100
    """
    nothing = LaneRaster(0, 0, np.zeros((0, 0), np.uint8), 0)
    knots = _without_repeats(points.astype(np.float32))
    if len(knots) < 2:
        return nothing
    pixels = np.rint(spline_samples(knots)).clip(-_FAR, _FAR).astype(np.int32)
    pixels = _without_repeats(pixels)  # a line of no length adds no pixel to its neighbours'
    pad = width // 2 + 3
    left, top = (max(int(pixels[:, axis].min()) - pad, 0) for axis in (0, 1))
    right, bottom = (min(int(pixels[:, axis].max()) + pad + 1, canvas_wh[axis]) for axis in (0, 1))
    if right <= left or bottom <= top:
        return nothing
    mask = np.zeros((bottom - top, right - left), np.uint8)
    pixels = pixels - np.array([left, top], np.int32)
    ends = np.concatenate([pixels, pixels]) if len(pixels) == 1 else pixels
    cv2.polylines(mask, [ends], isClosed=False, color=1, thickness=width)
    return LaneRaster(left, top, mask, cv2.countNonZero(mask))


def lane_iou(
    pred: Sequence[FloatArray],
    gt: Sequence[FloatArray],
    size_wh: Size,
    rule: CulaneRule = CULANE,
) -> FloatArray:
    """Return (P, G) IoU of predicted and true lanes.

    Args:
        pred: Lanes, each (N, 2) in pixels of the image, either end first.
        gt: Likewise.
        size_wh: Image size in pixels.
        rule: How to draw.
    """
    canvas = rule.canvas_wh or size_wh
    scale = np.asarray(canvas, dtype=np.float64) / size_wh

    def draw(lanes: Sequence[FloatArray]) -> list[LaneRaster]:
        return [draw_lane(lane * scale, canvas, rule.width) for lane in lanes]

    iou = np.zeros((len(pred), len(gt)))
    if not iou.size:
        return iou
    drawn_gt = draw(gt)
    for i, one in enumerate(draw(pred)):
        for j, other in enumerate(drawn_gt):
            inter = one.overlap(other)
            iou[i, j] = inter / (one.area + other.area - inter) if inter else 0.0
    return iou


@dataclass(frozen=True, slots=True)
class CulaneFrame:
    """One frame's answer: how many lanes there are and which belong together.

    ``matches`` holds (prediction, truth, IoU) of every matched pair with any overlap.
    """

    num_pred: int
    num_gt: int
    matches: tuple[Match, ...] = ()

    def counts(self, threshold: float) -> Counts:
        """Return TP, FP, FN at an IoU threshold; a pair must lie strictly above it."""
        tp = sum(iou > threshold for _, _, iou in self.matches)
        return Counts(tp, self.num_pred - tp, self.num_gt - tp)


def match_lanes(
    pred: Sequence[FloatArray],
    gt: Sequence[FloatArray],
    size_wh: Size,
    rule: CulaneRule = CULANE,
) -> CulaneFrame:
    """Match the lanes of one frame; arguments as in :func:`lane_iou`.

    >>> lane = np.array([[800.0, 590.0], [800.0, 300.0]])
    >>> match_lanes([lane + (9.0, 0.0)], [lane], (1640, 590)).counts(0.5)
    Counts(tp=1, fp=0, fn=0)
    >>> match_lanes([], [lane], (1640, 590)).counts(0.5)
    Counts(tp=0, fp=0, fn=1)
    """
    return LanePair(pred, gt, size_wh).match(rule)


@dataclass(frozen=True, slots=True)
class LanePair:
    """The lanes of one frame, ready to be matched.

    Args:
        pred: Predicted lanes, each (N, 2) in pixels of the image.
        gt: True lanes likewise.
        size_wh: Image size in pixels.
        allowed: (P, G) 1 where two lanes may go together, else 0; None allows all.
    """

    pred: Sequence[FloatArray]
    gt: Sequence[FloatArray]
    size_wh: Size
    allowed: FloatArray | None = None

    def match(self, rule: CulaneRule) -> CulaneFrame:
        """Return the matching of the frame."""
        iou = lane_iou(self.pred, self.gt, self.size_wh, rule)
        weights = iou if self.allowed is None else iou * self.allowed
        return CulaneFrame(len(self.pred), len(self.gt), match_pairs(weights))


def match_frames(
    pairs: Sequence[LanePair], rule: CulaneRule, workers: int = 1
) -> list[CulaneFrame]:
    """Match many frames, in order.

    Args:
        pairs: The frames.
        rule: How to draw.
        workers: Processes that share the work.
    """
    return map_frames(partial(LanePair.match, rule=rule), pairs, workers)


@dataclass(frozen=True)
class CulaneScore:
    """The score over frames, by frame name, with the rule it was computed under."""

    frames: Mapping[str, CulaneFrame]
    rule: CulaneRule = CULANE

    def counts(self, threshold: float = 0.5) -> Counts:
        """Return TP, FP, FN over all frames."""
        return total([frame.counts(threshold) for frame in self.frames.values()])

    def f1(self, threshold: float = 0.5) -> float:
        """Return F1 in [0, 1]; nan where there is no lane at all."""
        return self.counts(threshold).f1

    @property
    def mf1(self) -> float:
        """Mean F1 over IoU .50:.05:.95, in [0, 1]."""
        return float(np.mean([self.f1(threshold) for threshold in MF1_THRESHOLDS]))

    def as_dict(self, thresholds: Iterable[float] = (0.5, 0.75)) -> dict[str, Any]:
        """Return F1@50, F1@75, mF1, the counts at each threshold, and the parameters."""
        return {
            "f1_50": plain(self.f1(0.5)),
            "f1_75": plain(self.f1(0.75)),
            "mf1": plain(self.mf1),
            "at_iou": {f"{t:g}": self.counts(t).as_dict() for t in thresholds},
            "num_frames": len(self.frames),
            "parameters": {"rule": "culane", **self.rule.as_dict()},
        }
