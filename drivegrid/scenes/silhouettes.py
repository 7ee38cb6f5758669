"""Outlines of bodies in the picture, and the id planes that labels are read from.

An outline is the union of the convex hulls of a mesh's parts, which is exact for convex parts.
Drawn from far to near, what remains of an id is what can be seen of it; no renderer is asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.crest import crest_limits, cut_polygon
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.stations import SHIFT
from drivegrid.scenes.view import UInt8Array, UInt16Array

Extent: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels."""

_TINY_PX = 12.0
"""Bodies smaller than this are outlined by one hull."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One body in the picture.

    Args:
        body: Whose outline it is.
        hulls: Fixed-point hulls (1/16 pixel, pixel centres at whole numbers) of its parts, without
            what a crest of the road hides.
        box: What it spans before picture and crest cut it.
        whole: The hulls before the crest cut them.
    """

    body: Body
    hulls: tuple[np.ndarray, ...]
    box: Extent
    whole: tuple[np.ndarray, ...]


@lru_cache(maxsize=512)
def outline_vertices(mesh: str) -> tuple[FloatArray, tuple[int, ...]]:
    """Return all (V, 3) vertices of a mesh's outline parts and where each part ends."""
    parts = CATALOGUE[mesh].mesh.outline_vertices()
    ends = tuple(int(e) for e in np.cumsum([len(p) for p in parts]))
    return np.concatenate(parts), ends


def trace_outlines(camera: Camera, alignment: Alignment, bodies: tuple[Body, ...]) -> list[Outline]:
    """Return the outlines of bodies that reach into the picture, in the order given.

    What a crest hides is cut off the hulls, not off the extents.
    """
    if not bodies:
        return []
    meshes = [outline_vertices(body.mesh) for body in bodies]
    world = bodies_to_world(bodies, [points for points, _ in meshes])
    pixels = np.ascontiguousarray(camera.project(world).T)
    begins = np.cumsum([0, *(len(points) for points, _ in meshes[:-1])])
    low = np.minimum.reduceat(pixels, begins, axis=1)
    high = np.maximum.reduceat(pixels, begins, axis=1)
    shown = ((high.T > 0) & (low.T < camera.size_wh)).all(axis=1)
    boxes = np.concatenate([low, high]).T.tolist()
    firsts = begins.tolist()
    ends = [[first + e for e in parts] for first, (_, parts) in zip(firsts, meshes, strict=True)]
    fixed = _fixed(pixels, [end for parts in ends for end in parts])
    limits = crest_limits(camera, alignment, np.array([b.position_m for b in bodies])).tolist()
    found = []
    for index in np.flatnonzero(shown).tolist():
        box, limit, cuts = boxes[index], limits[index], ends[index]
        tiny = max(box[2] - box[0], box[3] - box[1]) < _TINY_PX
        whole = _hulls(fixed, firsts[index], cuts[-1:] if tiny else cuts)
        kept = whole if limit == math.inf else _above(camera, whole, limit)
        if kept:
            found.append(Outline(bodies[index], kept, tuple(box), whole))
    return found


def _hulls(points: np.ndarray, begin: int, ends: list[int]) -> tuple[np.ndarray, ...]:
    """Return the hulls of consecutive parts of (V, 2) points."""
    return tuple(cv2.convexHull(points[a:b]) for a, b in pairwise([begin, *ends]))


def _above(camera: Camera, hulls: tuple[np.ndarray, ...], limit: float) -> tuple[np.ndarray, ...]:
    """Return what a crest leaves of hulls."""
    cut = (cut_polygon(camera, hull[:, 0], limit)[:, None] for hull in hulls)
    return tuple(hull for hull in cut if len(hull) > 2)


def _fixed(pixels: FloatArray, ends: list[int]) -> np.ndarray:
    """Return (V, 2) fixed-point vertices, half a pixel nearer to the middle of their part.

    OpenCV also paints the pixels that a border only touches; so slimmed, a filled hull is nearest
    to the pixels whose centres it covers (two thirds of the wrong ones vanish).

    Args:
        pixels: (2, V) x and y.
        ends: Where the parts end.
    """
    held = np.minimum(np.maximum(pixels, -6000), 14000)
    points = np.rint((held - 0.5) * (1 << SHIFT)).astype(np.int32)
    starts = np.array([0, *ends[:-1]])
    low = np.minimum.reduceat(points, starts, axis=1)
    middle = (low + np.maximum.reduceat(points, starts, axis=1)) // 2
    inwards = np.repeat(middle, np.array(ends) - starts, axis=1) - points
    half = 1 << (SHIFT - 1)
    return np.ascontiguousarray((points + np.minimum(np.maximum(inwards, -half), half)).T)


def bodies_to_world(bodies: tuple[Body, ...], points: list[FloatArray]) -> FloatArray:
    """Map each body's (V, 3) model points to world metres, all at once; see ``Body.to_world``."""
    facts = np.array([(*b.position_m, *b.scale, b.grade, b.yaw_rad) for b in bodies]).T
    facts = np.concatenate([facts[:-1], np.cos(facts[-1:]), np.sin(facts[-1:])])
    x, y, z, wide, tall, long, grade, cos, sin = np.repeat(facts, [len(p) for p in points], axis=1)
    right, up, front = np.concatenate(points).T
    right, front = right * wide, front * long
    ahead = front * cos - right * sin
    world = np.empty((3, len(x)))
    world[0] = x + right * cos + front * sin
    world[1] = y + up * tall + grade * ahead
    world[2] = z + ahead
    return world.T


def paint_outlines(
    outlines: list[Outline], segments: UInt8Array, instances: UInt16Array
) -> dict[int, int]:
    """Write bodies into the id planes, in place, from far to near.

    Returns:
        How many pixels of the picture each labelled id would cover if nothing hid it.
    """
    areas: dict[int, int] = {}
    scratch = np.zeros(segments.shape, dtype=np.uint8)
    for group in _by_instance(outlines):
        number, code = group[0].body.part_of, group[0].body.segment
        hulls = [hull for outline in group for hull in outline.hulls]
        if number == 0:
            for hull in hulls:
                cv2.fillConvexPoly(segments, hull, code, cv2.LINE_8, SHIFT)
                cv2.fillConvexPoly(instances, hull, 0, cv2.LINE_8, SHIFT)
            continue
        window = _window(group, segments.shape)
        own = _fill(scratch, hulls, window)
        recount = number in areas or any(o.hulls is not o.whole for o in group)
        areas[number] = -1 if recount else cv2.countNonZero(own)
        mask = own.view(bool)
        np.copyto(segments[window], code, where=mask)
        np.copyto(instances[window], number, where=mask)
        own[:] = 0
    for number in [n for n, area in areas.items() if area < 0]:
        group = [o for o in outlines if o.body.part_of == number]
        hulls = [hull for outline in group for hull in outline.whole]
        own = _fill(scratch, hulls, _window(group, scratch.shape))
        areas[number] = cv2.countNonZero(own)
        own[:] = 0
    return areas


def ground_areas(instances: UInt16Array, count: int) -> dict[int, int]:
    """Return the pixels of ids 1 to ``count`` in a plate: what lies flat before things stand."""
    counts = id_counts(instances, count)
    return {number: int(counts[number]) for number in range(1, count + 1)}


def id_counts(instances: UInt16Array, count: int) -> npt.NDArray[np.intp]:
    """Return (count + 1,) the pixels of ids 1 to ``count`` at their ids; of 0 none."""
    # Below its least value uint16 starts over: 0 becomes the greatest number.
    own = instances[instances - np.uint16(1) < count]
    return np.bincount(own, minlength=count + 1)


def _fill(scratch: UInt8Array, hulls: list[np.ndarray], window: tuple[slice, slice]) -> UInt8Array:
    """Set the hulls' pixels of an empty plane to 1 and return the window that holds them."""
    for hull in hulls:
        cv2.fillConvexPoly(scratch, hull, 1, cv2.LINE_8, SHIFT)
    return scratch[window]


def _by_instance(outlines: list[Outline]) -> list[list[Outline]]:
    """Join neighbours in the order that belong to one labelled thing."""
    groups: list[list[Outline]] = []
    for outline in outlines:
        number = outline.body.part_of
        if groups and number and groups[-1][0].body.part_of == number:
            groups[-1].append(outline)
        else:
            groups.append([outline])
    return groups


def _window(group: list[Outline], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that hold all pixels of outlines."""
    left, top, right, bottom = zip(*(outline.box for outline in group), strict=True)
    x0, y0 = max(math.floor(min(left)) - 2, 0), max(math.floor(min(top)) - 2, 0)
    x1, y1 = math.ceil(max(right)) + 3, math.ceil(max(bottom)) + 3
    return slice(y0, min(y1, shape[0])), slice(x0, min(x1, shape[1]))
