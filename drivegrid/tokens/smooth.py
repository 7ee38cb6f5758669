"""Anchors back to a line: the smoothest curve that the tokens allow.

A token says no more than that the line passes somewhere in the anchor's quantisation box. Of all
natural cubic splines through all boxes, by chord length, the one is taken with the least integrated
squared second derivative plus a little of the squared distance from the box centres: a small
quadratic program with bounds, one for x and one for y. It undoes most of the staircase of a
``rows`` code. Anchors of a ``fewest`` code are set for the polyline, which is their decoder.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_triangular
from scipy.optimize import lsq_linear

from drivegrid.geometry import FloatArray

SAMPLES = 8
"""Points returned for each pair of anchors."""
_PULL = 0.5
"""Weight of the distance from the box centres, in half boxes; of 0.001 to 2 the best on labels.

Without it the smoothest curve leans on the edges of its boxes wherever a lane bends.
"""


def smooth_line(anchors: FloatArray, half_wh: FloatArray) -> FloatArray:
    """Return the smoothest curve through the boxes around anchors.

    Args:
        anchors: (N, 2) box centres in pixels, in order.
        half_wh: (2,) half width and height of the boxes in pixels
            (``offsets.residual_bound``).

    Returns:
        (M, 2) points in pixels, ``SAMPLES`` for each pair of anchors; fewer than three anchors
        come back as they are.

    >>> stairs = np.array([[0.0, 0.0], [0.0, 9.0], [10.0, 18.0], [10.0, 27.0]])
    >>> curve = smooth_line(stairs, np.array([5.0, 4.5]))
    >>> (x, y), (u, v) = (curve - curve[0]).T, curve[-1] - curve[0]
    >>> bool(np.abs(u * y - v * x).max() / np.hypot(u, v) < 0.1)  # a straight line fits
    True
    """
    keep = np.ones(len(anchors), dtype=np.bool_)
    keep[1:] = (anchors[1:] != anchors[:-1]).any(axis=1)
    anchors = anchors[keep]
    if len(anchors) < 3:
        return anchors
    gaps = np.hypot(*np.diff(anchors, axis=0).T)
    knots = np.concatenate([[0.0], np.cumsum(gaps)]) / gaps.mean()
    bend = _bending(np.diff(knots))
    pull = _PULL * np.eye(len(anchors))
    design = np.concatenate([bend, pull])
    places = np.empty_like(anchors)
    for axis in (0, 1):
        half = float(half_wh[axis])
        target = np.concatenate([-bend @ anchors[:, axis] / half, np.zeros(len(anchors))])
        moved = lsq_linear(design, target, bounds=(-1.0, 1.0), method="bvls").x
        places[:, axis] = anchors[:, axis] + half * moved
    step = np.arange(SAMPLES) / SAMPLES
    at = np.append((knots[:-1, None] + np.diff(knots)[:, None] * step).ravel(), knots[-1])
    curve: FloatArray = CubicSpline(knots, places, bc_type="natural")(at)
    return curve


def _bending(gaps: FloatArray) -> FloatArray:
    """Return (N-2, N) B with |B q|**2 the integral of the squared second derivative.

    Of the natural cubic spline through values q: B'B = Q R^-1 Q' with Q the second divided
    differences and R the Gram matrix of the hat functions (Green and Silverman, 1994, section
    2.1.2).
    """
    count = len(gaps) - 1
    inner = np.arange(count)
    second = np.zeros((count, count + 2))
    second[inner, inner] = 1 / gaps[:-1]
    second[inner, inner + 1] = -1 / gaps[:-1] - 1 / gaps[1:]
    second[inner, inner + 2] = 1 / gaps[1:]
    gram = np.diag((gaps[:-1] + gaps[1:]) / 3)
    gram += np.diag(gaps[1:-1] / 6, 1) + np.diag(gaps[1:-1] / 6, -1)
    root: FloatArray = solve_triangular(np.linalg.cholesky(gram), second, lower=True)
    return root
