"""What the answers to one question are worth before any offset (GETok section 3.3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, FloatArray, IntArray, Point, Polygon, Polyline, Size
from drivegrid.tasks.rewards.attributes import reward_attributes, states_any
from drivegrid.tasks.rewards.goal import Goal, true_words
from drivegrid.tasks.rewards.kinds import reward_points, reward_polygons
from drivegrid.tasks.rewards.lines import TrueLines, reward_lines
from drivegrid.tasks.rewards.masks import MaskDecoder, masks_apply, reward_masks
from drivegrid.tasks.rewards.objects import match_objects, object_rewards, true_objects
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tasks.rewards.shapes import objects_of, shapes_of
from drivegrid.tasks.rewards.text import (
    Key,
    is_plain_words,
    item_key,
    repeated_items,
    repeats_itself,
    words_of,
)
from drivegrid.tasks.rewards.words import WordDecoder, reward_drawn_words, reward_words
from drivegrid.tokens.answer import AnswerItem, ParsedAnswer, squeeze
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.mask_words import mask_geometry


def proposal_components(
    goal: Goal,
    texts: Sequence[str],
    codec: Codec,
    settings: RewardSettings,
    masks: MaskDecoder[Any] | WordDecoder | None = None,
) -> dict[str, FloatArray]:
    """Return every component that applies to the goal, (N,) each, unweighted.

    `mask` lies in [0, 2], all others in [0, 1].

    Args:
        goal: The right answer.
        texts: N answers as the model wrote them; anything is an answer.
        codec: Lattice, and how true shapes are written.
        settings: Constants.
        masks: A mask decoder that has looked at the image, or what draws words; without one there
            is no `mask`.

    Raises:
        ModelError: If the decoder fails.
    """
    parsed = [parse_answer(text, codec.grid, words=codec.words) for text in texts]
    rewards = _forms(parsed, goal, codec, settings)
    if goal.words is not None:
        return rewards | _in_words(goal.words, texts, parsed, settings)
    if not goal.instances:
        silent = [answer.says_none and not answer.items for answer in parsed]
        rewards["no_target"] = np.array(silent, dtype=np.float64)
        return rewards
    return rewards | _shapes(goal, parsed, codec, settings, masks)


def _forms(
    parsed: Sequence[ParsedAnswer], goal: Goal, codec: Codec, settings: RewardSettings
) -> dict[str, FloatArray]:
    """Return `format` and `non_repeat`; attributes that nobody asked for are bad form."""
    asked = any(instance.attributes for instance in goal.instances)
    right = [
        not answer.diagnostics
        and _is_wrapped(answer, settings)
        and (asked or not states_any(answer))
        for answer in parsed
    ]
    repeats = [repeated_items(answer.items) for answer in parsed]
    # Things that are apart in the picture may share their cells: those may be named twice.
    rightly = Counter(_true_keys(goal, codec)) if any(repeats) else Counter()
    fresh = [
        not repeats_itself(answer.think) and all(n <= rightly[key] for key, n in twice.items())
        for answer, twice in zip(parsed, repeats, strict=True)
    ]
    return {
        "format": np.array(right, dtype=np.float64),
        "non_repeat": np.array(fresh, dtype=np.float64),
    }


def _true_keys(goal: Goal, codec: Codec) -> list[Key]:
    tokens = [
        mask_geometry(true_words(i)) if true_words(i) else codec.encode(i.geometry, goal.size_wh)
        for i in goal.instances
    ]
    items = zip(goal.instances, tokens, strict=True)
    return [item_key(AnswerItem(instance.label, {}, cells)) for instance, cells in items]


def _is_wrapped(answer: ParsedAnswer, settings: RewardSettings) -> bool:
    return not settings.thinks or (answer.think is not None and answer.wrapped)


def _in_words(
    words: str, texts: Sequence[str], parsed: Sequence[ParsedAnswer], settings: RewardSettings
) -> dict[str, FloatArray]:
    """Return `format`, which is another one here, and `words`."""
    plain = [
        is_plain_words(text, answer) and _is_wrapped(answer, settings)
        for text, answer in zip(texts, parsed, strict=True)
    ]
    right = [words_of(text) == squeeze(words) for text in texts]
    return {
        "format": np.array(plain, dtype=np.float64),
        "words": np.array(right, dtype=np.float64),
    }


def _shapes(
    goal: Goal,
    parsed: Sequence[ParsedAnswer],
    codec: Codec,
    settings: RewardSettings,
    masks: MaskDecoder[Any] | WordDecoder | None,
) -> dict[str, FloatArray]:
    """Return the components of the kinds of shapes that the goal holds."""
    size, grid = goal.size_wh, codec.grid
    worded = [i for i in goal.instances if true_words(i)]
    shaped = [i for i in goal.instances if not true_words(i)]
    of = {
        kind: [i for i in shaped if isinstance(i.geometry, kind)]
        for kind in (Box, Point, Polyline, Polygon)
    }
    things, outlines = of[Box], of[Polygon]
    if settings.regions == "seg":
        things, outlines = [i for i in shaped if isinstance(i.geometry, Box | Polygon)], []
    wanted = {"point"} if of[Point] else set()
    wanted |= {"line"} if of[Polyline] else set()
    wanted |= {"poly"} if outlines else set()
    wanted |= {"box"} if things else set()
    wanted |= {"seg"} if things and settings.regions == "seg" else set()
    wanted |= {"words"} if worded else set()
    rivals = _count_rivals(parsed, wanted)
    rewards: dict[str, FloatArray] = {}
    if things:
        objects = objects_of(parsed, grid, size)
        true = true_objects(things, size, settings)
        matched = match_objects(objects, true, size, settings)
        rewards |= object_rewards(objects, true, matched, size, rivals, settings)
        if isinstance(masks, MaskDecoder) and masks_apply(goal, settings):
            drawn = masks.draw([answer.items for answer in parsed], codec, size)
            rewards["mask"] = reward_masks(drawn, things, matched, rivals, size)
    if worded:
        rewards |= _word_masks(worded, parsed, rivals, size, masks)
    if of[Point]:
        shapes = shapes_of(parsed, "point", grid, size)
        rewards["point"] = reward_points(shapes, of[Point], size, rivals, settings)
    if of[Polyline]:
        shapes = shapes_of(parsed, "line", grid, size)
        rewards["line"] = reward_lines(
            shapes, TrueLines.of(of[Polyline], codec, size), size, rivals, settings
        )
    if outlines:
        shapes = shapes_of(parsed, "poly", grid, size)
        rewards["polygon"] = reward_polygons(shapes, outlines, rivals)
    if any(instance.attributes for instance in goal.instances):
        rewards["attributes"] = reward_attributes(parsed, goal.instances, grid, size, settings)
    return rewards


def _word_masks(
    things: Sequence[Instance],
    parsed: Sequence[ParsedAnswer],
    rivals: IntArray,
    size_wh: Size,
    masks: MaskDecoder[Any] | WordDecoder | None,
) -> dict[str, FloatArray]:
    """Return `mask_words` of things that words tell and, where they can be drawn, `mask`."""
    rewards = {"mask_words": reward_words(parsed, things, rivals)}
    if isinstance(masks, WordDecoder):
        drawn = masks.draw([answer.items for answer in parsed])
        rewards["mask"] = reward_drawn_words(drawn, parsed, things, rivals, size_wh)
    return rewards


def _count_rivals(parsed: Sequence[ParsedAnswer], wanted: set[str]) -> IntArray:
    """Return (N,) shapes of a form that was not asked for: wrong in the eyes of every component.

    Args:
        parsed: N answers.
        wanted: Kinds, and "words" where masks are to be told by these.
    """

    def form(item: AnswerItem) -> str:
        return "words" if item.geometry.words else item.geometry.kind

    counts = [sum(form(item) not in wanted for item in answer.items) for answer in parsed]
    return np.array(counts, dtype=np.int64)
