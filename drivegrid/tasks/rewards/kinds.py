"""Rewards of points and outlines: one score a matched pair, over what was said and true."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, IntArray, Size, clip_points
from drivegrid.metrics.regions import region_of, region_overlap
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tasks.rewards.shapes import Shapes, assign, equal_labels


def point_closeness(
    points: FloatArray, instances: Sequence[Instance], size_wh: Size, settings: RewardSettings
) -> FloatArray:
    """Return (..., G) closeness of points to true points.

    1 for a hit: inside the true box or, without one, within the radius. From there it falls
    linearly with the distance to what counts as a hit.

    Args:
        points: (..., 2) in pixels.
        instances: (G,) true points, with ``extra["box_xyxy"]`` where they have a box.
        size_wh: Frame size in pixels.
        settings: Radius and reach.
    """
    low, high, radius = [], [], []
    for instance in instances:
        box = instance.extra.get("box_xyxy")
        place = clip_points(instance.geometry.vertices(), size_wh)[0]
        low.append(place if box is None else box[:2])
        high.append(place if box is None else box[2:])
        radius.append(settings.point_radius_px if box is None else 0.0)
    low_, high_ = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    apart = np.maximum(np.maximum(low_ - points[..., None, :], points[..., None, :] - high_), 0.0)
    gap = np.maximum(np.hypot(apart[..., 0], apart[..., 1]) - np.array(radius), 0.0)
    closeness: FloatArray = np.maximum(1.0 - gap / (settings.point_reach * size_wh[0]), 0.0)
    return closeness


def reward_points(
    shapes: Shapes,
    instances: Sequence[Instance],
    size_wh: Size,
    rivals: IntArray,
    settings: RewardSettings,
) -> FloatArray:
    """Return (N,) summed closeness over the larger number of predicted and true points."""
    points = np.array([line[0] for line in shapes.vertices]).reshape(-1, 2)
    closeness = point_closeness(points, instances, size_wh, settings)
    return _over_larger(shapes, instances, closeness, rivals)


def reward_polygons(shapes: Shapes, instances: Sequence[Instance], rivals: IntArray) -> FloatArray:
    """Return (N,) summed IoU over the larger number of predicted and true polygons."""
    true = [region_of(instance.geometry.parts()) for instance in instances]
    drawn = cache(lambda k: region_of(shapes.parts[k]))
    allowed = equal_labels(shapes.labels, [i.label for i in instances])
    iou = np.zeros(allowed.shape)
    for k, g in np.argwhere(allowed).tolist():
        iou[k, g] = region_overlap(drawn(k), true[g]).iou
    return _over_larger(shapes, instances, iou, rivals)


def _over_larger(
    shapes: Shapes, instances: Sequence[Instance], scores: FloatArray, rivals: IntArray
) -> FloatArray:
    allowed = equal_labels(shapes.labels, [i.label for i in instances])
    pred, gt = assign(scores, allowed, shapes.answers)
    total = np.bincount(shapes.answers[pred], scores[pred, gt], len(rivals))
    counts = np.bincount(shapes.answers, minlength=len(rivals)) + rivals
    worth: FloatArray = total / np.maximum(counts, len(instances))
    return worth
