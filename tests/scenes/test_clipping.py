"""Curves and rings cut at the picture's border."""

import numpy as np
import pytest
import shapely

from drivegrid.scenes.clipping import clip_ring, longest_inside, simplify, sound_ring

SIZE = (1280, 720)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (np.zeros((0, 2)), np.zeros((0, 2))),
        ([[10, 10]], [[10, 10]]),
        ([[10, 10], [20, 20]], [[10, 10], [20, 20]]),
        ([[-10, 10], [10, 10], [30, 10]], [[0, 10], [10, 10], [30, 10]]),
        ([[-10, -10], [-20, 30]], np.zeros((0, 2))),
        ([[640, 800], [640, 700], [640, 600]], [[640, 720], [640, 700], [640, 600]]),
        (
            [[5, 5], [-5, 5], [1270, 5], [1275, 5], [1300, 5]],
            [[0, 5], [1270, 5], [1275, 5], [1280, 5]],
        ),
        ([[-100, 360], [1400, 360]], np.zeros((0, 2))),  # no point inside
    ],
)
def test_longest_inside(curve, expected):
    found = longest_inside(np.array(curve, dtype=float), SIZE)
    np.testing.assert_allclose(found, np.array(expected, dtype=float), atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_longest_inside_is_part_of_the_curve(seed):
    rng = np.random.default_rng(seed)
    curve = np.cumsum([(640, 360), *rng.normal(0, 150, (30, 2))], axis=0)
    found = longest_inside(curve, SIZE)
    inside = shapely.LineString(curve).intersection(shapely.box(0, 0, *SIZE))
    if len(found) > 1:
        assert inside.buffer(1e-3).contains(shapely.LineString(found))


def test_simplify_keeps_ends_and_spacing():
    curve = np.stack([np.linspace(0, 100, 201), np.zeros(201)], axis=1)
    thin = simplify(curve, spacing_px=10)
    assert thin[0].tolist() == [0, 0]
    assert thin[-1].tolist() == [100, 0]
    assert len(thin) == 11
    assert len(simplify(curve[:2])) == 2
    assert len(simplify(curve[:0])) == 0


@pytest.mark.parametrize(
    ("ring", "area"),
    [
        (np.zeros((0, 2)), 0),
        ([[10, 10], [20, 10], [20, 20]], 50),
        ([[-10, 10], [10, 10], [10, 20], [-10, 20]], 100),
        ([[-30, -30], [-10, -30], [-10, -10]], 0),
        ([[-100, -100], [2000, -100], [2000, 2000], [-100, 2000]], 1280 * 720),
    ],
)
def test_clip_ring(ring, area):
    found = clip_ring(np.array(ring, dtype=float), SIZE)
    assert (shapely.Polygon(found).area if len(found) > 2 else 0) == pytest.approx(area)


@pytest.mark.parametrize("seed", range(20))
def test_clip_convex_rings_like_shapely(seed):
    rng = np.random.default_rng(seed)
    hull = shapely.MultiPoint(rng.uniform((-600, -400), (1900, 1100), (7, 2))).convex_hull
    ring = shapely.get_coordinates(hull.exterior)[:-1]
    expected = hull.intersection(shapely.box(0, 0, *SIZE)).area
    assert shapely.Polygon(clip_ring(ring, SIZE)).area == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ring", "area"),
    [
        ([], 0.0),
        ([(0, 0), (1, 0)], 0.0),
        ([(0, 0), (4, 0), (4, 4), (0, 4)], 16.0),
        ([(0, 0), (4, 0), (0, 4), (3, 4)], 32 / 7),  # crosses itself: the larger piece stays
        ([(0, 0), (4, 0), (2, 0)], 0.0),
    ],
)
def test_sound_ring(ring, area):
    found = sound_ring(np.array(ring, dtype=float).reshape(-1, 2))
    shape = shapely.Polygon(found) if len(found) else shapely.Polygon()
    assert shape.is_valid
    assert shape.area == pytest.approx(area)
