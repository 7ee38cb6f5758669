"""OpenLane 2D F: the CULane rule on 1920x1280 at IoU > .3, for lanes of one category.

The rule of the official tool (OpenDriveLab/OpenLane, eval/LANE_evaluation/lane2d): width 30;
points are sorted by v first; a lane of fewer than two points is passed over, as if it were not
there; lanes of different category have similarity 0.
"""

from __future__ import annotations

import numpy as np

from drivegrid.data.formats.naming import class_of
from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray
from drivegrid.metrics.culane import CulaneRule

OPENLANE = CulaneRule(width=30, canvas_wh=(1920, 1280))
IOU = 0.3


def scored_lane(points: FloatArray) -> FloatArray:
    """Return (N, 2) points sorted by y, top first, as the tool sorts them.

    >>> scored_lane(np.array([[5.0, 90.0], [7.0, 40.0]])).tolist()
    [[7.0, 40.0], [5.0, 90.0]]
    """
    return points[np.argsort(points[:, 1], kind="stable")]


def category_of(instance: Instance) -> str:
    """Return the OpenLane category id of a lane: the one it was read with, or what its label says.

    >>> from drivegrid.geometry import Polyline
    >>> line = Polyline([[3, 9], [4, 1]])
    >>> category_of(Instance("lane/line", line, {"color": "white", "style": "dashed"}))
    '1'
    """
    held = instance.extra.get("openlane")
    original = held.get("category") if isinstance(held, dict) else None
    known = class_of("openlane", instance, None if original is None else str(original))
    return "0" if known is None else known.name
