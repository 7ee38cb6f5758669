"""A comparison: each side in its colour, at the image's own scale."""

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Polygon, Polyline
from drivegrid.plotting.compare import FALSE, FOUND, MISSED, TRUE, Compared, draw_comparison

GRAY = np.full((100, 200, 3), 90, np.uint8)


def scene(*shapes, size_wh=(200, 100)):
    return Scene(Frame("a", size_wh), tuple(Instance("lane/line", shape) for shape in shapes))


def line(x):
    return Polyline([[x, 90.0], [x, 10.0]])


def test_nothing_drawn_leaves_the_image():
    drawn = draw_comparison(GRAY, scene(), scene(), Compared())
    assert (drawn == GRAY).all()
    assert drawn is not GRAY


@pytest.mark.parametrize(
    ("side", "name", "color"),
    [("pred", "found", FOUND), ("pred", "false", FALSE), ("gt", "hit", TRUE),
     ("gt", "missed", MISSED)],
)  # fmt: skip
@pytest.mark.parametrize("scale", [1, 2])
def test_each_side_has_its_color(side, name, color, scale):
    held = scene(line(50.0 * scale), line(150.0 * scale), size_wh=(200 * scale, 100))
    empty = scene(size_wh=(200 * scale, 100))
    sides = (held, empty) if side == "pred" else (empty, held)
    drawn = draw_comparison(GRAY, *sides, Compared(**{name: [0]}))
    assert tuple(drawn[50, 50]) == color
    assert tuple(drawn[50, 150]) == (90, 90, 90)


def test_a_hit_lies_above_its_truth_and_areas_stay_open():
    ring = np.array([[20.0, 20], [180, 20], [180, 80], [20, 80]])
    shapes = line(50.0), Polygon((ring,)), Box([90, 40, 120, 70]), Polyline([])
    compared = Compared(found=[0, 3], hit=[0, 1, 2, 3])
    drawn = draw_comparison(GRAY, scene(*shapes), scene(*shapes), compared)
    assert tuple(drawn[50, 50]) == FOUND
    assert tuple(drawn[50, 20]) == TRUE
    assert tuple(drawn[50, 150]) == (90, 90, 90)
