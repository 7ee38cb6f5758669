"""Thinning against the literal algorithm, and what must stay."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drivegrid.metrics.thinning import thin

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def slow_thin(mask):
    """Zhang and Suen (1984), pixel by pixel: P2 is north, then clockwise."""
    grid = np.pad(mask, 1).astype(int)
    changed = True
    while changed:
        changed = False
        for step in (0, 1):
            away = []
            for r in range(1, grid.shape[0] - 1):
                for c in range(1, grid.shape[1] - 1):
                    p = [
                        grid[r - 1, c], grid[r - 1, c + 1], grid[r, c + 1], grid[r + 1, c + 1],
                        grid[r + 1, c], grid[r + 1, c - 1], grid[r, c - 1], grid[r - 1, c - 1],
                    ]  # fmt: skip
                    turns = sum(p[i] == 0 and p[(i + 1) % 8] == 1 for i in range(8))
                    n, e, s, w = p[0], p[2], p[4], p[6]
                    ends = (n * e * s, e * s * w) if step == 0 else (n * e * w, n * s * w)
                    if grid[r, c] and 2 <= sum(p) <= 6 and turns == 1 and ends == (0, 0):
                        away.append((r, c))
            for r, c in away:
                grid[r, c] = 0
            changed |= bool(away)
    return grid[1:-1, 1:-1].astype(bool)


def test_nothing_stays_nothing():
    assert not thin(np.zeros((4, 5), bool)).any()


@given(MASKS)
def test_equals_the_literal_algorithm(mask):
    assert (thin(mask) == slow_thin(mask)).all()


@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90])
def test_a_wide_line_becomes_one_connected_line_along_its_middle(angle):
    wide = np.zeros((200, 200), np.uint8)
    step = 70 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    ends = [tuple(int(v) for v in np.rint(100 + side * step)) for side in (-1, 1)]
    cv2.line(wide, *ends, 1, 9)
    found = thin(wide.astype(bool))
    assert cv2.connectedComponents(found.astype(np.uint8), connectivity=8)[0] == 2
    rows, cols = np.nonzero(found)
    normal = np.array([-step[1], step[0]]) / 70
    away = np.abs((np.stack([cols, rows], axis=1) - 100) @ normal)
    assert away.max() < 5
    assert np.median(away) <= 1
    assert 120 <= max(np.ptp(rows), np.ptp(cols)) * 140 / max(abs(2 * step)) <= 150
