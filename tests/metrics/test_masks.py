"""Overlap of masks and of their borders, against literal versions."""

import math

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.metrics.masks import BORDER_SHARE, border, boundary_f, mask_iou


def literal_border(mask):
    height, width = mask.shape
    found = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            beside = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            inside = [mask[b, a] for b, a in beside if 0 <= b < height and 0 <= a < width]
            found[y, x] = mask[y, x] and not all(inside)
    return found


def literal_boundary_f(predicted, truth):
    reach = math.ceil(BORDER_SHARE * math.hypot(*truth.shape))
    mine = np.argwhere(literal_border(predicted))
    theirs = np.argwhere(literal_border(truth))
    if not len(mine) or not len(theirs):
        return float(len(mine) == len(theirs))

    def share(some, others):
        near = [min(math.hypot(*(a - b)) for b in others) <= reach for a in some]
        return sum(near) / len(near)

    precision, recall = share(mine, theirs), share(theirs, mine)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def square(low, high, side=20):
    mask = np.zeros((side, side), np.bool_)
    mask[low:high, low:high] = True
    return mask


@pytest.mark.parametrize(
    ("one", "other", "iou"),
    [
        (square(0, 0), square(0, 0), 1.0),
        (square(0, 0), square(2, 6), 0.0),
        (square(0, 20), square(0, 20), 1.0),
        (square(2, 6), square(4, 8), 4 / 28),
        (square(2, 3), square(2, 3), 1.0),
    ],
    ids=["both empty", "one empty", "full", "overlapping", "one pixel"],
)
def test_iou(one, other, iou) -> None:
    assert mask_iou(one, other) == pytest.approx(iou)
    assert mask_iou(other, one) == pytest.approx(iou)


def test_boundary_f_of_shapes_known_by_hand() -> None:
    assert boundary_f(square(5, 15), square(5, 15)) == 1.0
    # Shifted by one pixel along both sides: of 36 pixels only the far corner is out of reach.
    assert boundary_f(square(5, 15), square(6, 16)) == pytest.approx(35 / 36)
    assert boundary_f(square(2, 5), square(12, 18)) == 0.0
    assert boundary_f(square(0, 0), square(5, 15)) == 0.0
    assert boundary_f(square(0, 0), square(0, 0)) == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_boundary_f_equals_the_literal_version(seed) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 40, 2)
    one, other = rng.random((2, height, width)) < rng.uniform(0.1, 0.9)
    np.testing.assert_array_equal(border(one), literal_border(one))
    assert boundary_f(one, other) == pytest.approx(literal_boundary_f(one, other))


def test_sizes_must_agree() -> None:
    with pytest.raises(GeometryError, match="one size"):
        mask_iou(square(0, 1), square(0, 1, side=19))
