"""Training of HiMTok on a corpus of drawn shapes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drivegrid.training.masks.corpus import load_masks, save_masks
from drivegrid.training.masks.hierarchical import blurred, sigma_of
from drivegrid.training.masks.himtok import DRAWN, HimBatches, HimLesson, HimSettings, label_of
from drivegrid.training.masks.judging import judge_tokenizer
from drivegrid.training.masks.loop import prepare, train
from drivegrid.training.masks.settings import load_settings
from drivegrid.training.masks.sources import Samples
from drivegrid.training.masks.views import CLASS_NAMES, Views, keep_views
from safetensors.torch import load_file

from drivegrid.data.augment import AugmentConfig
from drivegrid.masks.himtok.tokenizer import HimTokenizer
from drivegrid.masks.himtok.view import boxes_told, look, view_codes, views_of
from drivegrid.masks.labelled import LabelledMasks

SIZE_WH = (96, 64)
CHANGES = ("model.view=16", "model.patch=4", "model.width=32", "optim.batch_scenes=1")


def drawn_file(path: Path, seed: int) -> Path:
    """Write a frame with an ellipse, a rectangle and a triangle."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((3, *SIZE_WH[::-1]), np.uint8)
    x, y = rng.integers(20, 60), rng.integers(20, 40)
    cv2.ellipse(canvas[0], (int(x), int(y)), (15, 8), 30, 0, 360, 1, -1)
    canvas[1, y - 10 : y + 5, x : x + 4] = 1
    corners = np.array([[x, y - 15], [x - 12, y + 9], [x + 14, y + 12]], np.int32)
    cv2.fillPoly(canvas[2], [corners], 1)
    labels = ("obstacle/car", "obstacle/pole", "sign/yield")
    image = np.zeros((*SIZE_WH[::-1], 3), np.uint8)
    save_masks(path, LabelledMasks.of(image, zip(labels, canvas.astype(bool), strict=True)))
    return path


def drawn_files(folder: Path, count: int = 6) -> list[Path]:
    return [drawn_file(folder / f"{seed:010d}.npz", seed) for seed in range(count)]


def samples_of(paths: list[Path], real: tuple[Path, ...] = ()) -> Samples:
    return Samples(paths, real, 0.25, AugmentConfig(flip=0.5))


def settings_of(*changes: str) -> HimSettings:
    return load_settings(HimSettings, "himtok-smoke", (*CHANGES, *changes))


@pytest.mark.parametrize("workers", [0, 1])
def test_views_are_those_of_the_masks(tmp_path: Path, workers: int) -> None:
    paths = drawn_files(tmp_path, 3)
    files = keep_views(paths, 16, workers)
    views = files.read(np.array([1, 8]))
    assert [CLASS_NAMES[k] for k in files.classes] == ["obstacle", "pole", "sign"] * 3
    again = keep_views(paths, 16, workers)
    assert again == files and torch.equal(again.read(np.array([8])).shown, views.shown[1:])
    # A pole fills its view but for the margin.
    assert views.shown[0].float().mean() > 0.5 * 255
    assert views.shown.dtype == torch.uint8 and views.where.shape == (2, 4)


def test_a_corpus_of_other_files_has_other_views(tmp_path: Path) -> None:
    paths = drawn_files(tmp_path, 3)
    assert keep_views(paths, 16, 0).folder != keep_views(paths[:2], 16, 0).folder
    assert keep_views(paths, 16, 0).folder != keep_views(paths, 8, 0).folder
    assert not list(tmp_path.glob(".*"))


def test_mirrored_views_are_views_of_mirrored_masks() -> None:
    masks = np.zeros((2, 64, 96), bool)
    masks[0, 10:30, 7:31], masks[1, 40:64, 50:96] = True, True
    masks[0, 10:15, 7:20] = False
    turned = Views.of(masks[:, :, ::-1].copy(), 16)
    found = Views.of(masks, 16).mirrored(torch.tensor([True, True]))
    assert torch.equal(found.where, turned.where)
    assert (found.shown.int() - turned.shown.int()).abs().max() <= 1
    kept = Views.of(masks, 16).mirrored(torch.tensor([False, True]))
    assert torch.equal(kept.where[0], Views.of(masks, 16).where[0])


def test_batches_are_the_same_again_and_even(tmp_path: Path) -> None:
    paths = drawn_files(tmp_path / "rendered")
    real = (drawn_file(tmp_path / "real" / "0000000000.npz", 77),)
    settings = settings_of("optim.masks_per_scene=600")
    source = HimBatches(samples_of(paths, real), settings)
    one, other = source.batch(3), HimBatches(samples_of(paths, real), settings).batch(3)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["where"], source.batch(4)["where"])
    assert one["shown"].shape == (600, 16, 16)
    seen_real = keep_views(list(real), 16, 0).read(np.arange(3))
    both = torch.cat((seen_real.where, seen_real.mirrored(torch.ones(3, dtype=torch.bool)).where))
    is_real = (one["where"][:, None] == both).all(2).any(1).double().mean().item()
    assert is_real == pytest.approx(0.25 * (1 - DRAWN), abs=0.06)


def test_without_real_frames_all_masks_are_rendered_or_drawn(tmp_path: Path) -> None:
    samples = Samples(drawn_files(tmp_path, 1), (), 1.0, AugmentConfig.off())
    batch = HimBatches(samples, settings_of("optim.masks_per_scene=8")).batch(0)
    assert batch["shown"].shape == (8, 16, 16)


def test_labels_of_levels() -> None:
    masks = np.zeros((1, 64, 96), bool)
    masks[0, 10:30, 7:31] = True
    views = Views.of(masks, 64)
    shown = views.shown.float() / 255
    assert torch.equal(label_of(shown, views.where, 32), shown)
    assert torch.equal(label_of(shown, views.where, 6), blurred(shown, sigma_of(6, 64)))
    opened = views_of(boxes_told(views.where[:, :2]))
    at_once = blurred(look(torch.from_numpy(masks), opened, 64), sigma_of(2, 64))
    torch.testing.assert_close(label_of(shown, views.where, 2), at_once, atol=0.03, rtol=0)
    assert view_codes(boxes_told(views.where)).tolist() == views.where.tolist()


def test_the_loss_reaches_everything_that_learns(tmp_path: Path) -> None:
    lesson = HimLesson(settings_of("model.levels=31"), samples_of(drawn_files(tmp_path)), [], "cpu")
    loss, told = lesson.loss(lesson.source.batch(0), torch.Generator().manual_seed(0))
    loss.backward()
    still = [
        name
        for name, p in lesson.network.named_parameters()
        if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert not still
    assert set(told) == {"commitment", "codes", "iou"}


def run(folder: Path, paths: list[Path], steps: int, resume: bool = False) -> Path:
    """Train so many steps."""
    settings = settings_of(f"optim.steps={steps}", "optim.judge_every=20")
    prepare(folder, settings, resume)
    return train(HimLesson(settings, samples_of(paths), paths[:1], "cpu"), settings, folder, resume)


def test_training_goes_on_where_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The schedule knows the last step, which is another for the first part.
    monkeypatch.setattr("drivegrid.training.masks.loop.rate", lambda step, optim: 1.0)
    paths = drawn_files(tmp_path / "corpus")
    whole = run(tmp_path / "whole", paths, 40)
    run(tmp_path / "parts", paths, 20)
    parts = run(tmp_path / "parts", paths, 40, resume=True)
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, parts))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    paths = drawn_files(tmp_path / "corpus")
    settings = settings_of("optim.steps=60", "optim.judge_every=60")
    lesson = HimLesson(settings, samples_of(paths), paths, "cpu")

    def loss() -> float:
        lesson.network.eval()
        with torch.no_grad():
            return lesson.loss(lesson.source.batch(0), torch.Generator().manual_seed(1))[0].item()

    prepare(tmp_path / "run", settings, False)
    lesson.network.train()
    lesson.network.book(torch.randn(2000, 12))
    before = loss()
    checkpoint = train(lesson, settings, tmp_path / "run", False)
    assert loss() < 0.85 * before
    assert (
        judge_tokenizer(HimTokenizer.from_pretrained(checkpoint), map(load_masks, paths))["iou"]
        > 0.5
    )
    scores = lesson.judge()
    assert scores["iou/1"] < scores["iou/4"]
    assert scores.keys() == {"iou", "obstacle", "pole", "sign"} | {
        f"iou/{length}" for length in (1, 2, 4, 8, 16)
    }


@pytest.mark.parametrize("name", ["himtok-cpu", "himtok-gpu", "himtok-smoke"])
def test_packaged_settings(name: str) -> None:
    settings = load_settings(HimSettings, name, ())
    assert settings.model.config.view % settings.model.config.patch == 0
