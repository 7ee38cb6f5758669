"""One camera model, written three ways: matrix, projection, rays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.scenes.camera import NEAR_M, Camera

CAMERAS = (
    Camera((640, 360), (550.0, 550.0), (320.0, 150.0), 1.4, 0.0),
    Camera((1640, 590), (900.0, 900.0), (790.0, 260.0), 1.7, 0.03),
    Camera((96, 54), (80.0, 61.0), (45.0, 20.0), 2.4, -0.03),
)


@pytest.mark.parametrize("camera", CAMERAS)
def test_no_points(camera):
    assert camera.project(np.zeros((0, 3))).shape == (0, 2)


@pytest.mark.parametrize("camera", CAMERAS)
def test_matrix_is_project(camera):
    points = np.random.default_rng(0).uniform((-30, -4, NEAR_M), (30, 9, 200), (300, 3))
    pixels = camera.matrix() @ np.column_stack([points, np.ones(300)]).T
    np.testing.assert_allclose((pixels[:2] / pixels[2]).T, camera.project(points), atol=1e-8)


@pytest.mark.parametrize("camera", CAMERAS)
def test_straight_ahead_vanishes_at_the_center(camera):
    far = camera.project(np.array([[0.0, camera.height_m, 50.0], [3.0, 0.0, 1e9]]))
    np.testing.assert_allclose(far, [camera.center_xy] * 2, atol=1e-4)


def test_points_beside_and_behind_stay_finite():
    pixels = CAMERAS[0].project(np.array([[1.0, 0, 0], [1.0, 0, -5], [1.0, 0, NEAR_M]]))
    assert np.isfinite(pixels).all()
    assert (pixels == pixels[0]).all()


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("size_wh", [(64, 64), (320, 180), (2000, 500)])
def test_resized_is_stretched(camera, size_wh):
    points = np.random.default_rng(1).uniform((-30, -4, 1), (30, 9, 200), (100, 3))
    stretched = camera.project(points) * np.array(size_wh) / camera.size_wh
    small = camera.resized(size_wh)
    np.testing.assert_allclose(small.project(points), stretched, atol=1e-7)
    assert small.size_wh == size_wh
    back = small.resized(camera.size_wh)
    np.testing.assert_allclose(back.focal_xy + back.center_xy, camera.focal_xy + camera.center_xy)


@pytest.mark.parametrize("camera", CAMERAS)
def test_slopes_invert_project(camera):
    right, down = camera.slopes()
    width, height = camera.size_wh
    assert right.shape == down.shape == (height, width)
    depth = np.random.default_rng(2).uniform(2, 200, (height, width))
    points = np.stack([right * depth, camera.height_m - down * depth, depth], axis=-1)
    pixels = camera.project(points.reshape(-1, 3).astype(np.float64)).reshape(height, width, 2)
    centres = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    assert np.abs(pixels - centres).max() < 2e-3


@given(st.floats(-0.03, 0.03), st.floats(-20, 20), st.floats(1, 150))
def test_roll_is_clockwise_and_keeps_distances(roll, x, depth):
    level = Camera((640, 360), (500.0, 500.0), (320.0, 150.0), 1.4, 0.0)
    rolled = Camera((640, 360), (500.0, 500.0), (320.0, 150.0), 1.4, roll)
    a, b = (c.project(np.array([[x, 0.2, depth]]))[0] - (320, 150) for c in (level, rolled))
    assert np.hypot(*a) == pytest.approx(np.hypot(*b))
    turned = np.arctan2(b[1], b[0]) - np.arctan2(a[1], a[0])
    assert np.angle(np.exp(1j * turned)) == pytest.approx(roll, abs=1e-9)
