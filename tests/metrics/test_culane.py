import json

import culane_oracle
import numpy as np
import pytest
from fixtures import fixture_root, read_lanes

from drivegrid.errors import ConfigError
from drivegrid.metrics import culane
from drivegrid.metrics.culane import CulaneFrame, CulaneRule, CulaneScore, match_lanes

SIZE = (1640, 590)
UP = np.array([[800.0, 589.0], [800.0, 300.0]])


def beside(dx):
    return UP + np.array([dx, 0.0])


def counts(pred, gt, threshold=0.5, size=SIZE, rule=culane.CULANE):
    found = match_lanes(pred, gt, size, rule).counts(threshold)
    return found.tp, found.fp, found.fn


@pytest.mark.parametrize(
    ("pred", "gt", "expected"),
    [
        pytest.param([], [], (0, 0, 0), id="empty"),
        pytest.param([UP], [], (0, 1, 0), id="truth empty"),
        pytest.param([], [UP, UP], (0, 0, 2), id="prediction empty"),
        pytest.param([UP], [UP], (1, 0, 0), id="identical"),
        pytest.param([UP[::-1]], [UP], (1, 0, 0), id="reversed"),
        pytest.param([UP, UP], [UP], (1, 1, 0), id="duplicate"),
        pytest.param([UP[:1]], [UP], (0, 1, 1), id="one point"),
        pytest.param([UP[:1]], [UP[:1]], (0, 1, 1), id="one point each"),
        pytest.param([np.zeros((0, 2))], [UP], (0, 1, 1), id="no point"),
        pytest.param([UP[[0, 0, 1, 1]]], [UP], (1, 0, 0), id="points repeated"),
        pytest.param([beside(9)], [UP], (1, 0, 0), id="9 px beside"),
        pytest.param([beside(12)], [UP], (0, 1, 1), id="12 px beside"),
        pytest.param([beside(5000)], [beside(5000)], (0, 1, 1), id="both outside"),
        pytest.param([beside(40), UP], [UP, beside(40)], (2, 0, 0), id="order swapped"),
    ],
)
def test_counts(pred, gt, expected):
    assert counts(pred, gt) == expected


def test_the_threshold_is_strict():
    frame = CulaneFrame(1, 1, ((0, 0, 0.5),))
    assert frame.counts(0.5).tp == 0
    assert frame.counts(0.4999).tp == 1


def test_matching_is_one_for_all_thresholds_and_by_total_iou():
    lane = [beside(dx) for dx in (0, 8, 16)]
    frame = match_lanes(lane[:2], lane[1:], SIZE)
    # 1 + .30 beats .58 + .58, although the latter would give two lanes above one half
    assert [(i, j) for i, j, _ in frame.matches] == [(0, 1), (1, 0)]
    assert frame.counts(0.5).tp == 1


@pytest.mark.parametrize("threshold", ["0.3", "0.5", "0.7"])
def test_every_frame_equals_the_official_tool(threshold):
    root = fixture_root() / "culane"
    expected = json.loads((root / "expected.json").read_text())
    frames = {}
    for name in expected["per_frame_w30"]:
        pred, gt = (read_lanes(root / kind / f"{name}.lines.txt") for kind in ("det", "anno"))
        frames[name] = match_lanes(pred, gt, SIZE)
    found = {name: frame.counts(float(threshold)) for name, frame in frames.items()}
    wanted = {name: tuple(v[threshold]) for name, v in expected["per_frame_w30"].items()}
    assert {name: (c.tp, c.fp, c.fn) for name, c in found.items()} == wanted
    sums = CulaneScore(frames).counts(float(threshold))
    assert [sums.tp, sums.fp, sums.fn] == expected["totals"]["width30"][threshold]


def random_lane(rng, size, num_points):
    start = rng.uniform(-80, np.array(size) + 80)
    scale = rng.choice([1.0, 12.0, 60.0])
    return start + np.cumsum(rng.normal(0, scale, (num_points, 2)), axis=0)


@pytest.mark.parametrize("seed", range(40))
def test_drawn_pixels_equal_the_oracle(seed):
    rng = np.random.default_rng(seed)
    size, width = [((1640, 590), 30), ((224, 224), 5), ((120, 90), 9), ((60, 40), 2)][seed % 4]
    lane = random_lane(rng, size, int(rng.integers(2, 24)))
    if seed % 3 == 0:
        lane = np.rint(lane * 2) / 2  # halves, where rounding shows
        lane[:, 1] = np.arange(len(lane)) * 6.5
    raster = culane.draw_lane(lane, size, width)
    found = np.zeros((size[1], size[0]), np.uint8)
    height, wide = raster.mask.shape
    found[raster.y : raster.y + height, raster.x : raster.x + wide] = raster.mask
    assert np.array_equal(found, culane_oracle.draw(lane.tolist(), size, width))
    assert raster.area == found.sum()


@pytest.mark.parametrize("seed", range(12))
def test_counts_equal_the_oracle(seed):
    rng = np.random.default_rng(100 + seed)
    size = (410, 148)
    gt = [random_lane(rng, size, int(rng.integers(1, 8))) for _ in range(rng.integers(0, 4))]
    pred = [lane + rng.normal(0, 3, 2) for lane in gt if rng.random() < 0.8]
    pred += [random_lane(rng, size, 4) for _ in range(rng.integers(0, 2))]
    thresholds = (0.3, 0.5, 0.7, 0.9)
    literal = culane_oracle.evaluate(pred, gt, thresholds, size, 14)
    rule = CulaneRule(width=14, canvas_wh=None)
    assert {t: counts(pred, gt, t, size, rule) for t in thresholds} == literal


def test_other_sizes_are_scaled_to_the_canvas_unless_native():
    half = [UP / 2, beside(12) / 2]
    scaled = culane.lane_iou(half[:1], half[1:], (820, 295))
    assert scaled == culane.lane_iou([UP], [beside(12)], SIZE)
    native = culane.lane_iou(half[:1], half[1:], (820, 295), CulaneRule(canvas_wh=None))
    assert native[0, 0] > scaled[0, 0] + 0.1


def test_score_sums_over_frames_and_prints_its_parameters():
    frames = {"a": CulaneFrame(2, 1, ((0, 0, 0.8),)), "b": CulaneFrame(0, 1)}
    score = CulaneScore(frames, CulaneRule(width=12, canvas_wh=(800, 320))).as_dict()
    assert score["at_iou"]["0.5"]["f1"] == pytest.approx(0.5)
    assert score["mf1"] == pytest.approx(0.5 * 6 / 10)  # above .50 ... .75, not above .80
    assert score["parameters"]["width"] == 12
    assert score["parameters"]["canvas_wh"] == [800, 320]


def test_no_lane_at_all_is_no_score():
    assert CulaneScore({"a": CulaneFrame(0, 0)}).as_dict()["f1_50"] is None


@pytest.mark.parametrize("bad", [{"width": 0}, {"width": 256}, {"canvas_wh": (0, 5)}])
def test_bad_rules_are_refused(bad):
    with pytest.raises(ConfigError, match="must"):
        CulaneRule(**bad)
