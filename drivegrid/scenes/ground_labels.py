"""Labels of what lies on the ground: lane lines, kerbs, marks, stains, drivable areas."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, Polygon, Polyline
from drivegrid.scenes import conditions
from drivegrid.scenes.alignment import FAR_M
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.clipping import clip_ring, longest_inside, simplify, sound_ring
from drivegrid.scenes.road import Course, Lane, LaneLine, Mark
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.stations import Stations
from drivegrid.scenes.view import UInt8Array
from drivegrid.scenes.world import World

MAX_RANGE_M = 110.0
"""No lane line is labelled beyond this distance."""

MIN_LINE_ROWS = 1 / 30
"""Lane lines spanning a smaller share of the picture's height have no label."""

_ROLES_LEFT = ("ego-left", "left", "far-left")
_ROLES_RIGHT = ("ego-right", "right", "far-right")
_GROUND = np.zeros(256, dtype=bool)
_GROUND[[SEGMENT[name] for name in ("road", "marking", "sidewalk", "terrain")]] = True
_NEAR_M = 1.2
_MIN_MARK_PX = 25
MIN_MARK_VISIBILITY = 0.2
"""Marks of which things leave less to see have no label."""

_SAMPLES = 80
_RING_SAMPLES = 40


def line_role(index: int, ego: int) -> str | None:
    """Name line ``index`` counted from the left; lines beyond the third on a side have none.

    >>> [line_role(i, 1) for i in range(4)]
    ['left', 'ego-left', 'ego-right', 'right']
    """
    names, steps = (_ROLES_LEFT, ego - index) if index <= ego else (_ROLES_RIGHT, index - ego - 1)
    return names[steps] if steps < len(names) else None


def labelled_range(world: World) -> float:
    """Return how far lines are labelled, metres.

    The least of MAX_RANGE_M, the distance where a 3.6 m lane is 36 native pixels wide, and the
    first crest that hides the road.
    """
    return min(MAX_RANGE_M, world.camera.focal_xy[0] / 10, world.crest_m)


def line_instances(
    world: World, camera: Camera, segments: UInt8Array, areas: dict[int, int]
) -> list[Instance]:
    """Return lane lines from left to right, then kerbs.

    Each runs from where it enters the picture to the end of the labelled range or the crest that
    hides the road, as if nothing stood on it; ``extra["hidden"]`` lists the points behind things
    as (first, last) index pairs, ``visibility`` is the share of points not hidden.
    """
    road, found, courses = world.road, [], Courses(world, camera)
    for index, line in enumerate(road.lines):
        kerbed = line.style == "missing" and index in (0, len(road.lanes))
        role = line_role(index, road.ego) if index <= len(road.lanes) else None
        if kerbed or (role is None and index <= len(road.lanes)) or _nobody_paints(world):
            continue
        for number, span in enumerate(line.spans_m):
            curve = courses.curve(line.course, span)
            if len(curve) < 2 or np.ptp(curve[:, 1]) < MIN_LINE_ROWS * camera.size_wh[1]:
                continue
            extra: dict[str, Any] = {"id": index + 1, "painted": areas[index + 1] > 0}
            attributes = _line_attributes(line, role if number == 0 else None)
            found.append(_line_instance("lane/line", curve, attributes, (camera, segments), extra))
    found.sort(key=lambda i: _bottom_x(i.geometry.vertices(), camera.size_wh[1]))
    for order, instance in enumerate(found, start=1):
        assert isinstance(instance.extra, dict)
        instance.extra["order"] = order
    return found + _kerbs(world, courses, (camera, segments))


def _nobody_paints(world: World) -> bool:
    return all(line.style == "missing" for line in world.road.lines)


def _line_attributes(line: LaneLine, role: str | None) -> dict[str, str]:
    style = "unknown" if line.style == "missing" else line.style
    attributes = {"style": style, "color": line.color}
    return attributes if role is None else {"role": role, **attributes}


def _line_instance(
    label: str,
    curve: FloatArray,
    attributes: dict[str, str],
    planes: tuple[Camera, UInt8Array],
    extra: dict[str, Any],
) -> Instance:
    camera, segments = planes
    # Curves end at the picture's border, which lies beyond the last pixel.
    columns, rows = np.minimum(curve.astype(int), np.array(camera.size_wh) - 1).T
    hidden = np.zeros(len(curve) + 2, dtype=bool)
    hidden[1:-1] = ~_GROUND[segments[rows, columns]]
    edges = np.flatnonzero(hidden[1:] != hidden[:-1]).tolist()
    extra["hidden"] = [[a, b - 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    visibility = round(1 - int(np.count_nonzero(hidden)) / len(curve), 4)
    return Instance(label, Polyline(curve), attributes, visibility, source="rendered", extra=extra)


def _bottom_x(curve: FloatArray, height: float) -> float:
    """Where the line, prolonged downwards, meets the bottom edge."""
    (x0, y0), (x1, y1) = curve[0], curve[1]
    return float(x0) if y0 == y1 else float(x0 + (x1 - x0) * (height - y0) / (y1 - y0))


def _kerbs(world: World, courses: Courses, planes: tuple[Camera, UInt8Array]) -> list[Instance]:
    found, paved = [], _paved_borders(world)
    for band in world.road.bands:
        if not band.up_m:
            continue
        for course in (band.left, band.right):
            if course not in paved:
                continue
            for span in _beside_junction(world):
                curve = courses.curve(course, span)
                if len(curve) > 1 and np.ptp(curve[:, 1]) >= MIN_LINE_ROWS * planes[0].size_wh[1]:
                    attributes = {"style": "curb"}
                    found.append(_line_instance("lane/curb", curve, attributes, planes, {}))
    return found


def _paved_borders(world: World) -> list[Course]:
    return [c for b in world.road.bands if b.segment == "road" for c in (b.left, b.right)]


def _beside_junction(world: World) -> tuple[tuple[float, float], ...]:
    junction = world.road.junction
    if junction is None:
        return ((0.0, FAR_M),)
    return ((0.0, junction.near_m), (junction.far_m, FAR_M))


class Courses:
    """Projects courses of one road into one picture; places along the road are worked out once."""

    def __init__(self, world: World, camera: Camera) -> None:
        self._alignment, self._camera = world.road.alignment, camera
        self._reach_m = labelled_range(world)
        self._stations: dict[tuple[float, float, int], Stations] = {}

    def curve(self, course: Course, span_m: tuple[float, float]) -> FloatArray:
        """Return (N, 2) pixels, near to far, cut at the picture's border; N may be 0."""
        near, far = max(span_m[0], _NEAR_M), min(span_m[1], self._reach_m)
        if far <= near:
            return np.zeros((0, 2))
        stations = self._at(near, far, _SAMPLES)
        size = self._camera.size_wh
        inside = longest_inside(stations.project(course.at(stations.z)), size)
        return simplify(inside, 8.0 * size[1] / 720)

    def ring(self, borders: tuple[Course, Course], end_m: float) -> FloatArray:
        """Return the outline of a strip clipped to the picture, (N, 2), N = 0 if unseen."""
        end = min(end_m, self._reach_m)
        if end <= 1.5 * _NEAR_M:
            return np.zeros((0, 2))
        stations = self._at(_NEAR_M, end, _RING_SAMPLES)
        left, right = (stations.project(border.at(stations.z)) for border in borders)
        return sound_ring(clip_ring(np.concatenate([left, right[::-1]]), self._camera.size_wh))

    def _at(self, near: float, far: float, count: int) -> Stations:
        if (near, far, count) not in self._stations:
            depth = geometric_steps(near, far, count)
            self._stations[near, far, count] = Stations(self._camera, self._alignment, depth)
        return self._stations[near, far, count]


def geometric_steps(first: float, last: float, count: int) -> FloatArray:
    """Return what ``np.geomspace`` does for positive numbers, in a third of its time.

    >>> geometric_steps(1.0, 8.0, 4).round(12).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    steps = np.power(10.0, np.linspace(np.log10(first), np.log10(last), count))
    steps[0], steps[-1] = first, last
    return np.asarray(steps)


def mark_instances(
    world: World, camera: Camera, counts: np.ndarray, areas: dict[int, int]
) -> list[Instance]:
    """Return crosswalks, arrows, stop lines, lettering and stains of which enough is seen.

    Args:
        world: Whose marks they are.
        camera: At the size of the picture.
        counts: Visible pixels by id.
        areas: Pixels by id if nothing stood on the ground.
    """
    found = []
    for index, mark in enumerate(world.road.marks):
        number = 1 + len(world.road.lines) + index
        scale = (world.camera.size_wh[0] / camera.size_wh[0]) ** 2
        visibility = counts[number] / max(areas[number], 1)
        if counts[number] * scale < _MIN_MARK_PX or visibility < MIN_MARK_VISIBILITY:
            continue
        shape = _mark_shape(world, camera, mark)
        if shape is not None:
            found.append(
                Instance(
                    mark.label,
                    shape,
                    dict(mark.attributes),
                    visibility=round(min(float(visibility), 1.0), 4),
                    source="rendered",
                    extra={"id": number},
                )
            )
    return found


def _mark_shape(world: World, camera: Camera, mark: Mark) -> Polygon | Polyline | None:
    """A line across for stop and yield lines, else the hull of all polygons."""
    ground = np.concatenate(mark.polygons)
    ground[:, 1] = np.maximum(ground[:, 1], 1.0)
    points = world.road.alignment.points(ground[:, 0], ground[:, 1])
    if mark.label in ("lane/stop_line", "lane/yield_line"):
        z = float(ground[:, 1].mean())
        q = np.linspace(ground[:, 0].min(), ground[:, 0].max(), 8)
        line = camera.project(world.road.alignment.points(q, np.full(8, z)))
        line = longest_inside(line, camera.size_wh)
        return Polyline(line) if len(line) > 1 else None
    hull = cv2.convexHull(camera.project(points).astype(np.float32))[:, 0].astype(np.float64)
    ring = clip_ring(hull, camera.size_wh)
    return Polygon((ring,)) if len(ring) > 2 else None


def area_instances(world: World, camera: Camera, surface: str, density: str) -> list[Instance]:
    """Return the carriageway of our direction, then the ego lane and its neighbours.

    ``area/drivable`` is all our lanes to the end of the labelled range; ``direct`` the ego lane up
    to the first thing in it; ``alternative`` the same for neighbouring lanes of our direction.
    """
    road, reach, courses = world.road, labelled_range(world), Courses(world, camera)
    ours = [lane for lane in road.lanes if lane.direction > 0]
    found, taken = [], conditions.taken_ground(world)
    depth = np.arange(2.0, reach, 1.0)
    borders = (ours[0].left.at(depth), ours[-1].right.at(depth))
    facts = {
        "blockage": conditions.blockage_of(taken, borders, depth),
        "surface": surface,
        "density": density,
    }
    ring = courses.ring((ours[0].left, ours[-1].right), reach)
    if len(ring) > 2:
        found.append(Instance("area/drivable", Polygon((ring,)), facts, source="rendered"))
    for index in (road.ego, road.ego - 1, road.ego + 1):
        if not 0 <= index < len(road.lanes) or road.lanes[index].direction < 0:
            continue
        lane = road.lanes[index]
        ring = courses.ring((lane.left, lane.right), _first_in(taken, lane))
        if len(ring) > 2:
            kind = "direct" if index == road.ego else "alternative"
            shape = Polygon((ring,))
            found.append(
                Instance(f"area/drivable/{kind}", shape, {"surface": surface}, source="rendered")
            )
    return found


def _first_in(taken: conditions.Taken, lane: Lane) -> float:
    """Return the distance of the first thing that reaches 0.3 m into a lane; inf if none."""
    low, high, near, _ = taken.spans.T
    inside = (high > lane.left.at(near) + 0.3) & (low < lane.right.at(near) - 0.3)
    return float(near[inside].min(initial=np.inf))
