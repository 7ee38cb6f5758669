import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.rasters import outline
from drivegrid.errors import GeometryError
from drivegrid.geometry import Polygon
from drivegrid.metrics.regions import (
    Overlap,
    RegionScore,
    mask_overlap,
    polygon_overlap,
    region_of,
    score_drivable,
    union_overlap,
)

SQUARE = np.array([[0.0, 0], [40, 0], [40, 40], [0, 40]])
HOLE = SQUARE / 2 + 10
BOW = np.array([[0.0, 0], [40, 40], [40, 0], [0, 40]])
SPIKE = np.array([[0.0, 0], [40, 0], [60, 0], [40, 0], [40, 40], [0, 40]])
LINE = np.array([[0.0, 0], [40, 0], [20, 0]])
ANGLES = np.arange(5) * 4 * np.pi / 5
STAR = 30 + 30 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [
        pytest.param([], [], 1, id="empty"),
        pytest.param([SQUARE], [], 0, id="one empty"),
        pytest.param([SQUARE], [SQUARE], 1, id="identical"),
        pytest.param([SQUARE], [SQUARE[::-1]], 1, id="other direction"),
        pytest.param([SQUARE], [SQUARE + np.array([20, 0])], 1 / 3, id="half beside"),
        pytest.param([SQUARE, HOLE], [SQUARE], 0.75, id="hole"),
        pytest.param([SQUARE, SQUARE + 100], [SQUARE], 0.5, id="two shells"),
        pytest.param([BOW], [SQUARE], 0.5, id="crosses itself"),
        pytest.param([SPIKE], [SQUARE], 1, id="spike"),
        pytest.param([LINE], [LINE], 1, id="no area counts as empty"),
        pytest.param([SQUARE[:2]], [SQUARE], 0, id="two vertices"),
        pytest.param([SQUARE, SQUARE], [SQUARE], 0, id="ring twice cancels"),
    ],
)
def test_polygon_overlap(first, second, iou):
    assert polygon_overlap(first, second).iou == pytest.approx(iou)


def even_odd(rings, points):
    """Whether each point has an odd number of edges to its right, edge by edge."""
    odd = np.zeros(len(points), dtype=bool)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            for k, (x, y) in enumerate(points):
                if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                    odd[k] = not odd[k]
    return odd


@pytest.mark.parametrize("seed", range(8))
def test_regions_fill_even_odd(seed):
    rng = np.random.default_rng(seed)
    rings = [rng.uniform(0, 60, (rng.integers(3, 8), 2)) for _ in range(rng.integers(1, 4))]
    rings = [STAR] if seed == 0 else rings
    axis = np.arange(0, 60, 2.0) + 0.987
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    sampled = even_odd(rings, points).mean()
    assert region_of(rings).area / 3600 == pytest.approx(sampled, abs=0.03)


def test_the_heart_of_a_star_is_empty():
    middle = np.array([[29.0, 29], [31, 29], [31, 31], [29, 31]])
    assert polygon_overlap([STAR], [middle]).intersection == 0


@pytest.mark.parametrize("seed", range(5))
def test_masks_equal_loops(seed):
    first, second = np.random.default_rng(seed).random((2, 7, 9)) < 0.5
    pairs = [(a, b) for a, b in zip(first.ravel(), second.ravel(), strict=True)]
    overlap = mask_overlap(first, second)
    assert overlap == Overlap(sum(a and b for a, b in pairs), sum(a or b for a, b in pairs))


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(GeometryError, match="one shape"):
        mask_overlap(np.ones((2, 3), bool), np.ones((3, 2), bool))


@pytest.mark.parametrize(
    ("overlaps", "giou", "ciou"),
    [
        pytest.param([], None, None, id="empty"),
        pytest.param([Overlap()], 1, 1, id="empty pair counts one"),
        pytest.param([Overlap(1, 2), Overlap(0, 8)], 0.25, 0.1, id="mean and total differ"),
        pytest.param([Overlap(1, 2), Overlap()], 0.75, 0.5, id="empty pair beside another"),
    ],
)
def test_giou_and_ciou(overlaps, giou, ciou):
    row = sum((RegionScore((overlap,)) for overlap in overlaps), RegionScore()).as_dict()
    assert (row["giou"], row["ciou"], row["n"]) == (giou, ciou, len(overlaps))


def test_drivable_sums_classes_over_frames():
    first = score_drivable(np.array([[0, 0, 1, 2]]), np.array([[0, 1, 1, 2]]))
    second = score_drivable(np.array([[0, 2]]), np.array([[0, 2]]))
    row = (first + second).as_dict()
    assert row["iou"] == {"0": pytest.approx(2 / 3), "1": 0.5}
    assert row["miou"] == pytest.approx(7 / 12)


def test_drivable_leaves_absent_classes_out():
    row = score_drivable(np.array([[0, 2]]), np.array([[0, 2]])).as_dict()
    assert (row["iou"], row["miou"]) == ({"0": 1, "1": None}, 1)
    assert score_drivable(np.array([[2]]), np.array([[2]])).as_dict()["miou"] is None


def odd_area(rings, side, scale=2):
    """Even-odd rule at pixel centres, one edge after the other, in square units."""
    at = (np.arange(side * scale) + 0.5) / scale
    x, y = np.meshgrid(at, at)
    inside = np.zeros(x.shape, dtype=bool)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if y0 != y1:
                inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside.sum() / scale**2


@pytest.mark.parametrize("seed", range(6))
def test_rings_that_run_along_themselves(seed):
    """Corners on a coarse lattice, as decoded rings have them."""
    rng = np.random.default_rng(seed)
    rings = [10.0 * rng.integers(0, 7, (rng.integers(8, 12), 2)) for _ in range(3)]
    assert region_of(rings).area == pytest.approx(odd_area(rings, 60), abs=20)


STEPS = st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 12)), min_size=1, max_size=5)


def stairs(turns):
    """A ring whose edges run along pixel edges; may cross itself, as no outline does."""
    corners = [(x, y) for i, (x, _) in enumerate(turns) for y in (turns[i - 1][1], turns[i][1])]
    return np.array(corners, dtype=float)


@settings(max_examples=80)
@given(*[st.lists(st.lists(STEPS.map(stairs), min_size=1, max_size=2), max_size=3)] * 2)
def test_outlines_of_masks_are_counted_and_others_cut_with_one_result(first, second):
    sides = [[Polygon(tuple(rings)) for rings in side] for side in (first, second)]
    turned = [[Polygon(tuple(turn(ring) for ring in p.rings)) for p in side] for side in sides]
    counted, cut = union_overlap(*sides), union_overlap(*turned)
    assert counted.intersection == pytest.approx(cut.intersection, abs=1e-6)
    assert counted.union == pytest.approx(cut.union, abs=1e-6)


def turn(ring):
    """Turn a ring by less than a right angle, so that no edge runs along pixels."""
    return ring @ np.array([[0.6, 0.8], [-0.8, 0.6]])


def test_a_mask_of_many_specks_is_not_cut(monkeypatch):
    """Not a second a frame: specks are painted."""
    mask = np.random.default_rng(0).random((60, 80)) < 0.3
    shifted = np.roll(mask, 1, axis=1)
    monkeypatch.setattr("drivegrid.metrics.regions.region_of", None)
    found = union_overlap(outline(mask), outline(shifted))
    assert found == Overlap(float((mask & shifted).sum()), float((mask | shifted).sum()))
    assert union_overlap([], outline(mask)) == Overlap(0.0, float(mask.sum()))


def test_a_shell_with_holes_is_not_cut(monkeypatch):
    monkeypatch.setattr("shapely.polygonize", None)
    assert region_of([SQUARE, HOLE, HOLE[::-1] / 4]).area == 1600 - 400 - 25
