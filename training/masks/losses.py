"""How far drawn masks are from true ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

OVERSAMPLE, IMPORTANCE = 3.0, 0.75
"""Points drawn for one wanted, and the share of these that lie where the logits waver."""


def bce_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return (N,) mean binary cross entropy of masks (N, ..)."""
    losses = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return losses.flatten(1).mean(dim=1)


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return (N,) 1 - Dice of masks (N, ..), with 1 added to both terms.

    >>> dice_loss(torch.full((1, 4), 20.0), torch.ones(1, 4)).round(decimals=3).tolist()
    [0.0]
    """
    chance, truth = logits.sigmoid().flatten(1), truth.flatten(1)
    both = 2 * (chance * truth).sum(dim=1)
    return 1 - (both + 1) / (chance.sum(dim=1) + truth.sum(dim=1) + 1)


@torch.no_grad()
def mask_iou(inside: Tensor, truth: Tensor) -> Tensor:
    """Return (N,) IoU of flags (N, ..) with flags; 0 of two empty masks."""
    inside, truth = inside.flatten(1), truth.flatten(1)
    union = (inside | truth).sum(dim=1)
    return (inside & truth).sum(dim=1) / union.clamp(min=1)


def sample_uncertain(
    logits: Tensor, truth: Tensor, count: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return (N, count) logits and truth at points, most of them where the logits waver.

    Three times as many points as wanted are drawn; three quarters of those that are kept have the
    logits nearest to 0, the rest is drawn anew (Kirillov et al., "PointRend", CVPR 2020).

    Args:
        logits: (N, h, w).
        truth: (N, H, W) in [0, 1], over the same picture.
        count: How many.
        rng: Source of the points, on the CPU.
    """
    num, wavering = len(logits), round(IMPORTANCE * count)
    drawn = torch.rand(num, round(OVERSAMPLE * count), 2, generator=rng).to(logits.device)
    with torch.no_grad():
        order = sample_at(logits, drawn).abs().argsort(dim=1)[:, :wavering]
    near = torch.gather(drawn, 1, order[:, :, None].expand(-1, -1, 2))
    rest = torch.rand(num, count - wavering, 2, generator=rng).to(logits.device)
    places = torch.cat([near, rest], dim=1)
    return sample_at(logits, places), sample_at(truth, places)


def sample_at(maps: Tensor, places: Tensor) -> Tensor:
    """Return (N, K) values of maps (N, h, w) at (N, K, 2) places, x, y as shares of the sides."""
    sampled = F.grid_sample(
        maps[:, None], 2 * places[:, None] - 1, align_corners=False, padding_mode="border"
    )
    return sampled[:, 0, 0]
