"""Shapes drawn in the decoder's size."""

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.geometry import Box, Point, Polygon
from drivegrid.masks.drawing import draw_mask, outline_of, smoothed

SIZE_WH, MASK_WH = (160, 90), (32, 18)


def ring(*xy):
    return np.array(xy, float)


def test_a_pixel_is_drawn_where_its_centre_lies_in_the_shape() -> None:
    shape = Polygon((ring((10, 5), (140, 20), (80, 85)), ring((70, 20), (90, 20), (80, 40))))
    mask = draw_mask(shape, SIZE_WH, MASK_WH)
    fine = draw_mask(shape, SIZE_WH, (320, 180))
    # The centre of a cell of ten by ten is a corner of four fine pixels; away from edges all agree.
    blocks = fine.reshape(18, 10, 32, 10)[:, 4:6, :, 4:6]
    sure = blocks.all(axis=(1, 3)) | ~blocks.any(axis=(1, 3))
    assert sure.mean() > 0.95
    np.testing.assert_array_equal(mask[sure], blocks.all(axis=(1, 3))[sure])
    assert 0.1 < mask.mean() < 0.9


@pytest.mark.parametrize(
    ("xyxy", "pixels"),
    [
        ((0, 0, 160, 90), 32 * 18),
        ((-50, -50, 500, 500), 32 * 18),
        ((0, 0, 50, 90), 10 * 18),
        ((101, 1, 102, 2), 1),
        ((0, 0, 0, 0), 1),
        ((160, 90, 170, 99), 1),
    ],
)
def test_boxes_and_no_empty_masks(xyxy, pixels) -> None:
    assert draw_mask(Box(np.array(xyxy, float)), SIZE_WH, MASK_WH).sum() == pixels


@pytest.mark.parametrize(
    ("xyxy", "row", "column"),
    [((101, 1, 102, 2), 0, 20), ((-90, 43, 12, 44), 8, 1), ((101, 1, 101, 89), 9, 20)],
)
def test_a_small_shape_stands_where_its_middle_is(xyxy, row, column) -> None:
    mask = draw_mask(Box(np.array(xyxy, float)), SIZE_WH, MASK_WH)
    assert np.argwhere(mask).tolist() == [[row, column]]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Point(np.array([1.0, 2.0])), "a box or a polygon, got a point"),
        (Polygon(()), "meet the image"),
        (Box(np.array([170.0, 0, 180, 9])), r"meet the image, got \[\[170.0"),
        (Box(np.array([-9.0, -9, -1, -1])), "meet the image"),
    ],
)
def test_what_has_no_mask(shape, message) -> None:
    with pytest.raises(GeometryError, match=message):
        draw_mask(shape, SIZE_WH, MASK_WH)


def test_an_empty_mask_has_no_outline() -> None:
    assert outline_of(np.zeros((4, 4), np.bool_)) is None


def test_outlines_lose_their_steps_and_little_else() -> None:
    rows, cols = np.indices((256, 320))
    disc = (rows - 128) ** 2 + (cols - 160) ** 2 < 90**2
    disc &= (rows - 128) ** 2 + (cols - 160) ** 2 > 20**2
    disc[5:9, 5:9] = True
    exact = outline_of(disc)
    assert exact is not None
    np.testing.assert_array_equal(draw_mask(exact, (320, 256), (320, 256)), disc)
    shape = smoothed(exact)
    assert len(shape.rings) == 3
    assert sum(map(len, shape.rings)) < 120
    drawn = draw_mask(shape, (320, 256), (320, 256))
    assert (drawn ^ disc).sum() < 0.02 * disc.sum()


def test_one_pixel_keeps_its_corners() -> None:
    dot = np.zeros((4, 4), np.bool_)
    dot[2, 1] = True
    shape = outline_of(dot)
    assert shape is not None
    np.testing.assert_array_equal(draw_mask(smoothed(shape), (4, 4), (4, 4)), dot)
