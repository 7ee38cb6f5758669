"""Ellipses with the moments of masks."""

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.masks.ellipse import ellipse_of


def filled(centre: tuple[float, float], axes: tuple[float, float], degrees: float) -> np.ndarray:
    y, x = np.indices((90, 120))
    turn = np.deg2rad(degrees)
    dx, dy = x - centre[0], y - centre[1]
    along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    return (along / axes[0]) ** 2 + (across / axes[1]) ** 2 <= 1


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_an_empty_mask_has_none() -> None:
    with pytest.raises(GeometryError, match="must have a pixel inside"):
        ellipse_of(np.zeros((4, 5), bool))


@pytest.mark.parametrize(
    ("centre", "axes", "degrees"),
    [((60, 45), (30, 30), 0), ((40.5, 50), (35, 8), 0), ((70, 40), (30, 12), 35)],
)
def test_an_ellipse_is_its_own(
    centre: tuple[float, float], axes: tuple[float, float], degrees: float
) -> None:
    mask = filled(centre, axes, degrees)
    assert iou(ellipse_of(mask), mask) > 0.98


def test_of_a_square_it_is_the_circle_of_equal_spread() -> None:
    mask = np.zeros((100, 100), bool)
    mask[20:80, 20:80] = True
    # Variance 60^2 / 12 along each side is that of a circle of radius 60 / sqrt(3).
    y, x = np.indices(mask.shape) - 49.5
    circle = x**2 + y**2 <= 60**2 / 3
    np.testing.assert_array_equal(ellipse_of(mask), circle)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_masks_without_breadth(shape: tuple[int, int]) -> None:
    mask = np.ones(shape, bool)
    assert ellipse_of(mask).all()


def test_two_parts_share_one_ellipse() -> None:
    mask = np.zeros((20, 40), bool)
    mask[8:12, 2:6] = mask[8:12, 34:38] = True
    assert ellipse_of(mask)[10, 20]
