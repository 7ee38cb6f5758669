"""A view's numbers and its ground as shaders read them."""

from __future__ import annotations

import math

import numpy as np

from drivegrid.scenes.alignment import TANGENTS
from drivegrid.scenes.camera import NEAR_M, Float32Array
from drivegrid.scenes.view import View

NEAREST_M = NEAR_M
"""Depth of the plane in front of which nothing is drawn."""


_TOLERANCE = 0.002
"""Largest share by which a depth between knots may be off."""

_SMOOTH_KNOTS = np.geomspace(1.0, TANGENTS, 24).astype(int) - 1


def ground_strip(view: View) -> Float32Array:
    """Return (2 K, 3) the visible ground as a triangle strip across the picture.

    Columns: X/Z of the strip's edge, tangent below the horizontal, 1/Z. Between knots 1/Z is
    linear in the tangent, hence in the picture; so is depth.
    """
    camera = view.camera
    least, greatest, closeness = view.alignment.ground_table(camera.height_m)
    # A chord of n steps misses a curve of second difference d by n² d / 8: count knots' shares.
    share = np.zeros(TANGENTS)
    share[1:-1] = np.sqrt(np.abs(np.diff(closeness, 2)) / (8 * _TOLERANCE * closeness[1:-1]))
    bends = np.diff(np.floor(np.cumsum(share)), prepend=0.0) > 0
    bends[_SMOOTH_KNOTS] = True
    width, height = camera.size_wh
    reach = (width + height) / camera.focal_xy[0] * 2
    knots = np.flatnonzero(bends)
    strip = np.empty((len(knots), 2, 3), np.float32)
    strip[:, 0, 0], strip[:, 1, 0] = -reach, reach
    strip[:, :, 1] = (least + knots * ((greatest - least) / (TANGENTS - 1)))[:, None]
    strip[:, :, 2] = closeness[knots, None]
    return strip.reshape(-1, 3)


def scene_block(view: View) -> Float32Array:
    """Return (6, 4) the block ``Scene`` of scene.glsl."""
    camera, light = view.camera, view.light
    roll = camera.roll_rad
    warm = light.warmth
    haze = (channel / 255 for channel in light.haze)
    return np.array(
        [
            (*camera.size_wh, *camera.focal_xy),
            (*camera.center_xy, math.cos(roll), math.sin(roll)),
            (camera.height_m, NEAREST_M, float(light.night), 0.0),
            (*light.sun, light.sun_gain),
            (1 + warm, 1.0, 1 - warm, light.sky_gain),
            (*haze, 1 / light.fog_m),
        ],
        np.float32,
    )
