"""Rewards of masks that are told by words: by the words alone, or by what they show.

By the words alone (SAMTok eq. 5) no mask is drawn: a mask counts if its words are those of a true
one. Near misses are worth nothing then, however alike the masks; that is what the second is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from drivegrid.data.images import Picture
from drivegrid.data.scene import Instance
from drivegrid.errors import ModelError
from drivegrid.geometry import BoolArray, FloatArray, IntArray, Size
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tasks.rewards.goal import true_words
from drivegrid.tasks.rewards.masks import mask_reward, mask_size, matched_mask_iou, truth_masks
from drivegrid.tasks.rewards.shapes import assign, equal_labels
from drivegrid.tokens.answer import AnswerItem, ParsedAnswer
from drivegrid.tokens.mask_words import MaskWords

Words: TypeAlias = tuple[str, ...]
"""The words of one mask."""


def match_reward(predicted: Sequence[Words], true: Sequence[Words], wrong: int = 0) -> float:
    """Return N_TP / max(N_pred, N_gt) of masks in words, in [0, 1] (SAMTok eq. 5).

    N_TP counts each predicted mask once, N_pred every time it is said. Where nothing is there and
    nothing is said it is 1: the equation leaves 0 / 0 open, and silence is the right answer.

    Args:
        predicted: The words of each mask of an answer.
        true: Likewise of the right answer.
        wrong: Shapes of other kinds in the answer, which count as masks that fit nothing.

    >>> a, b, c = ("<him_1>",), ("<him_2>",), ("<him_3>",)
    >>> match_reward([a, a, c], [a, b]), match_reward([], [a]), match_reward([], [])
    (0.3333333333333333, 0.0, 1.0)
    """
    most = max(len(predicted) + wrong, len(true))
    return len({*predicted} & {*true}) / most if most else 1.0


def reward_words(
    parsed: Sequence[ParsedAnswer], things: Sequence[Instance], rivals: IntArray
) -> FloatArray:
    """Return (N,) `match_reward` of answers.

    Args:
        parsed: N answers.
        things: What is there, told by words.
        rivals: (N,) number of shapes in each answer that count as wrong masks.
    """
    true = [true_words(thing) for thing in things]
    said = [[item.geometry.words for item in told(answer.items)] for answer in parsed]
    pairs = zip(said, rivals.tolist(), strict=True)
    return np.array([match_reward(mine, true, wrong) for mine, wrong in pairs])


def told(items: Sequence[AnswerItem]) -> list[AnswerItem]:
    """Return the items that are told by words."""
    return [item for item in items if item.geometry.words]


@dataclass(frozen=True, slots=True)
class WordDecoder:
    """Draws what words tell of an image.

    Args:
        tokenizer: Theirs.
        words: Those of the vocabulary, in the order of its codes.
        picture: (H, W, 3) uint8 RGB.
        image: Its name, for errors.
    """

    tokenizer: MaskTokenizer
    words: MaskWords
    picture: Picture
    image: str

    def draw(self, answers: Sequence[Sequence[AnswerItem]]) -> BoolArray:
        """Return (K, h, w) the masks that answers tell by words, answer by answer.

        Those that several answers share are decoded once.

        Raises:
            ModelError: If the tokenizer fails.
        """
        wanted = [item.geometry.words for items in answers for item in told(items)]
        place = {one: i for i, one in enumerate(dict.fromkeys(wanted))}
        codes = [np.array([self.words.code_of[word] for word in one]) for one in place]
        try:
            logits = self.tokenizer.decode_all(self.picture, codes)
        except Exception as error:  # whatever a network raises; a reward of 0 would hide it
            raise ModelError(f"masks must be decoded, got: {error!r} ({self.image}).") from error
        drawn: BoolArray = logits > self.tokenizer.threshold
        return drawn[[place[one] for one in wanted]]


def reward_drawn_words(
    drawn: BoolArray,
    parsed: Sequence[ParsedAnswer],
    things: Sequence[Instance],
    rivals: IntArray,
    size_wh: Size,
) -> FloatArray:
    """Return (N,) summed `mask_reward` of matched masks over max(P, G), in [0, 2].

    Args:
        drawn: (K, h, w) masks of N answers, as `WordDecoder.draw` gives them.
        parsed: The answers.
        things: Outlined things, at least one.
        rivals: (N,) number of shapes in each answer that count as wrong masks.
        size_wh: Size of the image.
    """
    said = [told(answer.items) for answer in parsed]
    answers = np.repeat(np.arange(len(said)), [len(items) for items in said])
    truth = truth_masks(things, size_wh, mask_size(drawn))
    pairs = np.indices((len(drawn), len(things))).reshape(2, -1).T
    iou = matched_mask_iou(drawn, truth, pairs).reshape(len(drawn), len(things))
    labels = [item.label for items in said for item in items]
    pred, true = assign(iou, equal_labels(labels, [thing.label for thing in things]), answers)
    total = np.bincount(answers[pred], mask_reward(iou[pred, true]), len(said))
    counts = np.bincount(answers, minlength=len(said)) + rivals
    reward: FloatArray = total / np.maximum(counts, len(things))
    return reward
