"""Masks within limits, rings that overlap, rings of regions."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.regions import (
    MAX_MASK_PIXELS,
    MAX_RUNS,
    boxes_meet,
    check_masks,
    overlap,
    rings_of,
)
from drivegrid.data.rasters import fill
from drivegrid.errors import FormatError
from drivegrid.geometry import Polygon


def square(x, y, side=4.0):
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], dtype=float)


SIZE = {"size": [2**14, 2**14], "counts": [2**28]}
MASKS = {
    "none": [],
    "what is no mask": [None, 3, [1], {"size": "x", "counts": 3}, {"size": ["a", 1]}],
    "as many pixels as may be": [SIZE] * 4,
    "as many runs as may be": [{"counts": "1" * (MAX_RUNS - 1)}, {"counts": [1]}],
}
TOO_MUCH = {
    "pixels in all": ([SIZE] * 5, str(MAX_MASK_PIXELS)),
    "pixels of a turned size": ([{"size": [-(2**16), 2**16]}], str(MAX_MASK_PIXELS)),
    "pixels of many digits": ([{"size": [10**200, 10**200]}], str(MAX_MASK_PIXELS)),
    "runs in all": ([{"counts": "1" * MAX_RUNS}, {"counts": [1]}], str(MAX_RUNS)),
}


@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)
def test_masks_within_limits(masks):
    check_masks(iter(masks))


@pytest.mark.parametrize(("masks", "limit"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_limits_are_named(masks, limit):
    with pytest.raises(FormatError, match=limit):
        check_masks(iter(masks))


RINGS = {
    "none": ([], False, False),
    "one": ([square(0, 0)], False, False),
    "apart": ([square(0, 0), square(5, 0)], False, False),
    "touching": ([square(0, 0), square(4, 0)], True, False),
    "overlapping": ([square(0, 0), square(3, 3)], True, True),
    "a hole": ([square(0, 0), square(1, 1, 2)], True, True),
    "the same twice": ([square(0, 0), square(0, 0)], True, True),
    "a point inside": ([square(0, 0), np.array([[1.0, 1.0]])], True, False),
}


@pytest.mark.parametrize(("rings", "meet", "shared"), RINGS.values(), ids=RINGS)
def test_rings_that_meet_and_overlap(rings, meet, shared):
    assert boxes_meet(rings) is meet
    assert (overlap(rings) is not None) is shared


_squares = st.builds(square, st.integers(0, 9), st.integers(0, 9), st.integers(1, 6))


@settings(max_examples=60)
@given(st.lists(_squares, max_size=5))
def test_the_union_covers_each_pixel_of_any_ring(rings):
    covered = sum((fill(Polygon((ring,)), (16, 16)) for ring in rings), np.zeros((16, 16), int))
    union = overlap(rings)
    assert (union is not None) == bool((covered > 1).any())
    if union is not None:
        assert np.array_equal(fill(Polygon(rings_of(union)), (16, 16)), covered > 0)


def test_rings_of_mixed_regions():
    shell = shapely.Polygon(square(0, 0, 9), [square(1, 1, 2), square(5, 5, 2)])
    other = shapely.Polygon(square(20, 0))
    region = shapely.GeometryCollection([shapely.Point(1, 2), shell, other])
    assert [len(ring) for ring in rings_of(region)] == [4, 4, 4, 4]
    assert rings_of(shapely.GeometryCollection()) == ()
