"""What SAM2 draws for prompts, whoever runs its network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from drivegrid.geometry import FloatArray, Size
from drivegrid.masks.segmenter import LogitArray, Prompt

PROMPTS_PER_PASS = 32
"""At most so many go through the decoder together; each takes some 30 MiB at 1024 pixels."""
AMBIGUOUS = 3
"""Masks for a lone point."""

Masks: TypeAlias = tuple[LogitArray, FloatArray]
"""(N, .., h, w) logits and (N, ..) scores."""


@dataclass(frozen=True, slots=True, eq=False)
class Sam2Handle:
    """An image as SAM2 has seen it.

    Args:
        size_wh: Size of the image.
        features: What its encoder gives, fine to coarse, each (1, C, h, w).
    """

    size_wh: Size
    features: tuple[Tensor, ...]


class Sam2Drawing(ABC):
    """The drawing half of a SAM2 segmenter.

    Prompts with equally many points go through the decoder together; no prompt is padded. The
    padding points of transformers (label -10) are zeros that the decoder still attends to, so
    that they would change the mask, and with it a reward, by what else is in the batch.
    """

    threshold = 0.0

    @property
    @abstractmethod
    def _mask_hw(self) -> Size:
        """Height and width of the masks."""

    @abstractmethod
    def _pass(self, handle: Sam2Handle, prompts: list[Prompt]) -> Masks:
        """Run the decoder.

        Args:
            handle: The image.
            prompts: N with equally many points, all with a box or none, all with a mask or none.

        Returns:
            (N, C, h, w) logits and (N, C) scores; C is 3 for lone points, else 1.
        """

    @torch.inference_mode()
    def decode(self, handle: Sam2Handle, prompts: Sequence[Prompt]) -> Masks:
        """Draw one mask for each prompt, see `Segmenter.decode`; 256 x 256 in Meta's models."""
        logits = np.zeros((len(prompts), *self._mask_hw), np.float32)
        scores = np.zeros(len(prompts))
        for some in _alike(prompts):
            drawn, thought = self._pass(handle, [prompts[i] for i in some])
            rows, best = np.arange(len(some)), thought.argmax(axis=1)
            logits[some], scores[some] = drawn[rows, best], thought[rows, best]
        return logits, scores

    @torch.inference_mode()
    def candidates(self, handle: Sam2Handle, points: FloatArray) -> Masks:
        """Draw the three masks that each of some points may mean, see `Segmenter.candidates`."""
        logits = np.zeros((len(points), AMBIGUOUS, *self._mask_hw), np.float32)
        scores = np.zeros((len(points), AMBIGUOUS))
        lone = [Prompt(point[None], np.ones(1, np.bool_)) for point in points]
        for some in _alike(lone):
            logits[some], scores[some] = self._pass(handle, [lone[i] for i in some])
        return logits, scores


def _alike(prompts: Sequence[Prompt]) -> Iterator[list[int]]:
    """Yield the places of prompts that one pass decodes."""
    alike: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
    for i, prompt in enumerate(prompts):
        key = len(prompt.points), prompt.box is not None, prompt.mask is not None
        alike[key].append(i)
    for group in alike.values():
        for start in range(0, len(group), PROMPTS_PER_PASS):
            yield group[start : start + PROMPTS_PER_PASS]
