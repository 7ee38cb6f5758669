"""The course of the road against plain marches along rays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.scenes.alignment import DEPTHS_M, FAR_M, STEP_M, TANGENTS, Alignment
from tests.scenes.worlds import flat, hilly

COURSES = [hilly(seed) for seed in range(6)]
WINDING = Alignment(0.5 / 130 * DEPTHS_M**2 * np.exp(-DEPTHS_M / 80), 0.04 * DEPTHS_M)


def test_no_points():
    assert flat().points(0.0, np.zeros(0)).shape == (0, 3)
    assert flat().offset_of(np.zeros((0, 3))).shape == (0,)


def test_flat_and_straight():
    course = flat()
    assert course.point(1.5, 40.0, 0.3) == (1.5, 0.3, 40.0)
    assert (course.yaw(10.0), course.grade(10.0)) == (0.0, 0.0)
    np.testing.assert_allclose(course.arc_m, DEPTHS_M)
    np.testing.assert_allclose(course.points(-2.0, np.array([3.3]), 1.0), [[-2.0, 1.0, 3.3]])


@given(st.sampled_from(range(6)), st.floats(-30, 30), st.floats(0, FAR_M - 1), st.floats(0, 5))
def test_points_offsets_and_single_points_agree(index, offset, depth, up):
    course = COURSES[index]
    points = course.points(np.array([offset]), np.array([depth]), np.array([up]))
    assert course.point(offset, depth, up) == pytest.approx(tuple(points[0]))
    assert course.offset_of(points)[0] == pytest.approx(offset, abs=1e-9)


@pytest.mark.parametrize("course", [*COURSES, WINDING])
def test_offsets_are_perpendicular_distances(course):
    """To within what the bend takes: half a metre and a degree at 10 m and more radius."""
    for depth in (12.25, 60.0, 150.0):
        there = np.array(course.point(2.0, depth))
        fine = np.linspace(depth - 6, depth + 6, 4001)
        middle = course.points(0.0, fine)
        away = np.hypot(middle[:, 0] - there[0], middle[:, 2] - there[2]).min()
        assert away == pytest.approx(2.0, abs=0.06)


@pytest.mark.parametrize("course", [*COURSES, WINDING])
@pytest.mark.parametrize("depth", [0.7, 8.0, 33.3, 120.1, 300.0])
def test_yaw_and_grade_are_derivatives(course, depth):
    a, b = (course.point(0.0, depth + side) for side in (-STEP_M, STEP_M))
    assert np.tan(course.yaw(depth)) == pytest.approx((b[0] - a[0]) / (2 * STEP_M), abs=4e-3)
    a, b = (course.point(0.0, depth + side) for side in (-STEP_M / 2, STEP_M / 2))
    assert course.grade(depth) == pytest.approx((b[1] - a[1]) / STEP_M, abs=6e-3)


@pytest.mark.parametrize("course", [flat(), *COURSES, WINDING])
def test_arc_length(course):
    fine = np.linspace(0, FAR_M, 200_001)
    length = np.concatenate(
        [[0], np.cumsum(np.hypot(*np.diff(course.points(0.0, fine), axis=0).T[::2]))]
    )
    at = [20.0, 100.0, 310.0]
    np.testing.assert_allclose(
        np.interp(at, DEPTHS_M, course.arc_m), np.interp(at, fine, length), rtol=2e-3
    )
    np.testing.assert_allclose(course.depth_at(np.interp(at, DEPTHS_M, course.arc_m)), at)


def test_depths_beyond_the_table_take_its_ends():
    course = COURSES[0]
    end = course.point(0.0, FAR_M)
    assert course.point(0.0, FAR_M + 50)[:2] == pytest.approx(end[:2], abs=0.01)
    assert course.point(0.0, -5.0)[:2] == pytest.approx(course.point(0.0, 0.0)[:2])


def tangents(course, depth, height):
    """(N,) (height - Y)/Z of the ground."""
    return (height - np.interp(depth, DEPTHS_M, course.height_m)) / depth


@pytest.mark.parametrize("course", [flat(), *COURSES])
@pytest.mark.parametrize("height", [1.2, 2.5])
def test_skyline_against_a_march_in_centimetres(course, height):
    """A point is seen if no ground before it, at any centimetre, lies above the line of sight."""
    fine = np.arange(0.5, FAR_M, 0.01)
    lowest = np.minimum.accumulate(tangents(course, fine, height))
    skyline = course.skyline(height)
    at = np.arange(4, len(DEPTHS_M))
    before = lowest[np.searchsorted(fine, DEPTHS_M[at - 1] + 1e-6) - 1]
    np.testing.assert_allclose(skyline[at], before, atol=2e-3)
    own = tangents(course, DEPTHS_M[at], height)
    march = lowest[np.searchsorted(fine, DEPTHS_M[at] - 0.02) - 1]
    clear = np.abs(own - march) > 1e-3
    assert ((own <= skyline[at]) == (own <= march))[clear].all()
    assert skyline[0] == np.inf


@pytest.mark.parametrize("course", [flat(), *COURSES])
def test_ground_table_against_a_march_in_centimetres(course):
    """1/Z of the first ground along each ray; next to a crest's edge either side will do."""
    height = 1.5
    low, high, table = course.ground_table(height)
    assert table.shape == (TANGENTS,)
    grid = np.linspace(low, high, TANGENTS)
    fine = np.arange(0.3, FAR_M + 0.005, 0.01)
    lowest = np.minimum.accumulate(tangents(course, fine, height))
    index = np.searchsorted(-lowest, -grid)
    assert (index < len(fine))[1:].all()
    march = 1 / fine[np.minimum(index, len(fine) - 1)]
    jump = np.abs(np.gradient(march))
    fine_enough = np.abs(table - march) <= 0.02 * march + 3 * jump + 1e-4
    assert fine_enough[2:][march[2:] < 1].all()  # nearer than a metre the ground counts as level


@pytest.mark.parametrize("course", [flat(), *COURSES])
def test_no_ray_below_the_table_s_least_tangent_meets_ground(course):
    low, _, _ = course.ground_table(1.5)
    fine = np.arange(1.0, FAR_M, 0.01)
    assert tangents(course, fine, 1.5).min() >= low - 2e-4
