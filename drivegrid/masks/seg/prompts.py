"""Prompts as tokens and as a map, for the mask decoder."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT, PADDING = range(5)
"""What a place of a prompt is; padding is seen by nobody."""
MASK_STRIDE = 4
"""A mask that is a prompt is given at this share of the input, as the decoder's own masks are."""


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

    Args:
        width: Of a token.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.position = PositionCode(width)
        self.kinds = nn.Embedding(PADDING + 1, width)
        self.no_mask = nn.Parameter(torch.zeros(width))
        narrow = width // 8
        self.mask_stem = nn.Sequential(
            nn.Conv2d(1, narrow, 2, 2),
            nn.GroupNorm(1, narrow),
            nn.GELU(),
            nn.Conv2d(narrow, 2 * narrow, 2, 2),
            nn.GroupNorm(1, 2 * narrow),
            nn.GELU(),
            nn.Conv2d(2 * narrow, width, 1),
        )

    def sparse(self, places: Tensor, kinds: Tensor) -> Tensor:
        """Return (N, K, width) tokens.

        Args:
            places: (N, K, 2) shares of the image's sides.
            kinds: (N, K) of ``NEGATIVE`` to ``PADDING``.
        """
        tokens: Tensor = self.position(places) + self.kinds(kinds)
        return tokens

    def dense(self, masks: Tensor, given: Tensor) -> Tensor:
        """Return (N, width, h, w) what is added to the image's map.

        Args:
            masks: (N, 1, 4 h, 4 w) in [0, 1].
            given: (N,) which prompts have a mask; of the others none is looked at.
        """
        height, width = (side // MASK_STRIDE for side in masks.shape[-2:])
        absent = self.no_mask[None, :, None, None].expand(len(masks), -1, height, width)
        if not given.any():
            return absent
        drawn: Tensor = self.mask_stem(masks)
        return torch.where(given[:, None, None, None], drawn, absent)
