"""The rules behind attributes, on worlds made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Point
from drivegrid.scenes.conditions import (
    CAR_GAP_M,
    Taken,
    blockage_of,
    density_of,
    ego_relations,
    facing,
    stands_in_the_way,
    surface_of,
    taken_ground,
    visible_state,
)
from tests.scenes.worlds import hand_made, hilly, plain_road, put

STOPPED, MOVING, PARKED = ({"activity": a} for a in ("stopped", "moving", "parked"))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "free"), (3, "free"), (4, "medium"), (8, "medium"), (9, "dense"), (40, "dense")],
)
def test_density(count, expected):
    assert density_of(count) == expected


@pytest.mark.parametrize(
    ("visibility", "cut", "expected"),
    [
        (1.0, True, "cut off"),
        (0.2, True, "cut off"),
        (0.2, False, "mostly hidden"),
        (0.399, False, "mostly hidden"),
        (0.4, False, "partly hidden"),
        (0.799, False, "partly hidden"),
        (0.8, False, "fully visible"),
        (1.0, False, "fully visible"),
    ],
)
def test_visible_state(visibility, cut, expected):
    assert visible_state(visibility, cut) == expected


def spans(*rows, lasting=True):
    return Taken(np.array(rows, dtype=float).reshape(-1, 4), np.full(len(rows), lasting))


DEPTH = np.arange(2.0, 60.0, 1.0)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (spans(), "open"),
        (spans((-0.3, 0.3, 20, 20.6)), "partial"),
        # 7 m of road: one thing that leaves exactly a car's gap, and one that does not.
        (spans((-3.5, 3.5 - CAR_GAP_M - 0.01, 20, 24)), "partial"),
        (spans((-3.5, 3.5 - CAR_GAP_M + 0.01, 20, 24)), "blocked"),
        (spans((-2.0, 2.0, 20, 24)), "blocked"),
        # Two side by side, and the same two one behind the other.
        (spans((-3.4, -1.4, 20, 24), (0.7, 2.7, 20, 24)), "blocked"),
        (spans((-3.4, -1.4, 20, 24), (0.7, 2.7, 40, 44)), "partial"),
        # Overlapping in depth by less than their length; a gap of a metre counts as beside.
        (spans((-3.4, -1.4, 20, 24), (0.7, 2.7, 24.8, 28)), "blocked"),
        # In the far half of the depths, off the strip, at its very border, beyond its end.
        (spans((-3.5, 3.5, 58, 59)), "blocked"),
        (spans((3.6, 9.0, 20, 24)), "open"),
        (spans((3.4, 9.0, 20, 24)), "open"),
        (spans((-3.5, 3.5, 80, 84)), "open"),
        # What moves blocks nothing.
        (spans((-3.5, 3.5, 20, 24), lasting=False), "open"),
    ],
)
def test_blockage(taken, expected):
    borders = (np.full(len(DEPTH), -3.5), np.full(len(DEPTH), 3.5))
    assert blockage_of(taken, borders, DEPTH) == expected


@pytest.mark.parametrize("seed", range(30))
def test_blockage_against_a_raster(seed):
    """The strip as cells of 5 cm: the widest free stretch beside each thing."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(rng.integers(0, 7)):
        q, z = rng.uniform(-5, 5), rng.uniform(4, 50)
        wide, long = rng.uniform(0.2, 2.6), rng.uniform(0.3, 6)
        rows.append((q - wide / 2, q + wide / 2, z, z + long))
    inside = [r for r in rows if r[1] > -3.5 + 0.15 and r[0] < 3.5 - 0.15]
    cells = np.arange(-3.5 + 0.025, 3.5, 0.05)
    widest = []
    for _, _, near, far in inside:
        free = np.ones(len(cells), dtype=bool)
        for low, high, a, b in inside:
            if a < far + 1 and b > near - 1:
                free &= (cells < low) | (cells > high)
        padded = np.concatenate([[0], free.astype(int), [0]])
        edges = np.flatnonzero(np.diff(padded)).reshape(-1, 2)
        widest.append(0.05 * np.diff(edges, axis=1).max(initial=0))
    if widest and abs(min(widest) - CAR_GAP_M) < 0.11:
        pytest.skip("too close to call in cells of 5 cm")
    expected = "open" if not widest else "blocked" if min(widest) < CAR_GAP_M else "partial"
    borders = (np.full(len(DEPTH), -3.5), np.full(len(DEPTH), 3.5))
    assert blockage_of(spans(*rows), borders, DEPTH) == expected


@pytest.mark.parametrize(
    ("mesh", "attributes", "expected"),
    [
        ("sedan", MOVING, (1, [False])),
        ("sedan", STOPPED, (1, [True])),
        ("sedan", PARKED, (1, [True])),
        ("cone", {}, (1, [True])),
        ("pothole", {}, (0, [])),
        ("man walking", {"activity": "standing"}, (1, [True])),
    ],
)
def test_ground_under_things(mesh, attributes, expected):
    road = plain_road(hilly(2, 0.2))
    world = hand_made(road, [put(road, mesh, 1.2, 20.0, attributes=attributes)])
    taken = taken_ground(world)
    assert (len(taken.spans), taken.lasting.tolist()) == expected
    for low, high, near, far in taken.spans:
        assert low < 1.2 < high
        assert near < 20.0 < far
        assert high - low < 2.6 and far - near < 6


def test_no_things_take_no_ground():
    taken = taken_ground(hand_made(plain_road(), []))
    assert taken.spans.shape == (0, 4)
    assert len(taken.lasting) == 0


def test_stands_in_the_way():
    road = plain_road()
    assert stands_in_the_way(put(road, "cone", 0, 20))
    assert stands_in_the_way(put(road, "sedan", 0, 20, attributes=PARKED))
    assert not stands_in_the_way(put(road, "sedan", 0, 20, attributes=MOVING))


def flats(*labels):
    return [Instance(label, Point((1.0, 1.0))) for label in labels]


@pytest.mark.parametrize(
    ("surface", "wet", "labels", "expected"),
    [
        ("dry", 0.0, (), "dry"),
        ("dry", 0.09, ("region/patch", "region/oil"), "dry"),
        ("wet", 0.3, (), "wet"),
        ("dry", 0.0, ("region/puddle",), "wet"),
        ("damaged", 0.0, (), "dry"),
        ("damaged", 0.3, ("region/crack",), "damaged"),
        ("dry", 0.0, ("region/crack", "region/puddle"), "damaged"),
        ("wet", 0.5, ("obstacle/pothole",), "damaged"),
        ("snow", 0.5, ("region/crack", "obstacle/pothole"), "snow"),
    ],
)
def test_surface(surface, wet, labels, expected):
    base = hand_made(plain_road(), [], surface=surface)
    world = replace(base, finish=replace(base.finish, wet=wet))
    found = [i for i in flats(*labels) if i.label.startswith("region")]
    things = [i for i in flats(*labels) if i.label.startswith("obstacle")]
    assert surface_of(world, found, things) == expected


@pytest.mark.parametrize(
    ("turn", "expected"), [(0.0, 1.0), (np.pi, -1.0), (np.pi / 2, 0.0), (np.pi / 3, 0.5)]
)
def test_facing_straight_ahead(turn, expected):
    body = put(plain_road(), "sedan", 0.0, 30.0, turn_rad=turn).bodies[0]
    assert facing(body) == pytest.approx(expected, abs=1e-9)


def test_facing_counts_from_the_camera():
    body = put(plain_road(), "sedan", 30.0, 30.0, turn_rad=np.pi / 4).bodies[0]
    assert facing(body) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("offset", "lane", "side", "ours"),
    [
        (0.0, 0, "ahead", True),
        (1.7, 0, "ahead", True),
        (1.8, 1, "right", False),
        (-1.8, -1, "left", False),
        (-3.5, -1, "left", False),
        (5.2, 1, "right", False),
        (5.3, None, "right", False),
        (-9.0, None, "left", False),
    ],
)
def test_ego_relations(offset, lane, side, ours):
    road = plain_road(hilly(1))
    thing = put(road, "cone", offset, 21.5)
    assert ego_relations(hand_made(road, [thing]), thing) == {
        "distance_m": 21.5,
        "lateral_m": offset,
        "lane": lane,
        "side": side,
        "in_our_lane": ours,
    }
