"""From an image's maps and a prompt's tokens to masks: SAM2's decoder at a small size.

Ravi et al., "SAM 2" (2024), appendix D: one mask for prompts that say what is meant and three for
those that do not, an estimate of each one's IoU, and finer maps of the image added on the way up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivegrid.masks.seg.prompts import PADDING, PositionCode
from drivegrid.masks.seg.two_way import TwoWayTransformer

AMBIGUOUS = 3
"""Masks for a prompt that may mean several things."""
FIRST_LOGIT = -6.0
"""What a mask begins with: most of a picture is outside, and that need not be learnt."""


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes of a mask decoder.

    Args:
        width: Of a token.
        heads: Of each attention.
        rounds: Of attention both ways.
        fine: Channels at strides 8, 4 and 2.
    """

    width: int = 128
    heads: int = 4
    rounds: int = 2
    fine: tuple[int, int, int] = (32, 16, 8)


class ImageMaps(NamedTuple):
    """What an image becomes, for B images.

    Args:
        cells: (B, width, h, w) at stride 16.
        middle: (B, fine[0], 2 h, 2 w) at stride 8.
        fine: (B, fine[1], 4 h, 4 w) at stride 4.
        edges: (B, fine[2], 8 h, 8 w) at stride 2.
    """

    cells: Tensor
    middle: Tensor
    fine: Tensor
    edges: Tensor

    def of(self, images: Tensor) -> ImageMaps:
        """Return the maps of some images, one for each prompt.

        Args:
            images: (N,) places in the batch.
        """
        return ImageMaps(*(m[images] for m in self))


class Prompts(NamedTuple):
    """Encoded prompts.

    Args:
        tokens: (N, K, width).
        kinds: (N, K); padding is seen by nobody.
        coarse: (N, width, h, w), added to the image's cells.
        fine: (N, fine[1], 4 h, 4 w), added to its fine map.
        edges: (N, fine[2], 8 h, 8 w), added to its edges.
    """

    tokens: Tensor
    kinds: Tensor
    coarse: Tensor
    fine: Tensor
    edges: Tensor


class MaskDecoder(nn.Module):
    """Draws masks.

    Args:
        config: Sizes.
        masks: Tokens that become masks: 1 + ``AMBIGUOUS``, or 1 for a decoder of certain prompts.
    """

    def __init__(self, config: DecoderConfig, masks: int = 1 + AMBIGUOUS) -> None:
        super().__init__()
        width, (middle, fine, edges) = config.width, config.fine
        self.asking = nn.Embedding(1 + masks, width)
        self.transformer = TwoWayTransformer(width, config.heads, config.rounds)
        self.to_middle = nn.ConvTranspose2d(width, middle, 2, 2)
        self.to_fine = nn.ConvTranspose2d(middle, fine, 2, 2)
        self.to_edges = nn.ConvTranspose2d(fine, edges, 2, 2)
        self.norm = nn.GroupNorm(1, middle)
        self.smooth_middle = nn.Conv2d(middle, middle, 3, padding=1)
        self.smooth_fine = nn.Conv2d(fine, fine, 3, padding=1)
        self.pencils = nn.ModuleList(_perceptron(width, edges + 1) for _ in range(masks))
        self.judge = _perceptron(width, masks)

    def attend(
        self, maps: ImageMaps, prompts: Prompts, position: PositionCode
    ) -> tuple[Tensor, Tensor]:
        """Return (N, 1 + masks, width) answers of the asking tokens and (N, width, h, w) cells."""
        count, height, width = len(prompts.tokens), *maps.cells.shape[-2:]
        asking = self.asking.weight[None].expand(count, -1, -1)
        tokens = torch.cat([asking, prompts.tokens], dim=1)
        seen = F.pad(prompts.kinds != PADDING, (asking.shape[1], 0), value=True)
        cells = (maps.cells + prompts.coarse).flatten(2).transpose(1, 2)
        tokens, cells = self.transformer(
            tokens, cells, position.lattice(height, width), seen[:, None, None]
        )
        return tokens[:, : asking.shape[1]], cells.transpose(1, 2).unflatten(2, (height, width))

    def forward(
        self, maps: ImageMaps, prompts: Prompts, position: PositionCode
    ) -> tuple[Tensor, Tensor]:
        """Return (N, masks, 8 h, 8 w) logits and (N, masks) estimated IoUs in [0, 1].

        Args:
            maps: One image for each of N prompts.
            prompts: N.
            position: Codes of places, the prompts' own.
        """
        answers, cells = self.attend(maps, prompts, position)
        middle = F.relu(self.norm(self.to_middle(cells) + maps.middle))
        middle = F.relu(middle + self.smooth_middle(middle))
        fine = F.relu(self.to_fine(middle) + maps.fine + prompts.fine)
        fine = F.relu(fine + self.smooth_fine(fine))
        # A pole is two pixels wide: it would be lost between the pixels of a coarser canvas.
        canvas = F.relu(self.to_edges(fine) + maps.edges + prompts.edges)
        drawn = [pencil(answers[:, 1 + i]) for i, pencil in enumerate(self.pencils)]
        weights, bias = torch.stack(drawn, dim=1).tensor_split((canvas.shape[1],), dim=2)
        logits = torch.einsum("nmc,nchw->nmhw", weights, canvas) + (bias + FIRST_LOGIT)[..., None]
        return logits, self.judge(answers[:, 0]).sigmoid()


def _perceptron(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, out),
    )
