"""Answers in any representation: the same question about many frames at once, in lockstep.

Since the question is the same, all prompts are equally long and no row needs padding. Without
constraint the model is free to write anything, which tells how well it knows the grammar. Offsets
are not asked for here; see `drivegrid.inference.predictor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import DynamicCache

from drivegrid.data.scene import Frame, Scene
from drivegrid.geometry import BoolArray
from drivegrid.inference.choosing import NONE_CHANCE
from drivegrid.model.anchor_hints import NO_ANCHOR
from drivegrid.model.checkpoint import load_nano
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.tasks.representation import Representation, representation
from drivegrid.tokens.answer import Diagnostic
from drivegrid.tokens.automaton import AnswerAutomaton, Limits, TokenClasses
from drivegrid.tokens.coordinates import CoordinateAutomaton, PointForm
from drivegrid.tokens.spelling import BIN_TOKENS, NUM_BINS

LIMITS = Limits(items=24, anchors=40, text=24)
MOST_TOKENS = 2048
"""No answer within the limits is longer but in digits; it ends the babble of a free model."""

RGBImage = npt.NDArray[np.uint8]


class Automaton(Protocol):
    """Says which tokens may come next."""

    classes: TokenClasses

    def start_state(self) -> Any:
        """Return the state before the first token."""

    def step(self, state: Any, token_id: int) -> Any:
        """Return the state after a token."""

    def allowed(self, state: Any) -> BoolArray:
        """Return (V,) bool, True for tokens that may come next."""


@dataclass(frozen=True)
class Written:
    """What a model wrote about a frame.

    Args:
        text: The answer as it was written.
        num_tokens: Its tokens, the end left out.
        scene: What it says, in pixels of the frame.
        diagnostics: Where it departs from the grammar.
    """

    text: str
    num_tokens: int
    scene: Scene
    diagnostics: tuple[Diagnostic, ...]


class Writer:
    """A nano that answers in the representation it was trained on, by greedy decoding.

    Args:
        model: The model.
        processor: Its processor.
        way: How it writes shapes.
    """

    def __init__(
        self, model: NanoForGrounding, processor: NanoProcessor, way: Representation
    ) -> None:
        self.model, self.processor, self.way = model.eval(), processor, way

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Writer:
        """Load a checkpoint folder.

        Raises:
            ModelError: If weights are missing or do not fit their manifest.
            ConfigError: If the checkpoint names no known representation.
        """
        model, processor = load_nano(Path(folder))
        return cls(model, processor, representation(model.config.representation, processor.grid))

    def automaton(self) -> Automaton:
        """Return what may be written."""
        return automaton_of(self.processor, self.way)

    @torch.inference_mode()
    def ask(
        self, images: Sequence[RGBImage], query: str, *, constrained: bool = True
    ) -> list[Written]:
        """Answer one question about each of some frames; offsets are left out.

        Args:
            images: (H, W, 3) uint8 RGB each, at least one.
            query: For example "all lanes from left to right".
            constrained: Allow only what the grammar does.
        """
        pixels = torch.cat([self.processor.pixel_values(image) for image in images])
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        automaton = self.automaton() if constrained else None
        rows = self._decode(pixels, self.processor.prompt_ids(query), automaton)
        found = []
        for image, ids in zip(images, rows, strict=True):
            text, size_wh = self.processor.text_of(ids), (image.shape[1], image.shape[0])
            instances, diagnostics = self.way.read([text], size_wh, smooth=True)
            scene = Scene(Frame("", size_wh), instances)
            found.append(Written(text, len(ids), scene, diagnostics))
        return found

    def _decode(
        self, pixels: Tensor, prompt: list[int], automaton: Automaton | None
    ) -> list[list[int]]:
        """Return the tokens of each answer, the end left out."""
        count, end = len(pixels), self.processor.special_ids["end"]
        image, cache = self.model.encode_image(pixels), DynamicCache()
        states = [automaton.start_state() if automaton else None for _ in range(count)]
        rows: list[list[int]] = [[] for _ in range(count)]
        going = [True] * count
        new = torch.tensor([prompt] * count, device=pixels.device)
        while any(going) and len(max(rows, key=len)) < MOST_TOKENS:
            hints = torch.full((*new.shape, 3), NO_ANCHOR, device=pixels.device)
            out = self.model(new, image_features=image, anchor_xyr=hints, past_key_values=cache)
            scores = out.logits[:, -1]
            if automaton is not None:
                scores = _masked(scores, [automaton.allowed(state) for state in states])
                scores = _first(scores, automaton.classes) if new.shape[1] > 1 else scores
            chosen = scores.argmax(-1).tolist()
            for i, token in enumerate(chosen):
                going[i] = going[i] and token != end
                if going[i]:
                    rows[i].append(token)
                if going[i] and automaton is not None:
                    states[i] = automaton.step(states[i], token)
            new = torch.tensor(chosen, device=pixels.device)[:, None]
        return rows


def automaton_of(processor: NanoProcessor, way: Representation) -> Automaton:
    """Return what a model may write in a representation."""
    classes = processor.token_classes
    if way.spelling.name == "grid":
        return AnswerAutomaton(classes, limits=LIMITS)

    def ids(text: str) -> list[int]:
        found: list[int] = processor.tokenizer.encode(text, add_special_tokens=False)
        return found

    if way.spelling.name == "bins":
        [first] = ids(BIN_TOKENS[0])
        return CoordinateAutomaton(
            classes, PointForm((None, None), range(first, first + NUM_BINS)), limits=LIMITS
        )
    [opening], [comma], [space], [closing] = map(ids, "(, )")
    digits = tuple(ids(digit)[0] for digit in "0123456789")
    form = PointForm((opening, None, comma, space, None, closing), digits)
    return CoordinateAutomaton(classes, form, limits=LIMITS)


def _masked(scores: Tensor, allowed: list[BoolArray]) -> Tensor:
    legal = torch.from_numpy(np.stack(allowed)).to(scores.device)
    return scores.masked_fill(~legal, -torch.inf)


def _first(scores: Tensor, classes: TokenClasses) -> Tensor:
    """Let "none" win only if it is likelier than all labels together."""
    if not classes.none:
        return scores
    none = classes.none[0]
    unlikely = scores.softmax(-1)[:, none] <= NONE_CHANCE
    scores = scores.clone()
    scores[unlikely, none] = -torch.inf
    return scores
