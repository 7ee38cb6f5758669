"""Clipping of curves at the picture's border."""

import numpy as np
import pytest

from drivegrid.scenes.labels import longest_inside, simplify


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (np.zeros((0, 2)), np.zeros((0, 2))),
        ([[10, 10], [20, 20]], [[10, 10], [20, 20]]),
        ([[-10, 10], [10, 10], [30, 10]], [[0, 10], [10, 10], [30, 10]]),
        ([[-10, -10], [-20, 30]], np.zeros((0, 2))),
        ([[640, 800], [640, 700], [640, 600]], [[640, 720], [640, 700], [640, 600]]),
        ([[5, 5], [-5, 5], [1270, 5], [1300, 5]], [[0, 5], [1270, 5], [1280, 5]]),
        ([[-100, 360], [1400, 360]], [[0, 360], [1280, 360]]),
    ],
)
def test_longest_inside(curve, expected):
    found = longest_inside(np.array(curve, dtype=float))
    np.testing.assert_allclose(found, np.array(expected, dtype=float), atol=1e-9)


def test_simplify_keeps_ends_and_spacing():
    curve = np.stack([np.linspace(0, 100, 201), np.zeros(201)], axis=1)
    thin = simplify(curve, spacing_px=10)
    assert thin[0].tolist() == [0, 0]
    assert thin[-1].tolist() == [100, 0]
    assert len(thin) == 11
