"""A line's x at rows against a slow, plain walk along the line."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data.formats.lanes import climbs, prolonged, sample_rows

_coordinate = st.integers(0, 12).map(float)
_points = st.lists(st.tuples(_coordinate, _coordinate), max_size=6)


def walk(points, row):
    """The x where the line first meets a row, segment by segment."""
    for x, y in points[:1]:
        if y == row:
            return x
    for (x0, y0), (x1, y1) in pairwise(points):
        if y0 == y1 == row:
            return x0
        if y0 != y1 and min(y0, y1) <= row <= max(y0, y1):
            return x0 + (x1 - x0) * (row - y0) / (y1 - y0)
    return math.nan


@given(_points, st.lists(st.integers(0, 24).map(lambda half: half / 2), max_size=9))
def test_rows_agree_with_a_walk(points, rows):
    found = sample_rows(np.array(points).reshape(-1, 2), np.array(rows))
    expected = [walk(points, row) for row in rows]
    np.testing.assert_allclose(found, np.array(expected), atol=1e-9)


def test_points_themselves_are_exact():
    points = np.random.default_rng(0).uniform(0, 1000, (200, 2))
    points = points[np.argsort(-points[:, 1])]
    assert np.array_equal(sample_rows(points, points[:, 1]), points[:, 0])


@pytest.mark.parametrize(
    ("points", "expected"),
    [([], True), ([[0, 5]], True), ([[0, 5], [9, 4]], True), ([[0, 5], [9, 5]], False),
     ([[0, 4], [0, 5]], False)],
)  # fmt: skip
def test_climbs(points, expected):
    assert climbs(np.array(points).reshape(-1, 2)) is expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([[5, 5]], [[5, 5]]),
        ([[50, 60], [50, 42]], [[50, 65], [50, 60], [50, 42], [50, 37]]),
        ([[50, 60], [60, 60]], [[50, 60], [60, 60]]),  # level: no y to gain
        ([[98, 60], [90, 50]], [[100, 62.5], [98, 60], [90, 50], [86, 45]]),  # up to the border
        ([[100, 60], [90, 50]], [[100, 60], [90, 50], [85, 45]]),
        ([[120, 60], [90, 50]], [[120, 60], [90, 50], [75, 45]]),  # outside already
    ],
    ids=["empty", "point", "upright", "level", "near the border", "at the border", "outside"],
)
def test_prolonged_goes_on_straight_inside_the_image(points, expected):
    found = prolonged(np.array(points, dtype=float).reshape(-1, 2), 5.0, 100.0)
    assert found.tolist() == np.array(expected, dtype=float).reshape(-1, 2).tolist()
