"""Smooth decoder: inside the boxes, smoother than the polyline, straight where it can be."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.offsets import decode_points, residual_bound
from drivegrid.tokens.smooth import SAMPLES, _bending, smooth_line

HALF = np.array([25.0, 9.0])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_anchors_come_back(count):
    anchors = np.arange(2.0 * count).reshape(-1, 2)
    assert smooth_line(anchors, HALF).tolist() == anchors.tolist()


def test_repeated_anchors_count_once():
    anchors = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 50.0], [9.0, 90.0]])
    assert len(smooth_line(anchors, HALF)) == 2 * SAMPLES + 1


def test_bending_is_the_energy_of_the_natural_spline():
    rng = np.random.default_rng(0)
    knots, values = np.cumsum(rng.uniform(0.5, 2, 7)), rng.normal(size=7)
    spline = CubicSpline(knots, values, bc_type="natural")
    dense = np.linspace(knots[0], knots[-1], 200_001)
    energy = np.trapezoid(spline(dense, 2) ** 2, dense)
    assert np.sum((_bending(np.diff(knots)) @ values) ** 2) == pytest.approx(energy, rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_curve_passes_through_every_box(seed):
    rng = np.random.default_rng(seed)
    anchors = np.stack([np.cumsum(rng.normal(0, 30, 12)), np.arange(12) * -18.0], axis=1)
    curve = smooth_line(anchors, HALF)
    assert (np.abs(curve[::SAMPLES] - anchors) <= HALF + 1e-6).all()


def test_straight_line_behind_a_staircase_is_found():
    grid, size_wh = GridSpec(), (1640, 590)
    truth = np.stack([np.linspace(300, 700, 16), np.linspace(580, 300, 16)], axis=1)
    stairs, _ = decode_points(grid.cells_of(truth, size_wh), (), grid, size_wh)
    curve = smooth_line(stairs, residual_bound(grid, size_wh, 0))

    def largest(points):
        slope = np.polyfit(truth[:, 1], truth[:, 0], 1)
        return np.sqrt(np.mean((np.polyval(slope, points[:, 1]) - points[:, 0]) ** 2))

    assert largest(curve) < 0.7 * largest(stairs)
