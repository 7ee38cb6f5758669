"""Stubs: the best single chord, against all pairs of reachable points."""

from itertools import permutations

import numpy as np
import pytest
import shapely

from drivegrid.tokens.fewest import encode_fewest
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.offsets import reachable_coordinates
from drivegrid.tokens.stubs import REACH, best_chord

SIZE = (1640, 590)
AXES = reachable_coordinates(GridSpec(), SIZE, 1)
PITCH = 15.4


def gap(line, chord, samples=9):
    """Mean squared distance there and back, by an independent library."""
    one, other = shapely.LineString(line), shapely.LineString(chord)
    total = 0.0
    for a, b in ((one, other), (other, one)):
        places = shapely.line_interpolate_point(a, np.linspace(0, a.length, samples))
        total += float((shapely.distance(places, b) ** 2).mean())
    return total


STUBS = {
    "upright between two columns": [[1138.0, 197.0], [1139.0, 229.0]],
    "upright on a column": [[1127.5, 200.0], [1127.5, 225.0]],
    "level": [[400.0, 300.0], [425.0, 301.0]],
    "slanted": [[1105.7, 221.2], [1091.6, 237.6]],
    "in the corner": [[0.0, 570.0], [12.0, 590.0]],
}


@pytest.mark.parametrize("name", STUBS)
def test_no_pair_of_reachable_points_is_closer(name):
    line = np.array(STUBS[name])
    chord = best_chord(line, AXES, PITCH)
    xs, ys = AXES
    points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    away = shapely.distance(shapely.points(points), shapely.LineString(line))
    near = points[away <= REACH * PITCH]
    least = min(gap(line, pair) for pair in permutations(near, 2))
    assert gap(line, chord) == pytest.approx(least, rel=1e-6)


def test_stub_between_columns_is_crossed_not_missed():
    line = np.array(STUBS["upright between two columns"])
    found = encode_fewest(line, GridSpec(), SIZE, rounds=1)
    middle = shapely.Point(line.mean(axis=0))
    assert shapely.LineString(found.points).distance(middle) < 6.0
    assert found.tolerance == np.inf


def test_nothing_near_gives_nothing():
    far = (np.array([0.0, 1000.0]), np.array([0.0, 1000.0]))
    assert best_chord(np.array([[500.0, 500.0], [501.0, 510.0]]), far, 1.0) is None
