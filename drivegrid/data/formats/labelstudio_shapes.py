"""Regions of Label Studio to shapes and back; coordinates there are percent of the picture.

Percent of a new shape are those that are read as its pixels; where no percent are, a coordinate
may be off by its last digit, about 1e-13 px. Regions that were read keep their own percent while
the shape is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from drivegrid.data import fields
from drivegrid.data.formats.drawing_tools import ellipse_ring, turned, upward
from drivegrid.data.formats.labelme_shapes import decode_mask
from drivegrid.data.images import MAX_PIXELS
from drivegrid.data.rasters import fill, outline
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import (
    BoolArray,
    Box,
    FloatArray,
    Geometry,
    Point,
    Polygon,
    Polyline,
    Size,
)

KINDS = ("rectangle", "polygon", "keypoint", "ellipse", "brush", "bitmask", "vector")
"""Kinds of regions that become instances; a result's type is one of them, or that and "labels"."""
_RUN_BITS = (3, 4, 8, 16)


def kind_of(result_type: str) -> str | None:
    """Return the kind of shape that a type of result holds, None if it holds none.

    >>> kind_of("rectanglelabels"), kind_of("choices")
    ('rectangle', None)
    """
    kind = result_type.removesuffix("labels")
    return kind if kind in KINDS else None


def geometry_of(
    kind: str, value: Mapping[str, Any], size_wh: Size, turn: object, item: str
) -> Geometry:
    """Return the geometry of a region in pixels of the picture as it is stored.

    Args:
        kind: One of ``KINDS``.
        value: What the region says: percent of the picture, or run lengths.
        size_wh: Size of the stored picture.
        turn: ``image_rotation``: by how many degrees the picture was turned clockwise when it was
            drawn on; percent are of the turned picture.
        item: What it is, for messages.

    Raises:
        FormatError: If a number is missing or wrong, or a mask does not fit the picture.
    """
    if turn not in (0, 90, 180, 270):
        raise FormatError(f"image_rotation must be 0, 90, 180 or 270, got {turn!r:.50}.", item=item)
    width, height = size_wh if turn in (0, 180) else size_wh[::-1]
    seen = np.array([width, height], dtype=np.float64)
    if kind in ("brush", "bitmask"):
        return _region(kind, value, size_wh, item)
    if kind == "polygon":
        points = fields.points(value.get("points"), f"{item}, points") * (width, height) / 100
        shape: Geometry = Polygon((points,)) if value.get("closed", True) else Polyline(points)
    elif kind == "vector":
        points = _vertices(value, item) * (width, height) / 100
        shape = Polygon((points,)) if value.get("closed", False) else Polyline(points)
    else:
        x = fields.number(value.get("x"), f"{item}, x") * width / 100
        y = fields.number(value.get("y"), f"{item}, y") * height / 100
        shape = _placed(kind, value, np.array([x, y]), seen, item)
    return shape if turn == 0 else _unturned(shape, size_wh, int(turn))


def _vertices(value: Mapping[str, Any], item: str) -> FloatArray:
    vertices = fields.field(value, "vertices", list, item)
    pairs = [fields.as_kind(vertex, dict, f"{item}, vertex") for vertex in vertices]
    xy = [[fields.number(pair.get(name), f"{item}, {name}") for name in "xy"] for pair in pairs]
    return np.asarray(xy, dtype=np.float64).reshape(-1, 2)


def _placed(
    kind: str, value: Mapping[str, Any], at: FloatArray, seen: FloatArray, item: str
) -> Geometry:
    """Return a point, a rectangle turned about its first corner, or an ellipse about its middle."""
    if kind == "keypoint":
        return Point(at)
    degrees = fields.number(value.get("rotation", 0), f"{item}, rotation")
    names = ("width", "height") if kind == "rectangle" else ("radiusX", "radiusY")
    a, b = (fields.number(value.get(name), f"{item}, {name}") for name in names)
    extent = np.array([a, b]) * seen / 100
    if kind == "ellipse":
        return Polygon((ellipse_ring(at, extent, degrees),))
    if degrees % 360 == 0:
        low, high = np.minimum(at, at + extent), np.maximum(at, at + extent)
        return Box(np.concatenate([low, high]))
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * extent
    return Polygon((at + turned(corners, degrees),))


def _unturned(shape: Geometry, size_wh: Size, turn: int) -> Geometry:
    """Return a shape of the turned picture in pixels of the picture as it is stored."""
    width, height = size_wh

    def back(points: FloatArray) -> FloatArray:
        u, v = points.T
        x, y = {90: (v, height - u), 180: (width - u, height - v), 270: (width - v, u)}[turn]
        return np.stack([x, y], axis=1)

    if isinstance(shape, Box):
        corners = back(shape.xyxy.reshape(2, 2))
        return Box(np.concatenate([corners.min(axis=0), corners.max(axis=0)]))
    if isinstance(shape, Polygon):
        return Polygon(tuple(back(ring) for ring in shape.rings))
    points = back(shape.vertices())
    return Point(points[0]) if isinstance(shape, Point) else Polyline(points)


# Masks --------------------------------------------------------------------------------------------


def _region(kind: str, value: Mapping[str, Any], size_wh: Size, item: str) -> Polygon:
    width, height = size_wh
    if width * height > MAX_PIXELS:
        raise FormatError(f"mask must have at most {MAX_PIXELS} pixels.", item=item)
    if kind == "bitmask":
        url = fields.field(value, "imageDataURL", str, item)
        mask = decode_mask(url.partition("base64,")[2], item)
    else:
        mask = _decode_runs(fields.field(value, "rle", list, item), size_wh, item)
    if mask.shape != (height, width):
        raise FormatError(f"mask must be {width}x{height}, got {mask.shape[::-1]}.", item=item)
    return Polygon(tuple(ring for part in outline(mask) for ring in part.rings))


def _decode_runs(runs: list[Any], size_wh: Size, item: str) -> BoolArray:
    """Return the (H, W) mask of the run lengths of RGBA bytes: not clear is inside.

    A stream of bits (thi.ng/rle-pack): 32 of the number of values, 5 of bits a value less one,
    four times 4 of bits a length less one; then runs of a flag, which length (2 bits), length less
    one, and one value for all where the flag is set, else one for each.
    """
    if not all(type(byte) is int and 0 <= byte < 256 for byte in runs):
        raise FormatError("rle must hold bytes.", item=item)
    bits = "".join(f"{byte:08b}" for byte in runs)
    width, height = size_wh
    at = 0

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(bits):
            raise FormatError("rle must be whole, got its beginning.", item=item)
        at += count
        return int(bits[at - count : at], 2)

    number = take(32)
    if number != 4 * width * height:
        raise FormatError(f"rle must hold {width}x{height} pixels, got {number} bytes.", item=item)
    values = np.zeros(number, dtype=np.uint32)
    value_bits, lengths, done = take(5) + 1, [take(4) + 1 for _ in _RUN_BITS], 0
    while done < number:
        is_run, length = take(1), take(lengths[take(2)]) + 1
        if is_run:
            values[done : done + length] = take(value_bits)
        else:
            for place in range(done, min(done + length, number)):
                values[place] = take(value_bits)
        done += length
    inside: BoolArray = values[3::4].reshape(height, width) > 0
    return inside


def _encode_runs(mask: BoolArray) -> list[int]:
    """Return the run lengths that ``_decode_runs`` reads; every channel has the same bytes."""
    flat = np.repeat(mask.ravel(), 4)
    ends = np.concatenate([np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]])
    words = [f"{flat.size:032b}", f"{7:05b}", *(f"{bits - 1:04b}" for bits in _RUN_BITS)]
    start = 0
    for end in ends.tolist():
        value = f"{255 if flat[start] else 0:08b}"
        for first in range(start, end, 1 << 16):
            words.append(f"111{min(end - first, 1 << 16) - 1:016b}{value}")
        start = end
    bits = "".join(words)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


# Writing ------------------------------------------------------------------------------------------


def value_of(geometry: Geometry, size_wh: Size) -> tuple[str, dict[str, Any], bool] | None:
    """Return type and value of a shape, and whether it was rounded to pixels; None if neither.

    A polygon of several rings becomes a brush mask; a set of points has no place.
    """
    side = np.array(size_wh, dtype=np.float64)
    parts = [part for part in geometry.parts() if len(part)]
    if isinstance(geometry, Box):
        low, high = geometry.parts()[0]
        at = _percent(low, side)
        extent = _percent(high - low, side, at * side / 100, high)
        told = dict(
            zip(("x", "y", "width", "height"), [*at.tolist(), *extent.tolist()], strict=True)
        )
        return "rectanglelabels", {**told, "rotation": 0}, False
    if isinstance(geometry, Point):
        x, y = _percent(geometry.xy, side).tolist()
        return "keypointlabels", {"x": x, "y": y, "width": 0.5}, False
    if not parts or not isinstance(geometry, Polygon | Polyline):
        return None
    if len(parts) == 1:
        points = _percent(parts[0], side).tolist()
        closed = isinstance(geometry, Polygon)
        return "polygonlabels", {"points": points, "closed": closed}, False
    assert isinstance(geometry, Polygon)  # of several rings
    try:
        mask = fill(geometry, size_wh)
    except GeometryError as error:
        raise FormatError(str(error)) from error
    if not mask.any():
        return None
    return "brushlabels", {"format": "rle", "rle": _encode_runs(mask)}, True


def _percent(
    pixels: FloatArray,
    side: FloatArray,
    start: FloatArray | None = None,
    end: FloatArray | None = None,
) -> FloatArray:
    """Return (.., 2) percent that are read as these pixels, or as the nearest there are.

    Args:
        pixels: (.., 2) places, or extents.
        side: (2,) of the picture.
        start: (2,) where extents begin; default 0.
        end: (2,) where they shall end.
    """
    start = np.zeros(2) if start is None else start
    end = pixels if end is None else end
    best = pixels * 100 / side
    for way in (-np.inf, np.inf):
        near = np.nextafter(best, way)
        is_better = (start + best * side / 100 != end) & (start + near * side / 100 == end)
        best = np.where(is_better, near, best)
    return best


def is_same(instance: Instance, drawn: Geometry) -> bool:
    """Tell whether an instance still has the geometry that was drawn."""
    if isinstance(drawn, Polyline):
        drawn = Polyline(upward(instance.label, drawn.xy))
    return drawn == instance.geometry
