"""Far to near on the ground plan, against rays cast from the camera."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.scenes.ordering import far_to_near


def rectangle(x, z, size=(2.0, 4.0), turn=0.0):
    """Corners of a rectangle round (x, z), turned."""
    cos, sin = np.cos(turn), np.sin(turn)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(size) / 2
    return corners @ np.array([[cos, -sin], [sin, cos]]) + (x, z)


def crossing(slopes, ring):
    """Least and greatest Z at which rays X = slope * Z cross a convex ring; nan if they miss."""
    low, high = np.full(len(slopes), np.inf), np.full(len(slopes), -np.inf)
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        away, away_end = a[0] - slopes * a[1], b[0] - slopes * b[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = away / (away - away_end)
        z = np.where((t >= 0) & (t <= 1), a[1] + t * (b[1] - a[1]), np.nan)
        low, high = np.fmin(low, z), np.fmax(high, z)
    return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)


def broken_pairs(rings, order):
    """Pairs drawn the wrong way round: whoever is crossed first along some ray is not later."""
    slopes = np.tan(np.linspace(-1.4, 1.4, 4001))
    rank = {index: place for place, index in enumerate(order)}
    spans = [crossing(slopes, ring) for ring in rings]
    found = []
    for a in range(len(rings)):
        for b in range(len(rings)):
            if (spans[a][1] < spans[b][0] - 0.03).any() and rank[a] < rank[b]:
                found.append((a, b))
    return found


def disjoint(rng, count):
    """Rectangles of all shapes that keep 5 cm apart."""
    rings, shapes = [], []
    for _ in range(20 * count):
        size = rng.choice([(0.4, 0.4), (1.9, 4.5), (2.5, 12), (0.3, 16), (9, 9), (24, 0.6)])
        x, z = rng.uniform(-15, 15), rng.uniform(4, 60)
        ring = rectangle(x, z, size, rng.choice([0, 0.02, -0.3, 0.6, 1.5, 3.0]))
        shape = shapely.Polygon(ring)
        if ring[:, 1].min() > 1 and all(shape.distance(s) > 0.05 for s in shapes):
            rings.append(ring)
            shapes.append(shape)
        if len(rings) == count:
            break
    return np.array(rings)


@pytest.mark.parametrize(
    ("rings", "order"),
    [
        ([rectangle(0, 10)], [0]),
        ([rectangle(0, 10), rectangle(0, 20)], [1, 0]),
        ([rectangle(0, 20), rectangle(0, 10)], [0, 1]),
        # A long one whose middle is farther than what stands behind its near end.
        ([rectangle(0, 20, (0.3, 30)), rectangle(3, 12)], [1, 0]),
        ([rectangle(3, 20, (0.3, 30)), rectangle(0, 12)], [0, 1]),
        # A wall across: before it, behind it.
        ([rectangle(0, 20, (24, 0.6)), rectangle(-5, 17), rectangle(5, 23)], [2, 0, 1]),
    ],
)
def test_hand_made_plans(rings, order):
    assert far_to_near(np.array(rings)) == order


def test_a_pair_that_waits_keeps_its_place_among_the_rest():
    """The far end of a long rail must not let nearer things be drawn before what they hide."""
    rail = rectangle(1.2, 30, (0.3, 50), 0.0)
    far, near = rectangle(3.5, 52, (2, 4)), rectangle(2.6, 40, (1.6, 4))
    rings = np.array([rail, far, near])
    assert broken_pairs(rings, far_to_near(rings)) == []


@pytest.mark.parametrize("seed", range(40))
def test_against_rays(seed):
    rng = np.random.default_rng(seed)
    rings = disjoint(rng, int(rng.integers(2, 26)))
    order = far_to_near(rings)
    assert sorted(order) == list(range(len(rings)))
    assert broken_pairs(rings, order) == []


@given(st.permutations(range(9)))
def test_the_order_given_does_not_matter(permutation):
    rings = disjoint(np.random.default_rng(3), 9)
    order = far_to_near(rings[permutation])
    assert broken_pairs(rings[permutation], order) == []
