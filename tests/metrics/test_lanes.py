import numpy as np
import pytest

from drivegrid.metrics.lanes import densify, distance_to_line, lateral_deviation

UP = np.array([[50.0, 100.0], [50.0, 0.0]])


@pytest.mark.parametrize(
    ("points", "num"),
    [
        pytest.param(np.zeros((0, 2)), 0, id="empty"),
        pytest.param(UP[:1], 1, id="one point"),
        pytest.param(UP, 11, id="100 px"),
        pytest.param(UP[[0, 0, 1]], 11, id="repeated point"),
        pytest.param(UP * 0.05, 2, id="short"),
    ],
)
def test_densify(points, num):
    dense = densify(points, 10.0)
    assert len(dense) == num
    assert (np.linalg.norm(np.diff(dense, axis=0), axis=1) <= 10 + 1e-9).all()


@pytest.mark.parametrize("seed", range(5))
def test_dense_points_lie_on_the_line_and_keep_its_vertices(seed):
    line = np.random.default_rng(seed).uniform(0, 300, (6, 2))
    dense = densify(line)
    assert distance_to_line(dense, line).max() < 1e-9
    assert distance_to_line(line, dense).max() < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_distance_equals_a_fine_search(seed):
    rng = np.random.default_rng(seed)
    line, points = rng.uniform(0, 50, (4, 2)), rng.uniform(-10, 60, (5, 2))
    fine = densify(line, 0.01)
    slow = [min(np.hypot(*(fine - point).T)) for point in points]
    assert distance_to_line(points, line) == pytest.approx(slow, abs=0.01)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(UP, 0, id="identical"),
        pytest.param(UP[::-1], 0, id="reversed"),
        pytest.param(UP + np.array([3, 0]), 3, id="beside"),
        pytest.param(UP[::-1] - [3, 0], 3, id="beside, reversed"),
        pytest.param(np.array([[50.0, 50.0]]), 15, id="a point: mean of 30 and 0, about"),
    ],
)
def test_lateral_deviation(other, expected):
    assert lateral_deviation(UP, other) == pytest.approx(expected, abs=1.5)
    assert lateral_deviation(other, UP) == lateral_deviation(UP, other)
