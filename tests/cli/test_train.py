"""``drivegrid train``: interrupted, it says from where it goes on."""

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("peft")

from drivegrid.training import grpo, sft
from drivegrid.training.run_folder import STATE
from drivegrid.training.trainer import TRAINER_STATE_NAME

from drivegrid.cli.main import app

COMMANDS = {
    "sft": (sft, "trainer/checkpoint-20", ["train", "sft"]),
    "grpo": (grpo, "steps/step-000020", ["train", "grpo", "--stage", "1"]),
}


@pytest.mark.parametrize(("module", "saved", "command"), COMMANDS.values(), ids=COMMANDS.keys())
def test_an_interrupted_run_says_how_to_go_on(tmp_path, monkeypatch, module, saved, command):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", interrupted)
    argv = [*command, "--config", "nano-smoke", "--out", str(tmp_path)]
    ran = CliRunner().invoke(app, argv)
    assert ran.exit_code == 130 and "no step was saved yet" in ran.output
    (tmp_path / saved).mkdir(parents=True)
    for name in (TRAINER_STATE_NAME, STATE):
        (tmp_path / saved / name).write_text("{}")
    ran = CliRunner().invoke(app, argv)
    assert ran.exit_code == 130 and f"{saved} with --resume" in ran.output


@pytest.mark.parametrize("command", [one[2] for one in COMMANDS.values()], ids=COMMANDS.keys())
def test_a_wrong_setting_is_named(tmp_path, command):
    argv = [*command, "--config", "nano-smoke", "--set", "optim.stepz=1", "--out", str(tmp_path)]
    ran = CliRunner().invoke(app, argv)
    assert ran.exit_code == 1 and "optim.stepz" in str(ran.exception)
