"""ECE and precision by recall against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import GeometryError
from drivegrid.metrics.calibration import calibrate, precision_by_recall

CONFIDENCES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
PREDICTIONS = st.lists(st.tuples(CONFIDENCES, st.booleans()), max_size=30)


def slow_ece(predictions, num_bins):
    gap = 0.0
    edges = np.linspace(0, 1, num_bins + 1)
    for m in range(num_bins):
        inside = [
            (c, hit)
            for c, hit in predictions
            if edges[m] < c <= edges[m + 1] or (m == 0 and c == 0)
        ]
        if inside:
            accuracy = sum(hit for _, hit in inside) / len(inside)
            confidence = sum(c for c, _ in inside) / len(inside)
            gap += len(inside) / len(predictions) * abs(accuracy - confidence)
    return gap


def test_nothing_predicted():
    assert math.isnan(calibrate([], []).ece)
    assert calibrate([], []).as_dict()["ece"] is None
    assert [len(side) for side in precision_by_recall([], [], 3)] == [0, 0]


@given(PREDICTIONS.filter(bool), st.sampled_from([1, 4, 10, 15]))
def test_ece_equals_a_loop(predictions, num_bins):
    confidences, hits = zip(*predictions, strict=True)
    found = calibrate(confidences, hits, num_bins)
    assert found.ece == pytest.approx(slow_ece(predictions, num_bins))
    assert found.counts.sum() == len(predictions)


@pytest.mark.parametrize(
    ("confidences", "hits", "ece"),
    [
        pytest.param([1.0, 1.0], [True, True], 0.0, id="sure and right"),
        pytest.param([1.0, 1.0], [True, False], 0.5, id="sure, half right"),
        pytest.param([0.0], [True], 1.0, id="the first bin holds 0"),
        pytest.param([0.9, 0.1], [True, False], 0.1, id="two bins"),
    ],
)
def test_ece_by_hand(confidences, hits, ece):
    assert calibrate(confidences, hits).ece == pytest.approx(ece)


@given(PREDICTIONS.filter(bool), st.integers(1, 40))
def test_the_curve_equals_a_threshold_at_a_time(predictions, num_gt):
    confidences, hits = zip(*predictions, strict=True)
    recall, precision = precision_by_recall(confidences, hits, num_gt)
    levels = sorted(set(confidences), reverse=True)
    kept = [[hit for c, hit in predictions if c >= level] for level in levels]
    assert recall.tolist() == pytest.approx([sum(k) / num_gt for k in kept])
    assert precision.tolist() == pytest.approx([sum(k) / len(k) for k in kept])


@pytest.mark.parametrize(
    ("confidences", "hits", "message"),
    [([0.5], [], "one a confidence"), ([1.5], [True], "lie in"), ([float("nan")], [True], "lie")],
)
def test_wrong_input_is_refused(confidences, hits, message):
    with pytest.raises(GeometryError, match=message):
        calibrate(confidences, hits)
