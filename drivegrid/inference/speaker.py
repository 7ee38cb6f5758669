"""What decoding needs of a model: drivegrid-nano and Qwen2.5-VL answer alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from drivegrid.model.anchor_hints import NO_ANCHOR, anchor_hints
from drivegrid.model.attention import KeyValue
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.vision import ImageFeatures
from drivegrid.tasks.refine import QUESTION as REFINE
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.automaton import TokenClasses
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import Vocabulary

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""
KeysValues: TypeAlias = tuple[KeyValue, ...]
"""For each decoder layer keys and values, each (B, heads, T, dim)."""
View: TypeAlias = ImageFeatures | KeysValues
"""An encoded picture: what a nano model looks at, or the cache of the visual tokens."""


@dataclass(frozen=True)
class Block:
    """New tokens of conversations side by side, padded on the left.

    Args:
        ids: (B, T) new tokens; any id in the padding.
        places: (B, T) number of each among the tokens of its conversation, from 0.
        mask: (B, T_all) True for tokens old and new, False for padding; None without padding; or
            (B, T, T_all) which tokens each new one sees, where those are not all before it.
        rows: All tokens of each conversation, the new ones included.
        scored: How many of the new tokens, counted from the end, are scored; 0 for all.
    """

    ids: Tensor
    places: Tensor
    mask: Tensor | None
    rows: Sequence[Sequence[int]]
    scored: int = 0


def keys_values(cache: DynamicCache) -> KeysValues:
    """Return what a cache holds, without copying it."""
    layers = cast(Sequence[DynamicLayer], cache.layers)
    return tuple((cast(Tensor, layer.keys), cast(Tensor, layer.values)) for layer in layers)


class Processor(Protocol):
    """Text in and out of a model."""

    vocabulary: Vocabulary

    @property
    def grid(self) -> GridSpec:
        """Lattice of the spatial tokens."""

    @property
    def token_classes(self) -> TokenClasses:
        """What constrained decoding must know of the tokenizer."""

    def prompt_ids(self, query: str) -> list[int]:
        """Return the ids of a user turn, up to where the answer begins; the query is escaped."""

    def turn_ids(self, prompt: str) -> list[int]:
        """Return the same of a turn in final text, which may hold spatial tokens."""

    def reply_ids(self, answer: str) -> list[int]:
        """Return the ids of an answer with its end."""

    def text_of(self, ids: list[int]) -> str:
        """Return the text of answer ids, spatial tokens included, chat tokens left out."""


class Speaker(Protocol):
    """A model that reads and scores tokens about encoded pictures.

    Attributes:
        name: Given as the source of what it finds.
        in_context: Whether its refine turns go on from the answer they mend, or stand alone.
        few_words: Whether it knows no words but those of its training questions.
    """

    name: str
    in_context: bool
    few_words: bool

    @property
    def device(self) -> torch.device:
        """Where the model computes."""

    def encode(self, image: Pixels) -> View:
        """Encode a picture once for any number of conversations."""

    def opening(self, view: View) -> KeysValues:
        """Return the cache of what stands before the first question; may be empty."""

    def join(self, views: Sequence[View]) -> View:
        """Put encoded pictures side by side."""

    def refine_ids(self, query: str, items: Sequence[AnswerItem], done: int) -> list[int]:
        """Return the ids of the refine turn of a proposal with ``done`` rounds of offsets."""

    def scores(self, block: Block, view: View, cache: DynamicCache) -> Tensor:
        """Add new tokens to the cache; return (B, T, vocab_size) fp32 scores of what follows.

        T is the number of tokens that are scored.
        """


class NanoSpeaker:
    """drivegrid-nano: the picture is looked at by cross-attention, refine turns go on in context.

    Args:
        model: The model.
        processor: Its processor.
    """

    name = "drivegrid-nano"
    in_context = True
    few_words = True

    def __init__(self, model: NanoForGrounding, processor: NanoProcessor) -> None:
        self.model, self.processor = model.eval(), processor

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        device: torch.device = self.model.device
        return device

    def encode(self, image: Pixels) -> ImageFeatures:
        """Return the features of a picture."""
        pixels = self.processor.pixel_values(image)
        with torch.inference_mode():
            features: ImageFeatures = self.model.encode_image(pixels.to(self.device))
        return features

    def opening(self, view: View) -> KeysValues:
        """Nothing stands before the first question."""
        del view
        return ()

    def join(self, views: Sequence[View]) -> ImageFeatures:
        """Put encoded pictures side by side."""
        return ImageFeatures.join(cast(Sequence[ImageFeatures], views))

    def refine_ids(self, query: str, items: Sequence[AnswerItem], done: int) -> list[int]:
        """End the turn before and ask; the question and the proposal are in the cache."""
        del query, items, done
        return [self.processor.special_ids["end"], *self.processor.prompt_ids(REFINE)]

    def scores(self, block: Block, view: View, cache: DynamicCache) -> Tensor:
        """Score the next token at every new place; see `Speaker`."""
        device = self.device
        with torch.inference_mode():
            output = self.model(
                input_ids=block.ids.to(device),
                image_features=view,
                attention_mask=None if block.mask is None else block.mask.to(device),
                position_ids=block.places.to(device),
                anchor_xyr=self._hints(block).to(device),
                past_key_values=cache,
                logits_to_keep=block.scored,
            )
        return cast(Tensor, output.logits)

    def _hints(self, block: Block) -> Tensor:
        """Return (B, T, 3) which anchor each new token would move; see `anchor_hints`."""
        config, new = self.model.config, block.ids.shape[1]
        hints = np.full((*block.ids.shape, 3), NO_ANCHOR, dtype=np.float32)
        for i, row in enumerate(block.rows):
            if config.special_ids["offset"] in row:
                found = anchor_hints(
                    row, config.grid_spec, config.spatial_base_id, config.special_ids
                )[-new:]
                hints[i, new - len(found) :] = found
        if block.mask is not None and block.mask.ndim == 2:
            hints[~block.mask[:, -new:].numpy()] = NO_ANCHOR
        return torch.from_numpy(hints)
