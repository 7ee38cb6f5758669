"""Shapes in the image plane, in continuous pixels.

The image spans [0, width] x [0, height]; pixel (c, r) covers [c, c+1) x [r, r+1).
x points right, y points down. Coordinates may lie outside the image (labels do);
they must be finite.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from drivegrid.errors import GeometryError

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels."""

GeometryKind: TypeAlias = Literal["point", "box", "line", "poly", "seg"]


def as_points(values: npt.ArrayLike, what: str = "points") -> FloatArray:
    """Return (N, 2) finite float64 points.

    Args:
        values: Anything that holds N x, y pairs in pixels; N may be 0.
        what: Name used in the error message.

    Raises:
        GeometryError: If the shape is not (N, 2) or a value is not finite.

    >>> as_points([]).shape
    (0, 2)
    """
    points = np.asarray(values, dtype=np.float64)
    if points.size == 0:
        return np.zeros((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise GeometryError(f"{what} must have shape (N, 2), got {points.shape}.")
    if not np.isfinite(points).all():
        bad = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise GeometryError(f"{what} must be finite, got {points[bad].tolist()} (point {bad}).")
    return points


def as_flags(values: npt.ArrayLike, what: str) -> BoolArray:
    """Return a mask or several as flags: whatever is not 0 is inside.

    Args:
        values: Flags, whole numbers, or floats that are 0 or 1. Others may be logits or shares,
            of which no zero says what is outside.
        what: Name used in the error message.

    Raises:
        GeometryError: If they are something else.

    >>> as_flags([[0, 255]], "mask").tolist()
    [[False, True]]
    """
    flags = np.asarray(values)
    if flags.dtype.kind not in "bui" and not np.isin(flags, (0, 1)).all():
        raise GeometryError(
            f"{what} must hold flags or whole numbers, got {flags.dtype} beyond 0 and 1. Compare "
            "with the threshold first."
        )
    return flags.astype(np.bool_)


class _Shape(ABC):
    """Value equality for the array-holding shapes below."""

    __slots__ = ()
    kind: ClassVar[GeometryKind]

    @abstractmethod
    def parts(self) -> tuple[FloatArray, ...]:
        """Return the vertex lists: one for most kinds, one per ring for polygons."""

    def vertices(self) -> FloatArray:
        """Return (N, 2) all vertices, in order, in pixels."""
        return np.concatenate(self.parts()) if self.parts() else np.zeros((0, 2))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = self.parts(), other.parts()
        return len(mine) == len(theirs) and all(map(np.array_equal, mine, theirs))

    def __hash__(self) -> int:
        return hash((self.kind, tuple(part.tobytes() for part in self.parts())))


@dataclass(frozen=True, slots=True, eq=False)
class Point(_Shape):
    """One place, for example a sign. ``xy`` is (2,) in pixels."""

    xy: FloatArray
    kind: ClassVar[GeometryKind] = "point"

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", as_points([self.xy], "point")[0])

    def parts(self) -> tuple[FloatArray, ...]:
        """Return the place as one (1, 2) list."""
        return (self.xy[None],)


@dataclass(frozen=True, slots=True, eq=False)
class Box(_Shape):
    """An axis-aligned box. ``xyxy`` is (4,): x_min, y_min, x_max, y_max in pixels."""

    xyxy: FloatArray
    kind: ClassVar[GeometryKind] = "box"

    def __post_init__(self) -> None:
        xyxy = np.asarray(self.xyxy, dtype=np.float64)
        if xyxy.shape != (4,) or not np.isfinite(xyxy).all():
            raise GeometryError(f"box must be 4 finite numbers, got {self.xyxy!r}.")
        if xyxy[2] < xyxy[0] or xyxy[3] < xyxy[1]:
            raise GeometryError(f"box must have x_max >= x_min and y_max >= y_min, got {xyxy}.")
        object.__setattr__(self, "xyxy", xyxy)

    def parts(self) -> tuple[FloatArray, ...]:
        """Return the two corners as one (2, 2) list, top left first."""
        return (self.xyxy.reshape(2, 2),)

    @property
    def wh(self) -> FloatArray:
        """(2,) width and height in pixels."""
        return self.xyxy[2:] - self.xyxy[:2]


@dataclass(frozen=True, slots=True, eq=False)
class Polyline(_Shape):
    """An open, ordered line, for example a lane marking from near to far.

    ``xy`` is (N, 2) in pixels; N may be 1, as sloppy labels have it.
    """

    xy: FloatArray
    kind: ClassVar[GeometryKind] = "line"

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", as_points(self.xy, "polyline"))

    def parts(self) -> tuple[FloatArray, ...]:
        """Return the points as one (N, 2) list."""
        return (self.xy,)


@dataclass(frozen=True, slots=True, eq=False)
class Polygon(_Shape):
    """A region bounded by closed rings (first vertex not repeated), even-odd filled.

    Each ring is (N, 2) in pixels; a hole stands after its shell.
    """

    rings: tuple[FloatArray, ...]
    kind: ClassVar[GeometryKind] = "poly"

    def __post_init__(self) -> None:
        rings = tuple(as_points(ring, f"ring {i}") for i, ring in enumerate(self.rings))
        object.__setattr__(self, "rings", rings)

    def parts(self) -> tuple[FloatArray, ...]:
        """Return the rings."""
        return self.rings


@dataclass(frozen=True, slots=True, eq=False)
class Anchors(_Shape):
    """Unordered points that stand for a mask (GETok's ``<seg>``). ``xy`` is (N, 2) in pixels."""

    xy: FloatArray
    kind: ClassVar[GeometryKind] = "seg"

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", as_points(self.xy, "anchors"))

    def parts(self) -> tuple[FloatArray, ...]:
        """Return the points as one (N, 2) list."""
        return (self.xy,)


Geometry: TypeAlias = Point | Box | Polyline | Polygon | Anchors


def from_parts(kind: GeometryKind, parts: tuple[FloatArray, ...]) -> Geometry:
    """Build the shape of a kind from its vertex lists; corners of a box are sorted.

    >>> from_parts("box", (np.array([[3.0, 4.0], [1.0, 2.0]]),)).xyxy.tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    match kind:
        case "point":
            return Point(parts[0][0])
        case "box":
            return Box(np.concatenate([parts[0].min(axis=0), parts[0].max(axis=0)]))
        case "line":
            return Polyline(parts[0])
        case "poly":
            return Polygon(parts)
        case "seg":
            return Anchors(parts[0])


def clip_points(points: FloatArray, size_wh: Size) -> FloatArray:
    """Return (N, 2) points moved to the nearest place inside the closed image.

    >>> clip_points(np.array([[-5.0, 700.0]]), (1280, 600)).tolist()
    [[0.0, 600.0]]
    """
    # minimum and maximum: np.clip costs three times as much on short arrays
    return np.maximum(np.minimum(points, np.asarray(size_wh, dtype=np.float64)), 0.0)


def x_at_bottom(line: FloatArray, size_wh: Size) -> float:
    """Return where the line, prolonged, meets the bottom edge, in pixels.

    Lines are ordered by it, so that one hidden near the car keeps its place in the order.

    Args:
        line: (N, 2) points, N at least 1.
        size_wh: Frame size in pixels.
    """
    near = line[np.argsort(-line[:, 1], kind="stable")][:2]
    if len(near) == 1 or near[0, 1] == near[1, 1]:
        return float(near[0, 0])
    slope = (near[1, 0] - near[0, 0]) / (near[1, 1] - near[0, 1])
    return float(near[0, 0] + (size_wh[1] - near[0, 1]) * slope)
