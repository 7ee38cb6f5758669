"""What a sign face is drawn with: filled areas and strokes in the plane of the plate.

Coordinates: x to the right, y up, the plate spans [-aspect, aspect] x [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray

Point = tuple[float, float]
Ring = tuple[Point, ...]
Matrix = tuple[Point, Point]
"""Rows."""

_ROUND_SIDES = 40
_JOINT_SIDES = 12


@dataclass(frozen=True, slots=True)
class Area:
    """Filled rings; a ring inside another one is a hole (even-odd rule)."""

    rings: tuple[Ring, ...]

    def moved(self, matrix: Matrix, shift: Point) -> Area:
        """Return it after x -> matrix x + shift."""
        return Area(tuple(_moved(ring, matrix, shift) for ring in self.rings))

    def polygons(self) -> list[list[FloatArray]]:
        """Return groups of (N, 2) rings; each group is filled by the even-odd rule."""
        return [[np.array(ring, dtype=np.float64) for ring in self.rings]]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A polyline with round joints.

    Args:
        points: Its course.
        width: Full width.
        flat: Whether its ends are cut off square rather than round.
    """

    points: Ring
    width: float
    flat: bool = False

    def moved(self, matrix: Matrix, shift: Point) -> Stroke:
        """Return it after x -> matrix x + shift; the width follows the mean scale."""
        (a, b), (c, d) = matrix
        scale = math.sqrt(abs(a * d - b * c))
        return Stroke(_moved(self.points, matrix, shift), self.width * scale, self.flat)

    def polygons(self) -> list[list[FloatArray]]:
        """Return one quadrangle a piece and one polygon a joint."""
        course = np.array(self.points, dtype=np.float64)
        along = np.diff(course, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        side = np.stack([-along[:, 1], along[:, 0]], axis=1) * (self.width / 2)
        quads = np.stack(
            [course[:-1] + side, course[1:] + side, course[1:] - side, course[:-1] - side], axis=1
        )
        closed = self.points[0] == self.points[-1]
        joints = course[1:-1] if self.flat and not closed else course
        dots = joints[:, None] + _DOT * (self.width / 2)
        return [[polygon] for polygon in (*quads, *dots)]


Mark = Area | Stroke
Marks = tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Marks of one colour (red, green, blue in [0, 255])."""

    color: tuple[int, int, int]
    marks: Marks


def _moved(ring: Ring, matrix: Matrix, shift: Point) -> Ring:
    (a, b), (c, d) = matrix
    return tuple((a * x + b * y + shift[0], c * x + d * y + shift[1]) for x, y in ring)


def arc(center: Point, radii: Point, start_deg: float, end_deg: float, count: int = 12) -> Ring:
    """Return ``count`` points of an arc of an ellipse, from start to end (0 right, 90 up)."""
    angle = np.radians(np.linspace(start_deg, end_deg, count))
    x, y = center[0] + radii[0] * np.cos(angle), center[1] + radii[1] * np.sin(angle)
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


_DOT = np.array(arc((0, 0), (1, 1), 0, 360, _JOINT_SIDES + 1)[:-1])


def circle(radius: float, center: Point = (0, 0)) -> Ring:
    """Return a circle as a ring."""
    return arc(center, (radius, radius), 0, 360, _ROUND_SIDES + 1)[:-1]


def rectangle(low: Point, high: Point) -> Ring:
    """Return the rectangle between two corners as a ring."""
    return (low, (high[0], low[1]), high, (low[0], high[1]))


def inset(ring: Ring, distance: float) -> Ring:
    """Return a convex counter-clockwise ring with every side moved inwards."""
    points = np.array(ring, dtype=np.float64)
    sides = np.roll(points, -1, axis=0) - points
    normal = np.stack([-sides[:, 1], sides[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    level = (normal * points).sum(axis=1) + distance
    pairs = zip(np.roll(normal, 1, axis=0), normal, np.roll(level, 1), level, strict=True)
    corners = [np.linalg.solve(np.stack([a, b]), [p, q]) for a, b, p, q in pairs]
    return tuple((float(x), float(y)) for x, y in corners)


def rounded(ring: Ring, radius: float) -> Ring:
    """Return a convex ring with its corners cut round, ``radius`` along each side."""
    points, found = np.array(ring, dtype=np.float64), []
    for before, corner, after in zip(
        np.roll(points, 1, axis=0), points, np.roll(points, -1, axis=0), strict=True
    ):
        start = corner + (before - corner) / np.linalg.norm(before - corner) * radius
        end = corner + (after - corner) / np.linalg.norm(after - corner) * radius
        for t in (0.0, 0.25, 0.5, 0.75, 1.0):
            found.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    return tuple((float(x), float(y)) for x, y in found)


def area(*rings: Ring) -> Marks:
    """Return one filled area of rings."""
    return (Area(rings),)


def discs(radius: float, *centers: Point) -> Marks:
    """Return filled circles."""
    return tuple(Area((circle(radius, center),)) for center in centers)


def strokes(width: float, *courses: Ring, flat: bool = False) -> Marks:
    """Return strokes of one width."""
    return tuple(Stroke(course, width, flat) for course in courses)


def place(
    marks: Iterable[Mark],
    center: Point = (0, 0),
    size: float | Point = 1.0,
    turn_deg: float = 0.0,
) -> Marks:
    """Return marks scaled (a negative factor mirrors), turned counter-clockwise, then shifted."""
    cos, sin = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    wide, high = (size, size) if isinstance(size, float | int) else size
    matrix = ((cos * wide, -sin * high), (sin * wide, cos * high))
    return tuple(mark.moved(matrix, center) for mark in marks)


def mirrored(marks: Iterable[Mark]) -> Marks:
    """Return marks with left and right swapped."""
    return place(marks, size=(-1.0, 1.0))
