"""HiMTok as a mask tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from drivegrid.data.images import Picture
from drivegrid.errors import ConfigError
from drivegrid.geometry import BoolArray, IntArray
from drivegrid.masks.himtok.network import NUM_CODES, NUM_TOKENS, HimConfig, HimNetwork
from drivegrid.masks.himtok.view import (
    NUM_VIEW_CODES,
    boxes_of,
    boxes_told,
    filled,
    look,
    spread,
    view_codes,
    views_of,
)
from drivegrid.masks.network_files import load_network, save_network
from drivegrid.masks.segmenter import LogitArray
from drivegrid.masks.tokenizer import checked_masks
from drivegrid.masks.word_tokenizer import WordTokenizer
from drivegrid.tokens.mask_words import MaskWords

FRAME_SIZE = 512
"""Logits are given in so many rows and columns over the whole frame, whatever its shape."""
OUTSIDE = -10.0
"""Logit beyond the view of a mask."""
CHUNK = 32
"""Masks that are read or written together; logits of each take 1 MiB."""


class HimTokenizer(WordTokenizer):
    """Writes a mask as up to 32 codes from coarse to fine; any number from the front is a mask.

    The first four say where the mask is, see `view`; the others are learnt, and tell in ever finer
    steps what is seen there.

    Args:
        network: It is put into evaluation mode.
        length: Codes that are written of each mask.

    Raises:
        ConfigError: If the length is not from 1 to 32.
    """

    network: HimNetwork
    name: ClassVar[str] = "himtok"
    needs_image: ClassVar[bool] = False

    def __init__(self, network: HimNetwork, length: int = NUM_TOKENS) -> None:
        if not 1 <= length <= NUM_TOKENS:
            raise ConfigError(f"length must be from 1 to {NUM_TOKENS}, got {length}.")
        self.network, self.length = network.train(False), length

    @classmethod
    def from_pretrained(
        cls, folder: str | Path | None = None, device: str = "cpu", length: int = NUM_TOKENS
    ) -> HimTokenizer:
        """Load weights, by default those that the package ships.

        Args:
            folder: With ``config.json`` and ``model.safetensors``.
            device: Where it runs.
            length: Codes that are written of each mask.

        Raises:
            ConfigError: If the length is not from 1 to 32.
            ModelError: If a file is missing, damaged, or of another network.
        """
        return cls(load_network(HimNetwork, HimConfig, folder, "himtok").to(device), length)

    def save(self, folder: str | Path) -> None:
        """Write config and weights, these in half precision."""
        save_network(self.network, self.network.config, folder)

    @cached_property
    def words(self) -> MaskWords:
        """``<him_0>`` to ``<him_1023>``; the place in a mask says what a word means."""
        return MaskWords("himtok", NUM_CODES)

    @torch.inference_mode()
    def encode_all(self, image: Picture | None, masks: BoolArray) -> list[IntArray]:
        """Write masks; see `MaskTokenizer.encode_all`. The image is not looked at."""
        flags = torch.from_numpy(checked_masks(masks, image))
        starts = range(0, len(flags), CHUNK)
        parts = [self._encode(flags[start : start + CHUNK].to(self._device)) for start in starts]
        return [row[: self.length].numpy() for part in parts for row in part.cpu()]

    @torch.inference_mode()
    def decode_all(self, image: Picture | None, codes: Sequence[IntArray]) -> LogitArray:
        """Read masks, (N, 512, 512) logits; see `MaskTokenizer.decode_all`."""
        del image
        checked = [torch.from_numpy(self.checked(row)) for row in codes]
        found = np.empty((len(checked), FRAME_SIZE, FRAME_SIZE), np.float32)
        for length in {len(row) for row in checked}:
            places = [place for place, row in enumerate(checked) if len(row) == length]
            for start in range(0, len(places), CHUNK):
                some = places[start : start + CHUNK]
                rows = torch.stack([checked[place] for place in some])
                found[some] = self._decode(rows.to(self._device)).cpu().numpy()
        return found

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def _encode(self, masks: Tensor) -> Tensor:
        """Return (N, 32) codes of masks (N, H, W), none of them empty."""
        where = view_codes(boxes_of(masks))
        shown = look(masks, views_of(boxes_told(where)), self.network.config.view)
        latents = self.network.latents_of(shown, where)
        numbers, _ = self.network.book(latents.flatten(0, 1))
        return torch.cat((where, numbers.view(latents.shape[:2])), 1)

    def _decode(self, codes: Tensor) -> Tensor:
        """Return (N, S, S) logits of masks with equally many codes (N, l)."""
        where = codes[:, :NUM_VIEW_CODES]
        vectors = self.network.book.lookup(codes[:, NUM_VIEW_CODES:])
        logits = filled(self.network.decode(where, vectors))
        return spread(logits, views_of(boxes_told(where)), FRAME_SIZE, OUTSIDE)
