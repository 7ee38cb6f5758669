import json

import numpy as np
import pytest
from fixtures import fixture_root, read_json_lines

from drivegrid.errors import GeometryError
from drivegrid.metrics.tusimple import TusimpleFrame, TusimpleScore, rows_of, score_frame

ROWS = list(range(200, 400, 10))
LANE = np.linspace(600, 400, 20)
NONE = np.full(20, -2.0)


def beside(dx):
    return LANE + dx


@pytest.mark.parametrize(
    ("pred", "gt", "expected"),
    [
        pytest.param([], [], (0, 0, 0), id="empty"),
        pytest.param([LANE], [], (0, 1, 0), id="truth empty"),
        pytest.param([], [LANE], (0, 0, 1), id="prediction empty"),
        pytest.param([LANE], [LANE], (1, 0, 0), id="identical"),
        pytest.param([beside(29)], [LANE], (1, 0, 0), id="just within 20 / cos(46.5 deg) = 29.03"),
        pytest.param([beside(30)], [LANE], (0, 1, 1), id="too far"),
        pytest.param([NONE], [NONE], (1, 0, 0), id="both without a point agree"),
        pytest.param([LANE, LANE], [LANE], (1, 0.5, 0), id="duplicate"),
        pytest.param([LANE], [LANE, LANE], (1, -1, 0), id="one finds two: FP below 0"),
        pytest.param([LANE] * 3, [LANE], (1, 2 / 3, 0), id="truth + 2"),
        pytest.param([LANE] * 4, [LANE], (0, 0, 1), id="truth + 3"),
        pytest.param([LANE] * 4, [LANE] * 4 + [beside(99)], (1, 0, 0), id="worst of five forgiven"),
    ],
)
def test_score_frame(pred, gt, expected):
    found = score_frame(pred, gt, ROWS)
    assert (found.accuracy, found.fp, found.fn) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("lanes", "rows", "accuracy"),
    [([[]], [], 0.0), ([[5.0, 6.0]], [300, 300], 1.0), ([[5.0, 9.0, 9.0]], [300, 300, 310], 1.0)],
)
def test_rows_without_a_span_give_finite_figures(lanes, rows, accuracy):
    found = score_frame(lanes, lanes, rows)
    assert (found.accuracy, found.fp, found.fn) == (accuracy, 1 - accuracy, 1 - accuracy)


def test_slow_predictions_score_nothing():
    assert score_frame([LANE], [LANE], ROWS, 200.0).accuracy == 1
    assert score_frame([LANE], [LANE], ROWS, 200.1) == TusimpleFrame(0, 0, 1, 1, 1)


def test_lanes_of_another_length_are_refused():
    with pytest.raises(GeometryError, match=r"prediction must have one x .* \(lane 1\)"):
        score_frame([LANE, LANE[:5]], [LANE], ROWS)


def official_frames():
    root = fixture_root() / "tusimple"
    gts = {row["raw_file"]: row for row in read_json_lines(root / "gt.json")}
    frames = {}
    for pred in read_json_lines(root / "pred.json"):
        gt = gts[pred["raw_file"]]
        frames[pred["raw_file"]] = score_frame(
            pred["lanes"], gt["lanes"], gt["h_samples"], pred["run_time"]
        )
    return frames, json.loads((root / "expected.json").read_text())


def test_every_frame_equals_the_official_script():
    frames, expected = official_frames()
    per_frame = expected["per_frame[acc,fp,fn]"]
    assert frames.keys() == per_frame.keys()
    for name, wanted in per_frame.items():
        found = frames[name]
        assert [found.accuracy, found.fp, found.fn] == pytest.approx(wanted, abs=1e-12), name


def test_totals_equal_the_official_script():
    frames, expected = official_frames()
    score = TusimpleScore(frames)
    wanted = {entry["name"]: entry["value"] for entry in expected["overall"]}
    assert {"Accuracy": score.accuracy, "FP": score.fp, "FN": score.fn} == pytest.approx(wanted)


def slow_score(pred, gt, rows):
    """The definition in plain loops; frames of at most four true lanes."""
    accuracy, missed = 0.0, 0
    for lane in gt:
        seen = [(y, x) for y, x in zip(rows, lane, strict=True) if x >= 0]
        slope = np.polyfit(*zip(*seen, strict=True), 1)[0] if len(seen) > 1 else 0.0
        limit = 20 * np.sqrt(1 + slope**2)
        shares = [0.0]
        for other in pred:
            good = 0
            for a, b in zip(other, lane, strict=True):
                good += abs((a if a >= 0 else -100) - (b if b >= 0 else -100)) < limit
            shares.append(good / len(rows))
        accuracy += max(shares)
        missed += max(shares) < 0.85
    fp = (len(pred) - len(gt) + missed) / len(pred) if pred else 0.0
    return accuracy / max(len(gt), 1), fp, missed / max(len(gt), 1)


@pytest.mark.parametrize("seed", range(30))
def test_equals_plain_loops(seed):
    rng = np.random.default_rng(seed)
    gt = [np.where(rng.random(20) < 0.8, LANE + 90 * i, -2) for i in range(rng.integers(0, 4))]
    pred = [lane + rng.normal(0, 12, 20) for lane in gt if rng.random() < 0.8]
    found = score_frame(pred, gt, ROWS)
    assert (found.accuracy, found.fp, found.fn) == pytest.approx(slow_score(pred, gt, ROWS))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param(np.zeros((0, 2)), [-2, -2, -2], id="empty"),
        pytest.param(np.array([[9.0, 20.0]]), [-2, 9, -2], id="one point"),
        pytest.param(np.array([[0.0, 0.0], [40.0, 40.0]]), [10, 20, 30], id="down"),
        pytest.param(np.array([[40.0, 40.0], [0.0, 0.0]]), [10, 20, 30], id="up"),
        pytest.param(np.array([[7.0, 15.0], [7.0, 30.0]]), [-2, 7, 7], id="part"),
        pytest.param(np.array([[-5.0, 20.0], [9.0, 30.0]]), [-2, -2, 9], id="leaves left"),
        pytest.param(np.array([[5.0, 20.0], [8.0, 20.0]]), [-2, 5, -2], id="level"),
    ],
)
def test_rows_of(points, expected):
    assert rows_of(points, (1280, 720), [10, 20, 30]).tolist() == expected


def test_rows_of_scales_to_the_size_of_the_rule():
    half = np.array([[320.0, 100.0], [320.0, 300.0]])
    assert rows_of(half, (640, 360), [400]).tolist() == [640]


def test_as_dict_has_f1_and_parameters():
    frames = {"a": TusimpleFrame(0.9, 0.1, 0.2, 1, 1), "b": TusimpleFrame(0.7, 0.3, 0.0, 1, 1)}
    score = TusimpleScore(frames).as_dict()
    precision, recall = 0.8, 0.8 / 0.9
    assert score["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert score["parameters"]["pixel_threshold"] == 20
    assert TusimpleScore({}).as_dict()["accuracy"] is None


def test_f1_says_little_where_many_frames_have_no_prediction():
    """As docs/metrics.md warns: the means of FP and FN are taken for counts."""
    lane = [[100] * 10]
    frames = {str(i): score_frame(lane if i < 4 else [], lane, range(10)) for i in range(132)}
    score = TusimpleScore(frames)
    assert (round(score.accuracy, 2), round(score.fn, 2), score.fp) == (0.03, 0.97, 0)
    assert score.f1 == pytest.approx(2 / (2 + score.fn))
    assert round(score.f1, 2) == 0.67


def test_one_prediction_that_finds_two_lanes_makes_fp_negative():
    frame = score_frame([[105] * 10], [[100] * 10, [110] * 10], range(10))
    assert (frame.fp, frame.fn, frame.found) == (-1.0, 0.0, ((0, 0, 1.0), (0, 1, 1.0)))
