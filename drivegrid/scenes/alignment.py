"""The course of the road: where its middle runs over the ground and how the ground rises.

Everything is a function of Z, the distance ahead: the middle's X, the ground's Y. Lateral offsets
are perpendicular to the course (positive to the right), so a place on the ground is (offset, Z).
Since the height depends on Z alone, what a crest hides is decided along Z alone, exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drivegrid.geometry import FloatArray

FAR_M = 320.0
"""The ground ends here; what lies beyond is backdrop."""

STEP_M = 0.5
DEPTHS_M: FloatArray = np.arange(0.0, FAR_M + STEP_M, STEP_M)
"""Z of the tables' knots."""

_LAST_PLACE = len(DEPTHS_M) - 1.001

TANGENTS = 2048
_STEEPEST = 1.6
"""Tangent below the horizontal of the steepest ray in the table; nearer ground is not seen."""


@dataclass(frozen=True)
class Alignment:
    """Tables over ``DEPTHS_M``, read with linear interpolation.

    Args:
        center_m: (N,) X of the road's middle.
        height_m: (N,) Y of the ground.
    """

    center_m: FloatArray
    height_m: FloatArray

    @cached_property
    def slope(self) -> FloatArray:
        """(N,) dX/dZ of the middle."""
        return np.asarray(np.gradient(self.center_m, STEP_M))

    @cached_property
    def stretch(self) -> FloatArray:
        """(N,) metres along X of one metre across the road: sqrt(1 + slope²)."""
        return np.asarray(np.sqrt(1 + self.slope**2))

    @cached_property
    def arc_m(self) -> FloatArray:
        """(N,) length of the course from Z = 0."""
        pieces = (self.stretch[1:] + self.stretch[:-1]) / 2 * STEP_M
        return np.concatenate([[0.0], np.cumsum(pieces)])

    def points(
        self, offset_m: float | FloatArray, depth_m: FloatArray, up_m: float | FloatArray = 0.0
    ) -> FloatArray:
        """Return (N, 3) world points at offsets, (N,) distances Z and heights above the ground."""
        points = np.empty((len(depth_m), 3))
        stretch = np.interp(depth_m, DEPTHS_M, self.stretch)
        points[:, 0] = np.interp(depth_m, DEPTHS_M, self.center_m) + offset_m * stretch
        points[:, 1] = np.interp(depth_m, DEPTHS_M, self.height_m) + up_m
        points[:, 2] = depth_m
        return points

    def point(
        self, offset_m: float, depth_m: float, up_m: float = 0.0
    ) -> tuple[float, float, float]:
        """Return the world X, Y, Z of one place."""
        center, height, stretch, _ = self._knots
        index, share = _between(depth_m)
        x = _mixed(center, index, share) + offset_m * _mixed(stretch, index, share)
        return x, _mixed(height, index, share) + up_m, depth_m

    def yaw(self, depth_m: float) -> float:
        """Return the course's direction in radians, positive to the right."""
        return math.atan(_mixed(self._knots[3], *_between(depth_m)))

    def grade(self, depth_m: float) -> float:
        """Return dY/dZ of the ground."""
        index, _ = _between(depth_m)
        height = self._knots[1]
        return (height[index + 1] - height[index]) / STEP_M

    @cached_property
    def _knots(self) -> tuple[list[float], ...]:
        """Middle, height, stretch and slope as plain numbers: read one by one they are faster."""
        tables = self.center_m, self.height_m, self.stretch, self.slope
        return tuple(table.tolist() for table in tables)

    def depth_at(self, arc_m: FloatArray) -> FloatArray:
        """Return the Z at lengths along the course."""
        return np.asarray(np.interp(arc_m, self.arc_m, DEPTHS_M))

    def offset_of(self, points_m: FloatArray) -> FloatArray:
        """Return the lateral offset of (N, 3) world points."""
        center = np.interp(points_m[:, 2], DEPTHS_M, self.center_m)
        return np.asarray(
            (points_m[:, 0] - center) / np.interp(points_m[:, 2], DEPTHS_M, self.stretch)
        )

    def skyline(self, camera_height_m: float) -> FloatArray:
        """Return (N,) the least tangent (height - Y)/Z that nearer ground lets through.

        A point at ``DEPTHS_M[i]`` is seen if its own tangent does not exceed the i-th value: the
        running minimum of the ground's tangents at lesser Z.
        """
        nearest = np.maximum(DEPTHS_M, STEP_M)
        tangent = (camera_height_m - self.height_m) / nearest
        return np.asarray(np.minimum.accumulate(np.concatenate([[np.inf], tangent[:-1]])))

    def ground_table(self, camera_height_m: float) -> tuple[float, float, FloatArray]:
        """Return which ground each ray sees.

        Returns:
            Least and greatest tangent (height - Y)/Z of the table, and (TANGENTS,) 1/Z of the
            nearest ground at tangents spaced evenly between them. Rays below the least tangent
            see no ground; between knots 1/Z is nearly linear. Read only: made once a height.
        """
        if camera_height_m not in self._ground_tables:
            self._ground_tables[camera_height_m] = self._ground_table(camera_height_m)
        return self._ground_tables[camera_height_m]

    @cached_property
    def _ground_tables(self) -> dict[float, tuple[float, float, FloatArray]]:
        return {}

    def _ground_table(self, camera_height_m: float) -> tuple[float, float, FloatArray]:
        depth = DEPTHS_M[2:]
        tangent = (camera_height_m - self.height_m[2:]) / depth
        lowest = np.minimum.accumulate(tangent)
        first = np.concatenate([[True], tangent[1:] < lowest[:-1]])
        t, closeness = tangent[first][::-1], 1 / depth[first][::-1]
        grid = np.linspace(t[0], _STEEPEST, TANGENTS)
        table = np.interp(grid, t, closeness)
        steep = grid > t[-1]
        table[steep] = closeness[-1] * grid[steep] / t[-1]
        return float(grid[0]), float(grid[-1]), table


def _between(depth_m: float) -> tuple[int, float]:
    """Return the knot before a depth and the share of the step beyond it, kept in the tables."""
    place = min(max(depth_m / STEP_M, 0.0), _LAST_PLACE)
    index = int(place)
    return index, place - index


def _mixed(table: list[float], index: int, share: float) -> float:
    """Interpolate one value."""
    low = table[index]
    return low + (table[index + 1] - low) * share
