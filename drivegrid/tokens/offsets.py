"""Points to (cell, offsets) and back: the canonical choice of tokens for a label.

A cell and its offsets name a point, and many names are equal: the right border of a cell is
the left border of its neighbour. Spec v1 fixes one name for each labelled point:

1. the cell that *holds* the point (half-open, x = width in the last column), so that the
   proposal alone, before any offset, is as good as it can be;
2. in each round, and for x and y apart, the move of -1, 0 or 1 steps that leaves the smallest
   residual; of two equal ones the one to the right (x) or down (y), as for the cells:
   ``move = clip(floor(residual / step + 1/2), -1, 1)``, in float64.

Where the steps nest (m = 2n and gamma = 1/2, the default) the result is also the nearest point
that any (cell, offsets) can reach: round 1 reaches the lattice of pitch width / m, borders 0
and width included, which leaves at most half of that pitch; each later round again moves by
half of the last pitch, and so halves what is left. With gamma = 1, the paper's setting, a second
round cannot move closer and stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from drivegrid.geometry import BoolArray, FloatArray, IntArray, Size
from drivegrid.tokens.grid import DELETE, GridSpec, offset_vectors

# One row more than the nine moves, so that DELETE (which moves nothing) can be looked up too.
_MOVES = np.concatenate([offset_vectors(), [[0, 0]]]).astype(np.float64)
_MOVES.setflags(write=False)


def offsets_toward(points: FloatArray, anchors: FloatArray, step: FloatArray) -> IntArray:
    """Return (N,) the offset index that brings each anchor closest to its point.

    Args:
        points: (N, 2) where the anchors should be, in pixels.
        anchors: (N, 2) where they are now, in pixels; anywhere, also far away.
        step: (2,) how far one move goes, in pixels: ``grid.offset_step(size_wh, round_)``.

    Returns:
        (N,) int64 in [0, 9), never ``DELETE``: whether an anchor is hopeless is the caller's
        to say.

    >>> step = np.array([10.0, 10.0])
    >>> offsets_toward(np.array([[12.0, -4.0]]), np.array([[0.0, 0.0]]), step).tolist()
    [5]
    """
    steps = np.floor((points - anchors) / step + 0.5)
    moves = np.maximum(np.minimum(steps, 1), -1).astype(np.int64)
    index: IntArray = (moves[:, 1] + 1) * 3 + moves[:, 0] + 1
    return index


def encode_offsets(
    points: FloatArray, cells: IntArray, grid: GridSpec, size_wh: Size, rounds: int
) -> tuple[IntArray, ...]:
    """Return the canonical offsets of each round, greedily from the cells' centres.

    Args:
        points: (N, 2) in pixels.
        cells: (N, 2) column, row of the proposal; for labels ``grid.cells_of(points)``.
        grid: The lattice.
        size_wh: Image size in pixels.
        rounds: Number of offset rounds; 0 gives an empty tuple.

    Returns:
        For each round (N,) int64 offset indices in [0, 9).

    >>> grid = GridSpec(cols=4, rows=4, offset_cols=8, offset_rows=8)
    >>> points = np.array([[16.0, 11.0]])
    >>> cells = grid.cells_of(points, (64, 64))
    >>> cells.tolist(), [r.tolist() for r in encode_offsets(points, cells, grid, (64, 64), 2)]
    ([[1, 0]], [[3], [7]])
    """
    anchors = grid.centers_of(cells, size_wh)
    offsets = []
    for round_ in range(1, rounds + 1):
        step = grid.offset_step(size_wh, round_)
        offsets.append(offsets_toward(points, anchors, step))
        anchors = anchors + _MOVES[offsets[-1]] * step
    return tuple(offsets)


def decode_points(
    cells: IntArray, offsets: Sequence[IntArray], grid: GridSpec, size_wh: Size
) -> tuple[FloatArray, BoolArray]:
    """Return where the anchors end up and which of them were not deleted.

    Args:
        cells: (N, 2) column, row.
        offsets: For each round (N,) offset indices in [0, 10).
        grid: The lattice.
        size_wh: Image size in pixels.

    Returns:
        (N, 2) points in pixels, inside the image (a model may push an anchor over the border:
        it is moved back), and (N,) False where some round says ``DELETE``.

    >>> decode_points(np.array([[1, 0]]), (np.array([4]),), GridSpec(cols=4, rows=4), (64, 64))
    (array([[24.,  8.]]), array([ True]))
    """
    points = grid.centers_of(cells, size_wh)
    kept = np.ones(len(cells), dtype=np.bool_)
    for round_, indices in enumerate(offsets, start=1):
        points = points + _MOVES[indices] * grid.offset_step(size_wh, round_)
        kept &= indices != DELETE
    # minimum and maximum: np.clip costs three times as much on short arrays
    return np.maximum(np.minimum(points, np.asarray(size_wh, dtype=np.float64)), 0.0), kept


def residual_bound(grid: GridSpec, size_wh: Size, rounds: int) -> FloatArray:
    """Return (2,) the largest distance per axis from a point in the image to its decoded anchor.

    Half a cell without offsets; then each round takes off up to one step, but no more than down
    to half a step.

    >>> residual_bound(GridSpec(), (1600, 900), 2).tolist()
    [6.25, 3.515625]
    """
    bound = grid.cell_size(size_wh) / 2
    for round_ in range(1, rounds + 1):
        step = grid.offset_step(size_wh, round_)
        bound = np.minimum(bound, np.maximum(bound - step, step / 2))
    return bound


@lru_cache(maxsize=64)
def reachable_coordinates(
    grid: GridSpec, size_wh: Size, rounds: int
) -> tuple[FloatArray, FloatArray]:
    """Return the sorted x and the sorted y that canonical anchors can take, in pixels.

    A point is reachable when its x and its y are. The arrays are shared and read-only.

    >>> xs, ys = reachable_coordinates(GridSpec(cols=2, rows=1, offset_cols=4), (8, 8), 1)
    >>> xs.tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    xs = _reachable_axis(grid.cols, grid.offset_cols, grid.gamma, size_wh[0], rounds)
    ys = _reachable_axis(grid.rows, grid.offset_rows, grid.gamma, size_wh[1], rounds)
    return xs, ys


def _reachable_axis(count: int, steps: int, gamma: float, length: int, rounds: int) -> FloatArray:
    """Return the coordinates that the canonical code of some point decodes to."""
    square = GridSpec(count, count, offset_cols=steps, offset_rows=steps, gamma=gamma)
    size_wh = (length, length)
    values = np.asarray((np.arange(count) + 0.5) * (length / count), dtype=np.float64)
    for round_ in range(1, rounds + 1):
        step = square.offset_step(size_wh, round_)[0]
        moved = (values[:, None] + np.array([-step, 0.0, step])).ravel()
        # Sums in different order differ by rounding: 1e-6 of a pixel tells points apart.
        values = np.unique(np.round(moved, 6))
    values = values[(values >= 0) & (values <= length)]
    points = np.repeat(values[:, None], 2, axis=1)
    cells = square.cells_of(points, size_wh)
    offsets = encode_offsets(points, cells, square, size_wh, rounds)
    found, _ = decode_points(cells, offsets, square, size_wh)
    values = np.unique(np.round(found[np.abs(found - points).max(axis=1) < 1e-5, 0], 6))
    values.setflags(write=False)
    return values
