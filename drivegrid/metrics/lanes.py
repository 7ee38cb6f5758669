"""Lanes as curves: even sampling, and how far two lie apart whichever end comes first."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from drivegrid.geometry import FloatArray

DENSE_STEP_PX = 10.0
"""Spacing of points along a line decoded from tokens before the CULane spline goes through."""


def densify(points: FloatArray, step: float = DENSE_STEP_PX) -> FloatArray:
    """Return a polyline with points added so that none are farther apart than ``step``.

    Args:
        points: (N, 2) in pixels.
        step: Largest distance between neighbours, in pixels, > 0.

    Returns:
        (M, 2), M >= N minus the points repeated in a row; the vertices stay, so the shape is
        the same. A spline through few, far vertices swings out beside the line it stands for;
        through these it cannot.

    >>> densify(np.array([[0.0, 0.0], [0.0, 15.0]])).tolist()
    [[0.0, 0.0], [0.0, 7.5], [0.0, 15.0]]
    """
    if len(points) < 2:
        return points
    parts = [points[:1]]
    for start, end in pairwise(points):
        pieces = int(np.ceil(np.linalg.norm(end - start) / step))
        if pieces:
            share = np.arange(1, pieces + 1)[:, None] / pieces
            parts.append(start + share * (end - start))
    return np.concatenate(parts)


def distance_to_line(points: FloatArray, line: FloatArray) -> FloatArray:
    """Return (N,) distance in pixels from each point to the nearest place of a polyline.

    Args:
        points: (N, 2).
        line: (M, 2), M >= 1.

    >>> distance_to_line(np.array([[3.0, 5.0]]), np.array([[0.0, 0.0], [0.0, 9.0]])).tolist()
    [3.0]
    """
    start = line[:-1] if len(line) > 1 else line
    along = np.diff(line, axis=0) if len(line) > 1 else np.zeros((1, 2))
    square = (along**2).sum(axis=1)
    offset = points[:, None] - start
    share = (offset * along).sum(axis=-1) / np.where(square > 0, square, 1.0)
    gap = offset - share.clip(0, 1)[..., None] * along
    distance: FloatArray = np.linalg.norm(gap, axis=-1).min(axis=1)
    return distance


def lateral_deviation(first: FloatArray, second: FloatArray, step: float = DENSE_STEP_PX) -> float:
    """Return the mean distance between two polylines in pixels; their directions do not matter.

    Args:
        first: (N, 2) in pixels, N >= 1.
        second: (M, 2) likewise.
        step: Spacing in pixels at which each is sampled.

    The mean over samples of the distance to the other line, averaged over both ways.

    >>> line = np.array([[0.0, 0.0], [0.0, 50.0]])
    >>> lateral_deviation(line, line[::-1] + np.array([4.0, 0.0]))
    4.0
    """
    one, two = densify(first, step), densify(second, step)
    there = distance_to_line(one, second).mean()
    back = distance_to_line(two, first).mean()
    return float(there + back) / 2
