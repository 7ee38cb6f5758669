"""Boxes as numbers that codes can stand for, and as prompts, for tensors on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from drivegrid.geometry import Size
from drivegrid.masks.seg.prompts import BOTTOM_RIGHT, CENTER, CHANNELS, TOP_LEFT, PromptBatch
from drivegrid.masks.seg.views import covered

NEAR = 24.0
"""A shift by this part of the image weighs as much as a size e times another one."""
LEAST = 1e-3
"""Share of a side below which sizes are alike."""


def place_of(boxes: Tensor) -> Tensor:
    """Return (N, 4) numbers of boxes that codes can stand for: distances between them are alike.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 as shares of the image's sides.
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    return torch.cat([NEAR * (low + high) / 2, (high - low).clamp(min=LEAST).log()], dim=1)


def box_at(places: Tensor) -> Tensor:
    """Return the boxes that numbers stand for, the inverse of `place_of`.

    >>> box_at(place_of(torch.tensor([[0.25, 0.0, 0.5, 1.0]]))).tolist()
    [[0.25, 0.0, 0.5, 1.0]]
    """
    middles, sizes = places[:, :2], places[:, 2:]
    half = sizes.exp().clamp(max=1) / 2
    return torch.cat([middles / NEAR - half, middles / NEAR + half], dim=1)


def ask_boxes(boxes: Tensor, map_wh: Size) -> PromptBatch:
    """Return the prompts of boxes, as `batch_prompts` does.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 as shares of the image's sides.
        map_wh: Size in which the network takes drawn prompts.
    """
    corners = boxes.view(-1, 2, 2)
    places = torch.cat([corners, corners.mean(dim=1, keepdim=True)], dim=1)
    kinds = torch.tensor([TOP_LEFT, BOTTOM_RIGHT, CENTER], device=boxes.device)
    width, height = map_wh
    across = covered(width * boxes[:, 0], width * boxes[:, 2], width)
    down = covered(height * boxes[:, 1], height * boxes[:, 3], height)
    drawn = boxes.new_zeros(len(boxes), CHANNELS, height, width)
    drawn[:, 3] = down[:, :, None] * across[:, None]
    return PromptBatch(places, kinds.expand(len(boxes), -1), drawn)
