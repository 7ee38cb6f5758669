"""COCO's shapes: boxes as x, y, width, height; polygons as flat lists of numbers; run lengths.

A segmentation is a list of parts ``[x1, y1, x2, y2, ...]`` that add up where they overlap, or a
mask ``{"size": [height, width], "counts": [...] or "..."}`` column by column. A part of four
numbers is no polygon (pycocotools takes it for a box), so parts need three points. A list cannot
say a hole: such a polygon is written as a mask. Sources: cocodataset/cocoapi, coco.py and
maskApi.c.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from drivegrid.data.checks import check_numbers
from drivegrid.data.fields import as_kind, box, field, number
from drivegrid.data.formats.regions import boxes_meet, overlap, rings_of
from drivegrid.data.rasters import (
    fill,
    mask_shape,
    outline,
    paint,
    rle_decode,
    rle_encode,
    rle_to_text,
)
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import BoolArray, Box, FloatArray, Polygon, Size

Record: TypeAlias = dict[str, Any]

MAX_EXACT_VERTICES = 1_000
"""Up to how many points overlapping parts are joined exactly; more are joined by pixels."""

_LEAST_NUMBERS = 6


def box_of(sides: object, item: str) -> Box:
    """Return the box of COCO's [x, y, width, height].

    >>> box_of([10, 20.5, 30, 4], "bbox").xyxy.tolist()
    [10.0, 20.5, 40.0, 24.5]
    """
    values = check_numbers(sides, item).tolist()
    if len(values) != 4 or min(values[2:]) < 0:
        raise FormatError(
            f"{item} must be x, y, width and height from 0, got {sides!r:.100}.", item=item
        )
    x, y, width, height = values
    return box(x, y, number(x + width, item), number(y + height, item), item)


def sides_of(points: FloatArray) -> list[float]:
    """Return [x, y, width, height] of what (N, 2) points span, N at least 1.

    >>> sides_of(np.array([[10.0, 20.5], [40.0, 24.5]]))
    [10, 20.5, 30, 4]
    """
    low, high = points.min(axis=0), points.max(axis=0)
    return plain(np.concatenate([low, high - low]))


def fingerprint(shape: Box | Polygon) -> str:
    """Return a text that changes when a shape does, so that what was read with it is not used."""
    content = hashlib.blake2b(digest_size=8)
    for part in shape.parts():
        content.update(len(part).to_bytes(8, "big") + part.tobytes())
    return content.hexdigest()


def plain(values: FloatArray) -> list[float]:
    """Return numbers as JSON has them, whole ones without a point."""
    return [int(value) if value.is_integer() else value for value in values.tolist()]


def polygon_of(segmentation: object, size_wh: Size, item: str) -> Polygon | None:
    """Return the region of a segmentation; None if it is empty or only has bits of parts.

    Args:
        segmentation: JSON value.
        size_wh: Size of the frame, which a mask must have.
        item: What it is, for the message.

    Raises:
        FormatError: If it is malformed.
    """
    if segmentation is None:
        return None
    if isinstance(segmentation, dict):
        regions = _regions(mask_of(segmentation, size_wh, item), item)
        return regions if regions.rings else None
    rings = []
    for part in as_kind(segmentation, list, item):
        numbers = check_numbers(part, f"{item}, part")
        if len(numbers) % 2:
            raise FormatError(f"{item} must have x and y, got {len(numbers)} numbers.", item=item)
        if len(numbers) >= _LEAST_NUMBERS:
            rings.append(numbers.reshape(-1, 2))
    return Polygon(_joined(rings, size_wh, item)) if rings else None


def mask_of(record: Mapping[str, Any], size_wh: Size, item: str) -> BoolArray:
    """Return the (H, W) mask of run lengths that must be of the frame's size."""
    size = field(record, "size", list, item)
    if size != [size_wh[1], size_wh[0]]:
        raise FormatError(
            f"{item} must have the frame's height and width {[size_wh[1], size_wh[0]]}, "
            f"got {size!r:.100}.",
            item=item,
        )
    counts = record.get("counts")
    if not isinstance(counts, str | list):
        raise FormatError(f"counts must be a text or a list, got {counts!r:.100}.", item=item)
    try:
        return rle_decode(counts, size_wh)
    except FormatError as error:
        raise FormatError(error.message, item=item) from error


def _regions(mask: BoolArray, item: str) -> Polygon:
    """Return all parts of a mask as one polygon."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Polygon(())
    corner = np.array([columns[0], rows[0]])
    try:  # most regions are small, and a frame takes much longer
        parts = outline(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    except GeometryError as error:
        raise FormatError(str(error), item=item) from error
    return Polygon(tuple(ring + corner for part in parts for ring in part.rings))


def _joined(rings: list[FloatArray], size_wh: Size, item: str) -> tuple[FloatArray, ...]:
    """Return rings that, filled even-odd, cover what any of these covers."""
    if not boxes_meet(rings):
        return tuple(rings)
    if sum(map(len, rings)) <= MAX_EXACT_VERTICES:
        union = overlap(rings)
        return tuple(rings) if union is None else rings_of(union)
    try:
        once = np.zeros(mask_shape(size_wh), np.bool_)
    except GeometryError as error:
        raise FormatError(str(error), item=item) from error
    even_odd = fill(Polygon(tuple(rings)), size_wh)
    for ring in rings:
        paint(once, Polygon((ring,)), True)
    return tuple(rings) if np.array_equal(once, even_odd) else _regions(once, item).rings


def write_shape(shape: Box | Polygon, size_wh: Size) -> tuple[Record, str | None]:
    """Return how COCO says a box or polygon, and what that leaves out; empty if it cannot.

    Rings that overlap, as a hole does with its shell, become a mask of the frame's pixels.
    """
    if isinstance(shape, Box):
        return _record(shape.vertices(), [], float(np.prod(shape.wh))), None
    rings = [ring for ring in shape.rings if len(ring) >= 3]
    if not rings:
        return {}, "polygon of fewer than 3 points left out"
    if not boxes_meet(rings) or overlap(rings) is None:
        parts = [plain(ring.ravel()) for ring in rings]
        lost = None if len(rings) == len(shape.rings) else "ring of fewer than 3 points left out"
        return _record(np.concatenate(rings), parts, sum(map(_area, rings))), lost
    try:
        mask = fill(shape, size_wh)
    except GeometryError as error:
        return {}, f"polygon with a hole left out: {error}"
    if not mask.any():
        return {}, "polygon with a hole left out: it covers no pixel of the image"
    runs = rle_encode(mask)
    whole = _regions(mask, "mask")
    lost = None if whole == shape else "polygon with a hole written as a mask of whole pixels"
    said = {"size": [size_wh[1], size_wh[0]], "counts": rle_to_text(runs)}
    return _record(whole.vertices(), said, float(sum(runs[1::2]))), lost


def _record(points: FloatArray, segmentation: Any, area: float) -> Record:
    return {"segmentation": segmentation, "area": area, "bbox": sides_of(points)}


def _area(ring: FloatArray) -> float:
    """Return the area of a ring in square pixels."""
    x, y = (ring - ring[0]).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
