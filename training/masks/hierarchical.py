"""The hierarchical mask loss of HiMTok: a mask must be readable from any number of its codes.

Wang et al., "HiMTok" (ICCV 2025), §3.2 and supplement B: beside all codes some shorter prefixes are
decoded, each against a label that is the more blurred the fewer codes it has. All levels count.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from drivegrid.masks.himtok.network import NUM_TOKENS

from .losses import bce_loss, dice_loss

PAPER_SIZE = 256
"""Pixels along a side for which the paper gives the blur."""


def sampled_levels(count: int, generator: torch.Generator) -> list[int]:
    """Return so many different levels l below the full one, drawn in proportion to 1 / (l + 8)."""
    weights = 1 / (torch.arange(1, NUM_TOKENS) + 8)
    levels: list[int] = (1 + torch.multinomial(weights, count, generator=generator)).tolist()
    return levels


def sigma_of(level: int, size: int) -> float:
    """Return the standard deviation of the blur of a level's label, 0 for none.

    Args:
        level: Number of codes.
        size: Pixels along a side of the label.
    """
    return max(100 / (level + 1) - 2, 0) * size / PAPER_SIZE


def blurred(labels: Tensor, sigma: float) -> Tensor:
    """Return labels (N, S, S) after a Gaussian blur; beyond the border nothing is counted."""
    if sigma == 0:
        return labels
    places = torch.arange(labels.shape[-1], device=labels.device, dtype=labels.dtype)
    weights = torch.exp(-((places[:, None] - places) ** 2) / (2 * sigma**2))
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ labels @ weights.T


def hierarchical_loss(levels: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the sum over levels of cross entropy plus Dice loss, the mean over masks.

    Args:
        levels: Logits (N, S, S) and label (N, S, S) in [0, 1] of each.
    """
    losses = [bce_loss(*level).mean() + dice_loss(*level).mean() for level in levels]
    return torch.stack(losses).sum()
