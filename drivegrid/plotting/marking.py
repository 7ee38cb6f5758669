"""The drawn visual prompt: a place marked in the picture itself, for models without tokens."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, FloatArray, Geometry, Polygon
from drivegrid.plotting.canvas import Canvas, ImageArray
from drivegrid.plotting.palette import Color

MARK: Color = (255, 0, 0)
MARK_SHARE, DISC_SHARE = 0.02, 0.03
"""Width of the outline, and radius of the disc that stands for a point, as shares of the width."""
_FAR_PX = 1e6


def mark_region(image: ImageArray, region: Geometry) -> ImageArray:
    """Return the picture with a red outline around a place.

    The outline is 2 % of the width wide and lies outside the place, so that it hides nothing of
    what is asked about. A point is taken as a disc with a radius of 3 %, which leaves most signs
    to be seen, a line as a stroke of 2 %, and anchors of a mask as one disc each.

    Args:
        image: (H, W, 3) uint8 RGB; it is left as it is.
        region: In pixels of the image; what lies outside is not drawn.

    Raises:
        GeometryError: If the image is no RGB picture, or nothing of the place lies in it.

    >>> marked = mark_region(np.zeros((100, 100, 3), np.uint8), Box(np.array([40.0, 40, 60, 60])))
    >>> marked[50, 39].tolist(), marked[50, 40].tolist(), marked[50, 37].tolist()
    ([255, 0, 0], [0, 0, 0], [0, 0, 0])
    """
    marked = Canvas(image).image
    width = max(1, round(MARK_SHARE * image.shape[1]))
    # Room on all sides: the outline of what reaches the border is drawn as if it went on.
    inside = _inside(region, (image.shape[0], image.shape[1]), width)
    if not inside[width:-width, width:-width].any():
        low, high = region.vertices().min(axis=0), region.vertices().max(axis=0)
        raise GeometryError(
            f"region must lie in the picture, got {low.round(1).tolist()} to "
            f"{high.round(1).tolist()} of {image.shape[1]} x {image.shape[0]} pixels."
        )
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    rim = (cv2.dilate(inside, brush) - inside)[width:-width, width:-width]
    marked[rim > 0] = MARK
    return marked


def _inside(region: Geometry, size_hw: tuple[int, int], margin: int) -> npt.NDArray[np.uint8]:
    """Return 1 at the pixels of a place, in a picture that is larger by a margin."""
    mask = np.zeros((size_hw[0] + 2 * margin, size_hw[1] + 2 * margin), dtype=np.uint8)
    if isinstance(region, Box):
        # Whole pixels: those whose centre the box holds, at least one.
        low, high = np.clip(region.vertices(), -_FAR_PX, _FAR_PX) + margin
        left, top = np.maximum(np.ceil(low - 0.5), 0).astype(int)
        right, bottom = np.maximum(np.ceil(high - 0.5), (left + 1, top + 1)).astype(int)
        mask[top:bottom, left:right] = 1
    elif isinstance(region, Polygon):
        cv2.fillPoly(mask, [_pixels(ring, margin) for ring in region.rings if len(ring)], 1)
    elif region.kind == "line":
        cv2.polylines(mask, [_pixels(region.vertices(), margin)], False, 1, margin)
    else:
        radius = round(margin * DISC_SHARE / MARK_SHARE)
        for center in _pixels(region.vertices(), margin):
            cv2.circle(mask, center.tolist(), radius, 1, cv2.FILLED)
    return mask


def _pixels(points: FloatArray, margin: int) -> npt.NDArray[np.int32]:
    near = np.clip(points, -_FAR_PX, _FAR_PX) + margin
    return np.floor(near).astype(np.int32)
