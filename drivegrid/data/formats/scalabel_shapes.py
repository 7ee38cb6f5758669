"""Shapes of Scalabel labels: boxes with their last pixel inside, paths with curves, masks.

A path (``poly2d``) has one letter a vertex: ``L`` is reached by a straight line, ``C`` begins a
cubic Bezier curve: it and the next vertex are its control points, the one after is its end,
whatever their letters (``LCCL`` and ``LCCC`` are the same curve; in a closed path the end may be
the first vertex). Sources: scalabel/scalabel, doc/src/format.rst and label/transforms.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import shapely

from drivegrid.data.fields import as_kind, box, field, number, points
from drivegrid.data.formats.regions import boxes_meet, check_masks, overlap, rings_of
from drivegrid.data.rasters import outline, rle_decode
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, FloatArray, Geometry, Polygon, Polyline

Record: TypeAlias = dict[str, Any]

TOLERANCE_PX = 0.1
"""How far the points that stand for a curve may leave it."""
MAX_STEPS = 1_000
"""How many points a curve gets at most; enough for the tolerance up to 100,000 px."""
MAX_CURVES = 10_000
"""How many curves a frame may have."""
MAX_PART_VERTICES = 100_000
"""How many vertices those labels of a frame may have that have several paths."""
MAX_PARTS, MAX_OVERLAP_VERTICES = 500, 1_000
"""How many closed paths a label may have, and how many vertices if they overlap."""

SHAPES = ("box2d", "poly2d", "rle")


def check_budget(labels: Sequence[Any]) -> None:
    """Refuse a frame whose shapes would take more memory and time than any real one.

    Raises:
        FormatError: If it is above a limit of this module or of masks; names it.
    """
    records: list[Record] = [label for label in labels if isinstance(label, dict)]
    counts = dict.fromkeys(("curves", "vertices"), 0)
    for held in records:
        paths = held.get("poly2d") if isinstance(held.get("poly2d"), list) else []
        parts: list[Record] = [path for path in paths or [] if isinstance(path, dict)]
        for path in parts:
            types, vertices = path.get("types"), path.get("vertices")
            counts["curves"] += (types.count("C") + 1) // 2 if isinstance(types, str) else 0
            if len(parts) > 1 and isinstance(vertices, list):
                counts["vertices"] += len(vertices)
    for what, limit, where in (
        ("curves", MAX_CURVES, "frame"),
        ("vertices", MAX_PART_VERTICES, "labels of several paths"),
    ):
        if counts[what] > limit:
            raise FormatError(f"{where} must have at most {limit} {what}, got more.")
    check_masks(held.get("rle") for held in records)


def shapes_of(label: Mapping[str, Any], item: str) -> list[tuple[Geometry, Record]]:
    """Return the shapes of a label, each with the part of the label that says it.

    All closed paths are one polygon, every open one is a line; without paths it is the mask, else
    the box, which stays beside paths and masks. No shape at all: an empty list.

    Raises:
        FormatError: If one is malformed.
    """
    said = {key: label[key] for key in SHAPES if label.get(key) is not None}
    if said.get("poly2d"):
        paths = as_kind(said["poly2d"], list, f"{item}, poly2d")
        return _paths(paths, said, f"{item}, poly2d")
    if "rle" in said:
        return [(_mask(said["rle"], f"{item}, rle"), said)]
    if "box2d" in said:
        return [(_box(said["box2d"], f"{item}, box2d"), said)]
    return []


def _paths(paths: list[Any], said: Record, item: str) -> list[tuple[Geometry, Record]]:
    closed, found = [], list[tuple[Geometry, Record]]()
    for path in paths:
        if field(as_kind(path, dict, item), "closed", bool, item):
            closed.append(path)
    if closed:
        rings = [_path_points(path, item) for path in closed]
        found.append((Polygon(_union(rings, item)), said | {"poly2d": closed}))
    for path in paths:
        if not path["closed"]:
            found.append((Polyline(_path_points(path, item)), said | {"poly2d": [path]}))
    return found


def _path_points(path: Record, item: str) -> FloatArray:
    """Return (N, 2) points of a path, its curves flattened."""
    vertices = points(field(path, "vertices", list, item), f"{item}, vertices")
    types = field(path, "types", str, item) if "types" in path else "L" * len(vertices)
    if len(types) != len(vertices) or set(types) - {"L", "C"} or types.startswith("C"):
        raise FormatError(
            f"types must be one L or C for each of {len(vertices)} vertices, the first L, "
            f"got {types!r:.100}.",
            item=f"{item}, types",
        )
    return flatten(vertices, types, closed=path["closed"], item=item)


def flatten(vertices: FloatArray, types: str, *, closed: bool, item: str = "path") -> FloatArray:
    """Return (N, 2) points along a path, within ``TOLERANCE_PX`` of its curves.

    Args:
        vertices: (M, 2) vertices and control points in pixels.
        types: M letters ``L`` or ``C``.
        closed: Whether the last curve may end at the first vertex.
        item: Name used in the error message.

    Raises:
        FormatError: If a curve has no end.

    >>> arch = np.array([[0.0, 0], [0, 9], [9, 9], [9, 0]])
    >>> flatten(arch, "LCCL", closed=False)[[0, -1]].tolist()
    [[0.0, 0.0], [9.0, 0.0]]
    """
    if "C" not in types:
        return vertices
    pieces, at, count = [vertices[:1]], 1, len(vertices)
    while at < count:
        if types[at] == "L":
            pieces.append(vertices[at : at + 1])
            at += 1
        elif at + 2 < count + closed:
            ends = vertices[[at - 1, at, at + 1, (at + 2) % count]]
            curve = _curve(ends)
            pieces.append(curve[:-1] if at + 2 == count else curve)
            at += 3
        else:
            raise FormatError(
                f"curve must have two control points and an end, got {types!r:.100}.", item=item
            )
    return np.concatenate(pieces)


def _curve(ends: FloatArray) -> FloatArray:
    """Return the points of a cubic Bezier curve behind its first; (4, 2) control points."""
    # a chord of n equal steps is off by at most max |B''| / (8 n^2), and B'' by 6 times the bend
    bend = np.linalg.norm(np.diff(ends, 2, axis=0), axis=1).max()
    steps = int(np.clip(np.ceil(np.sqrt(0.75 * bend / TOLERANCE_PX)), 1, MAX_STEPS))
    t = np.arange(1, steps + 1)[:, None] / steps
    a, b, c, d = ends
    curve: FloatArray = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c
    curve += t**3 * d
    curve[-1] = d
    return curve


def _union(rings: list[FloatArray], item: str) -> tuple[FloatArray, ...]:
    """Return rings that, filled even-odd, cover what any of these covers.

    Paths of a label add up, and holes are what two rings of a polygon make where they overlap.
    """
    whole = [ring for ring in rings if len(ring) >= 3]
    if len(whole) > MAX_PARTS:
        message = f"label must have at most {MAX_PARTS} paths, got {len(whole)}."
        raise FormatError(message, item=item)
    if not boxes_meet(whole):
        return tuple(rings)
    if sum(map(len, rings)) > MAX_OVERLAP_VERTICES:
        raise FormatError(
            f"overlapping paths must have at most {MAX_OVERLAP_VERTICES} points, got "
            f"{sum(map(len, rings))}.",
            item=item,
        )
    union = overlap(whole)
    return tuple(rings) if union is None else rings_of(union)


def _mask(mask: object, item: str) -> Polygon:
    record = as_kind(mask, dict, item)
    size = field(record, "size", list, item)
    if len(size) != 2:
        raise FormatError(f"size must be height and width, got {size!r:.100}.", item=item)
    height, width = (as_kind(side, int, f"{item}, size") for side in size)
    counts = record.get("counts")
    if not isinstance(counts, str | list):
        raise FormatError(f"counts must be a text or a list, got {counts!r:.100}.", item=item)
    regions = outline(rle_decode(counts, (width, height)))
    return Polygon(tuple(ring for region in regions for ring in region.rings))


def _box(corners: object, item: str) -> Box:
    """Return the box of inclusive corners: the pixel at x2, y2 belongs to it."""
    record = as_kind(corners, dict, item)
    x1, y1, x2, y2 = (number(record.get(key), f"{item}, {key}") for key in ("x1", "y1", "x2", "y2"))
    return box(x1, y1, x2 + 1, y2 + 1, item)


def record_of(shape: Geometry) -> tuple[Record, str | None]:
    """Return how Scalabel says a shape, and what that leaves out; empty if it cannot.

    A hole cannot be said: the polygon is cut through it, into pieces that cover the same.
    """
    if isinstance(shape, Box):
        x1, y1, x2, y2 = shape.xyxy.tolist()
        return {"box2d": {"x1": x1, "y1": y1, "x2": x2 - 1, "y2": y2 - 1}}, None
    if isinstance(shape, Polyline) and len(shape.xy):
        return {"poly2d": [_path(shape.xy, closed=False)]}, None
    if isinstance(shape, Polygon) and len(shape.vertices()):
        rings = [ring for ring in shape.rings if len(ring)]
        pieces = _without_holes(rings)
        lost = None if pieces is rings else "polygon with a hole cut into pieces without"
        return {"poly2d": [_path(ring, closed=True) for ring in pieces]}, lost
    kind = "point or anchors" if shape.kind in ("point", "seg") else f"empty {shape.kind}"
    return {}, f"{kind} left out"


def _path(vertices: FloatArray, *, closed: bool) -> Record:
    return {"vertices": vertices.tolist(), "types": "L" * len(vertices), "closed": closed}


def _without_holes(rings: list[FloatArray]) -> list[FloatArray]:
    """Return the same list if no rings overlap, else rings of pieces that cover the same."""
    if overlap(rings) is None:
        return rings
    region = shapely.GeometryCollection()
    for ring in rings:
        if len(ring) >= 3:
            region = region.symmetric_difference(shapely.make_valid(shapely.Polygon(ring)))
    return [ring for piece in _cut(region) for ring in rings_of(piece)]


def _cut(region: shapely.Geometry) -> list[shapely.Polygon]:
    """Return polygons without holes that cover a region: each hole is cut through its middle."""
    pieces: list[shapely.Polygon] = []
    for part in shapely.get_parts(region):
        if not isinstance(part, shapely.Polygon):
            continue
        if not part.interiors:
            pieces.append(part)
            continue
        left, top, right, bottom = part.bounds
        middle = part.interiors[0].centroid.x
        for side in ((left, middle), (middle, right)):
            half = part.intersection(shapely.box(side[0], top, side[1], bottom))
            pieces += _cut(half)
    return pieces
