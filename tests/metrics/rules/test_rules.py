"""Every rule on scenes: equal to the metric it stands for, in all, by frame and by match."""

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import ConfigError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.metrics.culane import CURVELANES, match_lanes
from drivegrid.metrics.evaluate import evaluate_lanes, evaluate_scenes
from drivegrid.metrics.pairing import pair_scenes
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.rules.table import RULES, find_rule, rules_for, scorable

SIZE = (400, 300)
CAR, CONE = "object/vehicle/car", "obstacle/cone"


def random_scene(rng, image, predicted):
    """A scene of every kind of shape; a prediction lies a little beside and says how sure it is."""
    base = np.random.default_rng(sum(image.encode()))
    shift = rng.normal(0, 5, 2) if predicted else np.zeros(2)
    sure = float(rng.random()) if predicted else None
    found = []
    for _ in range(base.integers(1, 4)):
        x, y = base.uniform(40, 300), base.uniform(40, 200)
        corner, label = np.array([x, y]), str(base.choice([CAR, CONE]))
        line = np.array([[x, 290.0], [x + 20, 150], [x + 30, 60]])
        ring = corner + np.array([[0.0, 0], [60, 0], [60, 40], [0, 40]])
        found += [
            Instance("lane/line", Polyline(line + shift), confidence=sure),
            Instance(label, Box(np.concatenate([corner, corner + 40]) + np.tile(shift, 2)),
                     {"visible_state": str(base.choice(["cut off", "mostly hidden"]))},
                     confidence=sure),
            Instance("sign", Point(corner + shift), confidence=sure),
            Instance("area/drivable/direct", Polygon((ring + shift,))),
        ]  # fmt: skip
    kept = [item for item in found if not predicted or rng.random() < 0.8]
    return Scene(Frame(image, SIZE, {"weather": "rain"}, clip=image[:1]), tuple(kept))


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(7)
    names = [f"{i % 3}/{i}.jpg" for i in range(12)]
    gt = [random_scene(rng, name, False) for name in names]
    pred = [random_scene(rng, name, True) for name in names[:-1]]
    return pair_scenes(pred, gt)


def sides(pairs):
    return [[pair[i] for pair in pairs.pairs.values()] for i in (0, 1)]


@pytest.mark.parametrize("rule", RULES)
def test_no_frames_at_all(rule):
    if rule == "coco":
        pytest.importorskip("faster_coco_eval")
    found = find_rule(rule)(pair_scenes([], []), Settings())
    assert found.tally.names == ()
    assert found.rows == ()
    assert found.figures["parameters"]["rule"] == rule
    assert all(value is None for value in found.tally.rates_of().values())


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "coco"])
def test_rates_of_the_tally_are_the_figures(pairs, rule):
    found = find_rule(rule)(pairs, Settings())
    rates = found.tally.rates_of()
    assert len(found.tally.names) == 12
    told = {name: value for name, value in rates.items() if name in found.figures}
    assert told or rule in ("attributes", "expressions")
    for name, value in told.items():
        assert found.figures[name] == pytest.approx(value), name
    assert found.worst in rates


@pytest.mark.parametrize("rule", ["culane", "boxes", "points"])
def test_rows_hold_each_prediction_and_each_truth_once(pairs, rule):
    found = find_rule(rule)(pairs, Settings())
    sums = found.tally.sums()
    pred = [(row.frame, row.pred) for row in found.rows if row.pred is not None]
    true = [(row.frame, row.gt) for row in found.rows if row.gt is not None]
    assert len(pred) == len(set(pred)) == sums["num_pred"]
    assert len(true) == len(set(true)) == sums["num_gt"]
    hits = {"culane": "tp_50", "boxes": "tp_50", "points": "hits"}[rule]
    assert sum(row.hit for row in found.rows) == sums[hits] > 0
    for row in found.rows:
        scene = pairs.pairs[row.frame][0 if row.pred is not None else 1]
        place = row.pred if row.pred is not None else row.gt
        assert scene.instances[place].label == row.label
    assert found.figures["calibration"]["n"] == sums["num_pred"]


def test_rows_of_coco_are_the_matches_at_half(pairs):
    pytest.importorskip("faster_coco_eval")
    found = find_rule("coco")(pairs, Settings())
    pred = [(row.frame, row.pred) for row in found.rows if row.pred is not None]
    true = [(row.frame, row.gt) for row in found.rows if row.gt is not None]
    sums = found.tally.sums()
    assert len(pred) == len(set(pred)) == sums["num_pred"]
    assert len(true) == len(set(true)) == sums["num_gt"]
    hits = [row for row in found.rows if row.hit]
    assert hits and all(row.overlap >= 0.5 for row in hits)
    # A car hit alone: as many as the best match of all, since boxes lie apart.
    assert len(hits) == find_rule("boxes")(pairs, Settings()).tally.sums()["tp_50"]


def test_crowds_and_what_falls_to_them_have_no_rows():
    pytest.importorskip("faster_coco_eval")
    crowd = Instance(CAR, Box(np.array([0.0, 0, 90, 90])), extra={"coco": {"rest": {"iscrowd": 1}}})
    inside = [Instance(CAR, Box(np.array([x, 10.0, x + 9, 20]))) for x in (10.0, 30.0, 200.0)]
    frame = Frame("a", SIZE)
    pairs = pair_scenes([Scene(frame, tuple(inside))], [Scene(frame, (crowd,))])
    [row] = find_rule("coco")(pairs, Settings()).rows
    assert (row.pred, row.gt, row.hit) == (2, None, False)


def lanes_at(*places, run_time=0.0):
    lanes = (Polyline(np.array([[x, 700.0], [x, 160.0]])) for x in places)
    instances = tuple(Instance("lane/line", lane) for lane in lanes)
    extra = {"tusimple": {"run_time": run_time}}
    return Scene(Frame("a", (1280, 720)), instances, extra)


@pytest.mark.parametrize(
    ("pred", "gt", "rows"),
    [
        ([], [], []),
        ([], [300], [(None, 0, False)]),
        ([300], [], [(0, None, False)]),
        ([500, 305, 100], [300, 900], [(1, 0, True), (0, None, False), (2, None, False),
                                       (None, 1, False)]),
        ([300], [295, 305], [(0, 0, True), (0, 1, True)]),
        ([300, 1, 2, 3], [300], [(i, None, False) for i in range(4)] + [(None, 0, False)]),
    ],
)  # fmt: skip
def test_rows_of_tusimple(pred, gt, rows):
    found = find_rule("tusimple")(pair_scenes([lanes_at(*pred)], [lanes_at(*gt)]), Settings())
    assert [(row.pred, row.gt, row.hit) for row in found.rows] == rows


def test_true_lanes_without_points_have_no_rows():
    empty = {"h_samples": [160, 170], "empty": [[0, [-2, -2]]], "rest": {}}
    truth = Scene(Frame("a", (1280, 720)), (), {"tusimple": empty})
    found = find_rule("tusimple")(pair_scenes([truth], [truth]), Settings())
    assert (found.rows, found.figures["accuracy"]) == ((), 1)


def test_the_rules_agree_with_evaluate_scenes(pairs):
    whole = evaluate_scenes(*sides(pairs), densify_px=None)
    lanes, boxes, points, polygons = (
        find_rule(name)(pairs, Settings()).figures
        for name in ("culane", "boxes", "points", "polygons")
    )
    for key in ("f1_50", "f1_75", "mf1"):
        assert lanes[key] == pytest.approx(whole["lanes"][key])
    for key in ("acc_50", "acc_80", "f1_50", "mean_iou", "n", "num_pred"):
        assert boxes[key] == pytest.approx(whole["boxes"][key])
        assert boxes["per_label"][CAR][key] == pytest.approx(whole["boxes"]["per_label"][CAR][key])
    for key in ("hit", "f1", "mean_error_px", "median_error_px"):
        assert points[key] == pytest.approx(whole["points"][key])
    for key in ("giou", "ciou", "n"):
        assert polygons[key] == pytest.approx(whole["polygons"][key])


def test_workers_change_nothing(pairs, monkeypatch):
    monkeypatch.setattr("drivegrid.metrics.workers.FRAMES_PER_TASK", 5)
    one, two = (find_rule("culane")(pairs, Settings(workers=n)) for n in (1, 2))
    assert one.figures == two.figures
    assert one.rows == two.rows


def test_curvelanes_draws_thin_lines_on_a_small_canvas(pairs):
    found = find_rule("curvelanes")(pairs, Settings())
    tp = 0
    for pred, gt in pairs.pairs.values():
        lanes = [
            [i.geometry.xy for i in scene.instances if isinstance(i.geometry, Polyline)]
            for scene in (pred, gt)
        ]
        tp += match_lanes(*lanes, SIZE, CURVELANES).counts(0.5).tp
    assert found.tally.sums()["tp_50"] == tp
    assert found.figures["parameters"]["canvas_wh"] == [224, 224]


def test_densifying_is_told_and_done(pairs):
    dense = find_rule("culane")(pairs, Settings(densify_px=10.0)).figures
    assert dense["parameters"]["densify_px"] == 10.0
    assert dense["f1_50"] == evaluate_lanes(*sides(pairs), densify_px=10.0)["f1_50"]


def test_attributes_by_hand():
    def scene(state, weather, dx=0.0):
        box = Box(np.array([10.0 + dx, 10, 50 + dx, 50]))
        told = {} if state is None else {"visible_state": state}
        return Scene(Frame("a", SIZE, weather), (Instance(CAR, box, told),))

    truth = scene("cut off", {"weather": "rain", "time": "night"})
    cases = [
        (scene("cut off", {"weather": "rain"}), 1, [("cut off", "cut off")], 1),
        (scene("mostly hidden", {}), 0, [("mostly hidden", "cut off")], 1),
        (scene(None, {}), 0, [("", "cut off")], 1),
        (scene("cut off", {}, dx=200.0), 0, None, 0),
    ]
    for pred, weather, answers, found in cases:
        out = find_rule("attributes")(pair_scenes([pred], [truth]), Settings()).figures
        each = out["per_attribute"]
        assert each["frame weather"]["top_1"] == weather
        assert each["frame time"]["confusion"] == {"night": {"": 1}}
        assert each["frame time"]["answered"] == 0
        assert each["frame weather"]["answered"] == len(pred.frame.attributes)
        assert (out["found"], out["instances_with_attributes"]) == (found, 1)
        shown = each.get("object visible_state")
        wanted = {right: {given: 1} for given, right in answers} if answers else None
        assert (shown and shown["confusion"]) == wanted


def with_expressions(*expressions):
    instances = tuple(
        Instance(CAR, Box(np.array([x, 10.0, x + 40, 50]))) for x in (10.0, 100.0, 200.0)
    )
    held = [{"text": text, "targets": targets} for text, targets in expressions]
    return Scene(Frame("a", SIZE), instances, {"expressions": held})


@pytest.mark.parametrize(
    ("pred", "single", "multiple", "none"),
    [
        pytest.param([("left", [0]), ("all", [0, 1, 2]), ("red", [])], 1, 1, 1, id="right"),
        pytest.param([("left", [1]), ("all", [0, 1]), ("red", [0])], 0, 0.8, 0, id="wrong"),
        pytest.param([], 0, 0, 0, id="not answered"),
    ],
)
def test_expressions_meet_by_their_words(pred, single, multiple, none):
    truth = with_expressions(("left", [0]), ("all", [0, 1, 2]), ("red", []))
    pairs = pair_scenes([with_expressions(*pred)], [truth])
    out = find_rule("expressions")(pairs, Settings()).figures
    found = out["single"]["f1_50"], out["multiple"]["f1_50"], out["none"]["accuracy"]
    assert found == pytest.approx((single, multiple, none))


@pytest.mark.parametrize(
    "broken", ["text", [3], [{"text": "a"}], [{"text": "a", "targets": [9]}], [{"targets": [0]}]]
)
def test_malformed_expressions_are_passed_over(broken):
    scene = Scene(Frame("a", SIZE), (), {"expressions": broken})
    assert find_rule("expressions")(pair_scenes([scene], [scene]), Settings()).figures["n"] == 0


def test_the_rules_that_apply(pairs):
    pytest.importorskip("faster_coco_eval")
    assert rules_for(pair_scenes([], []), "culane") == []
    assert rules_for(pairs, "tusimple") == [
        "tusimple", "boxes", "coco", "points", "polygons", "drivable", "attributes",
    ]  # fmt: skip
    assert rules_for(pairs, "bdd100k")[0] == "bdd-lane"
    assert rules_for(pairs, "coco")[0] == "culane"


def test_attributes_nobody_predicted_are_not_scored_unasked(pairs):
    bare = [Scene(Frame(pred.frame.image, SIZE)) for pred, _ in pairs.pairs.values()]
    asked = pair_scenes(bare, sides(pairs)[1])
    assert "attributes" in scorable(asked)
    assert "attributes" not in rules_for(asked, "coco")


@pytest.mark.parametrize(
    ("shape", "label", "rules"),
    [
        (None, "", set()),
        (Polyline(np.array([[0.0, 9], [9, 0]])), "road/edge",
         {"culane", "tusimple", "curvelanes", "openlane"}),
        (Polygon((np.array([[0.0, 9], [9, 0], [9, 9]]),)), "lane/crosswalk",
         {"polygons", "bdd-lane"}),
        (Box(np.array([0.0, 0, 9, 9])), CAR, {"boxes", "coco"}),
        (Point(np.array([0.0, 0])), "sign", {"points"}),
    ],
)  # fmt: skip
def test_rules_that_find_something(shape, label, rules):
    scene = Scene(Frame("a", SIZE), () if shape is None else (Instance(label, shape),))
    assert scorable(pair_scenes([], [scene])) == rules
    assert scorable(pair_scenes([scene], [Scene(Frame("a", SIZE))])) == rules


def test_unknown_rules_are_refused():
    with pytest.raises(ConfigError, match=r"one of culane, tusimple, .* got 'bdd'"):
        find_rule("bdd")
