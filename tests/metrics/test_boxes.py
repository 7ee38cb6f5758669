import itertools

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.metrics.boxes import BoxScore, box_iou, score_boxes, score_referred

NO_BOX = np.zeros((0, 4))
BOX = np.array([[10.0, 10, 30, 20]])
FAR = np.array([[100.0, 100, 120, 120]])


def pixel_iou(a, b):
    """IoU by counting the unit pixels of boxes with whole-number corners."""
    count = {2: 0, 1: 0}
    for x, y in itertools.product(range(40), repeat=2):
        inside = sum(c[0] <= x < c[2] and c[1] <= y < c[3] for c in (a, b))
        if inside:
            count[inside] += 1
    return count[2] / max(sum(count.values()), 1)


@pytest.mark.parametrize("seed", range(5))
def test_iou_equals_counting_pixels(seed):
    corners = np.sort(np.random.default_rng(seed).integers(0, 40, (5, 2, 2)), axis=1)
    boxes = corners.reshape(5, 4).astype(float)
    found = box_iou(boxes[:2], boxes[2:])
    assert found == pytest.approx(
        np.array([[pixel_iou(a, b) for b in boxes[2:]] for a in boxes[:2]])
    )


@pytest.mark.parametrize(
    ("pred", "gt", "expected"),
    [
        pytest.param(NO_BOX, NO_BOX, (0, 0, 0), id="empty"),
        pytest.param(BOX, NO_BOX, (0, 1, 0), id="truth empty"),
        pytest.param(NO_BOX, BOX, (0, 0, 1), id="prediction empty"),
        pytest.param(BOX, BOX, (1, 0, 0), id="identical"),
        pytest.param(np.repeat(BOX, 2, 0), BOX, (1, 1, 0), id="duplicate"),
        pytest.param(FAR, BOX, (0, 1, 1), id="apart"),
        pytest.param(BOX * [1, 1, 1, 1.5], BOX, (1, 0, 0), id="IoU just one half counts"),
        pytest.param(BOX[:, [0, 1, 0, 1]], BOX[:, [0, 1, 0, 1]], (0, 1, 1), id="no area"),
    ],
)
def test_score_boxes(pred, gt, expected):
    counts = score_boxes(pred, gt).counts(0.5)
    assert (counts.tp, counts.fp, counts.fn) == expected


def test_labels_must_agree():
    both = np.concatenate([BOX, FAR])
    found = score_boxes(both, both[::-1], ["cone", "car"], ["cone", "car"])
    assert found.ious == (0, 0)
    assert score_boxes(both, both[::-1], ["cone", "car"], ["car", "cone"]).ious == (1, 1)


def test_scores_add_up_over_frames():
    score = score_boxes(BOX, BOX) + score_boxes(FAR, BOX) + score_boxes(NO_BOX, NO_BOX)
    row = score.as_dict()
    assert (row["acc_50"], row["precision_50"], row["f1_80"]) == (0.5, 0.5, 0.5)
    assert (row["n"], row["num_pred"], row["mean_iou"]) == (2, 2, 0.5)


def test_nothing_is_no_score():
    row = BoxScore().as_dict()
    assert row["acc_50"] is None
    assert row["mean_iou"] is None


@pytest.mark.parametrize(
    ("pred", "acc_50", "acc_80"),
    [
        pytest.param([None], 0, 0, id="no answer"),
        pytest.param([BOX[0]], 1, 1, id="exact"),
        pytest.param([BOX[0] + np.array([0, 0, 0, 5])], 1, 0, id="IoU 2/3"),
        pytest.param([FAR[0]], 0, 0, id="elsewhere"),
    ],
)
def test_score_referred(pred, acc_50, acc_80):
    score = score_referred(pred, BOX)
    assert (score.acc(0.5), score.acc(0.8)) == (acc_50, acc_80)


def test_referring_does_not_match_across_queries():
    assert score_referred([FAR[0], BOX[0]], np.concatenate([BOX, FAR])).acc() == 0


def test_each_query_needs_an_answer():
    with pytest.raises(GeometryError, match="one entry a query, got 0 for 1"):
        score_referred([], BOX)
