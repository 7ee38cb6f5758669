import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.inference.consistency import NEAR, agreement, medoid

SIZE = (1000, 500)
CELL = NEAR * SIZE[0]


def box(x: float, label: str = "car") -> Instance:
    return Instance(label, Box(np.array([x, 0.0, x + 10, 10.0])))


def line(x: float) -> Instance:
    return Instance("lane/line", Polyline(np.array([[x, 0.0], [x, 100.0]])))


def point(x: float) -> Instance:
    return Instance("sign", Point(np.array([x, 5.0])))


def square(x: float) -> Instance:
    corners = np.array([[x, 0.0], [x + 10, 0.0], [x + 10, 10.0], [x, 10.0]])
    return Instance("area", Polygon((corners,)))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param([], [], 1.0, id="nothing agrees with nothing"),
        pytest.param([], [box(0)], 0.0, id="one is empty"),
        pytest.param([box(0)], [box(0)], 1.0, id="the same box"),
        pytest.param([box(0)], [box(5)], 1 / 3, id="IoU 5 of 15"),
        pytest.param([box(0)], [box(0, "bus")], 0.0, id="other label"),
        pytest.param([box(0), box(50)], [box(50)], 2 / 3, id="one more"),
        pytest.param([box(0), box(50)], [box(50), box(0)], 1.0, id="any order"),
        pytest.param([line(0)], [line(CELL / 2)], 0.5, id="lines half a cell apart"),
        pytest.param([line(0)], [line(2 * CELL)], 0.0, id="lines too far"),
        pytest.param([point(0)], [point(CELL / 4)], 0.75, id="points"),
        pytest.param([square(0)], [square(5)], 1 / 3, id="polygons"),
    ],
)
def test_agreement_by_hand(first, second, expected) -> None:
    assert agreement(first, second, SIZE) == pytest.approx(expected)
    assert agreement(second, first, SIZE) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        pytest.param([[]], 0, id="one"),
        pytest.param([[], [box(0)], [box(1)]], 1, id="majority, of equals the first"),
        pytest.param([[box(0)], [box(4)], [box(2)]], 2, id="the middle one"),
        pytest.param([[box(0)], [], []], 1, id="nothing is an answer"),
    ],
)
def test_the_medoid_agrees_most(answers, chosen) -> None:
    assert medoid(answers, SIZE) == chosen
