"""Referring expressions: overlaps by kind, F1 by threshold, the three kinds apart."""

import itertools

import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.metrics.referring import MF1_THRESHOLDS, Referred, ReferringScore, score_referring

SIZE = (1640, 590)


def box(x, y=0.0, side=10.0):
    return Box(np.array([x, y, x + side, y + side]))


def one(shape, **extra):
    return Instance("x", shape, extra=extra)


LINE = Polyline(np.array([[800.0, 590.0], [800.0, 300.0]]))
SHIFTED = Polyline(LINE.xy + (9.0, 0.0))
SQUARE = Polygon((np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]]),))
FACE = {"box_xyxy": [0.0, 0.0, 40.0, 4.0]}


@pytest.mark.parametrize(
    ("pred", "gt", "f1"),
    [
        ([], [], 1.0),
        ([box(0)], [], 0.0),
        ([], [one(box(0))], 0.0),
        ([box(0)], [one(box(0))], 1.0),
        ([box(3)], [one(box(0))], 1.0),
        ([box(4)], [one(box(0))], 0.0),
        ([box(0), box(90)], [one(box(0))], 2 / 3),
        ([box(0), box(0)], [one(box(0)), one(box(0))], 1.0),
        ([LINE], [one(LINE)], 1.0),
        ([SHIFTED], [one(LINE)], 1.0),
        ([Polyline(LINE.xy + (40.0, 0.0))], [one(LINE)], 0.0),
        ([SQUARE], [one(SQUARE)], 1.0),
        ([SQUARE], [one(box(0))], 0.0),
        ([Point(np.array([39.0, 3.0]))], [one(Point(np.zeros(2)), **FACE)], 1.0),
        ([Point(np.array([3.0, 5.0]))], [one(Point(np.zeros(2)), **FACE)], 0.0),
        ([Point(np.array([3.0, 5.0]))], [one(Point(np.zeros(2)))], 1.0),
        ([LINE, box(0)], [one(box(0)), one(LINE)], 1.0),
    ],
)
def test_f1_at_half(pred, gt, f1) -> None:
    assert score_referring(pred, gt, SIZE).f1() == pytest.approx(f1)


def test_the_matching_is_the_best_of_all() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        pred, gt = ([box(x, y) for x, y in rng.uniform(0, 12, (3, 2))] for _ in range(2))
        pairs = [[score_referring([p], [one(g)], SIZE).overlaps for g in gt] for p in pred]
        best = max(
            sum(sum(pairs[i][j]) for i, j in enumerate(order))
            for order in itertools.permutations(range(3))
        )
        score = score_referring(pred, [one(g) for g in gt], SIZE)
        assert sum(score.overlaps) == pytest.approx(best)


def test_mean_over_thresholds() -> None:
    answer = Referred((0.72,), 1, 1)
    assert answer.mf1 == pytest.approx(sum(t <= 0.72 for t in MF1_THRESHOLDS) / 10)


def test_the_kinds_are_kept_apart() -> None:
    answers = [
        Referred((1.0,), 1, 1), Referred((), 0, 1), Referred((0.6, 0.9), 2, 2),
        Referred((), 0, 0), Referred((), 2, 0), Referred((), 1, 0),
    ]  # fmt: skip
    rates = (ReferringScore(tuple(answers[:2])) + ReferringScore(tuple(answers[2:]))).as_dict()
    assert rates["single"]["f1_50"] == 0.5
    assert rates["multiple"] == {"f1_50": 1.0, "mf1": pytest.approx((3 + 6 * 0.5) / 10), "n": 1}
    assert rates["none"] == {"accuracy": pytest.approx(1 / 3), "n": 3}
    assert rates["all"]["f1_50"] == pytest.approx((1 + 0 + 1 + 1 + 0 + 0) / 6)
    assert ReferringScore().as_dict()["none"] == {"accuracy": None, "n": 0}
