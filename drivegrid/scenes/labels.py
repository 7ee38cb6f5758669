"""Exact labels from the same camera and road that painted the picture."""

from __future__ import annotations

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, FloatArray, Polygon, Polyline, Size
from drivegrid.scenes.camera import REFERENCE_WH, Camera
from drivegrid.scenes.road import Lane, LaneLine, Road

MIN_VISIBILITY = 0.2
MIN_SIDE_PX = 6.0
"""Objects less visible, or whose visible box is smaller in reference pixels, have no label."""

MIN_LINE_ROWS_PX = 24.0
"""Lane lines spanning fewer reference rows inside the picture have no label."""

_LEFT_ROLES = ("ego-left", "left", "far-left")
_RIGHT_ROLES = ("ego-right", "right", "far-right")
_NEAR_M = 1.2


def scale_points(points: FloatArray, size_wh: Size) -> FloatArray:
    """Map (N, 2) reference pixels to pixels of a picture of ``size_wh``."""
    return np.asarray(points * (np.array(size_wh) / np.array(REFERENCE_WH)))


def lane_instances(camera: Camera, road: Road, size_wh: Size) -> list[Instance]:
    """Return the lane lines from left to right, at most three on each side of the camera.

    Each runs from where it enters the picture (bottom or side) to the end of the visible range,
    as if nothing stood on the road.
    """
    found = []
    reach = road.visible_range(camera)
    for index, line in enumerate(road.lines):
        role = line_role(index, road.ego)
        curve = project_line(camera, road, line.offset_m, reach)
        if role is None or len(curve) < 2 or np.ptp(curve[:, 1]) < MIN_LINE_ROWS_PX:
            continue
        found.append(_lane_instance(line, role, scale_points(curve, size_wh)))
    return found


def _lane_instance(line: LaneLine, role: str, curve: FloatArray) -> Instance:
    attributes = {"role": role, "style": line.style, "color": line.color}
    return Instance("lane/line", Polyline(curve), attributes, source="rendered")


def line_role(index: int, ego: int) -> str | None:
    """Name line ``index`` counted from the left; lines beyond the third on a side have none.

    >>> [line_role(i, 1) for i in range(4)]
    ['left', 'ego-left', 'ego-right', 'right']
    """
    names, steps = (_LEFT_ROLES, ego - index) if index <= ego else (_RIGHT_ROLES, index - ego - 1)
    return names[steps] if steps < len(names) else None


def project_line(camera: Camera, road: Road, offset_m: float, reach_m: float) -> FloatArray:
    """Return (N, 2) reference pixels of a line at a lateral offset, near to far, in the picture.

    Distances are spaced evenly in 1/Z, so that points are spread evenly over rows. The line is
    cut exactly at the picture's border; of several pieces the longest is kept. N may be 0.
    """
    depth = 1 / np.linspace(1 / _NEAR_M, 1 / reach_m, 160)
    curve = camera.project(road.points(offset_m, depth))
    return simplify(longest_inside(curve))


def longest_inside(curve: FloatArray) -> FloatArray:
    """Return the longest piece of an (N, 2) polyline inside the reference picture.

    Each segment ab is cut to its parameters [low, high] inside the picture (Liang-Barsky).
    """
    if len(curve) < 2:
        return np.zeros((0, 2))
    a, step = curve[:-1], np.diff(curve, axis=0)
    safe = np.where(step == 0, 1e-12, step)
    at_zero, at_limit = -a / safe, (np.array(REFERENCE_WH) - a) / safe
    low = np.minimum(at_zero, at_limit).max(axis=1).clip(0, None)
    high = np.maximum(at_zero, at_limit).min(axis=1).clip(None, 1)
    inside = low < high
    breaks = np.flatnonzero(~inside[1:] | ~inside[:-1] | (high[:-1] < 1) | (low[1:] > 0)) + 1
    runs = [run for run in np.split(np.arange(len(a)), breaks) if inside[run[0]]]
    if not runs:
        return np.zeros((0, 2))
    run = max(runs, key=len)
    ends = a[run] + high[run, None] * step[run]
    return np.concatenate([(a[run[0]] + low[run[0]] * step[run[0]])[None], ends])


def simplify(curve: FloatArray, spacing_px: float = 8.0) -> FloatArray:
    """Thin an (N, 2) polyline to about one point per ``spacing_px``; both ends stay."""
    if len(curve) < 3:
        return curve
    steps = np.hypot(*np.diff(curve, axis=0).T)
    bucket = np.floor(np.concatenate([[0.0], np.cumsum(steps)]) / spacing_px)
    kept = np.flatnonzero(np.diff(bucket[:-1])) + 1
    return np.asarray(curve[np.concatenate([[0], kept, [len(curve) - 1]])])


def object_instance(
    label: str, silhouettes: list[FloatArray], visibility: float, size_wh: Size
) -> Instance | None:
    """Return the box of a drawn object clipped to the picture, or None if too little is seen."""
    points = np.concatenate(silhouettes)
    low = np.clip(points.min(axis=0), 0, REFERENCE_WH)
    high = np.clip(points.max(axis=0), 0, REFERENCE_WH)
    if visibility < MIN_VISIBILITY or (high - low).min() < MIN_SIDE_PX:
        return None
    box = scale_points(np.stack([low, high]), size_wh).ravel()
    return Instance(label, Box(box), visibility=visibility, source="rendered")


def drivable_instances(
    camera: Camera, road: Road, blocked_m: list[float], size_wh: Size
) -> list[Instance]:
    """Return the drivable areas between lane borders.

    ``area/drivable/direct`` is the ego lane up to the first obstacle in it, or to the visible
    range; ``area/drivable/alternative`` the same for each neighbouring lane of our direction.

    Args:
        camera: The camera.
        road: The road.
        blocked_m: Distance of the first obstacle in each lane of ``road.lanes``; inf if free.
        size_wh: Size of the picture.
    """
    found = []
    for index in (road.ego, road.ego - 1, road.ego + 1):
        if not 0 <= index < len(road.lanes) or road.lanes[index].direction < 0:
            continue
        kind = "direct" if index == road.ego else "alternative"
        end = min(road.visible_range(camera), blocked_m[index])
        ring = _lane_ring(camera, road, road.lanes[index], end)
        if len(ring) >= 3:
            shape = Polygon((scale_points(ring, size_wh),))
            found.append(Instance(f"area/drivable/{kind}", shape, source="rendered"))
    return found


def _lane_ring(camera: Camera, road: Road, lane: Lane, end_m: float) -> FloatArray:
    """Return the lane's outline clipped to the reference picture, (N, 2), N = 0 if unseen."""
    if end_m <= _NEAR_M * 1.5:
        return np.zeros((0, 2))
    depth = 1 / np.linspace(1 / _NEAR_M, 1 / end_m, 40)
    sides = [
        camera.project(road.points(lane.center_m + sign * lane.width_m / 2, depth))
        for sign in (-1, 1)
    ]
    ring = np.concatenate([sides[0], sides[1][::-1]])
    for axis, limit in enumerate(REFERENCE_WH):
        ring = _clip_ring(ring, axis, 0.0, 1.0)
        ring = _clip_ring(ring, axis, float(limit), -1.0)
    return ring


def _clip_ring(ring: FloatArray, axis: int, limit: float, sign: float) -> FloatArray:
    """Cut a ring at one border, keeping sign * (x - limit) >= 0 (Sutherland-Hodgman)."""
    inside = sign * (ring[:, axis] - limit) >= 0 if len(ring) else np.zeros(0, dtype=bool)
    kept = []
    for index in range(len(ring)):
        a, b = ring[index - 1], ring[index]
        if inside[index] != inside[index - 1]:
            kept.append(a + (limit - a[axis]) / (b[axis] - a[axis]) * (b - a))
        if inside[index]:
            kept.append(b)
    return np.array(kept).reshape(-1, 2)
