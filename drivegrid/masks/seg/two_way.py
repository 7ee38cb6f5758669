"""Attention both ways between a few tokens and the cells of an image, as in SAM's decoder.

Kirillov et al., "Segment Anything" (ICCV 2023), appendix A: tokens among themselves, tokens to
image, a perceptron, image to tokens.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

NARROWING = 2
"""Attention between tokens and image works at this share of the width."""


class Attention(nn.Module):
    """Multi-head attention.

    Args:
        width: Of queries, keys and values.
        inner: Width inside; a multiple of the heads.
        heads: How many.
    """

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, inner), nn.Linear(width, inner)
        self.value, self.out = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None) -> Tensor:
        """Return (N, Q, width).

        Args:
            query: (N, Q, width).
            key: (N, K, width).
            value: (N, K, width).
            seen: (N, 1, 1, K) keys that count, None for all.
        """

        def split(x: Tensor) -> Tensor:
            return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

        found = F.scaled_dot_product_attention(
            split(self.query(query)), split(self.key(key)), split(self.value(value)), seen
        )
        out: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return out


class TwoWayBlock(nn.Module):
    """One round of attention both ways.

    Args:
        width: Of tokens and cells.
        heads: Of each attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = width // NARROWING
        self.among = Attention(width, width, heads)
        self.to_image = Attention(width, inner, heads)
        self.to_tokens = Attention(width, inner, heads)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(
        self, tokens: Tensor, cells: Tensor, marks: Tensor, places: Tensor, seen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens (N, T, width) and cells (N, C, width) after the round.

        Args:
            tokens: (N, T, width).
            cells: (N, C, width).
            marks: (N, T, width) what the tokens were at first: they are reminded of it.
            places: (C, width) codes of where the cells are.
            seen: (N, 1, 1, T) tokens that count.
        """
        own = tokens + marks
        tokens = self.norms[0](tokens + self.among(own, own, tokens, seen))
        tokens = self.norms[1](tokens + self.to_image(tokens + marks, cells + places, cells, None))
        tokens = self.norms[2](tokens + self.perceptron(tokens))
        cells = self.norms[3](cells + self.to_tokens(cells + places, tokens + marks, tokens, seen))
        return tokens, cells


class TwoWayTransformer(nn.Module):
    """Rounds of attention both ways, and a last look of the tokens at the image.

    Args:
        width: Of tokens and cells.
        heads: Of each attention.
        rounds: How many.
    """

    def __init__(self, width: int, heads: int, rounds: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TwoWayBlock(width, heads) for _ in range(rounds))
        self.last = Attention(width, width // NARROWING, heads)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, tokens: Tensor, cells: Tensor, places: Tensor, seen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return tokens and cells, see `TwoWayBlock.forward`."""
        marks = tokens
        for block in self.blocks:
            tokens, cells = block(tokens, cells, marks, places, seen)
        tokens = self.norm(tokens + self.last(tokens + marks, cells + places, cells, None))
        return tokens, cells
