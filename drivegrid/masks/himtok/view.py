"""Where a mask lies, in four codes from coarse to fine, and the part of the frame they open.

The first codes of a mask say where it is and how large: cell of its centre and size in a lattice
of 32 x 32 each, then both once more within the cell. What they leave open is less than a
thousandth of the frame. They open a view, a rectangle around the mask, and all else is told in it:
a small mask is as large there as a wide one. Coordinates are shares of the frame, x before y.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEPS = 32
"""Cells along each side of the lattice that a code stands for."""
NUM_VIEW_CODES = 4
FINEST = 1 / STEPS**2
"""Smallest size that is told apart; the centre is told in as many steps."""
FIRST_SIZE = 1 / 16
"""Size of a mask of which only the cell is known."""
CLOSE = 0.5
"""Logits below the highest by less than this are as good as it."""
MARGIN = 1 / 16
"""Share of its size by which a view is larger than the mask."""


def boxes_of(masks: Tensor) -> Tensor:
    """Return (N, 4) float64 centre and size of masks (N, H, W), none of them empty."""
    sides = []
    for axis in (1, 2):
        flags = masks.any(dim=axis).to(torch.uint8)
        count = flags.shape[1]
        first, last = flags.argmax(1), count - flags.flip(1).argmax(1)
        sides.append(torch.stack((first + last, 2 * (last - first))).double() / (2 * count))
    x, y = sides
    return torch.stack((x[0], y[0], x[1], y[1]), 1)


def view_codes(boxes: Tensor) -> Tensor:
    """Return (N, 4) int64 codes of centres and sizes (N, 4)."""
    places = torch.cat((boxes[:, :2], _log_size(boxes[:, 2:])), 1)
    steps = (places * STEPS**2).long().clamp(0, STEPS**2 - 1)
    coarse, fine = steps // STEPS, steps % STEPS
    return torch.stack([part[:, 0] + STEPS * part[:, 1] for part in _told(coarse, fine)], 1)


def boxes_told(codes: Tensor) -> Tensor:
    """Return (N, 4) float64 centre and size that the first codes tell, the middle of what is open.

    Args:
        codes: (N, l) int64, l at least 1; those beyond the fourth are not looked at.
    """
    known = codes[:, :NUM_VIEW_CODES].double()
    parts = torch.stack((known % STEPS, torch.div(known, STEPS, rounding_mode="floor")), 2)
    places = torch.full((len(codes), 2, 2), 0.5, dtype=torch.float64, device=codes.device)
    for k in reversed(range(known.shape[1])):
        # The middle of a cell, unless a finer code follows and says where in it.
        places[:, k % 2] = (parts[:, k] + places[:, k % 2]) / STEPS
    size = FINEST ** (1 - places[:, 1])
    if known.shape[1] == 1:
        size = torch.full_like(size, FIRST_SIZE)
    return torch.cat((places[:, 0], size), 1)


def views_of(boxes: Tensor) -> Tensor:
    """Return (N, 4) the views of boxes as left, top, right, bottom, within the frame."""
    half = boxes[:, 2:] * (1 + MARGIN) / 2 + FINEST
    centre = boxes[:, :2]
    return torch.cat((centre - half, centre + half), 1).clamp(0, 1)


def look(masks: Tensor, views: Tensor, size: int, seen: Tensor | None = None) -> Tensor:
    """Return (N, size, size) how much of each cell of a view is covered: exact averages.

    Args:
        masks: (N, H, W) covered shares.
        views: (N, 4) what is looked at.
        size: Cells along each side.
        seen: (N, 4) what the masks show; by default the frame. Beyond it nothing is covered.
    """
    if seen is None:
        seen = views.new_tensor([0, 0, 1, 1]).expand(len(views), 4)
    across = _overlaps(views[:, 0::2], seen[:, 0::2], size, masks.shape[2])
    down = _overlaps(views[:, 1::2], seen[:, 1::2], size, masks.shape[1])
    return down @ masks.float() @ across.mT


def spread(logits: Tensor, views: Tensor, size: int, outside: float) -> Tensor:
    """Return (N, size, size) what cells of views show, over the whole frame, bilinearly.

    A view smaller than a pixel is shown as one.

    Args:
        logits: (N, cells, cells) of the views.
        views: (N, 4) where they lie.
        size: Pixels along each side of the frame.
        outside: Value beyond a view.
    """
    views = _widened(views, 1 / size)
    across, inside_x = _samples(views[:, 0::2], logits.shape[2], size)
    down, inside_y = _samples(views[:, 1::2], logits.shape[1], size)
    inside = inside_y[:, :, None] & inside_x[:, None, :]
    return torch.where(inside, down @ logits @ across.mT, outside)


def filled(logits: Tensor) -> Tensor:
    """Return logits (N, h, w) of masks that all have a cell inside.

    Codes tell of masks that are not empty. Where no cell is inside, thin lines spread over a wide
    view for example, those are that come closest to it.
    """
    peaks = logits.amax(dim=(1, 2), keepdim=True)
    return torch.where(peaks > 0, logits, logits - peaks + CLOSE)


def _widened(views: Tensor, least: float) -> Tensor:
    """Return views (N, 4) that are at least so wide and high, within the frame."""
    half = ((views[:, 2:] - views[:, :2]) / 2).clamp(min=least / 2)
    centre = (views[:, 2:] + views[:, :2]) / 2
    centre = torch.minimum(torch.maximum(centre, half), 1 - half)
    return torch.cat((centre - half, centre + half), 1)


def _told(coarse: Tensor, fine: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the parts of the codes in their order: where, how large, and both exactly."""
    return coarse[:, :2], coarse[:, 2:], fine[:, :2], fine[:, 2:]


def _log_size(sizes: Tensor) -> Tensor:
    """Return sizes on a logarithmic scale, 0 for the finest and 1 for the whole frame."""
    return 1 - torch.log(sizes) / torch.log(torch.tensor(FINEST, dtype=sizes.dtype))


def _edges(spans: Tensor, count: int) -> Tensor:
    """Return (N, count + 1) where parts of equal length begin and end within spans (N, 2)."""
    shares = torch.linspace(0, 1, count + 1, dtype=spans.dtype, device=spans.device)
    return torch.lerp(spans[:, :1], spans[:, 1:], shares)


def _overlaps(cells: Tensor, pixels: Tensor, num_cells: int, num_pixels: int) -> Tensor:
    """Return (N, cells, pixels) float32 share of each cell that each pixel covers."""
    cell, pixel = _edges(cells, num_cells)[:, :, None], _edges(pixels, num_pixels)[:, None, :]
    begin = torch.maximum(cell[:, :-1], pixel[:, :, :-1])
    end = torch.minimum(cell[:, 1:], pixel[:, :, 1:])
    return ((end - begin).clamp(min=0) / (cell[:, 1:] - cell[:, :-1])).float()


def _samples(spans: Tensor, num_cells: int, num_pixels: int) -> tuple[Tensor, Tensor]:
    """Return (N, pixels, cells) weights of a bilinear sample, and which pixels a span holds."""
    centres = (torch.arange(num_pixels, device=spans.device, dtype=spans.dtype) + 0.5) / num_pixels
    share = (centres - spans[:, :1]) / (spans[:, 1:] - spans[:, :1])
    place = (share * num_cells - 0.5).clamp(0, num_cells - 1)
    cell = torch.arange(num_cells, device=spans.device, dtype=spans.dtype)
    weights = (1 - (place[:, :, None] - cell).abs()).clamp(min=0)
    return weights.float(), (share >= 0) & (share < 1)
