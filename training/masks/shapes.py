"""Masks of drawn shapes: thin lines, dots, rings and many parts, of which scenes have too few."""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.geometry import BoolArray, Size

MOST_PARTS, MOST_CUTS, MOST_DOTS = 4, 2, 12
LEAST_SHARE, MOST_SHARE = 0.02, 0.5
"""Size of a part as a share of the frame's height."""


def draw_shapes(size_wh: Size, rng: np.random.Generator) -> BoolArray:
    """Return a mask, (H, W), with at least one pixel: some parts, and what is cut out of them."""
    canvas = np.zeros(size_wh[::-1], np.uint8)
    while not canvas.any():
        for _ in range(rng.integers(1, MOST_PARTS + 1)):
            _DRAWERS[rng.integers(len(_DRAWERS))](canvas, 1, rng)
        for _ in range(rng.integers(MOST_CUTS + 1)):
            _DRAWERS[rng.integers(len(_DRAWERS))](canvas, 0, rng)
    return canvas.astype(np.bool_)


def _place(canvas: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    height, width = canvas.shape
    return int(rng.integers(width)), int(rng.integers(height))


def _length(canvas: np.ndarray, rng: np.random.Generator) -> int:
    share = np.exp(rng.uniform(np.log(LEAST_SHARE), np.log(MOST_SHARE)))
    return max(1, round(share * canvas.shape[0]))


def _line(canvas: np.ndarray, value: int, rng: np.random.Generator) -> None:
    points = [_place(canvas, rng) for _ in range(rng.integers(2, 5))]
    cv2.polylines(canvas, [np.array(points, np.int32)], False, value, int(rng.integers(1, 5)))


def _ellipse(canvas: np.ndarray, value: int, rng: np.random.Generator) -> None:
    axes = _length(canvas, rng), _length(canvas, rng)
    breadth = int(rng.choice([-1, 1, 3]))
    cv2.ellipse(canvas, _place(canvas, rng), axes, rng.uniform(0, 180), 0, 360, value, breadth)


def _rectangle(canvas: np.ndarray, value: int, rng: np.random.Generator) -> None:
    left, top = _place(canvas, rng)
    corner = left + _length(canvas, rng), top + _length(canvas, rng)
    cv2.rectangle(canvas, (left, top), corner, value, int(rng.choice([-1, 1, 3])))


def _dots(canvas: np.ndarray, value: int, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, MOST_DOTS + 1)):
        cv2.circle(canvas, _place(canvas, rng), int(rng.integers(5)), value, -1)


_DRAWERS = (_line, _ellipse, _rectangle, _dots)
