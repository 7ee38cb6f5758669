"""What reinforcement learning needs of a model: to look, to speak, to weigh what was said."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from drivegrid.geometry import Size
from drivegrid.inference.speaker import NanoSpeaker, Processor, Speaker, View
from drivegrid.model.anchor_hints import NO_ANCHOR, anchor_hints
from drivegrid.model.checkpoint import save_nano
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.tokens.grid import GridSpec
from drivegrid.trunk.pixels import to_pixel_values

from .features import cached_strides
from .groups import Looked, PackedGroups, one_of
from .grpo_config import GrpoOptim
from .packing import attention_mask
from .student import Visual


class Policy(Protocol):
    """A model in reinforcement learning.

    Attributes:
        model: What the optimiser changes.
        processor: Its text in and out.
        grid: Lattice of its spatial tokens.
        size_wh: Size in pixels at which pictures are rendered for it.
        opening_ids: Tokens before the first question, of a conversation as the model reads it.
    """

    model: nn.Module
    processor: Processor
    grid: GridSpec
    size_wh: Size
    opening_ids: Sequence[int]

    def look(self, visuals: Sequence[Visual]) -> Looked:
        """Return what of some pictures does not change while the model learns."""

    def views(self, looked: Looked) -> list[View]:
        """Return each picture as the model sees it now, for sampling."""

    def speaker(self) -> Speaker:
        """Return the model ready to answer, in evaluation mode."""

    def scores(self, model: nn.Module, looked: Looked, packed: PackedGroups) -> Tensor:
        """Return (N, V) fp32 scores that the chosen tokens of groups were chosen by.

        Args:
            model: `model`, perhaps wrapped for distributed training.
            looked: The picture of each group.
            packed: The groups.
        """

    def reference_scores(self, looked: Looked, packed: PackedGroups) -> Tensor:
        """Return the same of the model that training started from, without gradient."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups; what stands in none is frozen."""

    def save(self, folder: Path, facts: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Write a checkpoint; see ``Student.save``."""


class NanoPolicy:
    """drivegrid-nano; its trunk is frozen.

    Args:
        model: The model; a copy of it as it is now is the reference.
        processor: Its processor.
        optim: Rates and decay.
        cached: Whether pictures come as cached maps of the trunk.

    Raises:
        ModelError: If the cached maps cannot be those of the model's trunk.
    """

    def __init__(
        self, model: NanoForGrounding, processor: NanoProcessor, optim: GrpoOptim, *, cached: bool
    ) -> None:
        self.model, self.processor, self.optim = model, processor, optim
        self.grid, self.size_wh = processor.grid, processor.image_size_wh
        self.opening_ids: Sequence[int] = ()
        self.strides = cached_strides(model.trunk) if cached else ()
        self.reference = copy.deepcopy(model).eval().requires_grad_(False)
        model.trunk.requires_grad_(False)

    @torch.no_grad()
    def look(self, visuals: Sequence[Visual]) -> dict[int, Tensor]:
        """Return the trunk's maps of some pictures, stride to (B, C, h, w)."""
        trunk = self.model.trunk
        if "pyramid" in visuals[0]:
            maps = {
                stride: torch.stack([visual["pyramid"][stride] for visual in visuals]).float()
                for stride in self.strides
            }
            return maps if 16 in maps else maps | trunk.above(maps[8])
        size = self.processor.image_size_wh
        pixels = torch.stack([to_pixel_values(visual["image"], size) for visual in visuals])
        found: dict[int, Tensor] = trunk(pixels.to(self.model.device))
        return found

    @torch.inference_mode()
    def views(self, looked: Looked) -> list[View]:
        """Return the features of each picture."""
        encode = self.model.encode_image
        return [encode(pyramid=dict(one_of(looked, place))) for place in range(len(looked[8]))]

    def speaker(self) -> NanoSpeaker:
        """Return the model ready to answer."""
        return NanoSpeaker(self.model, self.processor)

    def scores(self, model: nn.Module, looked: Looked, packed: PackedGroups) -> Tensor:
        """Return (N, V) scores; see `Policy`."""
        device = self.model.device
        output = model(
            input_ids=packed.ids.to(device),
            pyramid={stride: maps.to(device) for stride, maps in looked.items()},
            attention_mask=attention_mask(packed.segments)[:, 0].to(device),
            position_ids=packed.places.to(device),
            anchor_xyr=self._hints(packed).to(device),
        )
        found: Tensor = output.logits[packed.row.to(device), packed.source.to(device)]
        return found

    @torch.no_grad()
    def reference_scores(self, looked: Looked, packed: PackedGroups) -> Tensor:
        """Return the same of the copy."""
        # The model is moved to its device after its copy was made.
        return self.scores(self.reference.to(self.model.device), looked, packed)

    def _hints(self, packed: PackedGroups) -> Tensor:
        """Return (B, T, 3) which anchor each token would move; see `anchor_hints`."""
        special = self.processor.special_ids
        hints = np.full((*packed.ids.shape, 3), NO_ANCHOR, dtype=np.float32)
        for row in (packed.ids == special["offset"]).any(1).nonzero().squeeze(1).tolist():
            ids, segments = packed.ids[row], packed.segments[row]
            opening = segments == 0
            for number in range(1, int(segments.max()) + 1):
                mine = segments == number
                told = torch.cat([ids[opening], ids[mine]]).tolist()
                found = anchor_hints(told, self.grid, self.processor.base_id, special)
                hints[row, mine.numpy()] = found[int(opening.sum()) :]
                hints[row, opening.numpy()] = found[: int(opening.sum())]
        return torch.from_numpy(hints)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return matrices with decay, and the rest without; not the trunk."""
        named = [(n, p) for n, p in self.model.named_parameters() if not n.startswith("trunk.")]
        decayed = [p for n, p in named if p.ndim > 1 and n != "embedding.weight"]
        plain = [p for n, p in named if p.ndim <= 1 or n == "embedding.weight"]
        return [
            {"params": decayed, "weight_decay": self.optim.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]

    def save(self, folder: Path, facts: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Write a checkpoint in half precision."""
        save_nano(self.model, self.processor, folder, facts, weights)
