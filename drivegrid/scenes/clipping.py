"""Cut projected lines and rings at the picture's border, exactly."""

from __future__ import annotations

import numpy as np

from drivegrid.geometry import FloatArray, Size


def longest_inside(curve: FloatArray, size_wh: Size) -> FloatArray:
    """Return the longest piece of an (N, 2) polyline inside the picture; N may become 0.

    Each segment ab is cut to its parameters [low, high] inside the picture (Liang-Barsky).
    """
    if len(curve) < 2:
        return np.zeros((0, 2))
    a, step = curve[:-1], np.diff(curve, axis=0)
    safe = np.where(step == 0, 1e-12, step)
    at_zero, at_limit = -a / safe, (np.array(size_wh) - a) / safe
    low = np.minimum(at_zero, at_limit).max(axis=1).clip(0, None)
    high = np.maximum(at_zero, at_limit).min(axis=1).clip(None, 1)
    inside = low < high
    breaks = np.flatnonzero(~inside[1:] | ~inside[:-1] | (high[:-1] < 1) | (low[1:] > 0)) + 1
    runs = [run for run in np.split(np.arange(len(a)), breaks) if inside[run[0]]]
    if not runs:
        return np.zeros((0, 2))
    run = max(runs, key=len)
    ends = a[run] + high[run, None] * step[run]
    cut = np.concatenate([(a[run[0]] + low[run[0]] * step[run[0]])[None], ends])
    return np.asarray(np.clip(cut, 0, size_wh))


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
    for axis, limit in enumerate(size_wh):
        ring = _clip_side(ring, axis, 0.0, 1.0)
        ring = _clip_side(ring, axis, float(limit), -1.0)
    return ring


def _clip_side(ring: FloatArray, axis: int, limit: float, sign: float) -> FloatArray:
    """Cut a ring at one border, keeping sign * (x - limit) >= 0."""
    inside = sign * (ring[:, axis] - limit) >= 0 if len(ring) else np.zeros(0, dtype=bool)
    if inside.all():
        return ring
    kept = []
    for index in range(len(ring)):
        a, b = ring[index - 1], ring[index]
        if inside[index] != inside[index - 1]:
            kept.append(a + (limit - a[axis]) / (b[axis] - a[axis]) * (b - a))
        if inside[index]:
            kept.append(b)
    return np.array(kept).reshape(-1, 2)
