"""Images and prompts as SAM2 takes them, whoever runs its network."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from drivegrid.data.images import Picture, check_picture
from drivegrid.geometry import FloatArray, Size
from drivegrid.masks.segmenter import Prompt

SURE = 10.0
"""Logit inside a known mask; outside it is negative (sam2/modeling/sam2_base.py, for video)."""
# ImageNet's, with which SAM2 was trained.
_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def to_pixel_values(image: Picture, side: int) -> Tensor:
    """Return (1, 3, side, side) float32: stretched to a square and scaled as SAM2 expects.

    Pillow's bilinear filter is antialiased, as the one SAM2 was trained with.

    Raises:
        GeometryError: If the image is not (H, W, 3) uint8.
    """
    check_picture(image)
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
