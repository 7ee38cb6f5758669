"""drivegrid-seg and SAMTok learn a little from a few scenes."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.masks.loop import prepare, train  # noqa: E402
from drivegrid.training.masks.samtok import SamTokLesson, SamTokSettings  # noqa: E402
from drivegrid.training.masks.seg import SegLesson, SegSettings  # noqa: E402
from drivegrid.training.masks.settings import load_settings  # noqa: E402
from drivegrid.training.masks.sources import held_out, training_samples  # noqa: E402
from drivegrid.training.run_folder import last_saved  # noqa: E402

from drivegrid.errors import ConfigError  # noqa: E402
from drivegrid.masks.samtok.tokenizer import SamTokenizer  # noqa: E402
from drivegrid.masks.seg.segmenter import SmallSegmenter  # noqa: E402
from tests.training.masks.conftest import SIZE_WH  # noqa: E402


def changes(scenes, *more):
    return [
        f"data.folder={scenes}", "data.num_scenes=8", "data.held_out=2", "data.workers=0",
        f"data.size_wh={list(SIZE_WH)}", "optim.steps=12", "optim.masks_per_scene=4",
        "optim.warmup_steps=2", "optim.judge_every=12", "optim.save_every=6", *more,
    ]  # fmt: skip


def run(lesson_type, settings, folder, resume=False):
    torch.set_num_threads(1)
    prepare(folder, settings, resume)
    samples, judged = training_samples(settings.data), held_out(settings.data)
    return train(lesson_type(settings, samples, judged, "cpu"), settings, folder, resume)


@pytest.fixture(scope="module")
def seg(scenes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "seg"
    settings = load_settings(SegSettings, "seg-cpu", changes(scenes))
    return run(SegLesson, settings, folder)


def losses(lesson, steps):
    """Losses while a network learns one batch by heart."""
    optimizer = torch.optim.AdamW(lesson.groups(), lr=1e-3)
    batch, found = lesson.source.batch(7), []
    lesson.network.train()
    for _ in range(steps):
        loss, _ = lesson.loss(batch, torch.Generator().manual_seed(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_drivegrid_seg_learns_a_batch_by_heart(scenes) -> None:
    settings = load_settings(SegSettings, "seg-cpu", changes(scenes))
    lesson = SegLesson(settings, training_samples(settings.data), [], "cpu")
    found = losses(lesson, 15)
    assert found[-1] < 0.8 * found[0]


def test_the_closer_look_learns_alone(scenes, seg) -> None:
    more = (f"model.init_from={seg}", "optim.learning_rate=1e-2")
    settings = load_settings(SegSettings, "closer-cpu", changes(scenes, *more))
    lesson = SegLesson(settings, training_samples(settings.data), [], "cpu")
    before = {name: tensor.clone() for name, tensor in lesson.network.state_dict().items()}
    found = losses(lesson, 15)
    assert found[-1] < 0.9 * found[0]
    after = lesson.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("closer.") for name in changed)


def test_a_closer_look_needs_something_to_look_closer_at(scenes) -> None:
    with pytest.raises(ConfigError, match="init_from"):
        load_settings(SegSettings, "closer-cpu", changes(scenes))


def test_samtok_learns_a_batch_by_heart(scenes, seg) -> None:
    more = (f"model.seg={seg}", "model.free_steps=100")
    settings = load_settings(SamTokSettings, "samtok-cpu", changes(scenes, *more))
    lesson = SamTokLesson(settings, training_samples(settings.data), [], "cpu")
    found = losses(lesson, 25)
    assert found[-1] < 0.8 * found[0]


def test_drivegrid_seg_is_judged_and_kept(seg) -> None:
    judged = json.loads((seg.parent / "judged.json").read_text())["judged"][-1]
    assert {"iou", "click", "best", "box", "click/road"} <= judged.keys()
    segmenter = SmallSegmenter.from_pretrained(seg)
    assert segmenter.network.config.image_size_wh == SIZE_WH


def test_the_same_step_gives_the_same_batch_and_loss(scenes) -> None:
    settings = load_settings(SegSettings, "seg-cpu", changes(scenes))
    one, other = (SegLesson(settings, training_samples(settings.data), [], "cpu") for _ in "ab")
    batch, again = one.source.batch(5), other.source.batch(5)
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    loss, told = one.loss(batch, torch.Generator())
    assert loss.item() == other.loss(again, torch.Generator())[0].item()
    assert told["dice"] > 0
    frozen = [p for p in one.network.trunk.parameters() if not p.requires_grad]
    assert frozen
    learnt = {id(p) for group in one.groups() for p in group["params"]}
    assert not learnt & {id(p) for p in frozen}
    assert len(learnt) == sum(p.requires_grad for p in one.network.parameters())


def test_samtok_learns_and_goes_on(scenes, seg, tmp_path) -> None:
    more = (f"model.seg={seg}", "model.free_steps=4")
    settings = load_settings(SamTokSettings, "samtok-cpu", changes(scenes, *more))
    whole = run(SamTokLesson, settings, tmp_path / "whole")
    tokenizer = SamTokenizer.from_pretrained(whole, seg)
    image = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    mask = np.zeros(image.shape[:2], np.bool_)
    mask[20:40, 30:60] = True
    codes = tokenizer.encode(image, mask)
    assert tokenizer.parse(tokenizer.text_of(codes)).codes[0].tolist() == codes.tolist()
    judged = json.loads((tmp_path / "whole" / "judged.json").read_text())["judged"]
    assert "iou" in judged[-1]
    # What is saved in the middle leads to the same end.
    prepare(tmp_path / "broken", settings, False)
    lesson = SamTokLesson(settings, training_samples(settings.data), held_out(settings.data), "cpu")
    batch = lesson.source.batch

    def stopping(step):
        if step == 9:
            raise KeyboardInterrupt
        return batch(step)

    lesson.source.batch = stopping
    with pytest.raises(KeyboardInterrupt):
        train(lesson, settings, tmp_path / "broken", False)
    assert last_saved(tmp_path / "broken").name == "step-000006"
    again = run(SamTokLesson, settings, tmp_path / "broken", resume=True)
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
