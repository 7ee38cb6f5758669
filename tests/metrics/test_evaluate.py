import json

import numpy as np
import pytest
from fixtures import fixture_root, read_lanes

from drivegrid.data.formats.tusimple import load_tusimple
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import ConfigError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.metrics.evaluate import evaluate_lanes, evaluate_scenes
from drivegrid.metrics.pairing import pair_scenes

SIZE = (1640, 590)
UP = np.array([[800.0, 580.0], [800.0, 300.0]])
SQUARE = np.array([[0.0, 0], [40, 0], [40, 40], [0, 40]])
CAR, CONE = "vehicle/car", "obstacle/cone"


def make_scene(image="a.jpg", *shapes, size_wh=SIZE, extra=None):
    instances = tuple(Instance(label, shape) for label, shape in shapes)
    return Scene(Frame(image, size_wh), instances, extra or {})


def lane_scene(image, lanes, size_wh=SIZE, extra=None):
    shapes = [("marking/line", Polyline(lane)) for lane in lanes]
    return make_scene(image, *shapes, size_wh=size_wh, extra=extra)


def test_no_frames_at_all():
    for rule in ("culane", "tusimple"):
        out = evaluate_lanes([], [], rule)
        assert (out["num_frames"], out["f1" if rule == "tusimple" else "f1_50"]) == (0, None)
    out = evaluate_scenes([], [])
    assert [out[part]["n"] for part in ("lanes", "boxes", "points", "polygons")] == [0] * 4


def test_a_missing_frame_predicts_nothing_not_even_the_empty_lanes_of_the_truth():
    line = Instance("lane/line", Polyline(np.array([[600.0, 710.0], [600.0, 160.0]])))
    rows = list(range(160, 711, 10))
    extra = {"tusimple": {"h_samples": rows, "empty": [[1, [-2] * len(rows)]], "rest": {}}}
    truth = Scene(Frame("a.jpg", (1280, 720)), (line,), extra)
    out = evaluate_lanes([], [truth], "tusimple")
    assert (out["accuracy"], out["fp"], out["fn"], out["f1"]) == (0.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "meets"),
    [("clips/1/20.jpg", True), ("data/clips/1/20.jpg", True), ("1/20.jpg", False)],
)
def test_names_meet_by_their_end(name, meets):
    truth = Scene(Frame("clips/1/20.jpg", (64, 48)))
    pairs = pair_scenes([Scene(Frame(name, (64, 48)))], [truth])
    assert (pairs.missing == ()) is meets
    assert (pairs.extra == ()) is meets


def test_missing_frames_count_and_extra_frames_do_not():
    pred = [lane_scene("a", [UP]), lane_scene("x", [UP])]
    out = evaluate_lanes(pred, [lane_scene("a", [UP]), lane_scene("b", [UP])])
    at_half = out["at_iou"]["0.5"]
    assert (at_half["tp"], at_half["fp"], at_half["fn"]) == (1, 0, 1)
    assert (out["missing_frames"], out["extra_frames"]) == (["b"], ["x"])
    assert out["per_frame"]["b"]["num_pred"] == 0


def test_frames_meet_by_name_not_by_order():
    near, far = lane_scene("a", [UP]), lane_scene("b", [UP + np.array([200.0, 0.0])])
    renamed = lane_scene("/a", [UP])
    assert evaluate_lanes([far, renamed], [near, far])["f1_50"] == 1


def test_frames_without_a_name_meet_by_position():
    scenes = [lane_scene("", [UP]), lane_scene("", [UP / 2])]
    assert evaluate_lanes(scenes, scenes)["f1_50"] == 1
    assert evaluate_lanes(scenes[::-1], scenes)["f1_50"] == 0


def test_an_image_predicted_twice_counts_as_not_predicted():
    pred = [lane_scene("a", [UP]), lane_scene("/a", [UP]), lane_scene("b", [UP])]
    out = evaluate_lanes(pred, [lane_scene("a", [UP]), lane_scene("b", [UP])])
    at_half = out["at_iou"]["0.5"]
    assert (at_half["tp"], at_half["fp"], at_half["fn"]) == (1, 0, 1)
    assert (out["missing_frames"], out["extra_frames"]) == (["a"], [])
    assert out["rejected_frames"] == ["predictions must hold each image once, got a and /a"]


def test_an_image_labelled_twice_is_not_scored():
    truth = [lane_scene("a", [UP]), lane_scene("/a", []), lane_scene("b", [UP])]
    out = evaluate_lanes([lane_scene("a", [UP]), lane_scene("b", [UP])], truth)
    assert (out["num_frames"], list(out["per_frame"])) == (1, ["b"])
    assert (out["missing_frames"], out["extra_frames"]) == ([], [])
    assert out["rejected_frames"] == ["truth must hold each image once, got a and /a"]


def test_a_prediction_of_another_size_counts_as_not_predicted():
    pred = [lane_scene("a", [UP], size_wh=(8, 9)), lane_scene("b", [UP])]
    out = evaluate_lanes(pred, [lane_scene("a", [UP]), lane_scene("b", [UP])])
    assert (out["missing_frames"], out["at_iou"]["0.5"]["tp"]) == (["a"], 1)
    [reason] = out["rejected_frames"]
    assert all(part in reason for part in ("(1640, 590)", "(8, 9)", "for a"))


@pytest.mark.parametrize("assumed", ["pred", "gt"])
def test_a_size_that_is_only_assumed_gives_way(assumed):
    known = lane_scene("a", [UP], size_wh=(1000, 600))
    guess = lane_scene("a", [UP], extra={"assumed_size": True})
    pred, gt = (guess, known) if assumed == "pred" else (known, guess)
    pairs = pair_scenes([pred], [gt])
    assert (pairs.missing, pairs.rejected) == ((), ())
    assert {scene.frame.size_wh for scene in pairs.pairs["a"]} == {(1000, 600)}
    assert evaluate_lanes([pred], [gt])["f1_50"] == 1


def test_unknown_rules_are_refused():
    with pytest.raises(ConfigError, match="'culane' or 'tusimple', got 'bdd'"):
        evaluate_lanes([], [], "bdd")


def test_culane_files_score_as_with_the_official_tool():
    root = fixture_root() / "culane"
    expected = json.loads((root / "expected.json").read_text())
    names = list(expected["per_frame_w30"])
    sides = {}
    for side in ("det", "anno"):
        paths = [root / side / f"{name}.lines.txt" for name in names]
        sides[side] = [
            lane_scene(name, read_lanes(path))
            for name, path in zip(names, paths, strict=True)
            if path.exists()
        ]
    out = evaluate_lanes(sides["det"], sides["anno"], thresholds=(0.3, 0.5, 0.7))
    for threshold, wanted in expected["totals"]["width30"].items():
        found = out["at_iou"][threshold]
        assert [found["tp"], found["fp"], found["fn"]] == wanted
    assert out["missing_frames"] == ["00013"]


def points_of(xs, rows):
    return [(x, y) for x, y in zip(xs, rows, strict=True) if x >= 0]


def test_tusimple_files_score_as_with_the_official_script():
    root = fixture_root() / "tusimple"
    pred, gt = (load_tusimple(root / name).scenes for name in ("pred.json", "gt.json"))
    expected = json.loads((root / "expected.json").read_text())["per_frame[acc,fp,fn]"]
    out = evaluate_lanes(pred, gt, "tusimple")["per_frame"]
    assert len(out) == 40
    for name, figures in expected.items():
        found = [out[name][key] for key in ("accuracy", "fp", "fn")]
        assert found == pytest.approx(figures), name


def everything(dx=0.0):
    move = np.array([dx, 0.0])
    return make_scene(
        "a.jpg",
        ("marking/line", Polyline(UP + move)),
        (CAR, Box(np.array([100.0, 100, 140, 140]) + np.tile(move, 2))),
        (CONE, Box(np.array([300.0, 100, 340, 140]) + np.tile(move, 2))),
        ("sign/stop", Point(np.array([500.0, 50]) + move)),
        ("drivable/direct", Polygon((SQUARE + move,))),
    )


@pytest.mark.parametrize(
    ("dx", "f1_50", "acc_50", "acc_80", "hit", "giou"),
    [
        pytest.param(0, 1, 1, 1, 1, 1, id="identical"),
        pytest.param(8, 1, 1, 0, 1, 32 / 48, id="8 px beside"),
        pytest.param(20, 0, 0, 0, 0, 20 / 60, id="20 px beside"),
    ],
)
def test_evaluate_scenes(dx, f1_50, acc_50, acc_80, hit, giou):
    out = evaluate_scenes([everything(dx)], [everything()])
    assert (out["lanes"]["f1_50"], out["lanes"]["recall"]) == (f1_50, f1_50)
    assert (out["boxes"]["acc_50"], out["boxes"]["acc_80"]) == (acc_50, acc_80)
    assert (out["boxes"]["precision_50"], out["boxes"]["recall_50"]) == (acc_50, acc_50)
    assert out["points"]["hit"] == hit
    assert out["polygons"]["giou"] == pytest.approx(giou)
    assert [out[p]["n"] for p in ("lanes", "boxes", "points", "polygons")] == [1, 2, 1, 1]


def test_labels_are_scored_apart():
    box = np.array([100.0, 100, 140, 140])
    out = evaluate_scenes([make_scene("a", (CAR, Box(box)))], [make_scene("a", (CONE, Box(box)))])
    assert out["boxes"]["acc_50"] == 0
    assert out["boxes"]["per_label"][CAR]["num_pred"] == 1
    assert out["boxes"]["per_label"][CONE]["n"] == 1


def test_lines_of_another_label_match_in_all_but_not_by_label():
    pred = make_scene("a", ("marking/line", Polyline(UP)))
    out = evaluate_scenes([pred], [make_scene("a", ("edge/curb", Polyline(UP)))])["lanes"]
    assert out["f1_50"] == 1
    assert {label: row["f1_50"] for label, row in out["per_label"].items()} == {
        "edge/curb": 0,
        "marking/line": 0,
    }


def test_a_points_box_decides_where_the_label_has_one():
    sign = Instance("sign", Point([50.0, 50]), extra={"box_xyxy": [48, 48, 52, 52]})
    truth = Scene(Frame("a", SIZE), (sign,))
    for dx, hit in ((1, 1), (3, 0)):
        pred = make_scene("a", ("sign", Point([50.0 + dx, 50])))
        assert evaluate_scenes([pred], [truth])["points"]["hit"] == hit


def test_polygons_of_a_label_in_a_frame_are_one_region():
    whole = make_scene("a", ("drivable/direct", Polygon((SQUARE,))))
    left, right = SQUARE * [0.5, 1], SQUARE * [0.5, 1] + np.array([20, 0])
    parts = [("drivable/direct", Polygon((half,))) for half in (left, right)]
    assert evaluate_scenes([make_scene("a", *parts)], [whole])["polygons"]["giou"] == 1


def test_results_are_json():
    out = evaluate_scenes([everything(3)], [everything()])
    assert json.loads(json.dumps(out, allow_nan=False))["boxes"]["n"] == 2
    lanes = evaluate_lanes([everything(3)], [everything()])
    assert json.loads(json.dumps(lanes, allow_nan=False))["parameters"]["width"] == 30
