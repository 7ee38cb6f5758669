"""Points: hit rate and pixel error, after one-to-one matching.

A predicted point hits if it lies inside the true box, or within a radius of the true point. The
matching makes as many hits as possible and, among those, the smallest summed distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray
from drivegrid.metrics.matching import Counts, match_pairs, plain, same_label

RADIUS_PX = 16.0


@dataclass(frozen=True, slots=True)
class PointMatch:
    """A pair of points: their places in the two lists, their distance, and whether it is a hit."""

    pred: int
    gt: int
    distance_px: float
    hit: bool


@dataclass(frozen=True, slots=True)
class PointScore:
    """Matched points of one or many frames; scores add up with ``+``.

    Args:
        errors: Distance in pixels of each matched pair, hit or not.
        hits: How many of the pairs are hits.
        num_pred: Number of predicted points.
        num_gt: Number of true points.
        radius_px: The radius within which a point hits.
    """

    errors: tuple[float, ...] = ()
    hits: int = 0
    num_pred: int = 0
    num_gt: int = 0
    radius_px: float = RADIUS_PX

    def __add__(self, other: PointScore) -> PointScore:
        if other.radius_px != self.radius_px:
            raise GeometryError(
                f"radius_px must be equal to add scores, got {self.radius_px} and "
                f"{other.radius_px}."
            )
        return PointScore(
            self.errors + other.errors,
            self.hits + other.hits,
            self.num_pred + other.num_pred,
            self.num_gt + other.num_gt,
            self.radius_px,
        )

    @property
    def counts(self) -> Counts:
        """Hits, predictions that hit nothing, true points nobody hit."""
        return Counts(self.hits, self.num_pred - self.hits, self.num_gt - self.hits)

    @property
    def hit_rate(self) -> float:
        """Share of true points that are hit; nan without true points."""
        return self.counts.recall

    @property
    def mean_error(self) -> float:
        """Mean distance of the matched pairs in pixels; nan without pairs."""
        return float(np.mean(self.errors)) if self.errors else float("nan")

    @property
    def median_error(self) -> float:
        """Median distance of the matched pairs in pixels; nan without pairs."""
        return float(np.median(self.errors)) if self.errors else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return hit rate, precision, F1, pixel errors, n and the parameters."""
        return {
            "hit": plain(self.hit_rate),
            "precision": plain(self.counts.precision),
            "f1": plain(self.counts.f1),
            "mean_error_px": plain(self.mean_error),
            "median_error_px": plain(self.median_error),
            "n": self.num_gt,
            "num_pred": self.num_pred,
            "parameters": {"rule": "points", "radius_px": self.radius_px},
        }


def _hits(
    pred: FloatArray, distance: FloatArray, boxes: Sequence[FloatArray | None], radius_px: float
) -> BoolArray:
    """Return (P, G): inside the true box where there is one, else within the radius."""
    hit: BoolArray = distance <= radius_px
    for j, box in enumerate(boxes):
        if box is not None:
            hit[:, j] = ((pred >= box[:2]) & (pred <= box[2:])).all(axis=1)
    return hit


def match_points(
    pred: FloatArray,
    gt: FloatArray,
    gt_boxes: Sequence[FloatArray | None] | None = None,
    allowed: FloatArray | None = None,
    *,
    radius_px: float = RADIUS_PX,
) -> tuple[PointMatch, ...]:
    """Match the points of one frame one to one: most hits, then the smallest summed distance.

    Args:
        pred: (P, 2) in pixels.
        gt: (G, 2) in pixels.
        gt_boxes: (G,) the (4,) box a hit must lie in; None for points that have no box.
        allowed: (P, G) 1 where two points may go together, else 0; None allows all.
        radius_px: How far a hit may lie from a true point that has no box.
    """
    pred, gt = pred.reshape(-1, 2), gt.reshape(-1, 2)
    distance: FloatArray = np.linalg.norm(pred[:, None] - gt[None], axis=-1)
    hit = _hits(pred, distance, gt_boxes or [None] * len(gt), radius_px)
    far = 1.0 + distance.max(initial=0.0)
    # In (0, 1) for a miss and above it for a hit, by so much that one more hit outweighs every
    # distance together.
    weights = 1 - distance / far + hit * (1.0 + min(distance.shape))
    pairs = match_pairs(weights if allowed is None else weights * allowed)
    return tuple(PointMatch(i, j, float(distance[i, j]), bool(hit[i, j])) for i, j, _ in pairs)


def score_points(
    pred: FloatArray,
    gt: FloatArray,
    gt_boxes: Sequence[FloatArray | None] | None = None,
    pred_labels: Sequence[str] | None = None,
    gt_labels: Sequence[str] | None = None,
    *,
    radius_px: float = RADIUS_PX,
) -> PointScore:
    """Match the points of one frame one to one within each label.

    Args:
        pred: (P, 2) in pixels.
        gt: (G, 2) in pixels.
        gt_boxes: (G,) the (4,) box a hit must lie in; None for points that have no box.
        pred_labels: (P,) labels; None where all points are of one label.
        gt_labels: (G,) likewise.
        radius_px: How far a hit may lie from a true point that has no box.

    >>> score_points(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]])).mean_error
    5.0
    >>> box = [np.array([-1.0, -1.0, 1.0, 1.0])]
    >>> score_points(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]), box).hits
    0
    """
    both = pred_labels is not None and gt_labels is not None
    allowed = same_label(pred_labels or (), gt_labels or ()) if both else None
    pairs = match_points(pred, gt, gt_boxes, allowed, radius_px=radius_px)
    return PointScore(
        tuple(pair.distance_px for pair in pairs),
        sum(pair.hit for pair in pairs),
        len(pred.reshape(-1, 2)),
        len(gt.reshape(-1, 2)),
        radius_px,
    )
