"""SAMTok as a mask tokenizer: two words for a mask, drawn with the image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from drivegrid.data.images import Picture
from drivegrid.errors import ModelError
from drivegrid.geometry import BoolArray, IntArray
from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.network_files import fingerprint, load_network, save_network
from drivegrid.masks.samtok.network import LEVELS, SamTokConfig, SamTokNetwork
from drivegrid.masks.seg.batching import batch_prompts
from drivegrid.masks.seg.closer import Sight
from drivegrid.masks.seg.network import SegNetwork
from drivegrid.masks.seg.prompts import PromptBatch
from drivegrid.masks.seg.segmenter import OUTSIDE, SmallSegmenter
from drivegrid.masks.seg.views import put_back
from drivegrid.masks.segmenter import LogitArray, Prompt
from drivegrid.masks.shapes import box_of, overlap, resized
from drivegrid.masks.tokenizer import checked_masks, needed_image
from drivegrid.masks.word_tokenizer import WordTokenizer
from drivegrid.tokens.mask_words import MaskWords

MASKS_PER_PASS = 64
TRIES = (4, 8)
"""First codes that are tried for a mask, and second ones beside each: the nearest codes are not
always those that draw it best."""


class SamTokenizer(WordTokenizer):
    """Tells a mask by two codes; the image is needed to write and to draw it.

    Args:
        network: Writes and draws; it is put into evaluation mode.
        segmenter: drivegrid-seg, with the weights it was trained on.

    Raises:
        ModelError: If the segmenter has other weights.
    """

    network: SamTokNetwork
    name: ClassVar[str] = "samtok"
    needs_image: ClassVar[bool] = True

    def __init__(self, network: SamTokNetwork, segmenter: SmallSegmenter) -> None:
        found = image_side(segmenter.network)
        if network.config.seg != found:
            raise ModelError(
                f"SAMTok must have the drivegrid-seg that it was trained on, "
                f"{network.config.seg:.12}, got {found:.12}. Train it anew on this one."
            )
        self.network, self._seg = network.train(False), segmenter.network
        self.segmenter = CachedSegmenter(segmenter, 1)

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path | None = None,
        seg: str | Path | None = None,
        device: str = "cpu",
    ) -> SamTokenizer:
        """Load weights, by default those that the package ships.

        Args:
            folder: With ``config.json`` and ``model.safetensors``.
            seg: Folder of drivegrid-seg.
            device: Where it runs.

        Raises:
            ModelError: If a file is missing, damaged, or of another network.
        """
        network = load_network(SamTokNetwork, SamTokConfig, folder, "samtok")
        return cls(network.to(device), SmallSegmenter.from_pretrained(seg, device))

    def save(self, folder: str | Path) -> None:
        """Write config and weights, these in half precision; drivegrid-seg's are not repeated."""
        save_network(self.network, self.network.config, folder)

    @cached_property
    def words(self) -> MaskWords:
        """``<sam_1_0>`` on, the first word, then ``<sam_2_0>`` on, the second."""
        return MaskWords("samtok", LEVELS * self.network.config.num_codes)

    @torch.inference_mode()
    def encode_all(self, image: Picture | None, masks: BoolArray) -> list[IntArray]:
        """Write masks of one picture, see `MaskTokenizer.encode_all`."""
        picture = needed_image(image, self.name)
        flags, sight = checked_masks(masks, picture), self.segmenter.encode(picture).sight
        found: list[IntArray] = []
        for start in range(0, len(flags), MASKS_PER_PASS):
            some = flags[start : start + MASKS_PER_PASS]
            tried = self.network.codebooks.nearby(self._vectors(sight, some), TRIES)
            for mask, codes in zip(some, tried, strict=True):
                ious = self._ious(mask, self._draw(sight, codes))
                best = codes[int(np.argmax(ious))].cpu().numpy()
                found.append(best + self.network.config.num_codes * np.arange(LEVELS))
        return found

    def _vectors(self, sight: Sight, masks: BoolArray) -> Tensor:
        """Return (N, 16) vectors of masks (N, H, W)."""
        height, width = masks.shape[1:]
        asked = [Prompt(box=box_of(mask), mask=mask) for mask in masks]
        prompts = batch_prompts(asked, (width, height), self.network.config.logits_wh)
        prompts = PromptBatch(*(part.to(self._device) for part in prompts))
        maps = sight.maps.of(torch.zeros(len(masks), dtype=torch.long))
        return self.network.write(self._seg, maps, prompts)

    def _ious(self, mask: BoolArray, drawn: LogitArray) -> list[float]:
        """Return the IoU of each of several drawn masks, (K, h, w) logits, with one of (H, W)."""
        small = resized(mask, self._seg.config.image_size_wh)
        return [overlap(logits > self.threshold, small) for logits in drawn]

    @torch.inference_mode()
    def decode_all(self, image: Picture | None, codes: Sequence[IntArray]) -> LogitArray:
        """Draw the masks of codes, see `MaskTokenizer.decode_all`."""
        picture = needed_image(image, self.name)
        sight = self.segmenter.encode(picture).sight
        checked = [self.checked(code) % self.network.config.num_codes for code in codes]
        width, height = self._seg.config.image_size_wh
        drawn = [np.zeros((0, height, width), np.float32)]
        for start in range(0, len(checked), MASKS_PER_PASS):
            some = np.stack(checked[start : start + MASKS_PER_PASS])
            drawn.append(self._draw(sight, torch.from_numpy(some).to(self._device)))
        return np.concatenate(drawn)

    def _draw(self, sight: Sight, codes: Tensor) -> LogitArray:
        """Return (N, h, w) logits of the masks of codes (N, 2)."""
        vectors = self.network.codebooks.lookup(codes)
        images = torch.zeros(len(codes), dtype=torch.long, device=self._device)
        shown, views = self.network.draw(sight, images, vectors)
        drawn = put_back(shown, views, self._seg.config.image_size_wh, OUTSIDE)
        logits: LogitArray = drawn.cpu().numpy()
        return logits

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device


def image_side(seg: SegNetwork) -> str:
    """Return the fingerprint of what SAMTok takes over from drivegrid-seg unchanged."""
    return fingerprint(seg.trunk, seg.neck, seg.prompts)
