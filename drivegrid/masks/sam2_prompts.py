"""Images and prompts as SAM2 takes them, whoever runs its network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from drivegrid.data.images import Picture
from drivegrid.geometry import FloatArray, Size
from drivegrid.masks.segmenter import LogitArray, Prompt

PROMPTS_PER_PASS = 32
"""At most so many go through the decoder together; each takes some 30 MiB at 1024 pixels."""
AMBIGUOUS = 3
"""Masks for a lone point."""
SURE = 10.0
"""Logit inside a known mask; outside it is negative (sam2/modeling/sam2_base.py, for video)."""
# ImageNet's, with which SAM2 was trained.
_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

Masks: TypeAlias = tuple[LogitArray, FloatArray]
"""(N, .., h, w) logits and (N, ..) scores."""
DecoderPass: TypeAlias = Callable[[list[Prompt]], Masks]
"""Decodes prompts with equally many points, all with a box or none, a mask or none: (N, C, h, w)
logits and (N, C) scores; C is 3 for lone points, else 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Sam2Handle:
    """An image as SAM2 has seen it.

    Args:
        size_wh: Size of the image.
        features: What its encoder gives, fine to coarse, each (1, C, h, w).
    """

    size_wh: Size
    features: tuple[Tensor, ...]


def is_ambiguous(prompt: Prompt) -> bool:
    """Return whether SAM2 means three masks by it: a lone point."""
    return len(prompt.points) == 1 and prompt.box is None and prompt.mask is None


def decode_alike(prompts: Sequence[Prompt], size_hw: Size, decode: DecoderPass) -> Masks:
    """Draw the best mask of each prompt, those of one kind together.

    Prompts with equally many points go through the decoder together; no prompt is padded. The
    padding points of transformers (label -10) are zeros that the decoder still attends to, so
    that they would change the mask, and with it a reward, by what else is in the batch.

    Args:
        prompts: N; N may be 0.
        size_hw: Of the masks.
        decode: The network.

    Returns:
        (N, h, w) logits and (N,) scores.
    """
    logits, scores = np.zeros((len(prompts), *size_hw), np.float32), np.zeros(len(prompts))
    for some in _passes(prompts):
        found = decode([prompts[i] for i in some])
        best = found[1].argmax(axis=1)
        rows = np.arange(len(some))
        logits[some], scores[some] = found[0][rows, best], found[1][rows, best]
    return logits, scores


def _passes(prompts: Sequence[Prompt]) -> Iterator[list[int]]:
    """Yield indices of prompts that one pass decodes."""
    alike: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
    for i, prompt in enumerate(prompts):
        key = len(prompt.points), prompt.box is not None, prompt.mask is not None
        alike[key].append(i)
    for group in alike.values():
        for start in range(0, len(group), PROMPTS_PER_PASS):
            yield group[start : start + PROMPTS_PER_PASS]


def decode_candidates(points: FloatArray, size_hw: Size, decode: DecoderPass) -> Masks:
    """Draw the three masks that each of (N, 2) points may mean, alone.

    Args:
        points: N may be 0.
        size_hw: Of the masks.
        decode: The network.

    Returns:
        (N, 3, h, w) logits and (N, 3) scores.
    """
    logits, scores = [np.zeros((0, AMBIGUOUS, *size_hw), np.float32)], [np.zeros((0, AMBIGUOUS))]
    for start in range(0, len(points), PROMPTS_PER_PASS):
        some = points[start : start + PROMPTS_PER_PASS]
        found = decode([Prompt(point[None], np.ones(1, np.bool_)) for point in some])
        logits.append(found[0])
        scores.append(found[1])
    return np.concatenate(logits), np.concatenate(scores)


def to_pixel_values(image: Picture, side: int) -> Tensor:
    """Return (1, 3, side, side) float32: stretched to a square and scaled as SAM2 expects.

    Pillow's bilinear filter is antialiased, as the one SAM2 was trained with.
    """
    square = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    scaled = (np.asarray(square, np.float64) / 255 - _MEAN) / _STD
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32))[None]


def to_square(places: Sequence[FloatArray], size_wh: Size, side: int) -> Tensor:
    """Return N arrays of (K, 2) pixels of an image as (N, K, 2) pixels of the model's square.

    Half a pixel is taken off: the model adds it back, so that a place p of W stands at p / W.
    """
    scaled = np.stack(places) * (side / np.asarray(size_wh, np.float64)) - 0.5
    return torch.from_numpy(scaled)


def to_mask_logits(prompts: Sequence[Prompt], size_hw: Size) -> Tensor:
    """Return (N, 1, h, w) masks as the logits that SAM2 takes a known mask for."""
    shares = [
        cv2.resize(prompt.mask.astype(np.float32), size_hw[::-1], interpolation=cv2.INTER_AREA)
        for prompt in prompts
        if prompt.mask is not None
    ]
    return torch.from_numpy(np.stack(shares))[:, None] * (2 * SURE) - SURE
