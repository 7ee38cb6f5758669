"""Prompts as the network takes them: numbers, places as shares of the image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from drivegrid.geometry import FloatArray, Size
from drivegrid.masks.seg.prompts import (
    BOTTOM_RIGHT,
    CENTER,
    CHANNELS,
    NEGATIVE,
    PADDING,
    POSITIVE,
    TOP_LEFT,
    PromptBatch,
)
from drivegrid.masks.segmenter import LogitArray, Prompt

POINT_SIGMA = 3.0
"""Deviation of a drawn point, in pixels of the drawing."""


def batch_prompts(prompts: Sequence[Prompt], size_wh: Size, mask_wh: Size) -> PromptBatch:
    """Return prompts as tensors on the CPU.

    Prompts with fewer places are filled up with padding, which nothing in the network sees.

    Args:
        prompts: At least one.
        size_wh: Of the image whose pixels they are given in.
        mask_wh: Size in which the network takes masks.
    """
    places, kinds = zip(*(_places(prompt, size_wh) for prompt in prompts), strict=True)
    drawn = np.stack([draw_prompt(prompt, size_wh, mask_wh) for prompt in prompts])
    return PromptBatch(
        pad_sequence(list(places), batch_first=True),
        pad_sequence(list(kinds), batch_first=True, padding_value=PADDING),
        torch.from_numpy(drawn),
    )


def draw_prompt(prompt: Prompt, size_wh: Size, map_wh: Size) -> LogitArray:
    """Return (4, h, w) float32 in [0, 1]: mask, positive points, negative points, box.

    Args:
        prompt: In pixels of an image.
        size_wh: Of the image.
        map_wh: w and h of the drawing, which spans the whole image.
    """
    width, height = map_wh
    scale = np.asarray(map_wh) / np.asarray(size_wh)
    drawn = np.zeros((CHANNELS, height, width), np.float32)
    if prompt.mask is not None:
        # Areas, not samples: a pole narrower than a pixel of the drawing is still seen.
        drawn[0] = cv2.resize(prompt.mask.astype(np.float32), map_wh, interpolation=cv2.INTER_AREA)
    for channel, wanted in ((1, True), (2, False)):
        for point in prompt.points[prompt.positive == wanted] * scale:
            across, down = (
                np.exp(-0.5 * ((np.arange(side) + 0.5 - place) / POINT_SIGMA) ** 2)
                for side, place in zip(map_wh, point, strict=True)
            )
            drawn[channel] = np.maximum(drawn[channel], np.outer(down, across))
    if prompt.box is not None:
        across, down = (
            covered(low * factor, high * factor, side)
            for low, high, factor, side in zip(
                prompt.box[:2], prompt.box[2:], scale, map_wh, strict=True
            )
        )
        drawn[3] = np.outer(down, across)
    return drawn


def covered(low: float, high: float, count: int) -> FloatArray:
    """Return (count,) the share of each unit interval from 0 on that lies in [low, high].

    >>> covered(0.5, 2.0, 3).tolist()
    [0.5, 1.0, 0.0]
    """
    starts = np.arange(count)
    shares: FloatArray = np.clip(np.minimum(high, starts + 1) - np.maximum(low, starts), 0, 1)
    return shares


def _places(prompt: Prompt, size_wh: Size) -> tuple[Tensor, Tensor]:
    """Return (K, 2) places and (K,) what they are; at least one, so that no batch is empty."""
    points = [prompt.points]
    kinds = np.where(prompt.positive, POSITIVE, NEGATIVE).tolist()
    if prompt.box is not None:
        corners = prompt.box.reshape(2, 2)
        # At the corners of a box the image shows what is beside the thing.
        points += [corners, corners.mean(axis=0, keepdims=True)]
        kinds += [TOP_LEFT, BOTTOM_RIGHT, CENTER]
    if not kinds:
        points.append(np.zeros((1, 2)))
        kinds = [PADDING]
    shares = np.concatenate(points) / np.asarray(size_wh, np.float64)
    return torch.from_numpy(shares.astype(np.float32)), torch.tensor(kinds)
