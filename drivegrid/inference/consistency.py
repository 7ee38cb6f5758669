"""Best of several answers by self-consistency: the one that agrees most with the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import cdist

from drivegrid.data.scene import Instance
from drivegrid.geometry import Geometry, Polygon, Polyline, Size
from drivegrid.metrics.boxes import box_iou
from drivegrid.metrics.lanes import densify, distance_to_line
from drivegrid.metrics.matching import match_pairs
from drivegrid.metrics.regions import region_of, region_overlap

NEAR = 0.03
"""Places agree no more at this distance, as a share of the frame's width: a default cell."""


def agreement(first: Sequence[Instance], second: Sequence[Instance], size_wh: Size) -> float:
    """Return the F1 in [0, 1] of two sets of shapes, each matched pair counted by its overlap.

    Only shapes of one label and kind go together. Overlap is the IoU of boxes and polygons; of
    lines, points and anchors of masks it falls from 1 to 0 with their mean distance, up to
    ``NEAR``. Two empty sets agree.

    Args:
        first: An answer.
        second: Another one.
        size_wh: Frame size in pixels.
    """
    if not first and not second:
        return 1.0
    overlaps = np.array([[_overlap(a, b, size_wh) for b in second] for a in first])
    matches = match_pairs(overlaps.reshape(len(first), len(second)))
    return 2 * sum(weight for _, _, weight in matches) / (len(first) + len(second))


def medoid(answers: Sequence[Sequence[Instance]], size_wh: Size) -> int:
    """Return which answer has the highest mean agreement with all others; of equals the first.

    Args:
        answers: At least one.
        size_wh: Frame size in pixels.
    """
    scores = np.eye(len(answers))
    for i, first in enumerate(answers):
        for j in range(i):
            scores[i, j] = scores[j, i] = agreement(first, answers[j], size_wh)
    # Sums of the same numbers in another order must not decide.
    return int(scores.sum(axis=1).round(9).argmax())


def _overlap(first: Instance, second: Instance, size_wh: Size) -> float:
    a, b = first.geometry, second.geometry
    if first.label != second.label or a.kind != b.kind:
        return 0.0
    if isinstance(a, Polygon) and isinstance(b, Polygon):
        return region_overlap(region_of(a.rings), region_of(b.rings)).iou
    if a.kind == "box":
        return float(box_iou(a.vertices().reshape(1, 4), b.vertices().reshape(1, 4))[0, 0])
    apart = (_distance(a, b) + _distance(b, a)) / 2
    return max(0.0, 1.0 - apart / (NEAR * size_wh[0]))


def _distance(first: Geometry, second: Geometry) -> float:
    """Return the mean distance in pixels from places of a shape to the nearest of another."""
    if isinstance(first, Polyline):
        return float(distance_to_line(densify(first.xy), second.vertices()).mean())
    return float(cdist(first.vertices(), second.vertices()).min(axis=1).mean())
