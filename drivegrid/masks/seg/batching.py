"""Prompts as the network takes them: numbers, places as shares of the image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from drivegrid.geometry import Size
from drivegrid.masks.seg.network import PromptBatch
from drivegrid.masks.seg.prompts import BOTTOM_RIGHT, NEGATIVE, PADDING, POSITIVE, TOP_LEFT
from drivegrid.masks.segmenter import Prompt


def batch_prompts(prompts: Sequence[Prompt], size_wh: Size, mask_wh: Size) -> PromptBatch:
    """Return prompts as tensors on the CPU.

    Prompts with fewer places are filled up with padding, which nothing in the network sees.

    Args:
        prompts: At least one.
        size_wh: Of the image whose pixels they are given in.
        mask_wh: Size in which the network takes masks.
    """
    places, kinds = zip(*(_places(prompt, size_wh) for prompt in prompts), strict=True)
    has_mask = torch.tensor([prompt.mask is not None for prompt in prompts])
    masks = torch.zeros(len(prompts), 1, mask_wh[1], mask_wh[0])
    for i, prompt in enumerate(prompts):
        if prompt.mask is not None:
            # Areas, not samples: a pole narrower than a pixel of the small mask is still seen.
            small = cv2.resize(
                prompt.mask.astype(np.float32), mask_wh, interpolation=cv2.INTER_AREA
            )
            masks[i, 0] = torch.from_numpy(np.asarray(small, np.float32))
    return PromptBatch(
        pad_sequence(list(places), batch_first=True),
        pad_sequence(list(kinds), batch_first=True, padding_value=PADDING),
        masks,
        has_mask,
    )


def _places(prompt: Prompt, size_wh: Size) -> tuple[Tensor, Tensor]:
    """Return (K, 2) places and (K,) what they are; at least one, so that no batch is empty."""
    points = [prompt.points]
    kinds = np.where(prompt.positive, POSITIVE, NEGATIVE).tolist()
    if prompt.box is not None:
        points.append(prompt.box.reshape(2, 2))
        kinds += [TOP_LEFT, BOTTOM_RIGHT]
    if not kinds:
        points.append(np.zeros((1, 2)))
        kinds = [PADDING]
    shares = np.concatenate(points) / np.asarray(size_wh, np.float64)
    return torch.from_numpy(shares.astype(np.float32)), torch.tensor(kinds)
