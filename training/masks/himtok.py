"""What HiMTok learns: to tell masks in 32 codes that can be read from the front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from drivegrid.masks.himtok.network import NUM_TOKENS, HimConfig, HimNetwork
from drivegrid.masks.himtok.tokenizer import HimTokenizer
from drivegrid.masks.himtok.view import NUM_VIEW_CODES, boxes_told, look, views_of

from ..config import Strict
from .corpus import load_masks
from .hierarchical import blurred, hierarchical_loss, sampled_levels, sigma_of
from .judging import judge_tokenizer
from .loop import Batch, BatchSource, Lesson
from .losses import mask_iou
from .settings import MaskSettings
from .shapes import draw_shapes
from .sources import Samples
from .views import Views, keep_views

COMMITMENT = 0.1
"""Weight of how far latents are from their codes."""
DRAWN = 1 / 8
"""Share of masks that are drawn shapes."""
SHAPES_WH = (256, 144)
SHORTER = (1, 2, 4, 8, 16)
"""Prefixes that are judged beside all codes."""


class HimModelSettings(Strict):
    """Sizes of the network, see `HimConfig`, and how it learns."""

    view: int = Field(64, ge=1)
    patch: int = Field(16, ge=1)
    width: int = Field(128, ge=1)
    depth: int = Field(3, ge=1)
    heads: int = Field(4, ge=1)
    levels: int = Field(
        3, ge=1, le=NUM_TOKENS - 1, description="prefixes read in a step, beside all"
    )

    @property
    def config(self) -> HimConfig:
        """The sizes alone."""
        return HimConfig(self.view, self.patch, self.width, self.depth, self.heads)


class HimSettings(MaskSettings):
    """Settings of a training of HiMTok."""

    model: HimModelSettings = HimModelSettings()


class HimBatches(BatchSource):
    """What masks show in their views, each class as often, and some drawn shapes.

    A step has ``batch_scenes`` times ``masks_per_scene`` masks, from anywhere in the corpus: other
    masks of the same picture teach no more than any.

    Args:
        samples: Where masks come from.
        settings: Of the run.
    """

    def __init__(self, samples: Samples, settings: HimSettings) -> None:
        self.optim, self.flip = settings.optim, samples.augment.flip
        real_share = samples.real_share if samples.real else 0.0
        parts = [(1 - real_share, samples.rendered), (real_share, samples.real)]
        self.view, workers = settings.model.view, settings.data.workers
        kept = [(share, keep_views(paths, self.view, workers)) for share, paths in parts if paths]
        corpora = np.array([share for share, _ in kept])
        self.shares = np.array([DRAWN, *(1 - DRAWN) * corpora / corpora.sum()])
        self.files = [files for _, files in kept]
        self.groups = [_places_by_class(files.classes) for files in self.files]

    def batch(self, step: int) -> Batch:
        """Return masks in their views."""
        rng = np.random.default_rng([self.optim.seed, step])
        count = self.optim.batch_scenes * self.optim.masks_per_scene
        drawn, *numbers = rng.multinomial(count, self.shares)
        parts = [
            files.read(_drawn_evenly(groups, number, rng))
            for files, groups, number in zip(self.files, self.groups, numbers, strict=True)
        ]
        shapes = [draw_shapes(SHAPES_WH, rng) for _ in range(drawn)]
        parts += [Views.of(np.array(shapes), self.view)] if shapes else []
        views = Views(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
        views = views.mirrored(torch.from_numpy(rng.random(count) < self.flip))
        return views._asdict()


def _places_by_class(classes: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(classes == name) for name in np.unique(classes)]


def _drawn_evenly(groups: Sequence[np.ndarray], count: int, rng: np.random.Generator) -> np.ndarray:
    """Return so many places, each of a group at random."""
    chosen = [groups[group] for group in rng.integers(len(groups), size=count)]
    return np.array([rng.choice(places) for places in chosen], np.int64)


class HimLesson(Lesson):
    """HiMTok learns.

    Args:
        settings: Of the run.
        samples: Where masks come from.
        held_out: Files of the scenes to judge by.
        device: Where it learns.
    """

    network: HimNetwork

    def __init__(
        self, settings: HimSettings, samples: Samples, held_out: Sequence[Path], device: str
    ) -> None:
        torch.manual_seed(settings.optim.seed)
        self.settings, self.held_out = settings.model, held_out
        self.network = HimNetwork(self.settings.config).to(device)
        self.source = HimBatches(samples, settings)

    def groups(self) -> list[dict[str, Any]]:
        """Return all parameters; codes are none."""
        return [{"params": list(self.network.parameters())}]

    def loss(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Return the hierarchical mask loss and how far latents are from their codes."""
        # Codes that start again are drawn on the device, by torch's own generator.
        torch.manual_seed(int(torch.randint(2**31, (), generator=rng)))
        network, shown, where = self.network, batch["shown"].float() / 255, batch["where"]
        latents = network.latents_of(shown, where)
        quantised = network.book(latents.flatten(0, 1))[1].view(latents.shape)
        commitment = (latents - quantised).square().sum(-1).mean()
        vectors = latents + (quantised - latents).detach()
        prefixes = [NUM_TOKENS, *sampled_levels(self.settings.levels, rng)]
        levels = [(self._read(where, vectors, k), label_of(shown, where, k)) for k in prefixes]
        told = {
            "commitment": commitment.item(),
            "codes": network.book.perplexity,
            "iou": mask_iou(levels[0][0] > 0, shown > 0.5).mean().item(),
        }
        return hierarchical_loss(levels) + COMMITMENT * commitment, told

    def _read(self, where: Tensor, vectors: Tensor, level: int) -> Tensor:
        count = max(0, level - NUM_VIEW_CODES)
        return self.network.decode(where[:, :level], vectors[:, :count])

    def judge(self) -> dict[str, float]:
        """Return mean IoUs of held-out masks; ``iou/L`` is that of their first L codes."""
        shorter = {
            f"iou/{length}": judge_tokenizer(
                HimTokenizer(self.network, length), map(load_masks, self.held_out)
            )
            for length in SHORTER
        }
        whole = judge_tokenizer(HimTokenizer(self.network), map(load_masks, self.held_out))
        return whole | {name: scores["iou"] for name, scores in shorter.items()}

    def save(self, folder: Path) -> None:
        """Write the network."""
        HimTokenizer(self.network).save(folder)


def label_of(shown: Tensor, where: Tensor, level: int) -> Tensor:
    """Return (N, view, view) what the first codes of masks should show, in the view they open.

    Args:
        shown: (N, view, view) covered shares of the whole views.
        where: (N, 4) codes of these.
        level: Number of codes.
    """
    size = shown.shape[-1]
    if level < NUM_VIEW_CODES:
        seen, opened = (views_of(boxes_told(codes)) for codes in (where, where[:, :level]))
        shown = look(shown, opened, size, seen)
    return shown if level == NUM_TOKENS else blurred(shown, sigma_of(level, size))
