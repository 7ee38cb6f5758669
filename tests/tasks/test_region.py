"""Pixels of polygons against shapely, and counts against sums over masks."""

import numpy as np
import pytest
import shapely

from drivegrid.geometry import Polygon
from drivegrid.tasks.region import Region, fill_polygon


def every_pixel(size):
    return np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1)


def test_an_empty_region_holds_nothing() -> None:
    empty = Region((5, 4), np.zeros(0, dtype=np.int64))
    assert empty.num_pixels == 0
    assert not empty.holds(every_pixel((5, 4))).any()
    assert empty.count_before(np.array([0, 5]), np.array([4])).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("rings", "size"),
    [
        ([[(2.2, 3.1), (30.7, 4.9), (12.0, 33.3)]], (40, 36)),
        ([[(-9.0, -9.0), (60.0, 10.0), (10.0, 50.0)]], (40, 36)),
        (
            [[(2, 2), (38, 2), (38, 34), (2, 34)], [(10, 10), (30, 10), (30, 25), (10, 25)]],
            (40, 36),
        ),
        ([[(0, 0), (40, 0), (40, 36), (0, 36)]], (40, 36)),
        ([[(5.0, 5.0), (5.2, 5.0), (5.2, 5.2)]], (40, 36)),
    ],
)
@pytest.mark.parametrize("mask_size", [(40, 36), (84, 84)])
def test_masks_hold_the_pixels_whose_centre_is_inside(rings, size, mask_size) -> None:
    ratio = np.array(mask_size) / size
    shape = shapely.Polygon()
    for ring in rings:
        shape = shape ^ shapely.Polygon(np.array(ring) * ratio)
    pixels = every_pixel(mask_size)
    x, y = np.moveaxis(pixels + 0.5, -1, 0)
    near = shapely.distance(shape.boundary, shapely.points(x, y)) < 1e-6  # either way
    region = fill_polygon(Polygon(tuple(np.array(r, float) for r in rings)), size, mask_size)
    held = region.holds(pixels)
    assert region.num_pixels == held.sum()
    assert (held == shapely.contains_xy(shape, x, y))[~near].all()


@pytest.mark.parametrize(("side", "margin"), [(1, 0), (4, 0), (3, 1), (60, 2)])
def test_counts_are_sums_over_the_mask(side, margin) -> None:
    rng = np.random.default_rng(0)
    ring = rng.uniform(-5, 45, (9, 2))  # crosses itself and the border
    region = fill_polygon(Polygon((ring,)), (40, 36), (40, 36))
    mask = region.holds(every_pixel((40, 36)))
    cols, rows = rng.integers(0, 40, 6), rng.integers(0, 36, 5)
    filled, area = region.count_around((cols, rows), side, margin)
    for i, row in enumerate(rows):
        for j, col in enumerate(cols):
            left, top = (max(at - side // 2 - margin, 0) for at in (col, row))
            right, bottom = (at + side - side // 2 + margin for at in (col, row))
            square = mask[top:bottom, left:right]
            assert (filled[i, j], area[i, j]) == (square.sum(), square.size)
