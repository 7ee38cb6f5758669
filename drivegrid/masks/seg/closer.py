"""A closer look: the mask in a view of the picture, drawn anew where the object is large.

At stride 2 of a small picture a far sign is five pixels wide and a pole one. So drivegrid-seg
draws twice, as a hand that sketches first: what a prompt means, in the whole picture, and its
outline, in a view of 64 x 64 samples that is stretched around it. A prompt with a box says where
to look and needs no sketch. Boxes are drawn so by the mask heads of detectors (He et al., "Mask
R-CNN", ICCV 2017, section 3); here the view shows the picture's own pixels, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivegrid.errors import ConfigError
from drivegrid.masks.seg.decoder import DecoderConfig, ImageMaps
from drivegrid.masks.seg.prompts import CHANNELS, NEGATIVE, POSITIVE, PromptBatch
from drivegrid.masks.seg.views import covered, each_looked_at, looked_at, middle_boxes, views_of

POINT_SIGMA = 2.0
"""Deviation of a drawn point, in samples of the view."""
GROUPS = 4
"""Of channels that are normed together."""


@dataclass(frozen=True)
class CloserConfig:
    """Sizes of the closer look.

    Args:
        size: Samples along each side of a view, a multiple of 8.
        widths: Channels at each halving of it, multiples of `GROUPS`.
        cells: Channels that the picture's coarsest map is brought to.

    Raises:
        ConfigError: If a size is none of these.
    """

    size: int = 64
    widths: tuple[int, int, int, int] = (16, 32, 40, 48)
    cells: int = 32

    def __post_init__(self) -> None:
        widths = self.widths if isinstance(self.widths, tuple) else ()
        whole = [type(number) for number in (self.size, self.cells, *widths)] == [int] * 6
        if not whole or min(self.size, self.cells, *widths) <= 0 or self.size % 8:
            raise ConfigError(f"closer must have a size in eights and 4 widths, got {self!r:.90}.")
        if any(width % GROUPS for width in widths):
            raise ConfigError(f"widths must be multiples of {GROUPS}, got {widths}.")


class Sight(NamedTuple):
    """Pictures, and what the network has seen of them.

    Args:
        pixels: (B, 3, H, W) as `to_pixel_values` gives them, at any size.
        maps: Of the B pictures.
    """

    pixels: Tensor
    maps: ImageMaps


class ViewPrompts(NamedTuple):
    """What is to be drawn in N views.

    Args:
        images: (N,) which picture each is of.
        views: (N, 4) as `views_of` gives them.
        drawn: (N, ``CHANNELS``, size, size) sketch, positive points, negative points and box, as
            the view shows them.
    """

    images: Tensor
    views: Tensor
    drawn: Tensor


class CloserLook(nn.Module):
    """Draws the mask of a view: down to an eighth of its size and up again.

    Args:
        config: Its sizes.
        decoder: Sizes of the picture's maps.
    """

    def __init__(self, config: CloserConfig, decoder: DecoderConfig) -> None:
        super().__init__()
        self.size = config.size
        first, second, third, last = config.widths
        self.cells = nn.Conv2d(decoder.width, config.cells, 1)
        self.down = nn.ModuleList(
            [
                _Block(3 + CHANNELS, first),
                _Block(first + decoder.fine[1], second),
                _Block(second + decoder.fine[0], third),
                _Block(third + config.cells, last),
            ]
        )
        self.up = nn.ModuleList([_Up(last, third), _Up(third, second), _Up(second, first)])
        self.to_logits = nn.Conv2d(first, 1, 1)
        self.judge = nn.Linear(last, 1)

    def forward(
        self, sight: Sight, prompts: ViewPrompts, hints: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return (N, size, size) logits in the views and (N,) estimated IoUs in [0, 1].

        Args:
            sight: Of the pictures.
            prompts: N.
            hints: (N, widths[3]) what else is known of each mask; nothing by default.
        """
        images, views, drawn = prompts
        maps = sight.maps
        beside = (
            looked_at(sight.pixels, images, views, self.size),
            looked_at(maps.fine, images, views, self.size // 2),
            looked_at(maps.middle, images, views, self.size // 4),
            looked_at(self.cells(maps.cells), images, views, self.size // 8),
        )
        seen = drawn
        steps: list[Tensor] = []
        for block, shown in zip(self.down, beside, strict=True):
            seen = block(torch.cat([F.avg_pool2d(seen, 2) if steps else seen, shown], dim=1))
            steps.append(seen)
        if hints is not None:
            seen = seen + hints[..., None, None]
        score = self.judge(seen.mean(dim=(2, 3)))[:, 0].sigmoid()
        for up, beneath in zip(self.up, reversed(steps[:-1]), strict=True):
            seen = up(seen, beneath)
        return self.to_logits(seen)[:, 0], score


class _Block(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(GROUPS, width) for _ in range(2))

    def forward(self, maps: Tensor) -> Tensor:
        maps = F.relu(self.norms[0](self.first(maps)))
        return maps + F.relu(self.norms[1](self.second(maps)))


class _Up(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, width, 1)
        self.smooth = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.GroupNorm(GROUPS, width)

    def forward(self, maps: Tensor, beneath: Tensor) -> Tensor:
        maps = F.interpolate(self.narrow(maps), scale_factor=2, mode="bilinear") + beneath
        return maps + F.relu(self.norm(self.smooth(maps)))


def view_prompts(prompts: PromptBatch, images: Tensor, sketches: Tensor, size: int) -> ViewPrompts:
    """Return what prompts ask for as views show it.

    A box says where to look, and the sketch counts for nothing; without one the sketch does.

    Args:
        prompts: N.
        images: (N,) which picture each is about.
        sketches: (N, h, w) logits over the whole picture.
        size: Samples along each side of a view.
    """
    boxed, boxes = prompts.say_where, prompts.boxes
    views = views_of(torch.where(boxed[:, None], boxes, middle_boxes(sketches > 0)))
    shown = each_looked_at(sketches.sigmoid() * ~boxed[:, None, None], views, size)
    corner, span = views[:, None, :2], (views[:, 2:] - views[:, :2])[:, None]
    points = (prompts.places - corner) / span * size
    corners = (boxes.view(-1, 2, 2) - corner) / span * size
    dots = (_dots(points, prompts.kinds == kind, size) for kind in (POSITIVE, NEGATIVE))
    box = _filled(corners, size) * boxed[:, None, None]
    return ViewPrompts(images, views, torch.stack([shown, *dots, box], dim=1))


def _dots(points: Tensor, wanted: Tensor, size: int) -> Tensor:
    """Return (N, size, size) some of the points (N, K, 2), drawn as soft dots."""
    steps = torch.arange(size, device=points.device) + 0.5
    dots = torch.exp(-0.5 * ((steps - points[..., None]) / POINT_SIGMA) ** 2)
    dots = dots[:, :, 1, :, None] * dots[:, :, 0, None, :]
    return (dots * wanted[..., None, None]).amax(dim=1)


def _filled(corners: Tensor, size: int) -> Tensor:
    """Return (N, size, size) the share of each sample inside boxes, (N, 2, 2) corners."""
    (x0, y0), (x1, y1) = (corner.unbind(dim=1) for corner in corners.unbind(dim=1))
    across, down = covered(x0, x1, size), covered(y0, y1, size)
    return down[:, :, None] * across[:, None]
