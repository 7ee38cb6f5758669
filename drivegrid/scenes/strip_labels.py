"""Labels of what lies beside the carriageway: bike lanes, parking strips, shoulders, sidewalks."""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, Polygon
from drivegrid.scenes.alignment import FAR_M
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.clipping import clip_ring, sound_ring
from drivegrid.scenes.ground_labels import geometric_steps, labelled_range
from drivegrid.scenes.road import Course
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import UInt8Array
from drivegrid.scenes.world import World

MIN_SHARE = 0.35
"""A strip has a label if at least this share of its outline is not behind things."""

MIN_PICTURE = 0.003
"""A strip has a label if what is seen of it covers at least this share of the picture."""

_LABELS = {"bike": "area/bike_lane", "park": "area/parking", "shoulder": "area/shoulder"}
_NEAR_M = 1.2
_LEAST_WALK_M = 1.2
_GROUND = np.zeros(256, dtype=np.uint8)
_GROUND[[SEGMENT[name] for name in ("road", "marking", "sidewalk")]] = 1


def strip_instances(world: World, camera: Camera, segments: UInt8Array) -> list[Instance]:
    """Return the strips beside the carriageway that are clearly visible, from left to right.

    Each runs to the end of the labelled range as if nothing stood on it; ``visibility`` is the
    share of its pixels not behind things.
    """
    found = []
    for label, left, right, up_m in _strips(world):
        for near, far in _spans(world):
            ring = _outline(world, camera, (left, right, up_m), (near, far))
            shown = _shown(ring, segments) if len(ring) > 2 else (0.0, 0.0)
            if shown[0] >= MIN_SHARE and shown[1] >= MIN_PICTURE:
                visibility = round(shown[0], 4)
                shape = Polygon((ring,))
                found.append(Instance(label, shape, {}, visibility, source="rendered"))
    return found


def _strips(world: World) -> list[tuple[str, Course, Course, float]]:
    """Label, borders and height of all strips."""
    road = world.road
    painted = any(mark.label == "area/parking" for mark in road.marks)
    found = [
        (_LABELS[strip.kind], strip.left, strip.right, 0.0)
        for strip in road.strips
        if not (painted and strip.kind == "park")
    ]
    for band in road.bands:
        outer = band.left == road.verges[0] or band.right == road.verges[1]
        wide = band.right.here(10.0) - band.left.here(10.0)
        if band.segment == "sidewalk" and outer and wide >= _LEAST_WALK_M:
            found.append(("area/sidewalk", band.left, band.right, band.up_m))
    return sorted(found, key=lambda strip: strip[1].here(10.0))


def _spans(world: World) -> tuple[tuple[float, float], ...]:
    junction = world.road.junction
    if junction is None:
        return ((0.0, FAR_M),)
    return ((0.0, junction.near_m), (junction.far_m, FAR_M))


def _outline(
    world: World,
    camera: Camera,
    strip: tuple[Course, Course, float],
    span_m: tuple[float, float],
) -> FloatArray:
    """Return the strip's outline clipped to the picture, (N, 2), N = 0 if unseen."""
    near, far = max(span_m[0], _NEAR_M), min(span_m[1], labelled_range(world))
    if far <= 1.5 * near:
        return np.zeros((0, 2))
    depth = geometric_steps(near, far, 40)
    left, right, up_m = strip
    points = world.road.alignment.points
    sides = [camera.project(points(course.at(depth), depth, up_m)) for course in (left, right)]
    return sound_ring(clip_ring(np.concatenate([sides[0], sides[1][::-1]]), camera.size_wh))


def _shown(ring: FloatArray, segments: UInt8Array) -> tuple[float, float]:
    """Return the share of a ring's pixels that are ground, and of the picture that those make."""
    low = np.maximum(np.floor(ring.min(axis=0)).astype(int), 0)
    high = np.ceil(ring.max(axis=0)).astype(int) + 1
    window = segments[low[1] : high[1], low[0] : high[0]]
    if window.size == 0:
        return 0.0, 0.0
    mask = np.zeros(window.shape, dtype=np.uint8)
    cv2.fillPoly(mask, [np.rint(ring - low - 0.5).astype(np.int32)], 1)
    count = cv2.countNonZero(mask)
    ground = cv2.countNonZero(cv2.bitwise_and(mask, cv2.LUT(window, _GROUND)))
    return ground / max(count, 1), ground / segments.size
