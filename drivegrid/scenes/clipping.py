"""Cut projected lines and rings at the picture's border, exactly."""

from __future__ import annotations

import numpy as np
import shapely

from drivegrid.geometry import FloatArray, Size


def longest_inside(curve: FloatArray, size_wh: Size) -> FloatArray:
    """Return the longest piece (by points) of an (N, 2) polyline inside the picture.

    Its ends are cut exactly at the border; N becomes 0 where no point lies inside.
    """
    inside = np.asarray(((curve > 0) & (curve < size_wh)).all(axis=1))
    if not inside.any():
        return np.zeros((0, 2))
    edges = np.flatnonzero(np.diff(inside)) + 1
    bounds = np.concatenate([[0], edges, [len(curve)]])[int(not inside[0]) :]
    starts, ends = bounds[:-1:2], bounds[1::2]
    longest = int(np.argmax(ends - starts))
    start, end = int(starts[longest]), int(ends[longest])
    pieces = [curve[start:end]]
    if start > 0:
        pieces.insert(0, _crossing(curve[start], curve[start - 1], size_wh))
    if end < len(curve):
        pieces.append(_crossing(curve[end - 1], curve[end], size_wh))
    return np.concatenate(pieces)


def _crossing(inside: FloatArray, outside: FloatArray, size_wh: Size) -> FloatArray:
    """Return the (1, 2) point where a segment leaves the picture."""
    share = 1.0
    for axis, limit in enumerate(size_wh):
        step = float(outside[axis] - inside[axis])
        if step:
            share = min(share, ((limit if step > 0 else 0.0) - float(inside[axis])) / step)
    return np.clip(inside + share * (outside - inside), 0, size_wh)[None]


def simplify(curve: FloatArray, spacing_px: float = 8.0) -> FloatArray:
    """Thin an (N, 2) polyline to about one point per ``spacing_px``; both ends stay."""
    if len(curve) < 3:
        return curve
    steps = np.hypot(*np.diff(curve, axis=0).T)
    bucket = np.floor(np.concatenate([[0.0], np.cumsum(steps)]) / spacing_px)
    kept = np.flatnonzero(np.diff(bucket[:-1])) + 1
    return np.asarray(curve[np.concatenate([[0], kept, [len(curve) - 1]])])


def clip_ring(ring: FloatArray, size_wh: Size) -> FloatArray:
    """Return an (N, 2) ring cut to the picture (Sutherland-Hodgman); N may become 0."""
    # Rings have few points: plain numbers are several times faster than arrays.
    points = ring.tolist()
    for axis, limit in enumerate(size_wh):
        points = _clip_side(points, axis, 0.0, 1.0)
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
    overs = [sign * (point[axis] - limit) for point in points]
    if min(overs, default=0.0) >= 0:
        return points
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
