"""A canvas that takes world or reference-pixel polygons and keeps track of what hides what."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray, Size
from drivegrid.scenes.camera import REFERENCE_WH

UInt8Array = npt.NDArray[np.uint8]
Color = tuple[float, float, float]
"""Red, green, blue in [0, 255]."""

_SHIFT = 4
_LIMIT_PX = 8000
_MASK_WH: Size = (640, 360)


class Canvas:
    """An RGB picture with a map of object ids at one fixed size, so that ids ignore the size.

    Args:
        image: (H, W, 3) uint8 RGB, drawn on in place.
    """

    def __init__(self, image: UInt8Array) -> None:
        self.image = image
        self.scale = np.array([image.shape[1], image.shape[0]]) / np.array(REFERENCE_WH)
        self.ids = np.zeros((_MASK_WH[1], _MASK_WH[0]), dtype=np.uint8)
        self._areas: dict[int, int] = {}

    def sees(self, points: FloatArray) -> bool:
        """Tell whether the box around (N, 2) reference pixels meets the picture."""
        low, high = points.min(axis=0), points.max(axis=0)
        return bool((high > 0).all() and (low < REFERENCE_WH).all())

    def poly(self, points: FloatArray, color: Color, alpha: float = 1.0) -> None:
        """Fill a polygon given as (N, 2) reference pixels; ``alpha`` in [0, 1] is its cover."""
        corners = self._fixed(points)
        if alpha >= 0.995:
            cv2.fillPoly(self.image, [corners], color, cv2.LINE_AA, _SHIFT)
            return
        window = self._window(points)
        if window is None:
            return
        x0, y0, x1, y1 = window
        region = self.image[y0:y1, x0:x1]
        painted = region.copy()
        shifted = corners - (np.array([x0, y0]) << _SHIFT)
        cv2.fillPoly(painted, [shifted.astype(np.int32)], color, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(painted, alpha, region, 1 - alpha, 0, dst=region)

    def polys(self, rings: list[FloatArray], colors: list[Color]) -> None:
        """Fill several opaque polygons in order; faster than ``poly`` for each."""
        if not rings:
            return
        corners = self._fixed(np.concatenate(rings))
        start = 0
        for ring, color in zip(rings, colors, strict=True):
            part = corners[start : start + len(ring)]
            start += len(ring)
            cv2.fillPoly(self.image, [part], color, cv2.LINE_AA, _SHIFT)

    def line(self, points: FloatArray, color: Color, width: float) -> None:
        """Draw a polyline ``width`` reference pixels wide through (N, 2) reference pixels."""
        thickness = max(1, round(width * float(self.scale.mean())))
        cv2.polylines(
            self.image, [self._fixed(points)], False, color, thickness, cv2.LINE_AA, _SHIFT
        )

    def shade(self, points: FloatArray, strength: float, blur: float) -> None:
        """Darken a polygon by ``strength`` in [0, 1] with an edge of ``blur`` reference pixels."""
        window = self._window(points, margin=2 * blur)
        if window is None:
            return
        x0, y0, x1, y1 = window
        sharp = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        shifted = self._fixed(points) - (np.array([x0, y0]) << _SHIFT)
        cv2.fillPoly(sharp, [shifted.astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        radius = max(1, int(blur * float(self.scale.mean())))
        mask = cv2.blur(sharp, (2 * radius + 1, 2 * radius + 1))
        factor = cv2.LUT(mask, (255 - np.arange(256) * strength).astype(np.uint8))
        region = self.image[y0:y1, x0:x1]
        cv2.multiply(region, cv2.merge([factor] * 3), dst=region, scale=1 / 255)

    def stamp(
        self, sprite: UInt8Array, box: FloatArray, tone: FloatArray, veil: FloatArray
    ) -> None:
        """Stretch a sprite over a box.

        Args:
            sprite: (h, w, 2) uint8 shade and cover; shade 128 shows ``tone`` itself.
            box: (2, 2) upper left and lower right corner, reference pixels.
            tone: (3,) RGB in [0, 255].
            veil: (3,) RGB added by the air.
        """
        window = self._window(box)
        if window is None:
            return
        x0, y0, x1, y1 = window
        size = (box[1] - box[0]) * self.scale / (sprite.shape[1], sprite.shape[0])
        shift = box[0] * self.scale - (x0, y0)
        warp = np.array([[size[0], 0, shift[0]], [0, size[1], shift[1]]])
        warped = cv2.warpAffine(sprite, warp, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        color = warped[:, :, :1] * (tone / 128).astype(np.float32) + veil.astype(np.float32)
        cover = warped[:, :, 1:].astype(np.float32) * np.float32(1 / 255)
        region = self.image[y0:y1, x0:x1]
        region[:] = np.clip(region + cover * (color - region), 0, 255)

    def claim(self, index: int, silhouettes: list[FloatArray]) -> None:
        """Mark polygons as object ``index`` (1..254), hiding what lies there; 255 has no label."""
        scale = np.array(_MASK_WH) / np.array(REFERENCE_WH)
        points = np.clip(np.concatenate(silhouettes) * scale - 0.5, -4000, 4000)
        x0, y0 = np.clip(np.floor(points.min(axis=0)).astype(int) - 1, 0, _MASK_WH)
        x1, y1 = np.clip(np.ceil(points.max(axis=0)).astype(int) + 2, 0, _MASK_WH)
        own = np.zeros((max(y1 - y0, 1), max(x1 - x0, 1)), dtype=np.uint8)
        fixed = np.round((points - (x0, y0)) * (1 << _SHIFT)).astype(np.int32)
        start = 0
        for ring in silhouettes:
            cv2.fillPoly(own, [fixed[start : start + len(ring)]], 1, cv2.LINE_8, _SHIFT)
            start += len(ring)
        self._areas[index] = cv2.countNonZero(own)
        self.ids[y0:y1, x0:x1][own[: y1 - y0, : x1 - x0] > 0] = index

    def visibility(self, index: int) -> float:
        """Return the share of an object's pixels in the picture that nothing later covered."""
        area = self._areas.get(index, 0)
        return 0.0 if area == 0 else int(np.count_nonzero(self.ids == index)) / area

    def _fixed(self, points: FloatArray) -> npt.NDArray[np.int32]:
        pixels = points * (self.scale * (1 << _SHIFT)) - 0.5 * (1 << _SHIFT)
        limit = float(_LIMIT_PX << _SHIFT)
        clipped = np.minimum(np.maximum(np.rint(pixels), -limit), limit)
        return np.asarray(clipped, dtype=np.int32)

    def _window(self, points: FloatArray, margin: float = 0.0) -> tuple[int, int, int, int] | None:
        height, width = self.image.shape[:2]
        low = np.floor((points.min(axis=0) - margin) * self.scale).astype(int) - 1
        high = np.ceil((points.max(axis=0) + margin) * self.scale).astype(int) + 2
        x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
        x1, y1 = min(int(high[0]), width), min(int(high[1]), height)
        return None if x1 <= x0 or y1 <= y0 else (x0, y0, x1, y1)
