"""The network of HiMTok: what a view shows to codes, and codes to what it shows.

Wang et al., "HiMTok" (ICCV 2025), §3.2, at a small size: patches see each other and never a
latent; latent k sees the patches and the latents up to k, so that code k depends on no later one.
Decoding takes any number of codes from the front.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivegrid.errors import ConfigError
from drivegrid.masks.codebook import Codebook
from drivegrid.masks.himtok.view import NUM_VIEW_CODES, boxes_told
from drivegrid.tokens.mask_words import MOST_WORDS

NUM_TOKENS = MOST_WORDS
NUM_LATENTS = NUM_TOKENS - NUM_VIEW_CODES
NUM_CODES = 1024
CODE_DIM = 12
NUM_PLACES = 4
"""Centre and size, as numbers."""


@dataclass(frozen=True, slots=True)
class HimConfig:
    """Sizes of the network.

    Args:
        view: Cells along each side of a view.
        patch: Cells along each side of a patch; divides ``view``.
        width: Numbers in a token.
        depth: Layers of the encoder, and of the decoder.
        heads: Attention heads; divides ``width``.
    """

    view: int = 64
    patch: int = 16
    width: int = 128
    depth: int = 3
    heads: int = 4

    def __post_init__(self) -> None:
        sizes = (self.view, self.patch, self.width, self.depth, self.heads)
        if any(type(size) is not int or size < 1 for size in sizes):
            raise ConfigError(f"sizes of himtok must be whole numbers above 0, got {sizes}.")
        if self.view % self.patch or self.width % self.heads:
            raise ConfigError(
                f"patch must divide view and heads width, got {self.patch} for {self.view} and "
                f"{self.heads} for {self.width}."
            )

    @property
    def num_patches(self) -> int:
        """Patches of a view."""
        return (self.view // self.patch) ** 2


class HimNetwork(nn.Module):
    """Encoder, codebook and decoder.

    Args:
        config: Sizes.
    """

    def __init__(self, config: HimConfig) -> None:
        super().__init__()
        self.config = config
        width, cells = config.width, config.patch**2
        self.patch_in = nn.Linear(cells, width)
        self.place_in = nn.Linear(NUM_PLACES, width)
        self.seen_at = _learnt(config.num_patches, width)
        self.latents = _learnt(NUM_LATENTS, width)
        self.encoder = _layers(config)
        self.to_code = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, CODE_DIM))
        self.book = Codebook(NUM_CODES, CODE_DIM, on_sphere=True)
        self.code_in = nn.Linear(CODE_DIM, width)
        self.code_at = _learnt(NUM_LATENTS, width)
        self.place_out = nn.Linear(NUM_PLACES, width)
        self.known = _learnt(NUM_VIEW_CODES, width)
        self.shown_at = _learnt(config.num_patches, width)
        self.decoder = _layers(config)
        self.to_patch = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, cells))
        self.register_buffer("mask", _causal(config.num_patches + 1, NUM_LATENTS), persistent=False)

    def latents_of(self, shown: Tensor, view_codes: Tensor) -> Tensor:
        """Return (N, 28, 12) vectors of length 1, before quantisation.

        Args:
            shown: (N, view, view) covered shares.
            view_codes: (N, 4) which view it is.
        """
        patches = F.pixel_unshuffle(shown[:, None] - 0.5, self.config.patch).flatten(2).mT
        place = self.place_in(_places(view_codes))[:, None]
        latents = self.latents.expand(len(shown), -1, -1)
        x = torch.cat((place, self.patch_in(patches) + self.seen_at, latents), 1)
        for layer in self.encoder:
            x = layer(x, self.mask)
        return F.normalize(self.to_code(x[:, -NUM_LATENTS:]).float(), dim=-1)

    def decode(self, view_codes: Tensor, vectors: Tensor) -> Tensor:
        """Return (N, view, view) logits of the view that the codes open.

        Args:
            view_codes: (N, v) the first codes, v from 1 to 4.
            vectors: (N, k, 12) codes that follow, k from 0 to 28; none unless v is 4.
        """
        count = vectors.shape[1]
        place = self.place_out(_places(view_codes)) + self.known[view_codes.shape[1] - 1]
        codes = self.code_in(vectors) + self.code_at[:count]
        shown = self.shown_at.expand(len(view_codes), -1, -1)
        x = torch.cat((place[:, None], codes, shown), 1)
        for layer in self.decoder:
            x = layer(x, None)
        patches = self.to_patch(x[:, 1 + count :]).float().mT
        side = self.config.view // self.config.patch
        return F.pixel_shuffle(patches.unflatten(2, (side, side)), self.config.patch)[:, 0]


class _Layer(nn.Module):
    """Attention and two linear maps, each after a norm and beside a way around it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.wide = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        parts = self.qkv(self.norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts
        seen = F.scaled_dot_product_attention(query, key, value, mask)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        wide: Tensor = self.wide(x)
        return x + wide


def _layers(config: HimConfig) -> nn.ModuleList:
    return nn.ModuleList(_Layer(config.width, config.heads) for _ in range(config.depth))


def _learnt(count: int, width: int) -> nn.Parameter:
    # Far apart from the start: with the usual 0.02 all latents say the same for long.
    return nn.Parameter(torch.randn(count, width))


def _causal(num_seen: int, num_latents: int) -> Tensor:
    """Return who sees whom: all see what is there, latents also themselves and those before."""
    num = num_seen + num_latents
    return torch.ones(num, num, dtype=torch.bool).tril() | (torch.arange(num) < num_seen)


def _places(view_codes: Tensor) -> Tensor:
    """Return (N, 4) centre and logarithm of the size as the network is told them."""
    boxes = boxes_told(view_codes).float()
    return torch.cat((2 * boxes[:, :2] - 1, 1 + boxes[:, 2:].log() / 4), 1)
