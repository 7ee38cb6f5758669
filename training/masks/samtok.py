"""What SAMTok learns: to draw a mask again from two codes and the image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from drivegrid.masks.codebook import commitment_loss
from drivegrid.masks.samtok.network import SamTokConfig, SamTokNetwork
from drivegrid.masks.samtok.tokenizer import SamTokenizer, image_side
from drivegrid.masks.seg.batching import batch_prompts
from drivegrid.masks.seg.closer import Sight
from drivegrid.masks.seg.network import SegConfig
from drivegrid.masks.seg.prompts import PromptBatch
from drivegrid.masks.seg.segmenter import OUTSIDE, SmallSegmenter
from drivegrid.masks.seg.views import put_back
from drivegrid.masks.segmenter import Prompt
from drivegrid.masks.shapes import box_of
from drivegrid.trunk.pixels import to_pixel_values

from ..config import Strict
from .corpus import load_masks
from .judging import judge_tokenizer
from .loop import Batch, BatchSource, Lesson
from .losses import bce_loss, dice_loss, mask_iou, sample_uncertain
from .settings import MaskSettings
from .sources import Samples

BCE, DICE, POINTS = 2.0, 0.5, 12_544
"""Weights of the parts of the loss and points it is taken at (the published configuration)."""


class SamTokModelSettings(Strict):
    """What the network begins with."""

    seg: Path | None = Field(
        None, description="folder of drivegrid-seg; the shipped one by default"
    )
    commitment: float = Field(1.0, ge=0, description="weight of the commitment loss")
    free_steps: int = Field(300, ge=0, description="first steps, in which codes are not used yet")


class SamTokSettings(MaskSettings):
    """Settings of a training of SAMTok."""

    model: SamTokModelSettings = SamTokModelSettings()


class SamTokBatches(BatchSource):
    """Pictures and masks to be drawn again.

    Args:
        samples: Where pictures come from.
        settings: Of the run.
        config: Of drivegrid-seg.
    """

    def __init__(self, samples: Samples, settings: SamTokSettings, config: SegConfig) -> None:
        self.samples, self.settings, self.config = samples, settings, config

    def batch(self, step: int) -> Batch:
        """Return pictures, masks as prompts, and masks."""
        optim = self.settings.optim
        rng = np.random.default_rng([optim.seed, step])
        drawn = [self.samples.draw(optim.masks_per_scene, rng) for _ in range(optim.batch_scenes)]
        masks = [mask for sample in drawn for mask in sample.masks]
        size_wh = drawn[0].image.shape[1], drawn[0].image.shape[0]
        prompts = [Prompt(box=box_of(mask), mask=mask) for mask in masks]
        counts = torch.tensor([len(sample.masks) for sample in drawn])
        return {
            "step": torch.tensor(step),
            "pixels": torch.stack(
                [to_pixel_values(s.image, self.config.image_size_wh) for s in drawn]
            ),
            "images": torch.repeat_interleave(torch.arange(len(drawn)), counts),
            "truth": torch.from_numpy(np.array(masks, np.uint8)),
            **batch_prompts(prompts, size_wh, self.config.logits_wh)._asdict(),
        }


class SamTokLesson(Lesson):
    """SAMTok learns, on drivegrid-seg as it is.

    Args:
        settings: Of the run.
        samples: Where pictures come from.
        held_out: Files of the scenes to judge by.
        device: Where it learns.
    """

    network: SamTokNetwork

    def __init__(
        self, settings: SamTokSettings, samples: Samples, held_out: Sequence[Path], device: str
    ) -> None:
        torch.manual_seed(settings.optim.seed)
        self.settings, self.held_out = settings, held_out
        self.segmenter = SmallSegmenter.from_pretrained(settings.model.seg, device)
        seg = self.segmenter.network.requires_grad_(False)
        config = SamTokConfig(
            image_side(seg), seg.config.logits_wh, seg.config.decoder, seg.config.closer
        )
        self.network = SamTokNetwork(config)
        self.network.begin_as(seg)
        self.network.to(device)
        self.source = SamTokBatches(samples, settings, seg.config)

    def groups(self) -> list[dict[str, Any]]:
        """Return all parameters."""
        return [{"params": list(self.network.parameters())}]

    def loss(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Return how far drawn masks are from true ones, and vectors from their codes."""
        network, seg = self.network, self.segmenter.network
        images, truth = batch["images"], batch["truth"].float()
        with torch.no_grad():
            maps = seg.look(batch["pixels"])
        prompts = PromptBatch(*(batch[name] for name in PromptBatch._fields))
        vectors = network.write(seg, maps.of(images), prompts)
        _, _, sums = network.quantise(vectors)
        chosen, weight = vectors, 0.0
        if int(batch["step"]) >= self.settings.model.free_steps:
            chosen = vectors + (sums[:, -1] - vectors).detach()
            weight = self.settings.model.commitment
        shown, views = network.draw(Sight(batch["pixels"], maps), images, chosen)
        logits = put_back(shown, views, seg.config.image_size_wh, OUTSIDE)
        points = sample_uncertain(logits, truth, POINTS, rng)
        bce, dice = bce_loss(*points).mean(), dice_loss(*points).mean()
        commitment = commitment_loss(vectors, sums)
        with torch.no_grad():
            iou = mask_iou(logits > 0, truth > 0.5).mean().item()
        used = [level.perplexity for level in network.codebooks.levels]
        told = {"bce": bce.item(), "dice": dice.item(), "iou": iou}
        told |= {"commitment": commitment.item(), "used_1": used[0], "used_2": used[1]}
        return BCE * bce + DICE * dice + weight * commitment, told

    def judge(self) -> dict[str, float]:
        """Return mean IoUs of held-out masks that were written and drawn again."""
        return judge_tokenizer(
            SamTokenizer(self.network, self.segmenter), map(load_masks, self.held_out)
        )

    def save(self, folder: Path) -> None:
        """Write the network."""
        SamTokenizer(self.network, self.segmenter).save(folder)
