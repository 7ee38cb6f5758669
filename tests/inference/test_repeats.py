import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point
from drivegrid.inference.repeats import drop_repeats
from drivegrid.inference.results import Found
from drivegrid.plotting.trace import AnchorTrace

TRACE = AnchorTrace(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, bool))
CAR, BUS = "object/vehicle/car", "object/vehicle/bus"


def box(x: float, confidence: float, label: str = CAR) -> Found:
    shape = Box(np.array([x, 0.0, x + 10, 10.0]))
    return Found(Instance(label, shape, confidence=confidence), (), TRACE)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([box(0, 0.5), box(20, 0.5)], [0, 1], id="apart"),
        pytest.param([box(0, 0.5), box(1, 0.9)], [1], id="the surer one stays"),
        pytest.param([box(0, 0.9), box(1, 0.9)], [0], id="of equals the first"),
        pytest.param([box(0, 0.5), box(1, 0.9, BUS)], [0, 1], id="other label"),
        pytest.param([box(0, 0.5), box(4, 0.9)], [0, 1], id="IoU 6/14 is no repeat"),
        pytest.param([box(0, 0.9), box(1.5, 0.5), box(3, 0.8)], [0, 2], id="no chains"),
    ],
)
def test_which_boxes_stay(found: list[Found], kept: list[int]) -> None:
    left, diagnostics = drop_repeats(found)
    assert list(left) == [found[i] for i in kept]
    assert [d.code for d in diagnostics] == ["repeated"] * (len(found) - len(kept))


def test_points_may_stand_together() -> None:
    signs = [
        Found(Instance("sign/warning", Point(np.array([5.0, 5.0])), confidence=c), (), TRACE)
        for c in (0.5, 0.6)
    ]
    assert len(drop_repeats(signs)[0]) == 2
