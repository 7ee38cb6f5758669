"""Lines to anchors, the short way: as few as keep the decoded polyline close to the line.

Anchors stand only where cells and offsets reach, so they are set where the curve passes close to
such a point. All measures are in units of the pitch of the reachable points
(``chords.reachable_pitch``), so they hold for any lattice and number of rounds:

- tolerance: between its first and last anchor the decoded line is nowhere farther from the
  curve, nor the curve from it;
- rms: anchors are added, beyond the fewest that keep to the tolerance, until the root mean
  square distance is this small, or until more of them no longer help. A tolerance alone
  lets every line use it up: one round then gives mF1 87 with 2.8 anchors a lane, not 94 with 4.2;
- slack: the end anchors stand within it of the line's ends, before or behind. A reachable point
  right at the end is seldom on the curve, and off the curve is worse than a little too short.

Under these rules the search is exact over the candidates: dynamic programming finds the path
with the fewest anchors and, of those, the one with the least squared deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivegrid.geometry import FloatArray, IntArray, Size, as_points
from drivegrid.tokens.chords import (
    Bounds,
    Chords,
    Curve,
    candidates_near,
    cells_near,
    reachable_pitch,
)
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.offsets import reachable_coordinates
from drivegrid.tokens.stubs import REACH, STUB, best_chord

TOLERANCE = 0.4
RMS = 0.06
END_SLACK = 1.0
WIDEN = 1.25
"""Factor on the tolerance while there is no path."""
WIDEST = 4.0
"""Largest tolerance tried."""
_END_COST = 1 / 6  # an end off by e costs e**2 * pitch / 6: weighed on label lines for IoU
_SIMPLIFY = 0.05  # share of the tolerance spent on leaving out needless vertices


@dataclass(frozen=True, slots=True, eq=False)
class FewestAnchors:
    """Anchors of a curve and what they keep to.

    Args:
        points: (M, 2) where the anchors decode to, in pixels.
        cells: (M, 2) column, row of their proposals.
        tolerance: Largest distance between the curve and the decoded line, in pixels; more than
            was asked for where no path kept to that, inf for a stub.
        end_slack: Largest distance of the end anchors from the ends, in pixels; 0 for rings.
    """

    points: FloatArray
    cells: IntArray
    tolerance: float
    end_slack: float


def encode_fewest(
    line: FloatArray, grid: GridSpec, size_wh: Size, *, rounds: int, tolerance: float = TOLERANCE
) -> FewestAnchors:
    """Return the fewest anchors whose polyline stays close to a line.

    Args:
        line: (N, 2) in pixels, inside the image; N >= 1. The anchors follow its order.
        grid: The lattice.
        size_wh: Image size in pixels.
        rounds: Offset rounds that will be written; they decide which points can be reached.
        tolerance: In units of the pitch; widened by a quarter until there is a path.

    Returns:
        The anchors. Of a line shorter than half a pitch only the ends are set, once if they meet.

    >>> line = np.array([[20.0, 620.0], [20.0, 20.0]])
    >>> encode_fewest(line, GridSpec(), (640, 640), rounds=1).points.tolist()
    [[20.0, 620.0], [20.0, 20.0]]
    """
    pitch = reachable_pitch(grid, size_wh, rounds)
    axes = reachable_coordinates(grid, size_wh, rounds)
    line = drop_repeats(line)
    length = float(np.hypot(*np.diff(line, axis=0).T).sum())
    while length >= pitch / 2 and tolerance <= WIDEST:
        slack = max(END_SLACK, tolerance) * pitch
        points = _search(line, axes, Bounds(tolerance * pitch, RMS * pitch), slack)
        if points is not None:
            cells = cells_near(points, Curve(line), grid, size_wh, rounds)
            return FewestAnchors(points, cells, tolerance * pitch, slack)
        if length < STUB * pitch:
            break
        tolerance *= WIDEN
    chord = best_chord(line, axes, pitch) if length >= pitch / 2 else None
    ends = chord if chord is not None else drop_repeats(nearest_reachable(line[[0, -1]], axes))
    return FewestAnchors(ends, grid.cells_of(ends, size_wh), float("inf"), REACH * pitch)


def drop_repeats(points: FloatArray) -> FloatArray:
    """Return (M, 2) the points without those equal to the one before.

    >>> drop_repeats(np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 2.0]])).tolist()
    [[1.0, 2.0], [0.0, 2.0]]
    """
    keep = np.ones(len(points), dtype=np.bool_)
    keep[1:] = (points[1:] != points[:-1]).any(axis=1)
    return points[keep]


def nearest_reachable(points: FloatArray, axes: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return (N, 2) the reachable points nearest to the given ones."""
    snapped = [
        axis[np.abs(axis - points[:, k, None]).argmin(axis=1)] for k, axis in enumerate(axes)
    ]
    return np.stack(snapped, axis=1)


def simplify(line: FloatArray, spare: float, *, closed: bool = False) -> FloatArray:
    """Return the line with needless vertices left out (Douglas and Peucker), off by <= spare."""
    kept = cv2.approxPolyDP(line.astype(np.float32), spare, closed)[:, 0]
    return drop_repeats(as_points(kept))


def _search(
    line: FloatArray, axes: tuple[FloatArray, FloatArray], bounds: Bounds, slack: float
) -> FloatArray | None:
    """Return (M, 2) the anchors for one tolerance, or None."""
    spare = _SIMPLIFY * bounds.largest
    vertices = simplify(line, spare)
    if len(vertices) < 2:
        return None
    # The line goes on straight beyond its ends, for anchors that stand there.
    head, tail = vertices[0] - vertices[1], vertices[-1] - vertices[-2]
    before = vertices[0] + head * (slack / np.hypot(*head))
    behind = vertices[-1] + tail * (slack / np.hypot(*tail))
    center = vertices.mean(axis=0)  # moments lose fewer digits around the middle
    curve = Curve(np.concatenate([[before], vertices, [behind]]) - center)
    bounds = bounds._replace(largest=bounds.largest - spare)
    shifted = axes[0] - center[0], axes[1] - center[1]
    points, along = candidates_near(curve, shifted, bounds.largest)
    if len(points) == 0:
        return None
    costs = []
    for end in (1, -2):
        off = along - curve.along[end]
        near = np.hypot(*(points - curve.vertices[end]).T) <= slack
        weight = _END_COST * slack
        costs.append(np.where(near, weight * off**2, np.inf))
    path = Chords(curve, points, along).shortest_path(costs[0], costs[1], bounds)
    return None if path is None else points[path] + center
