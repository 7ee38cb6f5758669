"""Masks of what a model names: words are read by their tokenizer, shapes drawn by a segmenter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from drivegrid.geometry import Anchors, BoolArray, Box, Geometry, IntArray, Point, Polygon
from drivegrid.inference.collect import WordMask
from drivegrid.inference.results import Answer, Found
from drivegrid.inference.speaker import Pixels
from drivegrid.masks.drawing import draw_mask
from drivegrid.masks.loading import check_words, load_tokenizer
from drivegrid.masks.segmenter import Prompt, Segmenter
from drivegrid.masks.shapes import inside_of
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tokens.answer import AnswerItem, Diagnostic
from drivegrid.tokens.grid import GridGeometry
from drivegrid.tokens.mask_words import MaskWords


class MaskReader:
    """Reads the words for masks in answers.

    Args:
        words: Those that the model knows; None if it knows none.
        tokenizer: Theirs; by default the shipped one, loaded when there is a mask to read.

    Raises:
        ModelError: If the tokenizer has other words.
    """

    def __init__(self, words: MaskWords | None, tokenizer: MaskTokenizer | None = None) -> None:
        if words is not None and tokenizer is not None:
            check_words(tokenizer, words)
        self.words, self._tokenizer = words, tokenizer

    def read(
        self, frame: Pixels, geometries: Sequence[GridGeometry], chances: Sequence[Sequence[float]]
    ) -> list[WordMask | None]:
        """Return what the words of each shape tell; None where it has none.

        Args:
            frame: (H, W, 3) uint8 RGB.
            geometries: Shapes of an answer.
            chances: For each the probability of each of its words.

        Raises:
            ModelError: If the shipped tokenizer is missing.
        """
        places = [i for i, geometry in enumerate(geometries) if geometry.words]
        masks: list[WordMask | None] = [None] * len(geometries)
        if not places:
            return masks
        tokenizer, size_wh = self.tokenizer, (frame.shape[1], frame.shape[0])
        codes = [self._codes(geometries[i]) for i in places]
        for i, logits in zip(places, tokenizer.decode_all(frame, codes), strict=True):
            inside = inside_of(logits, tokenizer.threshold, size_wh)
            masks[i] = WordMask(inside, float(np.mean(chances[i])) if chances[i] else 1.0)
        return masks

    @property
    def tokenizer(self) -> MaskTokenizer:
        """What reads the words; there must be some."""
        assert self.words is not None
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self.words.name)
            check_words(self._tokenizer, self.words)
        return self._tokenizer

    def _codes(self, geometry: GridGeometry) -> IntArray:
        assert self.words is not None
        return np.array([self.words.code_of[word] for word in geometry.words], dtype=np.int64)


def empty_masks(
    items: Sequence[AnswerItem], masks: Sequence[WordMask | None]
) -> tuple[Diagnostic, ...]:
    """Return a diagnostic for every mask without a pixel; the instance is left out."""
    return tuple(
        Diagnostic(
            "empty_mask", item.span or (0, 0), f"mask must hold a pixel, got none ({item.label})."
        )
        for item, mask in zip(items, masks, strict=True)
        if mask is not None and not mask.inside.any()
    )


def draw_masks(answer: Answer, frame: Pixels, segmenter: Callable[[], Segmenter[Any]]) -> Answer:
    """Return an answer whose instances have masks.

    What has a mask keeps it, outlines are filled, boxes, points and anchors are drawn by a
    segmenter; box and anchors of one instance are one prompt. Lines have no area and get none.

    Args:
        answer: About the frame.
        frame: (H, W, 3) uint8 RGB.
        segmenter: Gives what draws; asked only where there is something to draw.
    """
    found = [_filled(one, answer) for one in answer.found]
    prompts = _prompts(found)
    if prompts:
        drawer = segmenter()
        logits, scores = drawer.decode(drawer.encode(frame), list(prompts.values()))
        for i, mine, score in zip(prompts, logits, scores.tolist(), strict=True):
            inside = inside_of(mine, drawer.threshold, answer.size_wh)
            found[i] = replace(found[i], mask=inside, mask_score=score)
    return replace(answer, found=tuple(found))


def _filled(found: Found, answer: Answer) -> Found:
    shape = found.instance.geometry
    if found.mask is not None or not isinstance(shape, Polygon):
        return found
    inside: BoolArray = draw_mask(shape, answer.size_wh, answer.size_wh)
    return replace(found, mask=inside)


def _prompts(found: Sequence[Found]) -> dict[int, Prompt]:
    """Return the prompt of each instance that is still to be drawn, by its place."""
    prompts: dict[int, Prompt] = {}
    told: dict[tuple[str, int | None], tuple[int, Prompt]] = {}
    for i, one in enumerate(found):
        prompt = prompt_of(one.instance.geometry) if one.mask is None else None
        if prompt is None:
            continue
        key = one.query, one.number
        if one.number is not None and key in told:
            before, first = told[key]
            joined = _joined(first, prompt)
            if joined is not None:
                prompts[before] = prompts[i] = joined
                continue
        prompts[i] = prompt
        told[key] = i, prompt
    return prompts


def _joined(first: Prompt, second: Prompt) -> Prompt | None:
    """Return one prompt of a box and of points, in either order; None of two of a kind."""
    if (first.box is None) == (second.box is None):
        return None
    box, points = (first, second) if first.box is not None else (second, first)
    return Prompt(points.points, points.positive, box.box)


def prompt_of(shape: Geometry) -> Prompt | None:
    """Return what a segmenter is asked a shape's mask by; None for a line or an outline."""
    if isinstance(shape, Box):
        return Prompt(box=shape.xyxy)
    if isinstance(shape, Point | Anchors):
        points = shape.vertices()
        return Prompt(points, np.ones(len(points), np.bool_))
    return None
