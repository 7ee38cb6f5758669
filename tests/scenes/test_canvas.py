"""Visibility follows the painter's order."""

import numpy as np
import pytest

from drivegrid.scenes.canvas import Canvas


def square(x, y, side):
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], dtype=float)


def make_canvas():
    return Canvas(np.zeros((90, 160, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("later", "share"),
    [([], 1.0), ([square(100, 100, 50)], 0.75), ([square(0, 0, 700)], 0.0)],
    ids=["free", "a quarter covered", "hidden"],
)
def test_visibility(later, share):
    canvas = make_canvas()
    canvas.claim(1, [square(100, 100, 100)])
    if later:
        canvas.claim(2, later)
    assert canvas.visibility(1) == pytest.approx(share, abs=0.05)
    assert canvas.visibility(9) == 0.0


def test_object_outside_the_picture_is_not_visible():
    canvas = make_canvas()
    canvas.claim(1, [square(-500, 100, 100)])
    assert canvas.visibility(1) == 0.0


def test_poly_covers_its_pixels():
    canvas = make_canvas()
    canvas.poly(square(80, 80, 160), (200.0, 100.0, 50.0))
    assert canvas.image[20, 20].tolist() == [200, 100, 50]
    assert canvas.image[5, 5].tolist() == [0, 0, 0]
    canvas.poly(square(80, 80, 160), (0.0, 0.0, 0.0), alpha=0.5)
    assert canvas.image[20, 20].tolist() == pytest.approx([100, 50, 25], abs=1)
