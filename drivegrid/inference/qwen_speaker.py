"""Qwen2.5-VL as a speaker: the picture's visual tokens stand in the cache, refine turns alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from transformers import DynamicCache, Qwen2_5_VLForConditionalGeneration

from drivegrid.inference.speaker import Block, KeysValues, Pixels, View, keys_values
from drivegrid.model.processor import QwenProcessor, to_patches
from drivegrid.tasks.refine import refine_prompt
from drivegrid.tokens.answer import AnswerItem


class QwenSpeaker:
    """An extended Qwen2.5-VL, with or without an adapter in it.

    System turn and picture come first in every conversation. They are read once a picture; all
    questions and refine turns go on from their cache.

    Args:
        model: The model; of a ``PeftModel`` its base model, which holds the adapter's layers.
        processor: Its processor.
    """

    name = "qwen2.5-vl"
    in_context = False
    few_words = False

    def __init__(self, model: Qwen2_5_VLForConditionalGeneration, processor: QwenProcessor) -> None:
        self.model, self.processor = model.eval(), processor
        ids = torch.tensor([processor.opening_ids])
        self._opening = {
            "input_ids": ids,
            "image_grid_thw": torch.tensor([processor.grid_thw]),
            "mm_token_type_ids": (ids == processor.image_token_id).int(),
        }
        places, ahead = model.model.get_rope_index(**self._opening)
        self._places, self._ahead = places, int(ahead)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        device: torch.device = self.model.device
        return device

    def encode(self, image: Pixels) -> KeysValues:
        """Read system turn and picture; return their cache."""
        return self.read(to_patches(image, self.processor.size_wh))

    def read(self, patches: Tensor) -> KeysValues:
        """Do as `encode` with a picture's patches, see `to_patches`."""
        cache, device = DynamicCache(), self.device
        inputs = {name: tensor.to(device) for name, tensor in self._opening.items()}
        with torch.inference_mode():
            self.model(
                **inputs,
                pixel_values=patches.to(device),
                position_ids=self._places.to(device),
                past_key_values=cache,
                logits_to_keep=1,
            )
        return keys_values(cache)

    def opening(self, view: View) -> KeysValues:
        """The encoded picture is the cache of what stands before the question."""
        return cast(KeysValues, view)

    def join(self, views: Sequence[View]) -> View:
        """The pictures are in the cache already; there is nothing else to look at."""
        return views[0]

    def refine_ids(self, query: str, items: Sequence[AnswerItem], done: int) -> list[int]:
        """Ask as in training: question and proposal are repeated."""
        return self.processor.turn_ids(refine_prompt(query, items, done))

    def scores(self, block: Block, view: View, cache: DynamicCache) -> Tensor:
        """Score the next token at every new place; see `Speaker`."""
        del view
        device = self.device
        # Visual tokens share places, so that text after them has lower ones than its number.
        places = (block.places + self._ahead).clamp(min=0)
        with torch.inference_mode():
            output = self.model(
                input_ids=block.ids.to(device),
                attention_mask=None if block.mask is None else self._mask(block.mask),
                position_ids=places[None].expand(3, -1, -1).to(device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=block.scored,
            )
        return cast(Tensor, output.logits.float())

    def _mask(self, mask: Tensor) -> Tensor:
        """Return a mask as transformers takes it: 2-D for padding, else 4-D to be added."""
        if mask.ndim == 2:
            return mask.long().to(self.device)
        hidden = torch.zeros(mask.shape, dtype=self.model.dtype, device=self.device)
        return hidden.masked_fill(~mask.to(self.device), torch.finfo(self.model.dtype).min)[:, None]
