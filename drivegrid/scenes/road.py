"""A road: bands of ground along its course, lanes, and the lines that part them."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import FAR_M, Alignment
from drivegrid.scenes.mesh import Color


@dataclass(frozen=True, slots=True)
class Course:
    """A lateral offset that changes smoothly with the distance Z.

    Between knots it follows 3t² - 2t³; before the first and after the last it stays.

    Args:
        z_m: Distances of the knots, rising.
        q_m: Lateral offsets there, metres from the road's middle, positive to the right.
    """

    z_m: tuple[float, ...]
    q_m: tuple[float, ...]

    def at(self, depth_m: FloatArray) -> FloatArray:
        """Return the offsets at (N,) distances.

        >>> Course((10.0, 20.0), (0.0, 4.0)).at(np.array([0.0, 15.0, 99.0])).tolist()
        [0.0, 2.0, 4.0]
        """
        if len(self.z_m) == 1:
            return np.full(len(depth_m), self.q_m[0])
        z, q = np.array(self.z_m), np.array(self.q_m)
        index = np.clip(np.searchsorted(z, depth_m, side="right") - 1, 0, len(z) - 2)
        t = np.clip((depth_m - z[index]) / (z[index + 1] - z[index]), 0, 1)
        return np.asarray(q[index] + (q[index + 1] - q[index]) * t * t * (3 - 2 * t))

    def here(self, depth_m: float) -> float:
        """Return the offset at one distance."""
        if depth_m <= self.z_m[0]:
            return self.q_m[0]
        index = bisect(self.z_m, depth_m)
        if index == len(self.z_m):
            return self.q_m[-1]
        z0, z1, q0, q1 = *self.z_m[index - 1 : index + 1], *self.q_m[index - 1 : index + 1]
        t = (depth_m - z0) / (z1 - z0)
        return q0 + (q1 - q0) * t * t * (3 - 2 * t)

    def shifted(self, by_m: float) -> Course:
        """Return the course moved sideways."""
        return Course(self.z_m, tuple(q + by_m for q in self.q_m))


def straight(offset_m: float) -> Course:
    """Return the course that keeps one offset."""
    return Course((0.0,), (float(offset_m),))


@dataclass(frozen=True, slots=True)
class Band:
    """A strip of ground.

    Args:
        left: Left border.
        right: Right border.
        color: Albedo.
        segment: Name in ``segments.SEGMENTS``: road, sidewalk or terrain.
        rough: Strength of the grain, 128 normal asphalt.
        span_m: First and last Z.
        up_m: Height above the ground; a raised band shows a kerb on its left and right.
    """

    left: Course
    right: Course
    color: Color
    segment: str
    rough: int = 128
    span_m: tuple[float, float] = (0.0, FAR_M)
    up_m: float = 0.0


@dataclass(frozen=True, slots=True)
class LaneLine:
    """One painted line.

    Args:
        course: Middle of the line.
        style: A ``style`` of the taxonomy, or ``missing`` for a border nobody painted.
        color: A ``color`` of the taxonomy's lanes.
        width_m: Width of one stroke.
        dash_m: Painted length, period and phase along the road; unused by solid lines.
        strength: How much paint is left, in (0, 1].
        spans_m: Stretches of Z where it is painted.
        ghost: An older line beside it, ground off but visible: shift in metres, 0 for none.
    """

    course: Course
    style: str
    color: str
    width_m: float
    dash_m: tuple[float, float, float]
    strength: float
    spans_m: tuple[tuple[float, float], ...] = ((0.0, FAR_M),)
    ghost_m: float = 0.0

    @property
    def start_m(self) -> float:
        """Where it begins."""
        return self.spans_m[0][0]


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane between two borders.

    Args:
        left: Left border.
        right: Right border.
        direction: +1 ours, -1 oncoming.
        kind: ``drive``; of strips beside the lanes: ``bike``, ``park`` or ``shoulder``.
        span_m: First and last Z.
    """

    left: Course
    right: Course
    direction: int
    kind: str = "drive"
    span_m: tuple[float, float] = (0.0, FAR_M)

    def middle(self, depth_m: float) -> float:
        """Return the lateral offset of its middle."""
        return (self.left.here(depth_m) + self.right.here(depth_m)) / 2

    def width(self, depth_m: float) -> float:
        """Return its width in metres."""
        return self.right.here(depth_m) - self.left.here(depth_m)


@dataclass(frozen=True, slots=True)
class Mark:
    """Paint that is not a lane line, or a stain: polygons on the ground.

    Args:
        label: Taxonomy path.
        polygons: (N, 2) lateral offset and Z of each filled polygon.
        color: Albedo.
        attributes: Attributes of the label.
        strength: Cover in (0, 1].
        paint: Painted (worn, above the albedo) or part of the ground itself (stain, puddle).
        wet: Share of the sky mirrored, for puddles.
    """

    label: str
    polygons: tuple[FloatArray, ...]
    color: Color
    attributes: dict[str, str] = field(default_factory=dict)
    strength: float = 1.0
    paint: bool = True
    wet: float = 0.0


@dataclass(frozen=True, slots=True)
class Junction:
    """A street that crosses: the Z span of its carriageway."""

    near_m: float
    far_m: float


@dataclass(frozen=True)
class Road:
    """Layout of the ground.

    Args:
        place: A frame attribute ``place`` of the taxonomy.
        alignment: Course over the ground; offset 0 is the middle of the ego lane at Z = 0.
        bands: Strips of ground in painting order.
        lanes: From left to right.
        lines: From left to right at the camera.
        marks: Other paint.
        ego: Index of the ego lane.
        edges: Left and right border of the carriageway.
        verges: Left and right border of all that is paved (sidewalks included).
        junction: A crossing street, or None.
        divided: Whether the oncoming carriageway lies apart.
        paved: Left and right border of carriageway and strips; the kerbs, where there are any.
        strips: Bike lanes, parking strips and shoulders beside the carriageway.
    """

    place: str
    alignment: Alignment
    bands: tuple[Band, ...]
    lanes: tuple[Lane, ...]
    lines: tuple[LaneLine, ...]
    marks: tuple[Mark, ...]
    ego: int
    edges: tuple[Course, Course]
    verges: tuple[Course, Course]
    junction: Junction | None
    divided: bool
    paved: tuple[Course, Course]
    strips: tuple[Lane, ...] = ()

    def raised_m(self, offset_m: float, depth_m: float) -> float:
        """Return how far the pavement at a place lies above the ground: 0, or a kerb's height."""
        if not self._kerbed:
            return 0.0
        for band in reversed(self.bands):
            if band.span_m[0] <= depth_m <= band.span_m[1] and band.left.here(
                depth_m
            ) <= offset_m <= band.right.here(depth_m):
                return band.up_m
        return 0.0

    @cached_property
    def _kerbed(self) -> bool:
        """Whether any band is raised."""
        return any(band.up_m for band in self.bands)
