"""Referring expressions with one target, several or none.

Predicted and true shapes of an expression are matched one to one by summed overlap: IoU of boxes
and polygons, IoU of lines drawn by the CULane rule, and 1 for a point inside the true box (or, if
there is none, within the radius). A pair counts from a threshold on. Single and multiple: the mean
over expressions of F1 at .5, and of the mean F1 over .50:.05:.95. None: the share of expressions
that are answered with nothing; N-acc of gRefCOCO. All: the mean over all expressions, where one
without targets is worth 1 or 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivegrid.data.expressions import KINDS, Kind
from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, FloatArray, Geometry, Point, Polygon, Polyline, Size
from drivegrid.metrics.boxes import box_iou
from drivegrid.metrics.culane import CULANE, MF1_THRESHOLDS, lane_iou
from drivegrid.metrics.lanes import DENSE_STEP_PX, densify
from drivegrid.metrics.matching import match_pairs, plain, ratio
from drivegrid.metrics.points import RADIUS_PX
from drivegrid.metrics.regions import region_of, region_overlap


@dataclass(frozen=True, slots=True)
class Referred:
    """The answer to one expression: overlaps of the matched pairs, and how many there were."""

    overlaps: tuple[float, ...]
    num_pred: int
    num_gt: int

    @property
    def kind(self) -> Kind:
        """What kind of expression it was."""
        return "none" if not self.num_gt else "single" if self.num_gt == 1 else "multiple"

    def f1(self, threshold: float = 0.5) -> float:
        """Return F1 of the pairs that reach a threshold; 1 for nothing where there is nothing."""
        if not self.num_pred + self.num_gt:
            return 1.0
        return 2 * sum(o >= threshold for o in self.overlaps) / (self.num_pred + self.num_gt)

    @property
    def mf1(self) -> float:
        """Mean F1 over .50:.05:.95."""
        return sum(map(self.f1, MF1_THRESHOLDS)) / len(MF1_THRESHOLDS)


@dataclass(frozen=True, slots=True)
class ReferringScore:
    """Answers to many expressions; scores add up with ``+``."""

    answers: tuple[Referred, ...] = ()

    def __add__(self, other: ReferringScore) -> ReferringScore:
        return ReferringScore(self.answers + other.answers)

    def as_dict(self) -> dict[str, Any]:
        """Return the rates of each kind and of all, n, and the parameters."""
        kinds = {kind: [a for a in self.answers if a.kind == kind] for kind in KINDS}
        return {
            **{kind: _means(kinds[kind]) for kind in KINDS[:2]},
            "none": {"accuracy": _means(kinds["none"])["f1_50"], "n": len(kinds["none"])},
            "all": _means(self.answers),
            "parameters": {"rule": "referring", "radius_px": RADIUS_PX, "lines": "culane"},
        }


def _means(answers: Sequence[Referred]) -> dict[str, Any]:
    return {
        "f1_50": plain(ratio(sum(a.f1() for a in answers), len(answers))),
        "mf1": plain(ratio(sum(a.mf1 for a in answers), len(answers))),
        "n": len(answers),
    }


def score_referring(pred: Sequence[Geometry], gt: Sequence[Instance], size_wh: Size) -> Referred:
    """Score the answer to one expression; shapes of different kinds never match.

    Args:
        pred: Shapes given, in pixels.
        gt: Instances meant; a point may have ``extra["box_xyxy"]``.
        size_wh: Frame size in pixels.

    >>> car = Instance("object/vehicle/car", Box(np.array([0.0, 0, 10, 10])))
    >>> score_referring([car.geometry], [car, car], (64, 48)).f1().__round__(3)
    0.667
    """
    weights = np.zeros((len(pred), len(gt)))
    for kind in (Box, Polyline, Point, Polygon):
        rows = [i for i, shape in enumerate(pred) if isinstance(shape, kind)]
        cols = [j for j, instance in enumerate(gt) if isinstance(instance.geometry, kind)]
        if rows and cols:
            shapes, instances = [pred[i] for i in rows], [gt[j] for j in cols]
            weights[np.ix_(rows, cols)] = overlaps(kind, shapes, instances, size_wh)
    return Referred(tuple(w for _, _, w in match_pairs(weights)), len(pred), len(gt))


def overlaps(
    kind: type, pred: Sequence[Geometry], gt: Sequence[Instance], size_wh: Size
) -> FloatArray:
    """Return (P, G) overlaps of shapes of one kind, as the module's first lines define them.

    Args:
        kind: ``Box``, ``Polyline``, ``Point`` or ``Polygon``; of both sides.
        pred: (P,) shapes in pixels, P >= 1.
        gt: (G,) instances, G >= 1.
        size_wh: Frame size in pixels.
    """
    lists = [shape.vertices() for shape in pred], [i.geometry.vertices() for i in gt]
    if kind is Box:
        first, second = (np.stack([points.ravel() for points in side]) for side in lists)
        return box_iou(first, second)
    if kind is Polyline:
        dense = [densify(line, DENSE_STEP_PX) for line in lists[0]]
        return lane_iou(dense, lists[1], size_wh, CULANE)
    if kind is Point:
        rows = [[float(_is_hit(points[0], i)) for i in gt] for points in lists[0]]
    else:
        regions = [region_of(shape.parts()) for shape in pred]
        true = [region_of(i.geometry.parts()) for i in gt]
        rows = [[region_overlap(one, other).iou for other in true] for one in regions]
    return np.asarray(rows)


def _is_hit(point: FloatArray, instance: Instance) -> bool:
    box = instance.extra.get("box_xyxy")
    if box is None:
        gap = point - instance.geometry.vertices()[0]
        return float(np.hypot(gap[0], gap[1])) <= RADIUS_PX
    return bool((point >= box[:2]).all() and (point <= box[2:]).all())
