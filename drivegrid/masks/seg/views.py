"""Views: rectangles of a picture, looked at more closely.

A view is (4,) left, top, right, bottom in shares of the picture's sides and may reach beyond it,
where everything is 0. Values are resampled bilinearly, over wider triangles where they shrink, so
that nothing thin falls between two samples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drivegrid.geometry import Size

MARGIN = 1.5
"""A view is so many times as wide and high as the box that it shows."""
LEAST = 0.04
"""Share of the picture's sides that a view shows at least."""
STRAY = 0.02
"""Share of a draft's pixels on each side that its box leaves out: specks lie far away."""


def views_of(boxes: Tensor) -> Tensor:
    """Return (N, 4) the views of boxes (N, 4), shares of the picture's sides.

    >>> views_of(torch.tensor([[0.25, 0.25, 0.5, 0.75]])).tolist()
    [[0.1875, 0.125, 0.5625, 0.875]]
    """
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = ((boxes[:, 2:] - boxes[:, :2]) * MARGIN / 2).clamp(min=LEAST / 2)
    return torch.cat([middles - half, middles + half], dim=1)


def middle_boxes(inside: Tensor) -> Tensor:
    """Return (N, 4) boxes that hold all but the outermost pixels of masks; of none, the picture.

    Args:
        inside: (N, h, w) flags.
    """
    (x0, x1), (y0, y1) = (_middle(inside.sum(dim=axis)) for axis in (1, 2))
    return torch.stack([x0, y0, x1, y1], dim=1)


def _middle(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N,) where the middle of some pixels begins and ends, given how many (N, n) lie where.

    Shares of n.
    """
    before, every = counts.cumsum(dim=1), counts.sum(dim=1, keepdim=True)
    low = (before <= STRAY * every).sum(dim=1)
    high = (before < (1 - STRAY) * every).sum(dim=1) + 1
    some, side = every[:, 0] > 0, counts.shape[1]
    return torch.where(some, low, 0) / side, torch.where(some, high, side) / side


def looked_at(maps: Tensor, images: Tensor, views: Tensor, size: int) -> Tensor:
    """Return (N, C, size, size) what views show of maps.

    Args:
        maps: (B, C, H, W) of pictures.
        images: (N,) which picture each view is of.
        views: (N, 4).
        size: Samples along each side.
    """
    shown = maps.new_zeros(len(views), maps.shape[1], size, size)
    for place, picture in enumerate(maps):
        mine = (images == place).nonzero()[:, 0]
        down, across = _samples_of(views[mine], size, picture.shape)
        narrow = torch.einsum("nsh,chw->ncsw", down, picture)
        shown[mine] = torch.einsum("ncsw,ntw->ncst", narrow, across)
    return shown


def each_looked_at(maps: Tensor, views: Tensor, size: int) -> Tensor:
    """Return (N, size, size) what views show of maps (N, H, W), each of its own one."""
    down, across = _samples_of(views, size, maps.shape)
    return down @ maps @ across.mT


def put_back(shown: Tensor, views: Tensor, size_wh: Size, outside: float) -> Tensor:
    """Return (N, H, W) pictures of what views show, the way back from `looked_at`.

    Args:
        shown: (N, size, size).
        views: (N, 4).
        size_wh: W and H.
        outside: Value beyond a view.
    """
    size = views[:, 2:] - views[:, :2]
    # Where the picture lies, in shares of its view.
    frames = torch.cat([-views[:, :2] / size, (1 - views[:, :2]) / size], dim=1)
    across = _samples(frames[:, 0::2], size_wh[0], shown.shape[2])
    down = _samples(frames[:, 1::2], size_wh[1], shown.shape[1])
    inside = down.sum(dim=2)[:, :, None] * across.sum(dim=2)[:, None]
    return down @ shown @ across.mT + (1 - inside) * outside


def covered(low: Tensor, high: Tensor, count: int) -> Tensor:
    """Return (N, count) the share of each unit interval from 0 on that lies in [low, high], (N,).

    >>> covered(torch.tensor([0.5]), torch.tensor([2.0]), 3).tolist()
    [[0.5, 1.0, 0.0]]
    """
    starts = torch.arange(count, device=low.device)
    inside = torch.minimum(high[:, None], starts + 1) - torch.maximum(low[:, None], starts)
    return inside.clamp(0, 1)


def _samples_of(views: Tensor, size: int, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Return (N, size, H) and (N, size, W) weights of pixels in the rows and columns of views."""
    rows, columns = shape[-2:]
    return _samples(views[:, 1::2], size, rows), _samples(views[:, 0::2], size, columns)


def _samples(spans: Tensor, count: int, side: int) -> Tensor:
    """Return (N, count, side) weights of pixels in samples; samples beyond all pixels have none.

    Args:
        spans: (N, 2) where the first sample begins and the last one ends, shares of ``side``.
        count: Samples.
        side: Pixels.
    """
    low, length = spans[:, :1] * side, (spans[:, 1:] - spans[:, :1]) * side
    centers = low + length * (torch.arange(count, device=spans.device) + 0.5) / count
    pixels = torch.arange(side, device=spans.device) + 0.5
    reach = (length / count).clamp(min=1)[:, :, None]
    weights = (1 - (centers[:, :, None] - pixels).abs() / reach).clamp(min=0)
    seen = (centers >= 0) & (centers <= side)
    return weights / weights.sum(dim=2, keepdim=True).clamp(min=1e-6) * seen[:, :, None]
