"""Lines to anchors, the regular way: one anchor in each lattice row.

A line is cut at the image border, put in canonical order (bottom to top; a near-horizontal one
left to right) and sampled where it crosses the centre lines of the rows, so that the row of an
anchor is known beforehand and only its column has to be found. ``fewest.py`` is the other way.
"""

from __future__ import annotations

import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray, Size
from drivegrid.tokens.grid import GridSpec

HORIZONTAL_RATIO = 4.0
"""A line is near-horizontal when it spans more than this many columns for each row it spans."""


def is_horizontal(line: FloatArray, grid: GridSpec, size_wh: Size) -> bool:
    """Tell whether a line is sampled by columns and ordered left to right.

    >>> is_horizontal(np.array([[0.0, 9.0], [60.0, 8.0]]), GridSpec(), (64, 64))
    True
    """
    cols, rows = (line.max(axis=0) - line.min(axis=0)) / grid.cell_size(size_wh)
    return bool(cols > HORIZONTAL_RATIO * rows)


def canonical_order(line: FloatArray, grid: GridSpec, size_wh: Size) -> FloatArray:
    """Return (N, 2) the line from its bottom end to its top end, vertices unchanged.

    A near-horizontal line, and one whose ends are equally high, runs from left to right.

    >>> canonical_order(np.array([[5.0, 0.0], [6.0, 60.0]]), GridSpec(), (64, 64)).tolist()
    [[6.0, 60.0], [5.0, 0.0]]
    """
    (x_0, y_0), (x_1, y_1) = line[0].tolist(), line[-1].tolist()
    if y_0 == y_1 or is_horizontal(line, grid, size_wh):
        return line[::-1] if x_0 > x_1 else line
    return line[::-1] if y_0 < y_1 else line


def clip_line(line: FloatArray, size_wh: Size) -> FloatArray:
    """Cut a line at the image border and return its longest piece inside.

    Args:
        line: (N, 2) in pixels, N >= 1, in or out of the image.
        size_wh: Image size in pixels.

    Returns:
        (M, 2) in pixels, M >= 1, inside the closed image. Of a line that leaves the image and
        comes back only the longest piece is kept: one line of anchors cannot have a gap.

    Raises:
        GeometryError: If the line has no point or does not meet the image.

    >>> clip_line(np.array([[-10.0, 5.0], [10.0, 5.0]]), (64, 64)).tolist()
    [[0.0, 5.0], [10.0, 5.0]]
    """
    if len(line) == 0:
        raise GeometryError("line must have at least one point, got none. Drop it before encoding.")
    size = np.asarray(size_wh, dtype=np.float64)
    inside = np.asarray(((line >= 0) & (line <= size)).all(axis=1))
    if inside.all():
        return line
    pieces = _pieces_inside(line, inside, size)
    if not pieces:
        raise GeometryError(
            f"line must meet the image, got points from {line.min(axis=0).tolist()} to "
            f"{line.max(axis=0).tolist()} (image {size_wh[0]} x {size_wh[1]}). "
            "Drop it before encoding."
        )
    return max(pieces, key=lambda piece: float(np.hypot(*np.diff(piece, axis=0).T).sum()))


def _pieces_inside(line: FloatArray, inside: BoolArray, size: FloatArray) -> list[FloatArray]:
    """Split a line into its stretches inside [0, size], by Liang and Barsky's clipping."""
    if len(line) == 1:
        return [line] if inside[0] else []
    start, move = line[:-1], np.diff(line, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        at_low, at_high = -start / move, (size - start) / move
    still = move == 0
    held = still & (start >= 0) & (start <= size)
    enter = np.where(still, np.where(held, -np.inf, np.inf), np.minimum(at_low, at_high))
    leave = np.where(still, np.where(held, np.inf, -np.inf), np.maximum(at_low, at_high))
    first = np.maximum(enter.max(axis=1), 0.0)
    last = np.minimum(leave.min(axis=1), 1.0)
    pieces: list[list[FloatArray]] = []
    for i in np.flatnonzero(first <= last):
        if first[i] > 0 or i == 0 or not inside[i]:
            pieces.append([start[i] + first[i] * move[i]])
        pieces[-1].append(line[i + 1] if last[i] >= 1 else start[i] + last[i] * move[i])
    return [np.clip(np.array(piece), 0.0, size) for piece in pieces]


def encode_rows(line: FloatArray, grid: GridSpec, size_wh: Size, *, every: int = 1) -> FloatArray:
    """Return one point of the line in each lattice row, the two ends included.

    Args:
        line: (N, 2) in pixels, inside the image and in canonical order; N >= 1.
        grid: The lattice.
        size_wh: Image size in pixels.
        every: Take every k-th row, counted from the bottom of the image.

    Returns:
        (M, 2) in pixels, in the order of the line: its start, then every place where it
        crosses the centre line of a row, then its end. A row that holds an end has no anchor
        next to it. A near-horizontal line is sampled by columns instead. A line that turns back
        has an anchor for each crossing.

    >>> line = np.array([[8.0, 64.0], [8.0, 0.0]])
    >>> encode_rows(line, GridSpec(cols=4, rows=4), (64, 64))[:, 1].tolist()
    [64.0, 40.0, 24.0, 0.0]
    """
    if len(line) == 1:
        return line
    axis = 0 if is_horizontal(line, grid, size_wh) else 1
    count = (grid.cols, grid.rows)[axis]
    along = line[:, axis] * (count / size_wh[axis])  # in rows (or columns) from the top (left)
    # Centre lines lie at whole numbers of `level`; a segment crosses those between its ends.
    level = (along - (0.5 if axis == 0 else count - 0.5)) / every
    floor = np.floor(level)
    crossed = np.abs(np.diff(floor)).astype(np.int64)
    segment = np.repeat(np.arange(len(crossed)), crossed)
    step = np.arange(len(segment)) - np.repeat(np.cumsum(crossed) - crossed, crossed)
    rising = floor[segment + 1] > floor[segment]
    at = np.where(rising, floor[segment] + 1 + step, floor[segment] - step)
    share = (at - level[segment]) / (level[segment + 1] - level[segment])
    points = line[segment] + share[:, None] * (line[segment + 1] - line[segment])
    rows = np.floor(along[[0, -1]]).clip(0, count - 1)
    row_of = np.rint(at * every + (0.0 if axis == 0 else count - 1))
    first = 1 if len(row_of) and row_of[0] == rows[0] else 0
    last = len(row_of) - (1 if len(row_of) > first and row_of[-1] == rows[1] else 0)
    return np.concatenate([line[:1], points[first:last], line[-1:]])
