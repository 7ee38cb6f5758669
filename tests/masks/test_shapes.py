"""Where masks lie, and masks at other sizes."""

import numpy as np
import pytest

from drivegrid.masks.shapes import box_of, covered_shares, deepest_point, inside_of, resized


def dots(*places, shape=(9, 16)):
    mask = np.zeros(shape, np.bool_)
    for row, column in places:
        mask[row, column] = True
    return mask


def test_box_of_one_pixel_and_of_all() -> None:
    assert box_of(dots((2, 3))).tolist() == [3, 2, 4, 3]
    assert box_of(np.ones((9, 16), np.bool_)).tolist() == [0, 0, 16, 9]
    assert box_of(dots((0, 0), (8, 15))).tolist() == [0, 0, 16, 9]


def test_the_deepest_point_is_in_the_mask_and_far_from_its_edge() -> None:
    assert deepest_point(dots((2, 3))).tolist() == [3.5, 2.5]
    assert deepest_point(np.ones((9, 9), np.bool_)).tolist() == [4.5, 4.5]
    ring = np.ones((9, 9), np.bool_)
    ring[3:6, 3:6] = False
    x, y = deepest_point(ring).astype(int)
    assert ring[y, x]


@pytest.mark.parametrize("size_wh", [(16, 9), (32, 18), (8, 4), (4, 4), (1, 1)])
def test_what_is_thin_is_not_lost(size_wh) -> None:
    pole = np.zeros((90, 160), np.bool_)
    pole[10:60, 77] = True
    small = resized(pole, size_wh)
    assert small.shape == size_wh[::-1]
    assert small.any()


def test_sizes_that_divide_are_exact() -> None:
    mask = np.random.default_rng(0).random((9, 16)) < 0.5
    large = np.kron(mask, np.ones((4, 4), np.bool_))
    np.testing.assert_array_equal(resized(large, (16, 9)), mask)
    assert resized(mask, (16, 9)) is mask
    shares = covered_shares(large, (8, 3))
    assert shares.mean() == pytest.approx(large.mean())


def test_logits_at_any_size() -> None:
    logits = np.array([[-1.0, 1.0]], np.float32)
    assert inside_of(logits, 0.0, (4, 1)).tolist() == [[False, False, True, True]]
    assert inside_of(logits, 2.0, (4, 1)).sum() == 0
