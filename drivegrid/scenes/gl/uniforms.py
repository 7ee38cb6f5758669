"""A view's numbers as shaders read them."""

from __future__ import annotations

import math

import numpy as np

from drivegrid.scenes.alignment import DEPTHS_M, TANGENTS
from drivegrid.scenes.camera import NEAR_M, Float32Array
from drivegrid.scenes.view import View

NEAREST_M = NEAR_M
"""Depth of the plane in front of which nothing is drawn."""


def ground_rows(view: View) -> tuple[float, float, Float32Array]:
    """Return the ground that each tangent sees.

    Returns:
        Texture coordinate of tangent 0, its growth per tangent, and (TANGENTS, 2) 1/Z and the
        road middle's X/Z.
    """
    least, greatest, closeness = view.alignment.ground_table(view.camera.height_m)
    rows = np.empty((TANGENTS, 2), np.float32)
    rows[:, 0] = closeness
    rows[:, 1] = closeness * np.interp(1 / closeness, DEPTHS_M, view.alignment.center_m)
    growth = (TANGENTS - 1) / TANGENTS / (greatest - least)
    return 0.5 / TANGENTS - least * growth, growth, rows


def scene_block(view: View, tangent_zero: float, tangent_growth: float) -> Float32Array:
    """Return (7, 4) the block ``Scene`` of scene.glsl."""
    camera, light = view.camera, view.light
    roll = camera.roll_rad
    warm = light.warmth
    haze = (channel / 255 for channel in light.haze)
    shift = view.grain_seed, math.fmod(view.grain_seed * 17.0, 1.0)
    return np.array(
        [
            (*camera.size_wh, *camera.focal_xy),
            (*camera.center_xy, math.cos(roll), math.sin(roll)),
            (camera.height_m, NEAREST_M, tangent_zero, tangent_growth),
            (*light.sun, light.sun_gain),
            (1 + warm, 1.0, 1 - warm, light.sky_gain),
            (*haze, 1 / light.fog_m),
            (*shift, view.wear, float(light.night)),
        ],
        np.float32,
    )
