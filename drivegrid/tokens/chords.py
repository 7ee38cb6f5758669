"""What the ``fewest`` encoders of lines and rings share: candidates, chords, the shortest path.

A curve is to be replaced by chords between reachable points. A chord from candidate i to j
stands for the curve between the places nearest to i and to j. Its cost, the integral of the
squared distance over that stretch, is additive along a path and has a closed form in the
curve's moments, so all pairs together cost one pass of array arithmetic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drivegrid.geometry import BoolArray, FloatArray, IntArray, Size
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.offsets import decode_points, encode_offsets, reachable_coordinates

NEARLY = 1.25
"""Where the wished deviation is out of reach: the shortest path within this factor of the least."""
MAX_CANDIDATES = 400
"""A bound on time and memory, which grow with the square: lanes have about 100 at two rounds."""
_GAIN = 0.97  # an anchor more has to bring the cost below this share, or the search ends


class Bounds(NamedTuple):
    """How close chords keep to the curve, in pixels.

    Args:
        largest: No place of the curve or of the chords is farther away than this.
        rms: The root mean square of the distance should be at most this.
    """

    largest: float
    rms: float


class Curve:
    """A polyline by arc length.

    Args:
        vertices: (K, 2) in pixels, K >= 2, no two equal ones in a row.

    Attributes:
        along: (K,) arc length up to each vertex, in pixels.
    """

    def __init__(self, vertices: FloatArray) -> None:
        self.vertices = vertices
        self.moves = np.diff(vertices, axis=0)
        self.lengths = np.hypot(self.moves[:, 0], self.moves[:, 1])
        self.along = np.concatenate([[0.0], np.cumsum(self.lengths)])
        pieces = _moments(vertices[:-1], vertices[1:], self.lengths)
        self.moments = np.concatenate([np.zeros((1, 6)), np.cumsum(pieces, axis=0)])

    def nearest(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (N,) distance to the curve and (N,) arc length of the nearest place."""
        to = points[:, None] - self.vertices[None, :-1]
        share = np.clip((to * self.moves).sum(axis=2) / self.lengths**2, 0.0, 1.0)
        away = to - share[..., None] * self.moves
        squared = (away * away).sum(axis=2)
        best = squared.argmin(axis=1)
        row = np.arange(len(points))
        return np.sqrt(squared[row, best]), self.along[best] + share[row, best] * self.lengths[best]

    def at(self, along: FloatArray) -> FloatArray:
        """Return (N, 2) the places at these arc lengths."""
        x = np.interp(along, self.along, self.vertices[:, 0])
        return np.stack([x, np.interp(along, self.along, self.vertices[:, 1])], axis=1)

    def moments_to(self, along: FloatArray) -> FloatArray:
        """Return (N, 6) integrals of 1, x, y, xx, xy, yy over the curve up to these lengths."""
        k = np.clip(np.searchsorted(self.along, along, "right") - 1, 0, len(self.moves) - 1)
        return self.moments[k] + _moments(self.vertices[k], self.at(along), along - self.along[k])


def _moments(start: FloatArray, end: FloatArray, length: FloatArray) -> FloatArray:
    """Return (N, 6) integrals of 1, x, y, xx, xy, yy along straight segments."""
    (x, y), (u, v) = start.T, end.T
    return np.stack(
        [
            length,
            length * (x + u) / 2,
            length * (y + v) / 2,
            length * (x * x + x * u + u * u) / 3,
            length * (2 * x * y + x * v + u * y + 2 * u * v) / 6,
            length * (y * y + y * v + v * v) / 3,
        ],
        axis=1,
    )


def reachable_pitch(grid: GridSpec, size_wh: Size, rounds: int) -> float:
    """Return the mean pitch of the reachable points: the side of one point's share of the image.

    >>> reachable_pitch(GridSpec(), (640, 640), 1)
    10.0
    """
    xs, ys = reachable_coordinates(grid, size_wh, rounds)
    pitch = [np.ptp(axis) / max(1, len(axis) - 1) for axis in (xs, ys)]
    return float(np.sqrt(pitch[0] * pitch[1])) or float(max(size_wh))


def candidates_near(
    curve: Curve, axes: tuple[FloatArray, FloatArray], largest: float
) -> tuple[FloatArray, FloatArray]:
    """Return the (N, 2) reachable points within ``largest`` of a curve and their arc lengths (N,).

    They come in the order of the curve; of more than ``MAX_CANDIDATES`` the nearest are kept.
    ``axes`` are the reachable x and y.
    """
    steps = [float(np.diff(axis).min(initial=np.inf)) for axis in axes]
    spacing = min(*steps, curve.along[-1])
    places = curve.at(np.linspace(0.0, curve.along[-1], int(curve.along[-1] / spacing) + 2))
    ids = np.zeros((len(places), 1), dtype=np.int64)
    for axis, (values, step) in enumerate(zip(axes, steps, strict=True)):
        far = int((largest + spacing / 2) / step + 0.5)
        closest = np.searchsorted((values[1:] + values[:-1]) / 2, places[:, axis])
        around = np.clip(closest[:, None] + np.arange(-far, far + 1), 0, len(values) - 1)
        ids = (ids[:, :, None] * len(values) + around[:, None, :]).reshape(len(places), -1)
    unique = np.unique(ids)
    points = np.stack([axes[0][unique // len(axes[1])], axes[1][unique % len(axes[1])]], axis=1)
    distance, along = curve.nearest(points)
    near = np.flatnonzero(distance <= largest)
    if len(near) > MAX_CANDIDATES:
        near = near[np.argsort(distance[near], kind="stable")[:MAX_CANDIDATES]]
    near = near[np.argsort(along[near], kind="stable")]
    return points[near], along[near]


class Chords:
    """All chords between candidates of one curve.

    Args:
        curve: What they stand for.
        points: (N, 2) candidates in pixels, in the order of the curve.
        along: (N,) where on the curve they are, rising.
    """

    def __init__(self, curve: Curve, points: FloatArray, along: FloatArray) -> None:
        self.curve, self.points, self.along = curve, points, along

    def shortest_path(
        self, start: FloatArray, end: FloatArray, bounds: Bounds, fewest: int = 2
    ) -> IntArray | None:
        """Return the candidates on the best path from start to end, or None.

        Args:
            start: (N,) cost of beginning at a candidate, inf where that is not allowed.
            end: (N,) cost of ending there.
            bounds: Every chord keeps to ``largest``. The path has the fewest candidates whose
                total cost reaches ``rms``, and of those the least cost; where none does, the
                fewest within ``NEARLY`` of the least cost.
            fewest: Least number of candidates.
        """
        costs = self._costs(bounds.largest)
        target = bounds.rms**2 * self.curve.along[-1]
        path = _shortest(costs, start, end, target, fewest)
        # The mean already keeps most paths within the largest deviation: look first at the path
        # alone, and at all chords only if it fails.
        if path is not None and self._leave(path[:-1], path[1:], bounds.largest).any():
            i, j = np.nonzero(np.isfinite(costs))
            bad = self._leave(i, j, bounds.largest)
            costs[i[bad], j[bad]] = np.inf
            path = _shortest(costs, start, end, target, fewest)
        return path

    def _normals(self, i: IntArray, j: IntArray) -> FloatArray:
        chord = self.points[j] - self.points[i]
        length = np.hypot(chord[:, 0], chord[:, 1])
        length[length == 0] = 1.0  # a ring's start is there twice
        return np.stack([-chord[:, 1] / length, chord[:, 0] / length], axis=1)

    def _costs(self, largest: float) -> FloatArray:
        """Return (N, N) costs of i -> j; inf backwards and where the mean breaks ``largest``."""
        costs = np.full((len(self.points), len(self.points)), np.inf)
        i, j = np.nonzero(self.along[:, None] < self.along)
        u, v = self._normals(i, j).T
        level = u * self.points[i, 0] + v * self.points[i, 1]
        moments = self.curve.moments_to(self.along)
        one, x, y, xx, xy, yy = (moments[j] - moments[i]).T.copy()
        # the integral of (u x + v y - level)**2
        squared = (
            u * (u * xx + 2 * v * xy) + v * v * yy - level * (2 * (u * x + v * y) - level * one)
        )
        fits = squared <= largest**2 * one
        costs[i[fits], j[fits]] = np.maximum(squared[fits], 0.0)
        return costs

    def _leave(self, i: IntArray, j: IntArray, largest: float) -> BoolArray:
        """Return (P,) whether the curve from i to j leaves the surroundings of its chord.

        Distance to a segment is convex: the farthest place of the curve is one of its vertices.
        """
        normal = self._normals(i, j)
        chord = normal[:, ::-1] * (1.0, -1.0)
        length = ((self.points[j] - self.points[i]) * chord).sum(axis=1, keepdims=True)
        inner = self.curve.vertices[1:-1].T
        across = normal @ inner - (normal * self.points[i]).sum(axis=1, keepdims=True)
        beyond = chord @ inner - (chord * self.points[i]).sum(axis=1, keepdims=True)
        beyond -= np.clip(beyond, 0.0, length)
        after = np.searchsorted(self.curve.along[1:-1], self.along, "right")
        order = np.arange(inner.shape[1])
        between = (order >= after[i, None]) & (order < after[j, None])
        outside: BoolArray = ((across**2 + beyond**2 > largest**2) & between).any(axis=1)
        return outside


def _shortest(
    costs: FloatArray, start: FloatArray, end: FloatArray, target: float, fewest: int
) -> IntArray | None:
    """Return the shortest path with cost <= target, else one of nearly the least cost.

    Round k knows for every node the least cost of a path of k + 1 nodes that ends there.
    """
    best, ends, totals = start, [0], [np.inf]
    back: list[IntArray] = []
    while len(back) < len(start) and np.isfinite(best).any():
        total = best[:, None] + costs
        back.append(total.argmin(axis=0))
        best = total[back[-1], np.arange(len(start))]
        ends.append(int((best + end).argmin()))
        enough = len(ends) >= fewest
        totals.append(float(best[ends[-1]] + end[ends[-1]]) if enough else np.inf)
        stalled = np.isfinite(totals[-1]) and totals[-1] > _GAIN * totals[-2]
        if totals[-1] <= target or stalled:
            break
    least = min(totals)
    if not np.isfinite(least):
        return None
    rounds = int(np.argmax(np.array(totals) <= max(target, NEARLY * least)))
    path = [ends[rounds]]
    for previous in reversed(back[:rounds]):
        path.append(int(previous[path[-1]]))
    return np.array(path[::-1])


def cells_near(
    points: FloatArray, curve: Curve, grid: GridSpec, size_wh: Size, rounds: int
) -> IntArray:
    """Return (M, 2) for each anchor the cell that holds the curve's nearest place.

    The proposal alone is then as close as it can be. Where offsets from that cell do not reach
    the anchor, it is the cell that holds the anchor.
    """
    _, along = curve.nearest(points)
    cells = grid.cells_of(curve.at(along), size_wh)
    offsets = encode_offsets(points, cells, grid, size_wh, rounds)
    found, _ = decode_points(cells, offsets, grid, size_wh)
    reached: BoolArray = np.abs(found - points).max(axis=1) < 1e-4
    return np.where(reached[:, None], cells, grid.cells_of(points, size_wh))
