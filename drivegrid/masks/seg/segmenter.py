"""drivegrid-seg as a segmenter: the small one that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drivegrid.data.images import Picture
from drivegrid.geometry import FloatArray, Size
from drivegrid.masks.network_files import load_network, save_network
from drivegrid.masks.seg.batching import batch_prompts
from drivegrid.masks.seg.decoder import AMBIGUOUS, ImageMaps
from drivegrid.masks.seg.network import PromptBatch, SegConfig, SegNetwork
from drivegrid.masks.segmenter import LogitArray, Prompt
from drivegrid.trunk.pixels import to_pixel_values

PROMPTS_PER_PASS = 64
"""At most so many go through the decoder together; each takes some 4 MiB."""
BOX_SLACK = 0.1
"""Share of a box's sides that a mask may reach beyond it: boxes are drawn by hand or by models."""
BOX_SLOPE = 4.0
"""By how much logits fall with each pixel of the image beyond that."""


@dataclass(frozen=True, slots=True, eq=False)
class SegHandle:
    """An image as drivegrid-seg has seen it.

    Args:
        size_wh: Of the image.
        maps: Of one image.
    """

    size_wh: Size
    maps: ImageMaps


class SmallSegmenter:
    """drivegrid-seg: SAM2's way of prompting on a small trunk, trained on rendered masks.

    The whole image is stretched to the network's input. A prompt with a box, a mask or several
    points gives the one mask that is meant, never much beyond its box; a lone point, which may mean
    a thing or its part, the mask of the three that is scored highest.

    Args:
        network: It is put into evaluation mode.
    """

    threshold = 0.0

    def __init__(self, network: SegNetwork) -> None:
        self.network = network.train(False)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path | None = None, device: str = "cpu"
    ) -> SmallSegmenter:
        """Load weights, by default those that the package ships.

        Args:
            folder: With ``config.json`` and ``model.safetensors``.
            device: Where it runs.

        Raises:
            ModelError: If a file is missing, damaged, or of another network.
        """
        return cls(load_network(SegNetwork, SegConfig, folder, "seg").to(device))

    def save(self, folder: str | Path) -> None:
        """Write config and weights, these in half precision."""
        save_network(self.network, self.network.config, folder)

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    @torch.inference_mode()
    def encode(self, image: Picture) -> SegHandle:
        """Look at an image, (H, W, 3) uint8 RGB."""
        pixels = to_pixel_values(image, self.network.config.image_size_wh)[None]
        height, width = image.shape[:2]
        return SegHandle((width, height), self.network.look(pixels.to(self._device)))

    @torch.inference_mode()
    def decode(self, handle: SegHandle, prompts: Sequence[Prompt]) -> tuple[LogitArray, FloatArray]:
        """Draw one mask for each prompt, see `Segmenter.decode`."""
        logits, scores = self._draw(handle, prompts)
        lone = torch.tensor([prompt.is_lone_point for prompt in prompts], dtype=torch.bool)
        best = torch.where(lone, 1 + scores[:, 1:].argmax(dim=1), 0)
        rows = torch.arange(len(prompts))
        drawn = _held_in_boxes(logits[rows, best].numpy(), prompts, handle.size_wh)
        return drawn, scores[rows, best].double().numpy()

    @torch.inference_mode()
    def candidates(self, handle: SegHandle, points: FloatArray) -> tuple[LogitArray, FloatArray]:
        """Draw the three masks that each of some points may mean, see `Segmenter.candidates`."""
        prompts = [Prompt(point[None], np.ones(1, np.bool_)) for point in points]
        logits, scores = self._draw(handle, prompts)
        return logits[:, 1:].numpy(), scores[:, 1:].double().numpy()

    def _draw(self, handle: SegHandle, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
        """Return all (N, 4, h, w) logits and (N, 4) scores on the CPU."""
        width, height = self.network.config.logits_wh
        logits = [torch.zeros(0, 1 + AMBIGUOUS, height, width)]
        scores = [torch.zeros(0, 1 + AMBIGUOUS)]
        for start in range(0, len(prompts), PROMPTS_PER_PASS):
            some = prompts[start : start + PROMPTS_PER_PASS]
            batch = batch_prompts(some, handle.size_wh, self.network.config.logits_wh)
            batch = PromptBatch(*(part.to(self._device) for part in batch))
            maps = handle.maps.of(torch.zeros(len(some), dtype=torch.long))
            drawn = self.network.draw(maps, self.network.encode_prompts(maps, batch))
            logits.append(drawn[0].float().cpu())
            scores.append(drawn[1].float().cpu())
        return torch.cat(logits), torch.cat(scores)


def _held_in_boxes(logits: LogitArray, prompts: Sequence[Prompt], size_wh: Size) -> LogitArray:
    """Return logits (N, h, w), negative where it is too far outside the box of a prompt.

    They fall steadily, so that the border stays where it is when they are enlarged.
    """
    held = logits.copy()
    rows, columns = logits.shape[1:]
    x = (np.arange(columns) + 0.5) * size_wh[0] / columns
    y = (np.arange(rows)[:, None] + 0.5) * size_wh[1] / rows
    for mask, prompt in zip(held, prompts, strict=True):
        if prompt.box is not None:
            slack = BOX_SLACK * (prompt.box[2:] - prompt.box[:2])
            (x0, y0), (x1, y1) = prompt.box[:2] - slack, prompt.box[2:] + slack
            inside = np.minimum(np.minimum(x - x0, x1 - x), np.minimum(y - y0, y1 - y))
            np.minimum(mask, BOX_SLOPE * inside, out=mask, casting="same_kind")
    return held
