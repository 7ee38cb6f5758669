"""Convex parts that standing things need besides the solids of ``mesh``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import ConvexHull

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Part, cylinder
from drivegrid.scenes.meshes.solids import Point

Corners = list[tuple[float, float]]

_IN_PLANE = {"x": (2, 1), "y": (0, 2), "z": (0, 1)}


def rectangle(low: tuple[float, float], high: tuple[float, float]) -> Corners:
    """Return the four corners between the least and the greatest corner."""
    return [low, (high[0], low[1]), high, (low[0], high[1])]


def circle(center: tuple[float, float], radius: float, sides: int = 12) -> Corners:
    """Return the corners of a regular polygon, counter-clockwise."""
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False) + np.pi / sides
    points = np.array(center) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return [(float(u), float(v)) for u, v in points]


def panel(side: str, at: float, corners: Corners, material: str) -> Part:
    """Return a flat detail that can be seen from one side only: a window, a stripe, a lamp.

    One face and no rim, so that it never shows through its wall where nothing sorts the parts.

    Args:
        side: Where it looks, ``-x`` to ``+z``.
        at: Coordinate along that axis.
        corners: Convex outline as (z, y) on x sides, (x, z) on y sides, (x, y) on z sides, in
            either direction of turn.
        material: Of its face.
    """
    axis = "xyz".index(side[1])
    points = np.full((len(corners), 3), at, dtype=np.float64)
    points[:, _IN_PLANE[side[1]]] = corners
    normal = np.cross(points[1] - points[0], points[2] - points[0])[axis]
    if (normal > 0) != (side[0] == "+"):
        points = points[::-1].copy()
    return Part(points, (tuple(range(len(points))),), (material,), detail=True)


def slab(
    outline: Corners,
    z_range: tuple[float, float],
    material: str | tuple[str, ...],
    *,
    detail: bool = False,
) -> Part:
    """Return a convex outline drawn out along z.

    Args:
        outline: (x, y) corners, counter-clockwise with x to the right and y up.
        z_range: Least and greatest z.
        material: One for all; or of the -z end, the +z end and the rim, the latter one for all
            or one for each edge, from corner i to i + 1.
        detail: See ``Part``.
    """
    count = len(outline)
    back, front, *rim = (material,) * 3 if isinstance(material, str) else material
    vertices = [(x, y, z) for z in z_range for x, y in outline]
    faces: list[tuple[int, ...]] = [tuple(reversed(range(count))), tuple(range(count, 2 * count))]
    faces += [(i, (i + 1) % count, (i + 1) % count + count, i + count) for i in range(count)]
    names = (back, front, *(rim if len(rim) == count else rim * count))
    return Part(np.array(vertices, dtype=np.float64), tuple(faces), names, detail=detail)


def sleeve(
    start: Point, end: Point, radii: tuple[float, float], material: str, *, sides: int = 10
) -> Part:
    """Return the wall of a cylinder without its ends, to be laid around a thinner one."""
    part = cylinder(start, end, radii, material, sides=sides, detail=True)
    return replace(part, faces=part.faces[:sides], materials=part.materials[:sides])


def boulder(center: Point, radii: Point, material: str, *, seed: int, count: int = 22) -> Part:
    """Return an irregular convex lump: an ellipsoid with jittered vertices, cut off at y = 0.

    Args:
        center: Of the ellipsoid.
        radii: Half extents; vertices lie within 0.78 and 1.05 of them.
        material: Of all faces.
        seed: Decides the shape.
        count: Vertices before those inside the hull fall away.
    """
    rng = np.random.default_rng(seed)
    y = 1 - 2 * (np.arange(count) + 0.5) / count
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5)) + rng.uniform(0, 2 * np.pi)
    flat = np.sqrt(1 - y * y)
    unit = np.stack([flat * np.cos(turn), y, flat * np.sin(turn)], axis=1)
    points = unit * rng.uniform(0.78, 1.05, (count, 1)) * np.array(radii) + np.array(center)
    points[:, 1] = np.maximum(points[:, 1], 0.0)
    return faceted(points, material)


def faceted(points: FloatArray, material: str) -> Part:
    """Return the hull of (N, 3) scattered points in triangles.

    ``solids.hull`` merges triangles of one plane; where there are none to merge this is faster.
    """
    solid = ConvexHull(points)
    corners = points[solid.simplices]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inwards = (normals * solid.equations[:, :3]).sum(axis=1) < 0
    triangles = np.searchsorted(np.sort(solid.vertices), solid.simplices)
    triangles[inwards] = triangles[inwards, ::-1]
    faces = tuple((int(a), int(b), int(c)) for a, b, c in triangles)
    return Part(points[np.sort(solid.vertices)], faces, (material,) * len(faces))


def turned(part: Part, axis: str, angle_rad: float, about: Point = (0.0, 0.0, 0.0)) -> Part:
    """Return the part turned about an axis through a point; y turns z towards x."""
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    away = part.vertices - np.array(about)
    vertices = away.copy()
    vertices[:, first] = away[:, first] * cos - away[:, second] * sin
    vertices[:, second] = away[:, first] * sin + away[:, second] * cos
    return replace(part, vertices=vertices + np.array(about))


def moved(part: Part, offset: Point) -> Part:
    """Return the part moved by x, y, z."""
    return replace(part, vertices=part.vertices + np.array(offset))
