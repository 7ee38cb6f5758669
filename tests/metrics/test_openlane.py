"""OpenLane 2D F against the slow evaluator, cases by hand, and the tool's own sample."""

import json

import culane_oracle
import numpy as np
import pytest

from drivegrid.data.formats.naming import label_of
from drivegrid.data.formats.openlane import load_openlane
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Polyline
from drivegrid.metrics.openlane import lane_category
from drivegrid.metrics.pairing import pair_scenes
from drivegrid.metrics.rules.lanes import evaluate_openlane
from drivegrid.metrics.rules.settings import Settings

SIZE = (1920, 1280)
UP = np.array([[900.0, 1200.0], [900.0, 900.0], [900.0, 600.0]])


def lane(points, category=1):
    said = label_of("openlane", str(category))
    extra = {"openlane": {"lane": {"category": category}}}
    return Instance(said.path, Polyline(points), said.attributes, extra=extra)


def beside(dx):
    return UP + np.array([dx, 0.0])


def figures(pred, gt):
    scenes = [Scene(Frame("a.jpg", SIZE), tuple(side)) for side in (pred, gt)]
    return evaluate_openlane(pair_scenes(scenes[:1], scenes[1:]), Settings())


def counts(pred, gt):
    found = figures(pred, gt).figures["at_iou"]["0.3"]
    return found["tp"], found["fp"], found["fn"]


@pytest.mark.parametrize(
    ("pred", "gt", "expected"),
    [
        pytest.param([], [], (0, 0, 0), id="empty"),
        pytest.param([lane(UP)], [], (0, 1, 0), id="truth empty"),
        pytest.param([], [lane(UP)], (0, 0, 1), id="prediction empty"),
        pytest.param([lane(UP)], [lane(UP)], (1, 0, 0), id="identical"),
        pytest.param([lane(UP, 2)], [lane(UP)], (0, 1, 1), id="another category"),
        pytest.param([lane(UP, 20)], [lane(UP, 21)], (0, 1, 1), id="the other curbside"),
        pytest.param([lane(UP[:1])], [lane(UP[:1])], (0, 0, 0), id="one point: passed over"),
        pytest.param([lane(UP[[2, 0, 1]])], [lane(UP)], (1, 0, 0), id="sorted by row"),
        pytest.param([lane(beside(16))], [lane(UP)], (1, 0, 0), id="IoU just above .3"),
        pytest.param([lane(beside(17))], [lane(UP)], (0, 1, 1), id="IoU just below .3"),
        pytest.param(
            [lane(UP, 2), lane(beside(9))], [lane(UP)], (1, 1, 0), id="the right category wins"
        ),
    ],
)
def test_counts(pred, gt, expected):
    assert counts(pred, gt) == expected


def test_the_parameters_are_told():
    told = figures([], []).figures["parameters"]
    assert (told["width"], told["canvas_wh"], told["iou"]) == (30, [1920, 1280], 0.3)


def test_categories_are_read_or_follow_from_the_label():
    line, left = Polyline(UP), Polyline(UP - np.array([500.0, 0.0]))
    yellow = {"color": "yellow", "style": "solid"}
    cases = [
        (lane(UP, 21), 21),
        (Instance("lane/line", line, yellow), 8),
        (Instance("lane/curb", left, {"style": "curb"}), 20),
        (Instance("lane/line", line, extra={"openlane": "broken"}), 0),
        (Instance("lane/line", line, yellow, extra={"openlane": {"lane": {"category": 2}}}), 8),
    ]
    assert [lane_category(instance, SIZE) for instance, _ in cases] == [c for _, c in cases]


def official_lanes(path):
    """As the tool reads a file: (2, n) uv, lanes of one point passed over, sorted by v."""
    lanes = []
    for entry in json.loads(path.read_text())["lane_lines"]:
        points = sorted(zip(*entry["uv"], strict=True), key=lambda point: point[1])
        if len(points) > 1:
            lanes.append((points, entry["category"]))
    return lanes


def slow_counts(pred, gt):
    table = [[culane_oracle.similarity(a, b, SIZE, 30) * (c == d) for b, d in gt] for a, c in pred]
    tp = sum(table[i][j] > 0.3 for i, j in culane_oracle.best_matching(table))
    return tp, len(pred) - tp, len(gt) - tp


def test_the_sample_predictions_score_as_the_slow_tool_scores_them(realdata):
    root = realdata / "openlane_sample" / "lane2d"
    folders = root / "results", root / "annotations"
    found = evaluate_openlane(pair_scenes(*(load_openlane(f).scenes for f in folders)), Settings())
    slow = []
    for path in sorted(folders[1].rglob("*.json")):
        sides = [official_lanes(folder / path.relative_to(folders[1])) for folder in folders]
        slow.append(slow_counts(*sides))
    columns = found.tally.columns
    tp, num_pred, num_gt = (columns[name] for name in ("tp_30", "num_pred", "num_gt"))
    assert list(zip(tp, num_pred - tp, num_gt - tp, strict=True)) == slow
    assert np.sum(slow, axis=0).tolist() == [8, 4, 2]  # two right curbsides are called left
