"""The one camera model: a pinhole over a road that may rise or fall, in reference pixels.

World axes are metres: X right, Y up, Z forward; the origin lies on the road under the camera.
Reference pixels span 1280 x 720. Any other size is the same picture resized, stretched if its
aspect ratio differs, so labels divided by the image size never depend on the size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray, Size

Float32Array = npt.NDArray[np.float32]

REFERENCE_WH: Size = (1280, 720)
NEAR_M = 0.8
"""Points nearer than this are pulled to this depth, so that polygons stay finite."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A forward camera.

    Args:
        focal: Focal length in reference pixels.
        height_m: Height above the road.
        center_xy: Vanishing point of the straight, level road, in reference pixels.
        roll_rad: Clockwise roll.
        stretch_xy: Horizontal and vertical scale of a frame whose source is not 16:9.
    """

    focal: float
    height_m: float
    center_xy: tuple[float, float]
    roll_rad: float
    stretch_xy: tuple[float, float]

    def project(self, points_m: FloatArray) -> FloatArray:
        """Map (N, 3) X, Y, Z in metres to (N, 2) reference pixels; may leave the image."""
        closeness = 1 / np.maximum(points_m[:, 2], NEAR_M)
        right = points_m[:, 0] * closeness
        down = (self.height_m - points_m[:, 1]) * closeness
        cos, sin = math.cos(self.roll_rad), math.sin(self.roll_rad)
        scale_x, scale_y = self.focal * self.stretch_xy[0], self.focal * self.stretch_xy[1]
        pixels = np.empty((len(points_m), 2))
        pixels[:, 0] = right * (scale_x * cos) - down * (scale_x * sin) + self.center_xy[0]
        pixels[:, 1] = right * (scale_y * sin) + down * (scale_y * cos) + self.center_xy[1]
        return pixels

    def slopes(self, size_wh: Size) -> tuple[Float32Array, Float32Array]:
        """Return (H, W) tangents X/Z and -Y/Z of the ray through each pixel centre."""
        columns = (np.arange(size_wh[0], dtype=np.float32) + 0.5) * (REFERENCE_WH[0] / size_wh[0])
        rows = (np.arange(size_wh[1], dtype=np.float32) + 0.5) * (REFERENCE_WH[1] / size_wh[1])
        a = ((columns - self.center_xy[0]) / (self.focal * self.stretch_xy[0]))[None, :]
        b = ((rows - self.center_xy[1]) / (self.focal * self.stretch_xy[1]))[:, None]
        cos, sin = np.float32(np.cos(self.roll_rad)), np.float32(np.sin(self.roll_rad))
        a, b = a.astype(np.float32), b.astype(np.float32)
        return cos * a + sin * b, cos * b - sin * a

    def pixel_angles(self, size_wh: Size) -> tuple[float, float]:
        """Return how much the two tangents of ``slopes`` change from one pixel to the next."""
        across = REFERENCE_WH[0] / size_wh[0] / (self.focal * self.stretch_xy[0])
        along = REFERENCE_WH[1] / size_wh[1] / (self.focal * self.stretch_xy[1])
        return across, along


def lift(points_m: FloatArray, up_m: float) -> FloatArray:
    """Return (N, 3) world points raised by ``up_m`` metres."""
    raised = points_m.copy()
    raised[:, 1] += up_m
    return raised


def sample_camera(rng: np.random.Generator, place: str) -> Camera:
    """Draw a camera as mounted behind windscreens; ``place`` is a value of ``road.PLACES``."""
    if place == "highway" and rng.random() < 0.6:
        focal, height = rng.uniform(880, 1150), rng.uniform(1.35, 1.85)
        horizon = rng.uniform(205, 300)
    else:
        focal, height = rng.uniform(600, 1150), rng.uniform(1.1, 1.8)
        horizon = rng.uniform(250, 430)
    stretch = (1.0, 1.0)
    if rng.random() < 0.15:  # 1640 x 590 pictures squeezed to 16:9
        stretch = (1280 / 1640, 720 / 590)
        focal, horizon = rng.uniform(750, 1100), rng.uniform(240, 390)
    elif rng.random() < 0.12:  # 4:3
        stretch = (1.0, rng.uniform(0.75, 1.0))
    return Camera(
        focal=float(focal),
        height_m=float(height),
        center_xy=(float(640 + rng.normal(0, 35)), float(horizon)),
        roll_rad=float(np.clip(rng.normal(0, 0.008), -0.03, 0.03)),
        stretch_xy=stretch,
    )
