import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Polygon
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.objects import box_scores, hit_ratios, point_quality, spread
from drivegrid.tasks.rewards.proposal import proposal_components
from drivegrid.tasks.rewards.settings import PRESETS, RewardSettings
from drivegrid.tokens.codec import Codec

SIZE = (840, 840)  # lengths of the paper's frame are pixels; cells of 26.25 px
CODEC = Codec(rounds=0)
PAPER = PRESETS["paper"]


def square(x: float, y: float, side: float) -> Polygon:
    return Polygon((np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]]),))


def rewards(instances, *texts: str, settings=PAPER):
    return proposal_components(Goal(tuple(instances), SIZE), texts, CODEC, settings)


@pytest.mark.parametrize(
    ("box", "iou", "closeness"),
    [
        ([0, 0, 100, 100], 1.0, 1.0),
        ([0, 0, 100, 91], 0.91, 1 - 9 / 4 / 18),
        ([18, 0, 118, 100], 82 / 118, 0.5),  # 36 px over four numbers: 9 of 18
        ([18, 18, 118, 118], 82**2 / (2 * 100**2 - 82**2), 0.0),
        ([300, 300, 400, 400], 0.0, 0.0),
        ([np.nan] * 4, 0.0, 0.0),
    ],
)
def test_similarity_of_boxes(box, iou, closeness) -> None:
    pred = np.array([box], dtype=np.float64)
    scores = box_scores(pred, np.array([[0.0, 0, 100, 100]]), 18.0)
    assert scores[0][0, 0] == pytest.approx(iou)
    assert scores[1][0, 0] == pytest.approx(closeness)


def test_no_boxes() -> None:
    assert [s.shape for s in box_scores(np.zeros((0, 4)), np.ones((2, 4)), 18.0)] == [(0, 2)] * 2


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[0, 0]], 0.0),
        ([[0, 0], [30, 40]], 0.5),
        ([[0, 0], [30, 40], [30, 40]], (50 + 0 + 0) / 3 / 100),
        ([[0, 0], [300, 400]], 1.0),
    ],
    ids=["single", "pair", "doubled", "clipped"],
)
def test_spread(points, expected) -> None:
    assert spread(np.array(points, dtype=np.float64), 100.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("num", "hit", "spread_", "expected"),
    [
        (1, 1.0, 0.0, (1 - np.exp(-0.2)) * 0.6 - 0.02),
        (5, 1.0, 1.0, (1 - np.exp(-1)) * 1.0 - 0.1),  # 0.532: the figure of the paper tells 0.5
        (10, 0.5, 1.0, (1 - np.exp(-2)) * 0.7 - 0.2),
        (60, 0.0, 0.0, -1.2),
    ],
)
def test_quality_of_points(num, hit, spread_, expected) -> None:
    assert point_quality(num, hit, spread_, RewardSettings()) == pytest.approx(expected)


def test_neither_few_points_nor_many_pay_most() -> None:
    worth = [point_quality(m, 1.0, 1.0, RewardSettings()) for m in range(1, 60)]
    assert np.argmax(worth) + 1 in (11, 12)  # m_0 ln(1 / (m_0 lambda)) = 5 ln 10 = 11.5
    assert worth[0] < 0.2 > worth[49]


def test_hits_are_told_by_the_pixels_of_the_mask() -> None:
    from drivegrid.tasks.region import fill_polygon

    region = fill_polygon(square(0, 0, 420), SIZE, (840, 840))
    anchors = [
        np.array([[10.0, 10.0], [419.5, 10.0], [420.5, 10.0], [900.0, 10.0]]),
        np.zeros((0, 2)),
    ]
    assert hit_ratios(anchors, [region, None], SIZE).tolist() == [[0.5, 0.0], [0.0, 0.0]]


def test_critical_points_by_hand() -> None:
    # Two points a cell (26.25 px) apart in a square of 210 px: H = 1, spread 26.25 / (.3 * 210).
    # F = (1 - e^-.4) * (.6 + .4 * .41667) - .04 = .32968 * .76667 - .04 = .21275, and T = F.
    found = rewards(
        [Instance("car", square(210, 210, 210))], "car: <seg><grid_10_10><grid_11_10></seg>"
    )
    assert found["critical_points"][0] == pytest.approx(0.21275, abs=1e-4)
    assert found["box"][0] == 0.0


def test_points_of_unmatched_objects_weigh_down() -> None:
    # As above, but a second object with four points and one without any: 2 F / (2 + 4 + 1).
    far = "<grid_30_30><grid_29_30><grid_28_30><grid_27_30>"
    text = f"car: <seg><grid_10_10><grid_11_10></seg>\ncar: <seg>{far}</seg>\n"
    found = rewards(
        [Instance("car", square(210, 210, 210))], text + "car: <box><grid_30_1><grid_31_2></box>"
    )
    assert found["critical_points"][0] == pytest.approx(2 * 0.21275 / 7, abs=1e-4)


def test_one_point_has_no_spread() -> None:
    found = rewards([Instance("car", square(210, 210, 210))], "car: <seg><grid_10_10></seg>")
    assert found["critical_points"][0] == pytest.approx((1 - np.exp(-0.2)) * 0.6 - 0.02)


def test_boxes_by_hand() -> None:
    # Centres of cells 0 and 3: 13.125 and 91.875. The first box is exact: (1 + 1) / 2. The second
    # is a cell wider than its truth: IoU 78.75 / 105 = .75, S = 1 - 26.25 / 4 / 18 = .63542.
    boxes = [
        Instance("car", Box(np.array([13.125, 13.125, 91.875, 91.875]))),
        Instance("car", Box(np.array([433.125, 433.125, 511.875, 511.875]))),
    ]
    text = "car: <box><grid_0_0><grid_3_3></box>\ncar: <box><grid_16_16><grid_20_19></box>"
    found = rewards(boxes, text, text + "\ncar: <box><grid_9_9><grid_10_10></box>", "none", "")
    pair = (1 + (0.75 + 0.63542) / 2) / 2
    assert found["box"] == pytest.approx([pair, pair * 2 / 3, 0, 0], abs=1e-4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("car: <box><grid_0_0><grid_3_3></box>", 1.0),
        ("bus: <box><grid_0_0><grid_3_3></box>", 0.0),
        ("bus: <box><grid_0_0><grid_3_3></box>\ncar: <box><grid_0_0><grid_3_3></box>", 0.5),
        ("car: <box><grid_0_0><grid_3_3></box>\ncar: <line><grid_0_0><grid_3_3></line>", 0.5),
        ("car: <box><grid_0_0><grid_3_3></box><seg><grid_1_1></seg>", 1.0),
    ],
    ids=["right", "other label", "both labels", "shape of another kind", "anchors of the same"],
)
def test_what_was_not_asked_for_counts_against(text: str, expected: float) -> None:
    box = Instance("car", Box(np.array([13.125, 13.125, 91.875, 91.875])))
    assert rewards([box], text)["box"][0] == pytest.approx(expected)


def test_a_frame_of_another_shape_is_stretched() -> None:
    # Half as wide: 18 px of the stretched frame are 9 px here.
    goal = Goal((Instance("car", Box(np.array([0.0, 0.0, 100.0, 100.0]))),), (420, 840))
    settings = PAPER.model_copy(update={"regions": "poly"})
    text = "car: <box><grid_0_0><grid_7_3></box>"  # 6.5625, 13.125, 98.4375, 91.875
    found = proposal_components(goal, [text], CODEC, settings)
    gap = (13.125 + 13.125 + 3.125 + 8.125) / 4
    iou = 91.875 * 78.75 / 100**2
    assert found["box"][0] == pytest.approx((iou + 1 - gap / 18) / 2)
