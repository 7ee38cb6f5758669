"""COCO AP against a slow evaluator written from the definition."""

import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import MissingExtraError
from drivegrid.metrics.average_precision import FrameBoxes, score_ap

pytest.importorskip("faster_coco_eval")

AREAS = {"": (0, 1e10), "_small": (0, 32**2), "_medium": (32**2, 96**2), "_large": (96**2, 1e10)}
LEVELS = [0.5 + 0.05 * i for i in range(10)]


def slow_iou(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def area_of(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def slow_frame(pred, gt, level, bounds):
    """(score, hit or None if ignored) of the 100 best predictions, greedy from the best down."""
    outside = [not bounds[0] <= area_of(box) <= bounds[1] for box in gt]
    order, taken, out = sorted(range(len(gt)), key=lambda j: outside[j]), set(), []
    for box, score in sorted(pred, key=lambda one: -one[1])[:100]:
        best, found = level, None
        for j in order:
            if j in taken or (found is not None and not outside[found] and outside[j]):
                continue
            if slow_iou(box, gt[j]) >= best:
                best, found = slow_iou(box, gt[j]), j
        if found is None:
            out.append((score, False if bounds[0] <= area_of(box) <= bounds[1] else None))
        else:
            taken.add(found)
            out.append((score, None if outside[found] else True))
    return out, outside.count(False)


def slow_ap(frames, level, bounds):
    """Mean over 101 recalls of the best precision at that recall or beyond; None without truth."""
    rows, num_gt = [], 0
    for pred, gt in frames:
        found, count = slow_frame(pred, gt, level, bounds)
        rows += found
        num_gt += count
    if not num_gt:
        return None
    hits = [hit for _, hit in sorted(rows, key=lambda row: -row[0]) if hit is not None]
    points, tp = [], 0
    for i, hit in enumerate(hits):
        tp += hit
        points.append((tp / num_gt, tp / (i + 1)))
    best = [
        max((p for r, p in points if r >= recall), default=0.0) for recall in np.linspace(0, 1, 101)
    ]
    return sum(best) / 101


def side(frame_boxes, labels, scores=()):
    return FrameBoxes(np.array(frame_boxes, float).reshape(-1, 4), labels, scores)


def test_nothing_at_all():
    assert score_ap([], []).as_dict()["ap"] is None
    assert score_ap([side([[0, 0, 9, 9]], ["car"], [0.5])], [side([], [])]).num_gt == 0


@pytest.mark.parametrize(
    ("pred", "scores", "ap", "ap_50"),
    [
        pytest.param([], [], 0, 0, id="nothing predicted"),
        pytest.param([[0, 0, 40, 40]], [0.9], 1, 1, id="identical"),
        pytest.param([[0, 0, 40, 24]], [0.9], 0.3, 1, id="IoU .6: three of ten levels"),
        pytest.param([[0, 0, 40, 40], [50, 50, 90, 90]], [0.9, 0.1], 1, 1, id="false alarm last"),
        pytest.param([[0, 0, 40, 40], [50, 50, 90, 90]], [0.1, 0.9], 0.5, 0.5, id="and first"),
    ],
)
def test_by_hand(pred, scores, ap, ap_50):
    score = score_ap([side(pred, ["car"] * len(pred), scores)], [side([[0, 0, 40, 40]], ["car"])])
    assert (score.figures["ap"], score.figures["ap_50"]) == pytest.approx((ap, ap_50), abs=1e-9)


CORNER, LENGTH = st.integers(0, 120), st.sampled_from([10, 20, 31, 40, 60, 100, 140])
BOXES = st.tuples(CORNER, CORNER, LENGTH, LENGTH).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.lists(BOXES, max_size=4), st.lists(BOXES, max_size=4)), max_size=4),
    st.randoms(use_true_random=False),
)
def test_equals_the_slow_evaluator(frames, random):
    scores = [i / 1000 for i in range(1, 40)]
    random.shuffle(scores)
    frames = [
        ([(box, scores.pop()) for box in mine] + [(b, scores.pop()) for b in true[:2]], true)
        for mine, true in frames
    ]
    pred = [side([b for b, _ in p], ["car"] * len(p), [s for _, s in p]) for p, _ in frames]
    found = score_ap(pred, [side(g, ["car"] * len(g)) for _, g in frames]).figures
    for suffix, bounds in AREAS.items():
        each = [slow_ap(frames, level, bounds) for level in LEVELS]
        if each[0] is None:
            assert np.isnan(found[f"ap{suffix}"])
        else:
            assert found[f"ap{suffix}"] == pytest.approx(np.mean(each), abs=1e-9)


def test_classes_are_averaged_and_told_apart():
    gt = side([[0, 0, 40, 40], [50, 0, 90, 40]], ["car", "cone"])
    pred = side([[0, 0, 40, 40], [50, 0, 90, 40]], ["car", "car"], [0.9, 0.8])
    score = score_ap([pred], [gt]).as_dict()
    assert score["ap"] == pytest.approx(0.5)
    assert score["per_label"]["car"]["ap"] == pytest.approx(1)
    assert score["per_label"]["cone"]["ap"] == 0


def test_predictions_in_a_crowd_are_no_false_alarms():
    crowd = FrameBoxes(
        np.array([[0.0, 0, 100, 100], [200, 0, 240, 40]]), ["car", "car"], (), [True, False]
    )
    pred = side([[10, 10, 50, 50], [200, 0, 240, 40]], ["car", "car"], [0.9, 0.5])
    assert score_ap([pred], [crowd]).figures["ap"] == pytest.approx(1)


def test_without_the_package_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "faster_coco_eval":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"drivegrid\[metrics\]"):
        score_ap([], [])
