"""Shapes as masks of the size in which a decoder draws."""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.data.rasters import fill, outline
from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, Box, FloatArray, Geometry, Polygon, Size, clip_points

STEP_PX = 1.0
"""How far the outline of a mask may be moved to be rid of its steps."""


def as_polygon(shape: Box | Polygon) -> Polygon:
    """Return a shape with area as a polygon; a box becomes its four corners."""
    if isinstance(shape, Polygon):
        return shape
    left, top, right, bottom = shape.xyxy
    return Polygon((np.array([[left, top], [right, top], [right, bottom], [left, bottom]]),))


def bounds(shape: Box | Polygon) -> FloatArray:
    """Return (4,) x_min, y_min, x_max, y_max of a shape with at least one vertex."""
    points = shape.vertices()
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def meets_image(shape: Box | Polygon, size_wh: Size) -> bool:
    """Tell whether the bounding box of a shape and the image share a place."""
    if not len(shape.vertices()):
        return False
    box = bounds(shape)
    return bool((box[2:] >= 0).all() and (box[:2] <= np.asarray(size_wh)).all())


def draw_mask(shape: Geometry, size_wh: Size, mask_wh: Size) -> BoolArray:
    """Return (h, w) the pixels of a mask whose centres lie in a shape.

    A shape so small or thin that it holds no centre takes the pixel in the middle of what the
    image shows of its bounding box, so that no true mask is empty.

    Args:
        shape: A box or a polygon in pixels of the image; may leave it.
        size_wh: Size of the image.
        mask_wh: Size of the mask, which spans the whole image.

    Raises:
        GeometryError: If the shape has no area by its kind, or lies outside the image.

    >>> draw_mask(Box(np.array([0.0, 0.0, 50.0, 100.0])), (100, 100), (4, 2)).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0]])
    """
    if not isinstance(shape, Box | Polygon):
        raise GeometryError(f"mask must be drawn of a box or a polygon, got a {shape.kind}.")
    if not meets_image(shape, size_wh):
        raise GeometryError(
            f"{shape.kind} must meet the image, got {shape.vertices().tolist()!s:.80} "
            f"(image {size_wh[0]} x {size_wh[1]}). Drop it before drawing."
        )
    scale = np.asarray(mask_wh) / np.asarray(size_wh)
    mask = fill(Polygon(tuple(ring * scale for ring in as_polygon(shape).rings)), mask_wh)
    if not mask.any():
        middle = clip_points(bounds(shape).reshape(2, 2), size_wh).mean(axis=0) * scale
        column, row = np.clip(middle, 0, np.asarray(mask_wh) - 1).astype(int)
        mask[row, column] = True
    return mask


def outline_of(mask: BoolArray) -> Polygon | None:
    """Return the outline of a mask (H, W) in pixels, exact; None of an empty one.

    Parts that lie apart are rings beside each other.
    """
    rings = tuple(ring for part in outline(mask) for ring in part.rings)
    return Polygon(rings) if rings else None


def smoothed(polygon: Polygon) -> Polygon:
    """Return the outline of a mask without the steps of its pixels: off by a pixel at most.

    Rings that would be left with fewer than three corners stay as they are.
    """
    rings = []
    for ring in polygon.rings:
        fewer = cv2.approxPolyDP(ring.astype(np.float32), STEP_PX, closed=True)[:, 0]
        rings.append(fewer.astype(np.float64) if len(fewer) >= 3 else ring)
    return Polygon(tuple(rings))
