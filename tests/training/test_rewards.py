import pickle
import random

import numpy as np
import pytest
from drivegrid.training.rewards import (
    PRESETS,
    Goal,
    RewardSettings,
    offset_rewards,
    preset,
    proposal_rewards,
    weighted,
)
from pydantic import ValidationError

from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError, RewardError
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer

SIZE = (840, 840)  # the paper's frame; cells of 26.25 px
CODEC = Codec(rounds=0)


def test_no_samples() -> None:
    for settings in PRESETS.values():
        rewards = proposal_rewards(Goal((), SIZE), [], CODEC, settings)
        assert rewards.total.shape == (0,)


def test_a_sum_is_weighted_and_what_has_no_weight_is_told() -> None:
    values = {"format": np.array([1.0, 0.0]), "box": np.array([0.5, 0.25]), "x": np.ones(2)}
    rewards = weighted(values, {"format": 0.5, "box": 2.0})
    assert rewards.total.tolist() == [1.5, 0.5]
    assert list(rewards.components) == ["format", "box", "x"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_reward_must_be_finite(bad: float) -> None:
    with pytest.raises(RewardError, match=r"must be finite, got (nan|inf) \(box, sample 1\)"):
        weighted({"format": np.ones(2), "box": np.array([0.0, bad])}, {})


def test_presets_are_known_by_name() -> None:
    assert preset("paper").thinks and preset("paper").stay == 1.0
    assert preset("lanes").weights["line"] > preset("no-decoder").weights["line"]
    with pytest.raises(ConfigError, match=r"must be one of .*'no-decoder'.*, got 'best'"):
        preset("best")


@pytest.mark.parametrize("name", PRESETS)
def test_settings_go_to_json_and_back(name: str) -> None:
    settings = preset(name)
    assert RewardSettings.model_validate_json(settings.model_dump_json()) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_every_constant_says_where_it_is_from() -> None:
    for name, field in RewardSettings.model_fields.items():
        assert field.description, name
        assert field.json_schema_extra["given_by"] in ("paper", "ours"), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": {"beauty": 1.0}},
        {"weights": {"box": -1.0}},
        {"offset_weights": {"box": 1.0}},
        {"l1": 3},
        {"stay": 2.0},
    ],
)
def test_wrong_settings_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        RewardSettings(**wrong)


def test_the_figure_of_the_paper() -> None:
    # Figure M, stage 1: format 1, non-repeat 1, box 1, points 0.5, where a mask would add 2.0.
    # Five points all inside and far apart: (1 - 1/e) - .1 = .532; the box is exact.
    ring = np.array(
        [[223.125, 223.125], [616.875, 223.125], [616.875, 616.875], [223.125, 616.875]]
    )
    goal = Goal((Instance("camel", Polygon((ring,))),), SIZE)
    points = "<grid_9_9><grid_9_22><grid_22_9><grid_22_22><grid_15_15>"
    text = (
        "<think>It stands in the middle.</think>"
        f"<answer>camel: <box><grid_8_8><grid_23_23></box><seg>{points}</seg></answer>"
    )
    rewards = proposal_rewards(goal, [text], CODEC, preset("paper"))
    expected = {"format": 1, "non_repeat": 1, "box": 1, "critical_points": 1 - np.exp(-1) - 0.1}
    assert {k: v[0] for k, v in rewards.components.items()} == pytest.approx(expected)
    assert rewards.total[0] == pytest.approx(3.532, abs=1e-3)
    # Stage 2: format 1, box 1, points 1, where a mask would add 2.0. The corners start a step off.
    proposal = parse_answer(text.replace("<grid_8_8>", "<grid_7_7>"), CODEC.grid).items
    told = f"<offset><box><OFF_1_1><OFF_0_0></box><seg>{'<OFF_0_0>' * 5}</seg></offset>"
    rewards = offset_rewards(goal, proposal, [told], CODEC, preset("paper"))
    assert rewards.components["format"][0] == 1
    assert rewards.components["box_gain"][0] == 1
    assert rewards.components["point_refinement"][0] == 1


def test_golden_scene_of_boxes_and_a_sign() -> None:
    # Boxes: 1 exact and 1 missed, 1 invented: 1 / max(2, 2). Sign: 52.5 px off, of which 36.5
    # beyond the radius of 16, where 84 px are worth nothing: 1 - 36.5 / 84 = .56548. Total with
    # weights .5 + .5 + 2 * .5 + 2 * .56548.
    goal = Goal(
        (
            Instance("car", Box(np.array([13.125, 13.125, 91.875, 91.875]))),
            Instance("car", Box(np.array([500.0, 500.0, 600.0, 600.0]))),
            Instance("sign", Point(np.array([118.125, 118.125]))),
        ),
        SIZE,
    )
    text = (
        "car: <box><grid_0_0><grid_3_3></box>\ncar: <box><grid_30_0><grid_31_1></box>\n"
        "sign: <point><grid_6_4></point>"
    )
    rewards = proposal_rewards(goal, [text], CODEC, preset("no-decoder"))
    assert rewards.total[0] == pytest.approx(1 + 2 * 0.5 + 2 * 0.56548, abs=1e-4)


def test_golden_scene_of_a_lane_line() -> None:
    # On the canvas of 1640 px a cell is 51.25 px wide; the said line is 10 px beside the true one:
    # 21 shared of 41 px, IoU .5122, worth .5 * .5122 + .5 = .7561. Another line was missed:
    # 2 * .7561 / (1 + 2) = .50407, and one anchor too many costs .02. Total: 1 + 3 * .48407.
    x = (10.5 * 51.25 + 10) * 840 / 1640
    lines = [Polyline(np.array([[at, 826.875], [at, 13.125]])) for at in (x, 800.0)]
    goal = Goal(tuple(Instance("lane line", line) for line in lines), SIZE)
    text = "lane line: <line><grid_10_31><grid_10_9><grid_10_0></line>"
    codec = Codec(rounds=0, line_encoder="fewest")
    rewards = proposal_rewards(goal, [text], codec, preset("lanes"))
    assert rewards.total[0] == pytest.approx(1 + 3 * 0.48407, abs=5e-3)


def test_golden_refinement() -> None:
    # The first corner moves by its whole error (+1), the second is right and stays (.25): .625.
    # The box is then exact, a gain of 1. The invented car is deleted whole: .5 and .5. Means over
    # the items .5625 and .75; total .5 + .5625 + 2 * .75.
    car = Instance("car", Box(np.array([26.25, 13.125, 118.125, 118.125])))
    goal = Goal((car,), SIZE)
    text = "car: <box><grid_0_0><grid_4_4></box>\ncar: <box><grid_20_20><grid_24_24></box>"
    proposal = parse_answer(text, CODEC.grid).items
    told = "<offset><box><OFF_1_0><OFF_0_0></box><box><DELETE><DELETE></box></offset>"
    rewards = offset_rewards(goal, proposal, [told], CODEC, preset("no-decoder"))
    assert rewards.components["anchor_refinement"][0] == pytest.approx((1.25 / 2 + 0.5) / 2)
    assert rewards.components["gain"][0] == pytest.approx(0.75)
    assert rewards.total[0] == pytest.approx(0.5 + 0.5625 + 1.5)


SNIPPETS = (
    *"none car: sign: area: lane: <box> </box> <point> </point> <line> </line> <poly>".split(),
    *"</poly> <ring> <seg> </seg> <think> </think> <answer> </answer> <offset> </offset>".split(),
    *"<grid_0_0> <grid_31_31> <grid_3_4> <grid_9_2> <grid_99_1> <OFF_0_1> <DELETE>".split(),
    "\n",
    "a. a.",
)


@pytest.mark.parametrize("settings", PRESETS.values(), ids=PRESETS)
def test_any_text_has_a_reward(settings) -> None:
    ring = np.array([[100.0, 100.0], [300.0, 100.0], [200.0, 400.0]])
    shapes = {
        "car": Box(np.array([10.0, 10.0, 90.0, 90.0])),
        "sign": Point(np.array([80.0, 110.0])),
        "area": Polygon((ring,)),
        "lane": Polyline(ring[1:]),
    }
    goal = Goal(tuple(Instance(label, shape) for label, shape in shapes.items()), SIZE)
    rng = random.Random(0)
    texts = ["".join(rng.choices(SNIPPETS, k=rng.randrange(60))) for _ in range(300)]
    rewards = proposal_rewards(goal, texts, CODEC, settings)
    for name, values in rewards.components.items():
        assert ((values >= 0) & (values <= 1)).all(), name
    for start in range(0, 300, 10):
        proposal = parse_answer(texts[start], CODEC.grid).items
        rewards = offset_rewards(goal, proposal, texts[start : start + 10], CODEC, settings)
        for name, values in rewards.components.items():
            assert (np.abs(values) <= 1).all(), name
