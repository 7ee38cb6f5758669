"""OpenLane 2D F: the CULane rule on 1920x1280 at IoU > .3, for lanes of one category.

The rule of the official tool (OpenDriveLab/OpenLane, eval/LANE_evaluation/lane2d): width 30;
points are sorted by v first; a lane of fewer than two points is passed over, as if it were not
there; lanes of different category have similarity 0.
"""

from __future__ import annotations

import numpy as np

from drivegrid.data.formats.openlane_words import category_of
from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, Size
from drivegrid.metrics.culane import CulaneRule

OPENLANE = CulaneRule(width=30, canvas_wh=(1920, 1280))
IOU = 0.3


def scored_lane(points: FloatArray) -> FloatArray:
    """Return (N, 2) points sorted by y, top first, as the tool sorts them.

    >>> scored_lane(np.array([[5.0, 90.0], [7.0, 40.0]])).tolist()
    [[7.0, 40.0], [5.0, 90.0]]
    """
    return points[np.argsort(points[:, 1], kind="stable")]


def lane_category(instance: Instance, size_wh: Size) -> int:
    """Return the OpenLane category of a lane: the one it was read with, or what its label says.

    Args:
        instance: A line with at least one point.
        size_wh: Of the frame; a curbside without category is left or right of its middle.

    >>> from drivegrid.geometry import Polyline
    >>> line = Polyline([[3, 9], [4, 1]])
    >>> lane_category(Instance("lane/line", line, {"color": "white", "style": "dashed"}), (64, 48))
    1
    """
    held = instance.extra.get("openlane")
    lane = held.get("lane") if isinstance(held, dict) else None
    original = lane.get("category") if isinstance(lane, dict) else None
    return category_of(instance, original, size_wh)[0]
