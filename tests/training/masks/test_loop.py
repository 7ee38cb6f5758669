"""The loop on a lesson of one weight: resuming, judging, failing."""

import json

import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.masks.loop import (  # noqa: E402
    BatchSource,
    Lesson,
    iter_batches,
    prepare,
    train,
)
from drivegrid.training.masks.settings import MaskSettings  # noqa: E402
from drivegrid.training.run_folder import last_saved  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

from drivegrid.errors import ConfigError, ModelError  # noqa: E402
from tests.data.builders import full_disk  # noqa: E402


class Numbers(BatchSource):
    def batch(self, step):
        if step == self.stop:
            raise KeyboardInterrupt
        rng = torch.Generator().manual_seed(step)
        return {"x": torch.randn(4, 2, generator=rng)}

    stop = -1


class Line(Lesson):
    """Learns to add two numbers; chance is drawn from, as networks do."""

    def __init__(self, scores=None):
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.1))
        self.source, self.scores, self.judged = Numbers(), scores, []

    def groups(self):
        return [{"params": list(self.network.parameters())}]

    def loss(self, batch, rng):
        noise = 0.01 * torch.randn(4, 1, generator=rng)
        wrong = self.network(batch["x"]) - batch["x"].sum(1, keepdim=True) + noise
        return wrong.square().mean(), {"wrong": wrong.abs().mean().item()}

    def judge(self):
        self.judged.append({name: t.clone() for name, t in self.network.state_dict().items()})
        wrong = self.network(torch.ones(1, 2)).item() - 2
        return {"iou": self.scores.pop(0) if self.scores else -abs(wrong)}

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.network.state_dict(), folder / "model.safetensors")


def settings(**changes):
    given = {"steps": 60, "learning_rate": 0.05, "warmup_steps": 5, "save_every": 20,
             "judge_every": 30, "average": 0.5, **changes}  # fmt: skip
    return MaskSettings.model_validate({"data": {"workers": 0}, "optim": given})


def weights(folder):
    return load_file(folder / "checkpoint" / "model.safetensors")


def test_it_learns_and_tells(tmp_path) -> None:
    lesson = Line()
    before = lesson.judge()["iou"]
    prepare(tmp_path / "run", settings(), False)
    checkpoint = train(lesson, settings(), tmp_path / "run", False)
    assert checkpoint == tmp_path / "run" / "checkpoint"
    judged = json.loads((tmp_path / "run" / "judged.json").read_text())["judged"]
    assert [entry["step"] for entry in judged] == [30, 60]
    assert judged[-1]["iou"] > before
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().split("\n")[:-1]
    ]
    assert [line["step"] for line in lines] == [20, 40, 60]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["wrong"] > 0


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path) -> None:
    for name in ("whole", "broken"):
        prepare(tmp_path / name, settings(), False)
    train(Line(), settings(), tmp_path / "whole", False)
    lesson = Line()
    lesson.source.stop = 47
    with pytest.raises(KeyboardInterrupt):
        train(lesson, settings(), tmp_path / "broken", False)
    assert last_saved(tmp_path / "broken").name == "step-000040"
    prepare(tmp_path / "broken", settings(), True)
    train(Line(), settings(), tmp_path / "broken", True)
    for name, tensor in weights(tmp_path / "whole").items():
        assert torch.equal(weights(tmp_path / "broken")[name], tensor), name
    told = [(tmp_path / name / "judged.json").read_text() for name in ("whole", "broken")]
    assert told[0] == told[1]


def test_the_best_is_kept_not_the_last(tmp_path) -> None:
    prepare(tmp_path, settings(judge_every=20), False)
    lesson = Line(scores=[0.3, 0.9, 0.5])
    train(lesson, settings(judge_every=20), tmp_path, False)
    first, second, third = lesson.judged
    kept = weights(tmp_path)
    for name, tensor in second.items():
        assert torch.equal(kept[name], tensor)
        assert not torch.equal(first[name], tensor)
        assert not torch.equal(third[name], tensor)
    assert last_saved(tmp_path).name == "step-000060"


def test_folders_are_not_mixed_up(tmp_path) -> None:
    with pytest.raises(ConfigError, match="saved step"):
        prepare(tmp_path, settings(), True)
    prepare(tmp_path, settings(), False)
    train(Line(), settings(), tmp_path, False)
    with pytest.raises(ConfigError, match="Add --resume"):
        prepare(tmp_path, settings(), False)
    with pytest.raises(ConfigError, match="learning_rate"):
        prepare(tmp_path, settings(learning_rate=0.5), True)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path) -> None:
    class Broken(Line):
        def loss(self, batch, rng):
            loss, told = super().loss(batch, rng)
            return loss * float("nan"), told

    prepare(tmp_path, settings(), False)
    with pytest.raises(ModelError, match="loss must be finite"):
        train(Broken(), settings(), tmp_path, False)


@pytest.mark.parametrize("width", [1, 999])  # torch's file is the first beyond the limit, or ours
def test_a_full_disk_ends_the_run_by_name(tmp_path, width) -> None:
    lesson = Line()
    lesson.network.append(nn.Linear(1, width))
    lesson.judge = lambda: {"iou": 0.0}
    lesson.save = lambda folder: folder.mkdir(parents=True)
    prepare(tmp_path, settings(steps=1), False)
    with full_disk(), pytest.raises(ModelError, match=rf"written whole, got .*{tmp_path}"):
        train(lesson, settings(steps=1), tmp_path, False)
    assert last_saved(tmp_path) is None


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_those_of_their_steps(workers) -> None:
    found = [batch["x"] for batch in iter_batches(Numbers(), range(3, 6), workers)]
    for batch, step in zip(found, range(3, 6), strict=True):
        assert torch.equal(batch, Numbers().batch(step)["x"])
