"""Drivable mIoU against the histogram of the official tool, and cases by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Polygon
from drivegrid.metrics.drivable import class_overlaps, drivable_mask
from drivegrid.metrics.pairing import pair_scenes
from drivegrid.metrics.rules.drivable import evaluate_drivable
from drivegrid.metrics.rules.settings import Settings

DIRECT, ALTERNATIVE = "area/drivable/direct", "area/drivable/alternative"
MASKS = arrays(np.uint8, (5, 6), elements=st.integers(0, 2))


def area(label, x0, x1, y0=0.0, y1=10.0):
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)
    return Instance(label, Polygon((ring,)))


def make(*instances, image="a"):
    return Scene(Frame(image, (20, 10)), instances)


def figures(pred, gt):
    return evaluate_drivable(pair_scenes(pred, gt), Settings()).figures


def official_miou(pred, gt):
    """A 3 x 3 histogram over the pixels whose truth is not background, as the tool counts."""
    hist = np.zeros((3, 3))
    for p, g in zip(pred.ravel(), gt.ravel(), strict=True):
        hist[g, p] += g < 2
    ious = [
        hist[c, c] / (hist[c].sum() + hist[:, c].sum() - hist[c, c])
        for c in (0, 1)
        if (gt == c).any()
    ]
    return np.mean(ious) if ious else np.nan


@given(MASKS, MASKS)
def test_the_official_figure_equals_the_histogram(pred, gt):
    found = [o.official.iou for o in class_overlaps(pred, gt) if o.num_true]
    assert (np.mean(found) if found else np.nan) == pytest.approx(
        official_miou(pred, gt), nan_ok=True
    )


def test_nothing_to_score():
    found = figures([make()], [make()])
    assert (found["miou"], found["strict_miou"], found["n"]) == (None, None, 0)


@pytest.mark.parametrize(
    ("pred", "gt", "miou", "strict"),
    [
        pytest.param([area(DIRECT, 0, 10)], [area(DIRECT, 0, 10)], 1, 1, id="identical"),
        pytest.param([], [area(DIRECT, 0, 10)], 0, 0, id="nothing predicted"),
        pytest.param([area(DIRECT, 0, 20)], [area(DIRECT, 0, 10)], 1, 0.5, id="false area"),
        pytest.param([area(DIRECT, 0, 5)], [area(DIRECT, 0, 10)], 0.5, 0.5, id="half"),
        pytest.param(
            [area(DIRECT, 0, 20)],
            [area(DIRECT, 0, 10), area(ALTERNATIVE, 10, 20)],
            0.25,
            0.25,
            id="everything direct",
        ),
        pytest.param([area(ALTERNATIVE, 0, 10)], [area(DIRECT, 0, 10)], 0, 0, id="the other class"),
    ],
)
def test_by_hand(pred, gt, miou, strict):
    found = figures([make(*pred)], [make(*gt)])
    assert (found["miou"], found["strict_miou"]) == pytest.approx((miou, strict))


def test_frames_are_summed_before_the_ratio():
    gt = [make(area(DIRECT, 0, 10), image="a"), make(area(DIRECT, 0, 2), image="b")]
    found = figures([make(area(DIRECT, 0, 10), image="a")], gt)
    assert found["miou"] == pytest.approx(10 / 12)


def test_later_areas_cover_earlier_ones_and_holes_stay_open():
    ring = np.array([[0.0, 0], [20, 0], [20, 10], [0, 10]])
    hole = np.array([[5.0, 3], [9, 3], [9, 7], [5, 7]])
    mask = drivable_mask(
        make(
            Instance(DIRECT, Polygon((ring, hole))),
            area(ALTERNATIVE, 12, 20),
            Instance(DIRECT, Box([0, 0, 1, 1])),
            Instance("area/sidewalk", Polygon((ring,))),
        )
    )
    assert (mask[5, 2], mask[5, 6], mask[5, 15]) == (0, 2, 1)
