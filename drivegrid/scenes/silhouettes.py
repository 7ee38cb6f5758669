"""Outlines of bodies in the picture, and the id planes that labels are read from.

An outline is the union of the convex hulls of a mesh's parts, which is exact for convex parts.
Drawn from far to near, what remains of an id is what can be seen of it; no renderer is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.crest import crest_limits, cut_polygon
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.view import UInt8Array, UInt16Array

_SHIFT = 4
_TINY_PX = 12.0
"""Bodies smaller than this are outlined by one hull."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One body in the picture.

    Args:
        body: Whose outline it is.
        hulls: Fixed-point hulls (1/16 pixel, pixel centres at whole numbers) of its parts, without
            what a crest of the road hides.
        low: (2,) least x and y in pixels, before picture and crest cut it.
        high: (2,) greatest x and y.
        whole: The hulls before the crest cut them.
    """

    body: Body
    hulls: tuple[np.ndarray, ...]
    low: FloatArray
    high: FloatArray
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
    stacks = [outline_vertices(body.mesh) for body in bodies]
    pixels = camera.project(bodies_to_world(bodies, [points for points, _ in stacks]))
    ends = np.cumsum([len(points) for points, _ in stacks])
    starts = ends - [len(points) for points, _ in stacks]
    low = np.minimum.reduceat(pixels, starts)
    high = np.maximum.reduceat(pixels, starts)
    shown = ((high > 0) & (low < camera.size_wh)).all(axis=1)
    fixed = np.rint((np.clip(pixels, -6000, 14000) - 0.5) * (1 << _SHIFT)).astype(np.int32)
    fixed = _slimmed(fixed, [b + e for b, (_, p) in zip(starts, stacks, strict=True) for e in p])
    limits = crest_limits(camera, alignment, np.array([b.position_m for b in bodies]))
    found = []
    for index in np.flatnonzero(shown).tolist():
        hulls, begin = [], int(starts[index])
        tiny = float((high[index] - low[index]).max()) < _TINY_PX
        for end in stacks[index][1][-1:] if tiny else stacks[index][1]:
            hull = cv2.convexHull(fixed[begin : starts[index] + end])
            hulls.append(np.asarray(hull, dtype=np.int32))
            begin = int(starts[index]) + end
        kept = whole = tuple(hulls)
        if np.isfinite(limits[index]):
            limit = float(limits[index])
            cut = (cut_polygon(camera, hull[:, 0], limit)[:, None] for hull in hulls)
            kept = tuple(hull for hull in cut if len(hull) > 2)
            if not kept:
                continue
        found.append(Outline(bodies[index], kept, low[index], high[index], whole))
    return found


def _slimmed(points: np.ndarray, ends: list[int]) -> np.ndarray:
    """Draw (V, 2) fixed-point vertices half a pixel towards the middle of their part.

    OpenCV also paints the pixels that a border only touches; so slimmed, a filled hull is nearest
    to the pixels whose centres it covers (two thirds of the wrong ones vanish). ``ends`` are
    where the parts end.
    """
    starts = np.array([0, *ends[:-1]])
    sides = np.minimum.reduceat(points, starts) + np.maximum.reduceat(points, starts)
    middle = np.repeat(sides // 2, np.diff(np.concatenate([starts, ends[-1:]])), axis=0)
    half = 1 << (_SHIFT - 1)
    return np.asarray(points + np.minimum(np.maximum(middle - points, -half), half))


def bodies_to_world(bodies: tuple[Body, ...], points: list[FloatArray]) -> FloatArray:
    """Map each body's (V, 3) model points to world metres, all at once; see ``Body.to_world``."""
    counts = [len(p) for p in points]
    facts = np.array(
        [(*b.position_m, np.cos(b.yaw_rad), np.sin(b.yaw_rad), b.grade, *b.scale) for b in bodies]
    )
    facts = np.repeat(facts, counts, axis=0)
    local = np.concatenate(points) * facts[:, 6:9]
    cos, sin = facts[:, 3], facts[:, 4]
    ahead = local[:, 2] * cos - local[:, 0] * sin
    world = np.empty((len(local), 3))
    world[:, 0] = facts[:, 0] + local[:, 0] * cos + local[:, 2] * sin
    world[:, 1] = facts[:, 1] + local[:, 1] + facts[:, 5] * ahead
    world[:, 2] = facts[:, 2] + ahead
    return world


def paint_outlines(
    outlines: list[Outline], segments: UInt8Array, instances: UInt16Array
) -> dict[int, int]:
    """Write bodies into the id planes, in place, from far to near.

    Returns:
        How many pixels of the picture each labelled id would cover if nothing hid it.
    """
    areas: dict[int, int] = {}
    scratch = np.zeros(segments.shape, dtype=np.uint8)
    groups = _by_instance(outlines)
    for group in groups:
        number, code = group[0].body.part_of, group[0].body.segment
        hulls = [hull for outline in group for hull in outline.hulls]
        if number == 0:
            for hull in hulls:
                cv2.fillConvexPoly(segments, hull, code, cv2.LINE_8, _SHIFT)
                cv2.fillConvexPoly(instances, hull, 0, cv2.LINE_8, _SHIFT)
            continue
        window = _window(group, segments.shape)
        own = _fill(scratch, hulls, window)
        recount = number in areas or any(o.hulls is not o.whole for o in group)
        areas[number] = -1 if recount else cv2.countNonZero(own)
        mask = own.view(bool)
        segments[window][mask] = code
        instances[window][mask] = number
        own[:] = 0
    for number in [n for n, area in areas.items() if area < 0]:
        group = [o for o in outlines if o.body.part_of == number]
        own = _fill(
            scratch, [hull for o in group for hull in o.whole], _window(group, scratch.shape)
        )
        areas[number] = cv2.countNonZero(own)
        own[:] = 0
    return areas


def ground_areas(instances: UInt16Array, count: int) -> dict[int, int]:
    """Return the pixels of ids 1 to ``count`` in a plate: what lies flat before things stand."""
    bins = cv2.calcHist([instances], [0], None, [count + 1], [0, count + 1]).ravel()
    return {number: int(bins[number]) for number in range(1, count + 1)}


def _fill(scratch: UInt8Array, hulls: list[np.ndarray], window: tuple[slice, slice]) -> UInt8Array:
    """Set the hulls' pixels of an empty plane to 1 and return the window that holds them."""
    for hull in hulls:
        cv2.fillConvexPoly(scratch, hull, 1, cv2.LINE_8, _SHIFT)
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
    low = np.floor(np.min([o.low for o in group], axis=0)).astype(int) - 2
    high = np.ceil(np.max([o.high for o in group], axis=0)).astype(int) + 3
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    return slice(y0, min(int(high[1]), shape[0])), slice(x0, min(int(high[0]), shape[1]))
