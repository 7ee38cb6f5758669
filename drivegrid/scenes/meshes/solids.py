"""Convex solids and decals that the models are built of, and their painter's order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Part, cylinder

Point = tuple[float, float, float]
Quad = tuple[Point, Point, Point, Point]
"""Corners lower left, lower right, upper right, upper left, as seen from outside."""

LIFT_M = 0.012
"""How far decals float above the surface they lie on."""

_AHEAD = 0.4
"""Faces with a greater z of the normal are seen only from in front, up to some 25 degrees aside."""

_WHEEL_SIDES = 12


def hull(
    points: Sequence[Point],
    material: str | Callable[[FloatArray, FloatArray], str],
    *,
    detail: bool = False,
) -> Part:
    """Return the convex hull of points, triangles in one plane merged to one face.

    Args:
        points: At least four, not in one plane; points inside are dropped.
        material: Of all faces, or a function of a face's (3,) centre and (3,) outward normal.
        detail: See ``Part``.

    >>> len(hull([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)], "red").faces)
    5
    """
    solid = ConvexHull(np.asarray(points, dtype=np.float64))
    used = np.unique(solid.simplices)
    vertices = solid.points[used]
    groups: dict[tuple[float, ...], set[int]] = {}
    for simplex, plane in zip(solid.simplices, solid.equations, strict=True):
        key = tuple((np.round(plane, 4) + 0.0).tolist())
        groups.setdefault(key, set()).update(np.searchsorted(used, simplex).tolist())
    faces, names = [], []
    for plane, corners in groups.items():
        normal = np.array(plane[:3])
        faces.append(_around(vertices, sorted(corners), normal))
        center = vertices[sorted(corners)].mean(axis=0)
        names.append(material if isinstance(material, str) else material(center, normal))
    return Part(vertices, tuple(faces), tuple(names), detail=detail)


def _around(vertices: FloatArray, corners: list[int], normal: FloatArray) -> tuple[int, ...]:
    """Order corners about the normal, the sharpest first: its cross product is the longest."""
    points = vertices[corners]
    spokes = points - points.mean(axis=0)
    x, y, z = (spokes[0] / math.sqrt(spokes[0] @ spokes[0])).tolist()
    a, b, c = normal.tolist()
    side = np.array([b * z - c * y, c * x - a * z, a * y - b * x])
    order = np.argsort(np.arctan2(spokes @ side, spokes @ (x, y, z))).tolist()
    ring, places = [corners[i] for i in order], points[order].tolist()
    areas = [_area(places[i - 2], places[i - 1], places[i]) for i in range(len(places))]
    # An area belongs to the first of its three corners.
    first = (areas.index(max(areas)) - 2) % len(ring)
    return (*ring[first:], *ring[:first])


def _area(a: list[float], b: list[float], c: list[float]) -> float:
    """Return the square of twice the area of a triangle."""
    (u, v, w), (x, y, z) = ([p - q for p, q in zip(end, a, strict=True)] for end in (b, c))
    return (v * z - w * y) ** 2 + (w * x - u * z) ** 2 + (u * y - v * x) ** 2


def plan(
    y: float,
    ends: tuple[float, float],
    half_width: float,
    *,
    rear: tuple[float, float] = (0.0, 0.0),
    front: tuple[float, float] = (0.0, 0.0),
) -> list[Point]:
    """Return a horizontal rectangle with cut corners.

    Args:
        y: Its height.
        ends: Least and greatest z.
        half_width: Greatest x.
        rear: How much the rear corners are cut along x and z.
        front: The same at the front.
    """
    points = []
    for side in (-half_width, half_width):
        sign = np.sign(side)
        for z, (cut_x, cut_z), inwards in ((ends[0], rear, 1), (ends[1], front, -1)):
            points += [(side - sign * cut_x, y, z), (side, y, z + inwards * cut_z)]
    return [(float(x), float(height), float(z)) for x, height, z in points]


def ring(center: Point, radii: tuple[float, float], sides: int = 8) -> list[Point]:
    """Return points on a horizontal ellipse with radii along x and z."""
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    x, y, z = center
    return [(float(x + radii[0] * np.cos(a)), y, float(z + radii[1] * np.sin(a))) for a in angles]


def limb(
    start: Point, end: Point, radii: tuple[float, float], material: str, *, detail: bool = False
) -> Part:
    """Return a six-sided tapering bar between two points."""
    return cylinder(start, end, radii, material, sides=6, detail=detail)


def decal(quad: Quad, outline: Sequence[tuple[float, float]], material: str) -> Part:
    """Return a flat convex patch floating over a surface: a window, a lamp, a line.

    Args:
        quad: Four corners on the surface.
        outline: (u, v) corners in the quad's frame, u to the right and v up, counter-clockwise
            as seen from outside; (0, 0) is its lower left corner and (1, 1) its upper right one.
        material: Key of ``MATERIALS``.
    """
    a, b, c, d = (np.array(corner, dtype=np.float64) for corner in quad)
    outward = np.cross(d - b, c - a)
    lift = LIFT_M * outward / np.linalg.norm(outward)
    points = [a * (1 - u) * (1 - v) + b * u * (1 - v) + c * u * v + d * (1 - u) * v + lift
              for u, v in outline]  # fmt: skip
    return Part(np.array(points), (tuple(reversed(range(len(points)))),), (material,), detail=True)


def patch(quad: Quad, u: tuple[float, float], v: tuple[float, float], material: str) -> Part:
    """Return the decal over the rectangle u[0]..u[1], v[0]..v[1] of a quad."""
    return decal(quad, [(u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1])], material)


def mirrored(part: Part) -> Part:
    """Return the part on the other side of the plane x = 0."""
    faces = tuple(tuple(reversed(face)) for face in part.faces)
    return replace(part, vertices=part.vertices * (-1.0, 1.0, 1.0), faces=faces)


def pair(*parts: Part) -> list[Part]:
    """Return parts, each followed by its mirror image."""
    return [twin for part in parts for twin in (part, mirrored(part))]


def normals(part: Part) -> FloatArray:
    """Return (F, 3) unit normals of the faces, from their first corners."""
    first = np.array([part.vertices[list(face[:3])] for face in part.faces])
    cross = np.cross(first[:, 1] - first[:, 0], first[:, 2] - first[:, 0])
    return np.asarray(cross / np.linalg.norm(cross, axis=1, keepdims=True))


def both_ways(groups: Sequence[Sequence[Part]]) -> list[Part]:
    """Put things that stand one behind another in an order that is right from both ends.

    Args:
        groups: From the foremost to the rearmost, each of parts in painter's order.

    Returns:
        All faces that do not look ahead, front to rear, then those that look ahead, rear to
        front: from behind the second half is culled, from in front it hides the first.
    """
    first, second = [], []
    for group in groups:
        ahead = [normals(part)[:, 2] > _AHEAD for part in group]
        first += [_faces(part, ~mask) for part, mask in zip(group, ahead, strict=True)]
        faces = [_faces(part, mask) for part, mask in zip(group, ahead, strict=True)]
        second.append([replace(part, detail=True) for part in faces])
    ordered = [*first, *(part for group in reversed(second) for part in group)]
    return [part for part in ordered if part.faces or not part.detail]


def _faces(part: Part, keep: npt.NDArray[np.bool_]) -> Part:
    kept = np.flatnonzero(keep).tolist()
    return replace(
        part,
        faces=tuple(part.faces[i] for i in kept),
        materials=tuple(part.materials[i] for i in kept),
    )


def wheel(x: float, z: float, radius: float, width: float) -> Part:
    """Return a tyre on the ground, open at its outer side: ``hub`` closes it.

    Args:
        x: Of the outer side; its sign tells left from right.
        z: Of the axle.
        radius: Of the tyre.
        width: Of the tyre, inwards from x.
    """
    start, end = (x - float(np.sign(x)) * width, radius, z), (x, radius, z)
    tyre = cylinder(start, end, (radius, radius), "tyre", sides=_WHEEL_SIDES)
    return replace(tyre, faces=tyre.faces[:-1], materials=tyre.materials[:-1])


def hub(x: float, z: float, radius: float, *, arch: float = 0.0, rim: str = "rim") -> list[Part]:
    """Return what is seen of a wheel from its side: arch, tyre and rim as decals.

    The bodywork is painted over the wheels, so that these come after it.

    Args:
        x: Of the side of the bodywork; its sign tells left from right.
        z: Of the axle.
        radius: Of the tyre.
        arch: Gap between the tyre and the bodywork; 0 draws no arch.
        rim: Material of the wheel's middle.
    """
    side = abs(x)
    quad: Quad = (
        (side, 0.0, z - radius), (side, 0.0, z + radius),
        (side, 2 * radius, z + radius), (side, 2 * radius, z - radius),
    )  # fmt: skip
    parts = []
    if arch:
        half = np.linspace(0, np.pi, 7)
        parts.append(decal(quad, _circle(half, 0.5 + arch / radius / 2), "black"))
    around = np.linspace(0, 2 * np.pi, _WHEEL_SIDES, endpoint=False)
    middle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    parts += [
        decal(quad, _circle(around, 0.5), "tyre"),
        decal(quad, _circle(middle, 0.31), rim),
    ]
    return parts if x > 0 else [mirrored(part) for part in parts]


def _circle(angles: FloatArray, radius: float) -> list[tuple[float, float]]:
    return [(0.5 + radius * float(np.cos(a)), 0.5 + radius * float(np.sin(a))) for a in angles]
