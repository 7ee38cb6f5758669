"""What drivegrid-seg learns: to draw the mask that a prompt means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from drivegrid.errors import ConfigError
from drivegrid.masks.seg.batching import batch_prompts
from drivegrid.masks.seg.closer import Sight, view_prompts
from drivegrid.masks.seg.network import SegConfig, SegNetwork, meant
from drivegrid.masks.seg.prompts import PromptBatch
from drivegrid.masks.seg.segmenter import SmallSegmenter
from drivegrid.masks.seg.views import each_looked_at
from drivegrid.model.checkpoint import load_nano, shipped_checkpoint
from drivegrid.trunk.efficientnet import FIRST_ABOVE, EfficientNetLite0, load_pretrained_trunk
from drivegrid.trunk.pixels import to_pixel_values

from ..config import Strict
from .corpus import load_masks
from .loop import Batch, BatchSource, Lesson
from .losses import bce_loss, dice_loss, mask_iou
from .prompting import LOOKING, SKETCHING, draw_prompt
from .seg_judging import judge_segmenter
from .settings import MaskSettings
from .sources import Samples

BCE, CLOSER_BCE, DICE, IOU = 5.0, 2.0, 1.0, 1.0
"""Weights of the parts of the loss. SAM's focal loss leaves the wide outside of a small thing a
little grey, which in so few steps is never pushed down: with it the Dice loss stayed at .87 where
plain cross entropy had brought it to .65 (80 steps on the same batches)."""


class SegModelSettings(Strict):
    """What the network begins with."""

    init_from: Path | None = Field(None, description="folder of a drivegrid-seg to go on from")
    trunk: Literal["nano", "imagenet"] = Field("nano", description="weights the trunk begins with")
    frozen: bool = Field(False, description="whether all of the trunk stays as it is")
    trunk_learning_rate: float = Field(2e-4, gt=0, description="above stride 8; below it stays")
    learns: Literal["all", "closer"] = Field("all", description="closer: the closer look alone")

    @model_validator(mode="after")
    def _closer_at_something(self) -> SegModelSettings:
        if self.learns == "closer" and self.init_from is None:
            raise ValueError(
                "model.init_from must name a drivegrid-seg where the closer look learns alone, "
                "got none"
            )
        return self


class SegSettings(MaskSettings):
    """Settings of a training of drivegrid-seg."""

    model: SegModelSettings = SegModelSettings()


class SegBatches(BatchSource):
    """Pictures, prompts and the masks that they mean.

    Args:
        samples: Where pictures come from.
        settings: Of the run.
        config: Of the network.
    """

    def __init__(self, samples: Samples, settings: SegSettings, config: SegConfig) -> None:
        self.samples, self.optim, self.config = samples, settings.optim, config
        self.shares = SKETCHING if settings.model.learns == "all" else LOOKING

    def batch(self, step: int) -> Batch:
        """Return pictures, prompts and true masks at the pictures' size."""
        rng = np.random.default_rng([self.optim.seed, step])
        drawn = [
            self.samples.draw(self.optim.masks_per_scene, rng)
            for _ in range(self.optim.batch_scenes)
        ]
        masks = [mask for sample in drawn for mask in sample.masks]
        prompts = [draw_prompt(mask, rng, self.shares) for mask in masks]
        size_wh = drawn[0].image.shape[1], drawn[0].image.shape[0]
        batch = batch_prompts(prompts, size_wh, self.config.logits_wh)
        pixels = [to_pixel_values(s.image, self.config.image_size_wh) for s in drawn]
        counts = torch.tensor([len(sample.masks) for sample in drawn])
        lone = [prompt.is_lone_point for prompt in prompts]
        return {
            "pixels": torch.stack(pixels),
            "images": torch.repeat_interleave(torch.arange(len(drawn)), counts),
            "lone": torch.tensor(lone),
            "truth": torch.from_numpy(np.array(masks, np.uint8)),
            **batch._asdict(),
        }


class SegLesson(Lesson):
    """drivegrid-seg learns.

    Args:
        settings: Of the run.
        samples: Where pictures come from.
        held_out: Files of the scenes to judge by.
        device: Where it learns.
    """

    network: SegNetwork

    def __init__(
        self, settings: SegSettings, samples: Samples, held_out: Sequence[Path], device: str
    ) -> None:
        config = SegConfig(image_size_wh=settings.data.size_wh)
        torch.manual_seed(settings.optim.seed)
        self.settings, self.held_out = settings, held_out
        self.network = SegNetwork(config)
        if settings.model.init_from is None:
            self.network.trunk.load_state_dict(_trunk(settings.model.trunk).state_dict())
        else:
            known = SmallSegmenter.from_pretrained(settings.model.init_from)
            check_config(known.network.config, config, settings.model.init_from)
            self.network.load_state_dict(known.network.state_dict())
        if settings.model.learns == "closer":
            self.network.requires_grad_(False)
            self.network.closer.requires_grad_(True)
        for part in _resting(self.network.trunk, settings.model.frozen):
            part.requires_grad_(False)
        self.network.to(device)
        self.source = SegBatches(samples, settings, config)

    def groups(self) -> list[dict[str, Any]]:
        """Return the trunk's parameters at its own rate, and the others."""
        trunk = [p for p in self.network.trunk.parameters() if p.requires_grad]
        mine = {id(p) for p in self.network.trunk.parameters()}
        learning = (p for p in self.network.parameters() if p.requires_grad)
        rest = [p for p in learning if id(p) not in mine]
        rate = self.settings.model.trunk_learning_rate
        return [{"params": rest}, *([{"params": trunk, "lr": rate}] if trunk else [])]

    def loss(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Return how far sketches, drawn masks and estimated IoUs are from true ones."""
        del rng
        network, images = self.network, batch["images"]
        prompts = PromptBatch(*(batch[name] for name in PromptBatch._fields))
        truth, total, told = batch["truth"].float(), torch.zeros(()), {}
        if self.settings.model.learns == "all":
            maps = network.look(batch["pixels"])
            drawn = network.draw(maps.of(images), network.encode_prompts(maps.of(images), prompts))
            sketches = meant(*drawn, batch["lone"]).detach()
            total, told = sketch_loss(*drawn, F.avg_pool2d(truth, 2), batch["lone"])
        else:
            with torch.no_grad():
                maps = network.look(batch["pixels"])
                wanted = ~prompts.say_where
                sketches = network.sketch(maps, images, prompts, batch["lone"], wanted)
        views = view_prompts(prompts, images, sketches, network.closer.size)
        logits, scores = network.closer(Sight(batch["pixels"], maps), views)
        seen = each_looked_at(truth, views.views, network.closer.size)
        closer, more = closer_loss(logits, scores, seen)
        return total + closer, told | more

    def judge(self) -> dict[str, float]:
        """Return mean IoUs of one click and of a box on held-out scenes."""
        return judge_segmenter(SmallSegmenter(self.network), map(load_masks, self.held_out))

    def save(self, folder: Path) -> None:
        """Write the network."""
        SmallSegmenter(self.network).save(folder)


def sketch_loss(
    logits: Tensor, scores: Tensor, truth: Tensor, lone: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of sketches and what the log tells of them.

    A lone point answers twice: as if it said what is meant, and by the best of its guesses.

    Args:
        logits: (N, 4, h, w).
        scores: (N, 4) IoUs that the network expects.
        truth: (N, h, w) in [0, 1].
        lone: (N,) which prompts are lone points.
    """
    with torch.no_grad():
        ious = torch.stack([mask_iou(m > 0, truth > 0.5) for m in logits.unbind(1)], dim=1)
        close = torch.stack([-dice_loss(m, truth) for m in logits[:, 1:].unbind(1)], dim=1)
    best, rows = 1 + close.argmax(dim=1), lone.nonzero()[:, 0]
    drawn = torch.cat([logits[:, 0], logits[rows, best[rows]]])
    wanted = torch.cat([truth, truth[rows]])
    bce, dice = bce_loss(drawn, wanted).mean(), dice_loss(drawn, wanted).mean()
    # Guesses count where somebody looks at them: for lone points.
    estimate = (scores - ious).square()
    judged = estimate[:, 0].mean() + (estimate[rows, 1:].mean() if len(rows) else 0.0)
    told = {"bce": bce.item(), "dice": dice.item(), "iou": ious[:, 0].mean().item()}
    if len(rows):
        told["best_of_three"] = ious[rows, best[rows]].mean().item()
    return BCE * bce + DICE * dice + IOU * judged, told


def closer_loss(logits: Tensor, scores: Tensor, truth: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of masks in their views and what the log tells of them.

    Args:
        logits: (N, size, size).
        scores: (N,) IoUs that the network expects.
        truth: (N, size, size) in [0, 1].
    """
    ious = mask_iou(logits > 0, truth > 0.5)
    bce, dice = bce_loss(logits, truth).mean(), dice_loss(logits, truth).mean()
    judged = (scores - ious).square().mean()
    told = {"closer_bce": bce.item(), "closer_dice": dice.item(), "closer_iou": ious.mean().item()}
    return CLOSER_BCE * bce + DICE * dice + IOU * judged, told


def check_config(known: SegConfig, wanted: SegConfig, folder: Path) -> None:
    """Refuse to go on from a network of other sizes.

    Raises:
        ConfigError: If it has.
    """
    if known != wanted:
        raise ConfigError(
            f"model.init_from must have the sizes of the run, {wanted}, got {known} ({folder}). "
            "Set data.size_wh as it was trained."
        )


def _trunk(name: str) -> EfficientNetLite0:
    if name == "imagenet":
        return load_pretrained_trunk()
    return load_nano(shipped_checkpoint())[0].trunk


def _resting(trunk: EfficientNetLite0, whole: bool) -> list[torch.nn.Module]:
    """Return the parts of the trunk that do not learn."""
    return [trunk] if whole else [trunk.conv_stem, *trunk.blocks[:FIRST_ABOVE]]
