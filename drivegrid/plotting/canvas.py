"""Canvas: a copy of an image with sub-pixel strokes, translucent fills and text on it.

Coordinates are continuous image pixels (pixel (c, r) covers [c, c+1) x [r, r+1)); OpenCV counts
from pixel centres, hence the half pixel in `_fixed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from drivegrid.errors import GeometryError
from drivegrid.geometry import FloatArray, Size
from drivegrid.plotting.palette import BLACK, WHITE, Color

ImageArray: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3) RGB."""

_SHIFT = 4
_FAR_PX = 1e6


class Canvas:
    """A copy of an image to draw on; strokes and text grow with its height.

    Args:
        image: (height, width, 3) uint8 RGB; it is left as it is.

    Raises:
        GeometryError: If the image is of another shape or type.
    """

    def __init__(self, image: ImageArray) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise GeometryError(
                f"image must be (height, width, 3) uint8 RGB, got {image.shape} {image.dtype}."
            )
        self.image: ImageArray = np.ascontiguousarray(image).copy()
        self.size_wh: Size = (image.shape[1], image.shape[0])
        self.stroke = max(2, round(min(self.size_wh) / 240))
        self._texts: list[tuple[float, float, float, float]] = []

    def line(
        self, points: FloatArray, color: Color, *, closed: bool = False, fine: bool = False
    ) -> None:
        """Draw a polyline through (N, 2) points in pixels with a dark edge, fine or full width."""
        fixed, width = [_fixed(points)], max(1, self.stroke // 2) if fine else self.stroke
        for ink, thickness in ((BLACK, width + 2), (color, width)):
            cv2.polylines(self.image, fixed, closed, ink, thickness, cv2.LINE_AA, _SHIFT)

    def fill(self, rings: Sequence[FloatArray], color: Color, alpha: float = 0.35) -> None:
        """Blend a colour over the even-odd inside of rings, each (N, 2) in pixels."""
        mask = np.zeros(self.image.shape[:2], dtype=np.uint8)
        cv2.fillPoly(mask, [_fixed(ring) for ring in rings if len(ring)], 255, cv2.LINE_8, _SHIFT)
        inside = mask > 0
        blended = (1 - alpha) * self.image[inside] + alpha * np.array(color)
        self.image[inside] = np.round(blended).astype(np.uint8)

    def lattice(self, cols: int, rows: int, alpha: float = 0.3) -> None:
        """Blend the white borders between lattice cells over the image."""
        width, height = self.size_wh
        xs = np.floor(np.arange(1, cols) * width / cols).astype(np.int64)
        ys = np.floor(np.arange(1, rows) * height / rows).astype(np.int64)
        border = np.zeros((height, width), dtype=np.bool_)
        border[:, xs] = True
        border[ys, :] = True
        self.image[border] = np.round((1 - alpha) * self.image[border] + alpha * 255)

    def dot(self, point: FloatArray, color: Color, radius: float = 2.0) -> None:
        """Draw a disc with a dark edge around a (2,) point; the radius is in strokes."""
        (center,) = _fixed(point[None])
        for ink, extra in ((BLACK, 1), (color, 0)):
            size = round((radius * self.stroke + extra) * (1 << _SHIFT))
            cv2.circle(self.image, center.tolist(), size, ink, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def cross(self, point: FloatArray, color: Color) -> None:
        """Draw a diagonal cross over a (2,) point in pixels."""
        arm = 2.5 * self.stroke + 1
        for end in (np.array([arm, arm]), np.array([arm, -arm])):
            self.line(np.stack([point - end, point + end]), color)

    def arrow(self, start: FloatArray, end: FloatArray, color: Color) -> None:
        """Draw a fine arrow between two (2,) points in pixels; nothing where they coincide."""
        along = end - start
        length = float(np.hypot(*along))
        if length == 0.0:
            return
        head = min(length / 2, 3.0 * self.stroke) * along / length
        side = 0.6 * np.array([-head[1], head[0]])
        self.line(np.stack([start, end]), color, fine=True)
        self.line(np.stack([end - head + side, end, end - head - side]), color, fine=True)

    def ellipse(
        self, center: FloatArray, covariance: FloatArray, color: Color, sigmas: float = 2.0
    ) -> None:
        """Draw the outline of a Gaussian: (2,) mean and (2, 2) covariance in pixels."""
        values, vectors = np.linalg.eigh(covariance)
        turn = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
        circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        axes = sigmas * np.sqrt(np.maximum(values, 0.0)) * vectors
        self.line(center + circle @ axes.T, color, closed=True, fine=True)

    def text(self, text: str, anchor: FloatArray, color: Color) -> None:
        """Write on a filled plate near a (2,) place in pixels, clear of earlier texts if it can.

        The plate stands above the place where there is room, and always inside the image.
        Letters the built-in font lacks show as boxes.
        """
        font = _font(max(11, round(min(self.size_wh) / 45)))
        left, top, right, bottom = font.getbbox(text)
        size = np.array([right - left + 6, bottom - top + 6])
        x, y = self._free_place(anchor, size)
        plate = Image.new("RGB", (int(size[0]), int(size[1])), color)
        ink = BLACK if np.dot(color, (0.299, 0.587, 0.114)) > 110 else WHITE
        ImageDraw.Draw(plate).text((3 - left, 3 - top), text, font=font, fill=ink)
        room = self.image[y : y + plate.height, x : x + plate.width]
        room[:] = np.asarray(plate)[: room.shape[0], : room.shape[1]]

    def _free_place(self, anchor: FloatArray, size: FloatArray) -> tuple[int, int]:
        """Return the left top pixel of a plate; of the places tried, the least covered."""
        limit = np.maximum(np.array(self.size_wh) - size, 0)
        up, left = -size[1], -size[0]
        shifts = [(0, up), (0, 0), (0, 2 * up), (left, up), (left, 0), (0, -up), (0, 3 * up)]
        places = [np.clip(np.round(anchor + shift), 0, limit) for shift in shifts]
        plates = [(*place, *(place + size)) for place in places]
        covered = [sum(_overlap(plate, text) for text in self._texts) for plate in plates]
        best = int(np.argmin(covered))
        self._texts.append(plates[best])
        return int(places[best][0]), int(places[best][1])


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the common area of two xyxy boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return float(max(width, 0.0) * max(height, 0.0))


def _fixed(points: FloatArray) -> npt.NDArray[np.int32]:
    """Return (N, 2) OpenCV fixed-point coordinates of continuous pixels."""
    near = np.clip(points - 0.5, -_FAR_PX, _FAR_PX)
    return np.round(near * (1 << _SHIFT)).astype(np.int32)


@lru_cache(maxsize=8)
def _font(size: int) -> Any:
    """Return Pillow's built-in font at a height in pixels."""
    return ImageFont.load_default(size=size)
