"""A Qwen2.5-VL stand-in learns whole: the body and all rows, the tower if asked to."""

import json

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from drivegrid.training import pictures  # noqa: E402
from drivegrid.training.config import FullSettings, OptimConfig, TrainingConfig  # noqa: E402
from drivegrid.training.qwen_student import QwenStudent  # noqa: E402
from drivegrid.training.sft import train  # noqa: E402
from drivegrid.training.trainer import SftTrainer  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from drivegrid.cli.main import app  # noqa: E402
from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.data.store import save_scenes  # noqa: E402
from drivegrid.errors import ModelError  # noqa: E402
from drivegrid.geometry import Box  # noqa: E402
from drivegrid.inference.checkpoints import load_checkpoint  # noqa: E402
from drivegrid.model.adapter import load_base  # noqa: E402
from drivegrid.model.manifest import verify  # noqa: E402
from drivegrid.model.retrained import save_retrained  # noqa: E402
from drivegrid.model.stored import tensor_files  # noqa: E402
from drivegrid.tokens.automaton import Limits  # noqa: E402
from tests.model.tiny_qwen import make_batch, make_extended  # noqa: E402

SIZE_WH = (84, 56)


@pytest.fixture(autouse=True)
def short_answers(monkeypatch):
    """Let random weights babble less for the pictures of a run."""
    monkeypatch.setattr(pictures, "MOST_TOKENS", 4)


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def base(request, tmp_path_factory):
    """Several shards, as real checkpoints have."""
    folder = tmp_path_factory.mktemp("qwen")
    return make_extended(folder, request.param, shard_size="60KB")


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    scenes = []
    for number in range(4):
        cone = Instance("obstacle/cone", Box(np.array([4.0 + number, 4, 40, 44])))
        scenes.append(Scene(Frame(f"{number}.png", (64, 48)), (cone,)))
        Image.new("RGB", (64, 48), (40 * number, 90, 60)).save(folder / f"{number}.png")
    save_scenes(scenes, folder / "labels.jsonl")
    return folder


def config(base, labels, **optim) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "full": {"base": base, "size_wh": SIZE_WH},
            "data": {
                "labelled": [{"path": labels}],
                "rendered": 0,
                "tasks": {"objects": 1},
                "held_out": labels,
                "held_out_scenes": 2,
                "workers": 0,
            },
            "optim": {
                "steps": 2,
                "batch_scenes": 2,
                "warmup_steps": 1,
                "save_every": 1,
                "judge_every": 1,
                "threads": 1,
                "trunk_learning_rate": 1e-3,
                "average": 0.0,
                **optim,
            },
        }
    )


def logits_of(model, manifest):
    with torch.no_grad():
        return model.eval()(**make_batch(manifest)).logits


def stored(folder):
    return {
        name: tensor
        for path in set(tensor_files(folder).values())
        for name, tensor in load_file(path).items()
    }


def student_of(base, **optim):
    return QwenStudent(FullSettings(base=base, size_wh=SIZE_WH), OptimConfig(**optim))


@pytest.mark.parametrize("rate", [0.0, 1e-3])
def test_every_weight_is_in_one_group_but_those_of_a_frozen_tower(base, rate) -> None:
    student = student_of(base, trunk_learning_rate=rate)
    groups = student.parameter_groups()
    learnt = [id(p) for group in groups for p in group["params"]]
    assert len(set(learnt)) == len(learnt)
    for name, parameter in student.model.named_parameters():
        assert parameter.requires_grad == (id(parameter) in learnt)
        assert parameter.requires_grad == (rate > 0 or "visual" not in name)
    decayed = [p for group in groups if group["weight_decay"] for p in group["params"]]
    assert all(p.ndim > 1 for p in decayed)


def test_what_learns_is_kept_in_single_precision(base) -> None:
    student = student_of(base, precision="bf16")
    dtypes = {p.requires_grad: p.dtype for p in student.model.parameters()}
    assert dtypes == {True: torch.float32, False: torch.bfloat16}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_the_result_is_a_plain_checkpoint(base, labels, tmp_path) -> None:
    seen = {}

    class Seen(QwenStudent):
        def save(self, folder, facts, weights):
            super().save(folder, facts, weights)
            seen["logits"] = logits_of(self.model, verify(base))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivegrid.training.sft.QwenStudent", Seen)
        folder = train(config(base, labels), tmp_path / "run")
    judged = json.loads((tmp_path / "run" / "judged.json").read_text())
    assert judged[-1]["mean"] == min(one["mean"] for one in judged) < judged[0]["mean"]
    model, processor = load_checkpoint(folder)
    assert processor.size_wh == SIZE_WH
    torch.testing.assert_close(logits_of(model, verify(folder)), seen["logits"])
    old, new = stored(base), stored(folder)
    assert {n: t.dtype for n, t in old.items()} == {n: t.dtype for n, t in new.items()}
    assert not [name for name in old if torch.equal(old[name], new[name])]
    assert len(tensor_files(folder)) == len(tensor_files(base)) > 1
    assert f"`{base}`, trained whole" in (folder / "README.md").read_text()
    check_commands(folder, labels, tmp_path)


def check_commands(folder, labels, out) -> None:
    """Ask a checkpoint and examine it as people do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivegrid.inference.predictor.LIMITS", Limits(items=1, anchors=4, text=4))
        patch.setattr("drivegrid.inference.decoding.Anything.__init__.__defaults__", (8,))
        asked = ["predict", labels, "-q", "all cones", "--model", folder, "--json", out / "a.json"]
        exam = ["eval-model", folder, "--data", labels, "--out", out / "exam.json"]
        for command in (asked, exam):
            ran = CliRunner().invoke(app, list(map(str, command)))
            assert ran.exit_code == 0, ran.output
    answers = json.loads((out / "a.json").read_text())
    assert len(answers) == 4
    assert json.loads((out / "exam.json").read_text())["figures"]["box Acc@50"]["n"] == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
@pytest.mark.parametrize("base", [True], indirect=True)
def test_a_resumed_run_ends_like_an_uninterrupted_one(base, labels, tmp_path, monkeypatch) -> None:
    changes = {"trunk_learning_rate": 0.0, "average": 0.9, "judge_every": 2, "warmup_steps": 0}
    whole = train(config(base, labels, **changes), tmp_path / "whole")
    plain = SftTrainer.save_model

    def killed(self, *args, **kwargs):
        plain(self, *args, **kwargs)
        if self.state.global_step == 2:  # its state is not written yet: step 1 is the last
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SftTrainer, "save_model", killed)
        with pytest.raises(KeyboardInterrupt):
            train(config(base, labels, **changes), tmp_path / "parts")
    parts = train(config(base, labels, **changes), tmp_path / "parts", resume=True)
    first, second = stored(whole), stored(parts)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(first[n], t) == ("visual" in n) for n, t in stored(base).items())


def test_a_frozen_tower_keeps_its_bits_and_a_target_its_place(base, tmp_path) -> None:
    model, _, _ = load_base(base)
    weights = {n: p.detach() + 0.5 for n, p in model.named_parameters() if "visual" not in n}
    target = tmp_path / "target"
    for _ in range(2):
        save_retrained(base, target, weights)
    old, new = stored(base), stored(target)
    for name in old:
        assert torch.equal(new[name], old[name] if "visual" in name else old[name] + 0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    bad = {"model.language_model.norm.weight": torch.full((32,), torch.nan)}
    for wrong, problem in [
        ({"model.moon": torch.zeros(1)}, "those of the base"),
        ({"model.language_model.norm.weight": torch.zeros(1)}, "must have shape"),
        (bad, "must be finite"),
    ]:
        with pytest.raises(ModelError, match=problem):
            save_retrained(base, target, wrong)
    assert stored(target).keys() == new.keys()
