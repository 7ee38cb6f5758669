"""drivegrid-seg as a segmenter: the small one that is always there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from drivegrid.data.images import Picture
from drivegrid.geometry import FloatArray, Size
from drivegrid.masks.network_files import load_network, save_network
from drivegrid.masks.seg.batching import batch_prompts
from drivegrid.masks.seg.closer import Sight, view_prompts
from drivegrid.masks.seg.decoder import AMBIGUOUS
from drivegrid.masks.seg.network import SegConfig, SegNetwork
from drivegrid.masks.seg.prompts import PromptBatch
from drivegrid.masks.seg.views import put_back
from drivegrid.masks.segmenter import LogitArray, Prompt
from drivegrid.trunk.pixels import to_pixel_values

PROMPTS_PER_PASS = 64
"""At most so many go through the decoder together; each takes some 4 MiB."""
BOX_SLACK = 0.1
"""Share of a box's sides that a mask may reach beyond it: boxes are drawn by hand or by models."""
BOX_SLOPE = 4.0
"""By how much logits fall with each pixel of the image beyond that."""
OUTSIDE = -8.0
"""Logit of what lies beyond a view."""
WIDE = 1 / 3
"""Share of the picture from which on a box is sketched as well: a view of it is hardly closer."""
SHARPEST = 2
"""Views show the picture at most at so many times the size of the network's input."""


@dataclass(frozen=True, slots=True, eq=False)
class SegHandle:
    """An image as drivegrid-seg has seen it.

    Args:
        size_wh: Of the image.
        sight: Of one image.
    """

    size_wh: Size
    sight: Sight


class SmallSegmenter:
    """drivegrid-seg: SAM2's way of prompting on a small trunk, trained on rendered masks.

    The whole image is stretched to the network's input. A prompt with a box, a mask or several
    points gives the one mask that is meant, never much beyond its box; a lone point, which may mean
    a thing or its part, the mask of the three that is scored highest. What a prompt means is
    sketched, unless a box says where it lies, and drawn in a closer look; of a wide box both count.

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
        size_wh, wanted = (image.shape[1], image.shape[0]), self.network.config.image_size_wh
        pixels = to_pixel_values(image, wanted)[None].to(self._device)
        maps = self.network.look(pixels)
        sharp = min(size_wh[0], SHARPEST * wanted[0]), min(size_wh[1], SHARPEST * wanted[1])
        if sharp != wanted:
            pixels = to_pixel_values(image, sharp)[None].to(self._device)
        return SegHandle(size_wh, Sight(pixels, maps))

    @torch.inference_mode()
    def decode(self, handle: SegHandle, prompts: Sequence[Prompt]) -> tuple[LogitArray, FloatArray]:
        """Draw one mask for each prompt, see `Segmenter.decode`."""
        width, height = self.network.config.image_size_wh
        drawn, scores = [np.zeros((0, height, width), np.float32)], [np.zeros(0)]
        for start in range(0, len(prompts), PROMPTS_PER_PASS):
            some = prompts[start : start + PROMPTS_PER_PASS]
            logits, thought = self._look_closer(handle, some)
            drawn.append(_held_in_boxes(logits.cpu().numpy(), some, handle.size_wh))
            scores.append(thought.double().cpu().numpy())
        return np.concatenate(drawn), np.concatenate(scores)

    def _look_closer(self, handle: SegHandle, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
        """Return (N, H, W) logits and (N,) scores."""
        network, asked = self.network, self._batch(handle, prompts)
        images = torch.zeros(len(prompts), dtype=torch.long, device=self._device)
        lone = torch.tensor([prompt.is_lone_point for prompt in prompts], device=self._device)
        wide = asked.say_where & ((asked.boxes[:, 2:] - asked.boxes[:, :2]).prod(dim=1) > WIDE)
        wanted = wide | ~asked.say_where
        sketches = network.sketch(handle.sight.maps, images, asked, lone, wanted)
        views = view_prompts(asked, images, sketches, network.closer.size)
        shown, scores = network.closer(handle.sight, views)
        width, height = size_wh = network.config.image_size_wh
        drawn = put_back(shown, views.views, size_wh, OUTSIDE)
        rough = F.interpolate(sketches[wide, None], (height, width), mode="bilinear")[:, 0]
        drawn[wide] = (drawn[wide] + rough) / 2
        return drawn, scores

    @torch.inference_mode()
    def candidates(self, handle: SegHandle, points: FloatArray) -> tuple[LogitArray, FloatArray]:
        """Sketch the three masks that each point may mean, see `Segmenter.candidates`.

        There are thousands of them, so that nobody looks closer.
        """
        prompts = [Prompt(point[None], np.ones(1, np.bool_)) for point in points]
        width, height = self.network.config.logits_wh
        logits = [torch.zeros(0, AMBIGUOUS, height, width)]
        scores = [torch.zeros(0, AMBIGUOUS)]
        for start in range(0, len(prompts), PROMPTS_PER_PASS):
            asked = self._batch(handle, prompts[start : start + PROMPTS_PER_PASS])
            maps = handle.sight.maps.of(torch.zeros(len(asked.places), dtype=torch.long))
            drawn = self.network.draw(maps, self.network.encode_prompts(maps, asked))
            logits.append(drawn[0][:, 1:].float().cpu())
            scores.append(drawn[1][:, 1:].float().cpu())
        return torch.cat(logits).numpy(), torch.cat(scores).double().numpy()

    def _batch(self, handle: SegHandle, prompts: Sequence[Prompt]) -> PromptBatch:
        batch = batch_prompts(prompts, handle.size_wh, self.network.config.logits_wh)
        return PromptBatch(*(part.to(self._device) for part in batch))


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
