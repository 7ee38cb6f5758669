"""The transformer parts of the nano model."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Cache

KeyValue = tuple[Tensor, Tensor]
Rotation = tuple[Tensor, Tensor]
ROPE_BASE = 10_000.0


def rotation(positions: Tensor, head_dim: int, dtype: torch.dtype) -> Rotation:
    """Return cosines and sines of rotary position embedding (Su et al. 2021, eq. 34).

    Args:
        positions: (B, T) integer positions.
        head_dim: Width of a head, even.
        dtype: Of the result.

    Returns:
        Two tensors (B, 1, T, head_dim / 2).
    """
    half = head_dim // 2
    exponent = torch.arange(half, device=positions.device, dtype=torch.float32) / half
    angles = positions[:, None, :, None].float() * ROPE_BASE**-exponent
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, turn: Rotation) -> Tensor:
    """Turn (B, heads, T, head_dim) queries or keys by what `rotation` returned."""
    cos, sin = turn
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class Attention(nn.Module):
    """Multi-head attention whose keys and values may be computed beforehand."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def split(self, x: Tensor) -> Tensor:
        """(B, T, d) to (B, heads, T, d / heads)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def keys_values(self, x: Tensor) -> KeyValue:
        """Return keys and values, each (B, heads, T, d / heads)."""
        key, value = self.key_value(x).chunk(2, dim=-1)
        return self.split(key), self.split(value)

    def attend(self, query: Tensor, key_value: KeyValue, mask: Tensor | None = None) -> Tensor:
        """(B, heads, T, head_dim) queries to (B, T, d)."""
        mixed = F.scaled_dot_product_attention(query, *key_value, attn_mask=mask)
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result


class FeedForward(nn.Sequential):
    """Two linear layers with GELU between."""

    def __init__(self, dim: int) -> None:
        super().__init__(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))


class ImageLayer(nn.Module):
    """Self-attention over the image memory."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads)
        self.feed_forward = FeedForward(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, S, d) to (B, S, d)."""
        y = self.norm1(x)
        attention = self.attention
        x = x + attention.attend(attention.split(attention.query(y)), attention.keys_values(y))
        result: Tensor = x + self.feed_forward(self.norm2(x))
        return result


class DecoderLayer(nn.Module):
    """Causal self-attention, cross-attention to the image, feed-forward."""

    def __init__(self, dim: int, num_heads: int, index: int) -> None:
        super().__init__()
        self.index = index
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))
        self.self_attention = Attention(dim, num_heads)
        self.cross_attention = Attention(dim, num_heads)
        self.feed_forward = FeedForward(dim)

    def forward(
        self,
        x: Tensor,
        turn: Rotation,
        memory: KeyValue,
        mask: Tensor | None,
        cache: Cache | None,
    ) -> Tensor:
        """Advance the hidden states.

        Args:
            x: (B, T, d).
            turn: `rotation` of the places of the new tokens.
            memory: Cross-attention keys and values of M images, each (M, heads, S, d / heads); the
                rows of an image stand together, B / M of each.
            mask: (B, 1, T, T_all) True where a token may look; None lets all look at all.
            cache: Holds the keys and values of earlier tokens.
        """
        y = self.norm1(x)
        attention = self.self_attention
        query = rotate(attention.split(attention.query(y)), turn)
        key, value = attention.keys_values(y)
        key = rotate(key, turn)
        if cache is not None:
            key, value = cache.update(key, value, self.index)
        x = x + attention.attend(query, (key, value), mask)
        cross, y = self.cross_attention, self.norm2(x)
        # Rows that look at the same image do so as one.
        asked = cross.query(y).reshape(len(memory[0]), -1, y.shape[-1])
        x = x + cross.attend(cross.split(asked), memory).view_as(x)
        result: Tensor = x + self.feed_forward(self.norm3(x))
        return result
