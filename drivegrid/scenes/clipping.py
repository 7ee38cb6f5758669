"""Cut projected lines and rings at the picture's border, exactly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely

from drivegrid.geometry import FloatArray, Size


def longest_inside(curve: FloatArray, size_wh: Size) -> FloatArray:
    """Return the longest piece (by points) of an (N, 2) polyline inside the picture.

    Its ends are cut exactly at the border; N becomes 0 where no point lies inside.
    """
    x, y = curve.T
    inside = (x > 0) & (y > 0) & (x < size_wh[0]) & (y < size_wh[1])
    edges = (np.flatnonzero(inside[1:] != inside[:-1]) + 1).tolist()
    bounds = [0, *edges, len(curve)]
    runs = [(a, b) for a, b in pairwise(bounds) if a < b and inside[a]]
    if not runs:
        return np.zeros((0, 2))
    start, end = max(runs, key=lambda run: run[1] - run[0])
    pieces = [curve[start:end]]
    if start > 0:
        pieces.insert(0, _crossing(curve[start], curve[start - 1], size_wh))
    if end < len(curve):
        pieces.append(_crossing(curve[end - 1], curve[end], size_wh))
    return np.concatenate(pieces)


def _crossing(inside: FloatArray, outside: FloatArray, size_wh: Size) -> FloatArray:
    """Return the (1, 2) point where a segment leaves the picture."""
    ends = list(zip(inside.tolist(), outside.tolist(), size_wh, strict=True))
    share = 1.0
    for a, b, limit in ends:
        if a != b:
            share = min(share, ((limit if b > a else 0.0) - a) / (b - a))
    return np.array([[min(max(a + share * (b - a), 0.0), limit) for a, b, limit in ends]])


def simplify(curve: FloatArray, spacing_px: float = 8.0) -> FloatArray:
    """Thin an (N, 2) polyline to about one point per ``spacing_px``; both ends stay."""
    if len(curve) < 3:
        return curve
    x, y = (curve[1:-1] - curve[:-2]).T
    bucket = np.zeros(len(curve) - 1)
    np.floor(np.cumsum(np.hypot(x, y)) / spacing_px, out=bucket[1:])
    kept = np.flatnonzero(bucket[1:] != bucket[:-1]) + 1
    return curve[[0, *kept.tolist(), len(curve) - 1]]


def clip_ring(ring: FloatArray, size_wh: Size) -> FloatArray:
    """Return an (N, 2) ring cut to the picture (Sutherland-Hodgman); N may become 0."""
    if len(ring) == 0:
        return ring
    # Rings have few points: plain numbers are several times faster than arrays.
    points = ring.tolist()
    ends = zip(ring.min(axis=0).tolist(), ring.max(axis=0).tolist(), size_wh, strict=True)
    for axis, (low, high, limit) in enumerate(ends):
        if low < 0:
            points = _clip_side(points, axis, 0.0, 1.0)
        if high > limit:
            points = _clip_side(points, axis, float(limit), -1.0)
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def sound_ring(ring: FloatArray) -> FloatArray:
    """Return the ring, or, where it crosses itself, its largest sound piece; N may become 0.

    Borders of a strip that meet within a pixel, just before a crest, may cross.
    """
    if len(ring) < 3:
        return np.zeros((0, 2))
    shape = shapely.polygons(ring)
    if shapely.is_valid(shape):
        return ring
    pieces = shapely.get_parts(shapely.make_valid(shape, method="structure", keep_collapsed=False))
    if len(pieces) == 0:
        return np.zeros((0, 2))
    largest = max(pieces.tolist(), key=shapely.area)
    return np.asarray(shapely.get_coordinates(largest.exterior)[:-1])


def _clip_side(
    points: list[list[float]], axis: int, limit: float, sign: float
) -> list[list[float]]:
    """Cut a ring at one border, keeping sign * (x - limit) >= 0."""
    if not points:
        return points
    overs = [sign * (point[axis] - limit) for point in points]
    kept = []
    last, last_over = points[-1], overs[-1]
    for point, over in zip(points, overs, strict=True):
        if (over >= 0) != (last_over >= 0):
            share = last_over / (last_over - over)
            kept.append([a + share * (b - a) for a, b in zip(last, point, strict=True)])
        if over >= 0:
            kept.append(point)
        last, last_over = point, over
    return kept
