"""Masks of drawn shapes."""

import cv2
import numpy as np
from drivegrid.training.masks.shapes import draw_shapes

SIZE_WH = (128, 72)


def drawn(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [draw_shapes(SIZE_WH, rng) for _ in range(count)]


def test_masks_are_never_empty() -> None:
    assert all(mask.shape == (72, 128) and mask.dtype == bool and mask.any() for mask in drawn(300))


def test_the_same_draws_give_the_same_mask() -> None:
    for one, other in zip(drawn(5), drawn(5), strict=True):
        np.testing.assert_array_equal(one, other)


def test_there_are_thin_ones_holes_and_many_parts() -> None:
    masks = [mask.astype(np.uint8) for mask in drawn(200)]
    parts = [cv2.connectedComponents(mask)[0] - 1 for mask in masks]
    holes = [cv2.connectedComponents(np.pad(1 - m, 1, constant_values=1), connectivity=4)[0] - 2
             for m in masks]  # fmt: skip
    thin = [not cv2.erode(mask, np.ones((3, 3), np.uint8)).any() for mask in masks]
    assert sum(count > 4 for count in parts) > 20
    assert sum(count > 0 for count in holes) > 20
    assert 5 < sum(thin) < 100
