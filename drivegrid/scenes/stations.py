"""Places along the road, ready to be projected at any lateral offset."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import DEPTHS_M, Alignment
from drivegrid.scenes.camera import Camera

Fixed = npt.NDArray[np.int32]
"""Pixels in OpenCV's fixed point: 1/16 pixel, pixel centres at whole numbers."""

SHIFT = 4
_FARTHEST = 16000 << SHIFT


class Stations:
    """Places whose pixels are linear in the lateral offset and the height.

    Args:
        camera: At the size of the picture.
        alignment: Course of the road.
        z: (N,) depths, all greater than 0.
    """

    def __init__(self, camera: Camera, alignment: Alignment, z: FloatArray) -> None:
        self.z = z
        stretch = np.interp(z, DEPTHS_M, alignment.stretch)
        cos, sin = math.cos(camera.roll_rad), math.sin(camera.roll_rad)
        scale = np.array(camera.focal_xy) / z[:, None]
        self._middle = camera.project(alignment.points(0.0, z))
        self._across = scale * stretch[:, None] * np.array((cos, sin))
        self._up = scale * np.array((sin, -cos))

    def project(self, offset_m: FloatArray, up_m: float = 0.0) -> FloatArray:
        """Return (N, 2) pixels at (N,) lateral offsets and one height."""
        points = self._middle + offset_m[:, None] * self._across
        if up_m:
            points += up_m * self._up
        return np.asarray(points)

    def pixels(self, offset_m: FloatArray, up_m: float) -> Fixed:
        """Return (N, 2) fixed-point pixels; far outside the picture they are held back."""
        return to_fixed(self.project(offset_m, up_m))

    def ring(self, left: FloatArray, right: FloatArray, up_left: float, up_right: float) -> Fixed:
        """Return the (2 N, 2) outline of the strip between two borders."""
        middle, across, up = self._there_and_back
        points = middle + np.concatenate([left, right[::-1]])[:, None] * across
        if up_left:
            points[: len(left)] += up_left * up[: len(left)]
        if up_right:
            points[len(left) :] += up_right * up[len(left) :]
        return to_fixed(points)

    @cached_property
    def _there_and_back(self) -> list[FloatArray]:
        """What is linear in pixels, near to far and back."""
        return [np.concatenate([a, a[::-1]]) for a in (self._middle, self._across, self._up)]


def to_fixed(pixels: FloatArray) -> Fixed:
    """Return (N, 2) pixels in fixed point, in place where possible; far ones are held back."""
    pixels -= 0.5
    pixels *= 1 << SHIFT
    np.maximum(pixels, -_FARTHEST, out=pixels)
    np.minimum(pixels, _FARTHEST, out=pixels)
    return np.rint(pixels, out=pixels).astype(np.int32)
