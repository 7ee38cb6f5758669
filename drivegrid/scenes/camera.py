"""The one camera model: a pinhole over a road that may rise or fall.

World axes are metres: X right, Y up, Z forward; the origin lies on the road under the camera. The
image plane stands upright and the view is tilted by moving the principal point, so that verticals
stay vertical and the straight, level road vanishes at ``center_xy``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray, Size

Float32Array = npt.NDArray[np.float32]

NEAR_M = 0.8
"""Points nearer than this are pulled to this depth, so that polygons stay finite."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A forward camera.

    Args:
        size_wh: Width and height of the picture in pixels.
        focal_xy: Focal lengths in pixels of the picture.
        center_xy: Vanishing point of the straight, level road, in pixels.
        height_m: Height above the road.
        roll_rad: Clockwise roll.
    """

    size_wh: Size
    focal_xy: tuple[float, float]
    center_xy: tuple[float, float]
    height_m: float
    roll_rad: float

    def resized(self, size_wh: Size) -> Camera:
        """Return the camera of the same picture stretched to another size."""
        x, y = size_wh[0] / self.size_wh[0], size_wh[1] / self.size_wh[1]
        return Camera(
            size_wh,
            (self.focal_xy[0] * x, self.focal_xy[1] * y),
            (self.center_xy[0] * x, self.center_xy[1] * y),
            self.height_m,
            self.roll_rad,
        )

    def matrix(self) -> FloatArray:
        """Return the (3, 4) projection: world X, Y, Z, 1 to pixels times depth."""
        cos, sin = math.cos(self.roll_rad), math.sin(self.roll_rad)
        fx, fy = self.focal_xy
        cx, cy = self.center_xy
        h = self.height_m
        return np.array(
            [
                [fx * cos, fx * sin, cx, -fx * sin * h],
                [fy * sin, -fy * cos, cy, fy * cos * h],
                [0.0, 0.0, 1.0, 0.0],
            ]
        )

    def project(self, points_m: FloatArray) -> FloatArray:
        """Map (N, 3) X, Y, Z in metres to (N, 2) pixels; may leave the picture."""
        closeness = 1 / np.maximum(points_m[:, 2], NEAR_M)
        right = points_m[:, 0] * closeness
        down = (self.height_m - points_m[:, 1]) * closeness
        cos, sin = math.cos(self.roll_rad), math.sin(self.roll_rad)
        fx, fy = self.focal_xy
        pixels = np.empty((len(points_m), 2))
        pixels[:, 0] = right * (fx * cos) - down * (fx * sin) + self.center_xy[0]
        pixels[:, 1] = right * (fy * sin) + down * (fy * cos) + self.center_xy[1]
        return pixels

    def slopes(self, first: int = 0, last: int | None = None) -> tuple[Float32Array, Float32Array]:
        """Return (rows, W) tangents X/Z and (height - Y)/Z of the rays through pixel centres."""
        a, b = self.plane_axes()
        b = b[first:last]
        cos, sin = np.float32(math.cos(self.roll_rad)), np.float32(math.sin(self.roll_rad))
        return cos * a[None, :] + sin * b[:, None], cos * b[:, None] - sin * a[None, :]

    def plane_axes(self) -> tuple[Float32Array, Float32Array]:
        """Return (W,) and (H,) image-plane coordinates of pixel centres, before roll."""
        columns = (np.arange(self.size_wh[0]) + 0.5 - self.center_xy[0]) / self.focal_xy[0]
        rows = (np.arange(self.size_wh[1]) + 0.5 - self.center_xy[1]) / self.focal_xy[1]
        return columns.astype(np.float32), rows.astype(np.float32)
