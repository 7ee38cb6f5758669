"""What a crest of the road hides."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from drivegrid.scenes.camera import Camera

_NOWHERE = (-99999.0, -99999.0)


def cut_polygon(
    camera: Camera, ring: npt.NDArray[np.int32], tangent: float
) -> npt.NDArray[np.int32]:
    """Return the part of a polygon above a tangent below the horizontal.

    Args:
        camera: Whose picture the polygon lies in.
        ring: (N, 2) sixteenths of a pixel, as ``cv2.fillConvexPoly`` with shift 4 counts them.
        tangent: (height - Y)/Z; rays steeper than it meet nearer ground.

    Returns:
        (M, 2) in the same unit; a point far outside every picture where nothing is left.
    """
    cos, sin = math.cos(camera.roll_rad), math.sin(camera.roll_rad)
    pixels = ring / 16 + 0.5
    aside = (pixels[:, 0] - camera.center_xy[0]) / camera.focal_xy[0]
    down = (pixels[:, 1] - camera.center_xy[1]) / camera.focal_xy[1]
    over = tangent - (cos * down - sin * aside)
    if (over >= 0).all():
        return ring
    kept = []
    for i in range(len(ring)):
        j = (i + 1) % len(ring)
        if over[i] >= 0:
            kept.append(ring[i].astype(np.float64))
        if (over[i] >= 0) != (over[j] >= 0):
            kept.append(ring[i] + (ring[j] - ring[i]) * (over[i] / (over[i] - over[j])))
    return np.asarray(np.rint(np.array(kept or [_NOWHERE])), dtype=np.int32)
