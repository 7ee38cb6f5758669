"""What a crest of the road hides."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import DEPTHS_M, Alignment
from drivegrid.scenes.camera import NEAR_M, Camera

_SLACK = 2e-4
"""Tangent by which a foot may lie below the skyline before anything is cut."""
_NOWHERE = (-99999.0, -99999.0)


def crest_limits(camera: Camera, alignment: Alignment, feet_m: FloatArray) -> FloatArray:
    """Return the tangents (height - Y)/Z below which nearer ground hides bodies.

    Args:
        camera: Who looks.
        alignment: Heights of the ground.
        feet_m: (B, 3) world places of the bodies' feet.

    Returns:
        (B,) tangents, inf where nothing is hidden.
    """
    skyline = np.minimum(alignment.skyline(camera.height_m), 1e3)
    least = np.interp(feet_m[:, 2], DEPTHS_M, skyline)
    foot = (camera.height_m - feet_m[:, 1]) / np.maximum(feet_m[:, 2], NEAR_M)
    return np.asarray(np.where(foot > least + _SLACK, least, np.inf))


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
