"""Rings: clipping, canonical order, regular and fewest anchors."""

import numpy as np
import pytest
import shapely

from drivegrid.errors import GeometryError
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.rings import (
    canonical_ring,
    clip_rings,
    encode_fewest_ring,
    encode_regular,
    ring_area,
)

SIZE = (1640, 590)
GRID = GridSpec()


def square(left, top, side):
    return np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * float(side) + (left, top)


def blob(seed, count=24):
    rng = np.random.default_rng(seed)
    turn = np.arange(count) * 2 * np.pi / count
    radius = 180 + 60 * np.sin(turn * rng.integers(2, 5) + rng.uniform(0, 6))
    return (820, 300) + radius[:, None] * np.stack([2 * np.cos(turn), np.sin(turn)], axis=1)


def overlap(a, b):
    a, b = shapely.Polygon(a), shapely.Polygon(b)
    return (a & b).area / (a | b).area


@pytest.mark.parametrize("rings", [(), (np.zeros((0, 2)),)])
def test_empty_polygon_is_refused(rings):
    with pytest.raises(GeometryError, match="at least one vertex"):
        clip_rings(rings, SIZE)


def test_polygon_outside_is_named():
    with pytest.raises(GeometryError, match="polygon must meet the image"):
        clip_rings((square(-500, 0, 100),), SIZE)


def test_ring_is_cut_at_the_border():
    (ring,) = clip_rings((square(-50, 10, 100),), SIZE)
    assert ring.tolist() == [[0, 110], [0, 10], [50, 10], [50, 110]]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_hole_follows_its_shell(order):
    rings = (square(100, 100, 300), square(200, 200, 50))
    found = clip_rings(tuple(rings[i] for i in order), SIZE)
    assert [abs(ring_area(ring)) for ring in found] == [90000, 2500]


def test_cut_in_two_gives_two_shells_by_falling_area():
    comb = np.array([[100, 500], [100, 700], [300, 700], [300, 500], [250, 500], [250, 650],
                     [200, 650], [200, 500]], dtype=float)  # fmt: skip
    found = clip_rings((comb,), SIZE)
    assert [abs(ring_area(ring)) for ring in found] == [100 * 90, 50 * 90]


def test_ring_without_area_keeps_its_vertices():
    (ring,) = clip_rings((np.array([[10.0, 10.0], [50.0, 50.0]]),), SIZE)
    assert sorted(ring.tolist()) == [[10, 10], [50, 50]]


@pytest.mark.parametrize("turned", [1, -1])
@pytest.mark.parametrize("shift", range(4))
def test_canonical_ring(turned, shift):
    ring = np.roll(square(0, 0, 8), shift, axis=0)[::turned]
    assert canonical_ring(ring).tolist() == [[0, 8], [0, 0], [8, 0], [8, 8]]


@pytest.mark.parametrize(("every", "count"), [(1, 32), (2, 16), (100, 8)])
def test_regular_spacing(every, count):
    ring = np.array([[0.0, 590.0], [0, 295], [820, 295], [820, 590]])
    points = encode_regular(canonical_ring(ring), GRID, SIZE, every=every)
    gaps = np.hypot(*(np.diff(points, axis=0) / GRID.cell_size(SIZE)).T)
    assert len(points) == count
    assert points[0].tolist() == [0, 590]
    assert gaps.max() == pytest.approx(64 / count)


def test_regular_ring_without_length_is_one_point():
    assert encode_regular(np.full((3, 2), 5.0), GRID, SIZE).tolist() == [[5, 5]]


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_fewest_ring_stays_within_its_tolerance(seed, rounds):
    ring = canonical_ring(blob(seed))
    found = encode_fewest_ring(ring, GRID, SIZE, rounds=rounds)
    truth, decoded = shapely.LinearRing(ring), shapely.LinearRing(found.points)
    dense = [r.segmentize(2.0) for r in (truth, decoded)]
    assert shapely.hausdorff_distance(*dense) <= found.tolerance + 1e-6
    assert decoded.is_simple
    assert overlap(ring, found.points) > 0.95
    assert canonical_ring(found.points).tolist() == found.points.tolist()


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_square_on_the_lattice_takes_four_anchors(rounds):
    ring = np.array([[4.5, 20.5], [4.5, 8.5], [12.5, 8.5], [12.5, 20.5]])
    ring = ring * GRID.cell_size(SIZE)
    found = encode_fewest_ring(ring, GRID, SIZE, rounds=rounds)
    assert found.points == pytest.approx(ring)


def test_fewest_needs_fewer_than_regular_for_the_same_overlap():
    ring = canonical_ring(blob(1))
    few = encode_fewest_ring(ring, GRID, SIZE, rounds=2).points
    regular = encode_regular(ring, GRID, SIZE)
    assert len(few) < len(regular)
    assert overlap(ring, few) > overlap(ring, regular) - 0.02


@pytest.mark.parametrize("side", [0.0, 1.0, 5.0])
def test_ring_smaller_than_the_lattice_collapses(side):
    found = encode_fewest_ring(square(100, 100, side), GRID, SIZE, rounds=0)
    assert 1 <= len(found.points) <= 2
    assert found.tolerance == np.inf
