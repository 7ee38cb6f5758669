"""Prompts as tokens and as a map, for the mask decoder."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT, CENTER, PADDING = range(6)
"""What a place of a prompt is: a point, a corner or the centre of a box; nobody sees padding."""
CHANNELS = 4
"""Drawn prompts: mask, positive points, negative points, box."""
GAIN = 5.0
"""Drawn prompts are small beside the picture's maps, and few weights are large at first."""


class PromptBatch(NamedTuple):
    """N prompts as numbers.

    Args:
        places: (N, K, 2) x, y as shares of the image's sides.
        kinds: (N, K) what each place is, ``NEGATIVE`` to ``PADDING``.
        drawn: (N, 4, H/2, W/2) in [0, 1]: mask, positive points, negative points, box.
    """

    places: Tensor
    kinds: Tensor
    drawn: Tensor

    def of(self, some: Tensor) -> PromptBatch:
        """Return some of the prompts, by their places or by flags."""
        return PromptBatch(*(part[some] for part in self))

    @property
    def say_where(self) -> Tensor:
        """(N,) whether each has a box and no mask to be mended, which may lie elsewhere."""
        masked = self.drawn[:, 0].flatten(1).any(dim=1)
        return (self.kinds == TOP_LEFT).any(dim=1) & ~masked

    @property
    def boxes(self) -> Tensor:
        """(N, 4) boxes as shares of the image's sides; 0 where there is none."""
        corners = [
            (self.places * (self.kinds == kind)[..., None]).sum(dim=1)
            for kind in (TOP_LEFT, BOTTOM_RIGHT)
        ]
        return torch.cat(corners, dim=1)


class PositionCode(nn.Module):
    """Places as sines and cosines of random directions, one set for prompts and image cells.

    Tancik et al., "Fourier Features" (NeurIPS 2020), as SAM uses them.

    Args:
        width: Of a code; even.
    """

    directions: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("directions", torch.randn(2, width // 2))

    def forward(self, places: Tensor) -> Tensor:
        """Return (..., width) codes of (..., 2) places x, y, each a share of the image's side."""
        # Shares near 0 and 1 are told apart at any precision of the stored directions.
        angles = 2 * math.pi * (2 * places - 1) @ self.directions
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def lattice(self, height: int, width: int) -> Tensor:
        """Return (height * width, width of a code) codes of the cell centres, row by row."""
        device = self.directions.device
        x = (torch.arange(width, device=device) + 0.5) / width
        y = (torch.arange(height, device=device) + 0.5) / height
        rows, cols = torch.meshgrid(y, x, indexing="ij")
        codes: Tensor = self(torch.stack([cols, rows], dim=-1).flatten(0, 1))
        return codes


class PromptEncoder(nn.Module):
    """Turns points, box corners and masks into what the decoder attends to.

    SAM tells the decoder of points and boxes by tokens alone, from which it has to learn where
    they are. Here they are drawn as well, beside the mask: a small network learns sooner.

    Args:
        width: Of a token.
        fine: Channels at stride 4.
        edges: Channels at stride 2.
    """

    def __init__(self, width: int, fine: int, edges: int) -> None:
        super().__init__()
        self.position = PositionCode(width)
        self.kinds = nn.Embedding(PADDING + 1, width)
        self.shown = nn.Linear(width, width)
        narrow = width // 4
        self.edges = nn.Conv2d(CHANNELS, edges, 3, padding=1)
        self.fine = nn.Conv2d(CHANNELS, fine, 4, 2, 1)
        self.coarse = nn.Sequential(
            nn.Conv2d(CHANNELS, narrow, 4, 4),
            nn.GroupNorm(1, narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, width, 2, 2),
        )

    def sparse(self, places: Tensor, kinds: Tensor, cells: Tensor) -> Tensor:
        """Return (N, K, width) tokens: what a place is, where, and what the image shows there.

        Args:
            places: (N, K, 2) shares of the image's sides.
            kinds: (N, K) of ``NEGATIVE`` to ``PADDING``.
            cells: (N, width, h, w) of the image.
        """
        seen = F.grid_sample(
            cells, 2 * places[:, None] - 1, align_corners=False, padding_mode="border"
        )
        shown = self.shown(seen[:, :, 0].transpose(1, 2))
        tokens: Tensor = self.position(places) + self.kinds(kinds) + shown
        return tokens

    def dense(self, drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is added to the image's maps.

        Args:
            drawn: (N, ``CHANNELS``, 8 h, 8 w) in [0, 1].

        Returns:
            (N, width, h, w), (N, fine, 4 h, 4 w) and (N, edges, 8 h, 8 w).
        """
        drawn = GAIN * drawn
        return self.coarse(drawn), self.fine(drawn), self.edges(drawn)
