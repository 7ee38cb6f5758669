"""Rewards by masks: what a decoder draws for the boxes and points of an answer.

GETok section 3.3 has SAM draw them. Whether a mask is good says nothing of the answer's words, so
labels are the matching's affair.

All masks have the decoder's size. At SAM2's 256 x 256 the IoU of a thing 24 pixels wide in a
1920 x 1080 frame is off by 0.06 on average, by 0.01 at 96 pixels and less beyond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
import numpy.typing as npt

from drivegrid.data.images import Picture
from drivegrid.data.scene import Instance
from drivegrid.errors import GeometryError, ModelError
from drivegrid.geometry import BoolArray, FloatArray, GeometryKind, IntArray, Polygon, Size
from drivegrid.masks.drawing import draw_mask
from drivegrid.masks.segmenter import Handle, LogitArray, Prompt, Segmenter
from drivegrid.tasks.rewards.goal import Goal, true_words
from drivegrid.tasks.rewards.objects import Matched
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec

MAX_MASK_REWARD = 2.0
"""GETok's figure of the pipeline gives 2.0 at IoU 0.84 and at 0.96; the text says "piecewise"."""
FOUND_IOU, GOOD_IOU = 0.5, 0.8
"""Where half of the reward and all of it are reached: ours, the paper does not state them. They
are the two thresholds at which it counts boxes (section 4.1)."""


def mask_reward(iou: FloatArray) -> FloatArray:
    """Return (N,) rewards in [0, 2] of masks with these IoUs in [0, 1].

    Three straight pieces: from 0 to 1 at ``FOUND_IOU``, to 2 at ``GOOD_IOU``, level from there.
    Straight and not stepped, so that of two poor masks the better one gains more.

    >>> mask_reward(np.array([0.0, 0.25, 0.5, 0.65, 0.84, 0.96])).round(6).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    """
    reward: FloatArray = np.interp(
        iou, (0.0, FOUND_IOU, GOOD_IOU), (0.0, MAX_MASK_REWARD / 2, MAX_MASK_REWARD)
    )
    return reward


def mask_gain(before: FloatArray, after: FloatArray) -> FloatArray:
    """Return (N,) the share in [-1, 1] of what could still be gained that a refinement gained.

    (after - before) / (1 - before), GETok section 3.3.2; losses are cut at -1. What was perfect
    and stays so gains 0, any loss of it counts -1.

    Args:
        before: (N,) IoU of the proposal, in [0, 1].
        after: (N,) IoU of the refined answer.

    >>> mask_gain(np.array([0.5, 0.9, 1.0, 1.0]), np.array([0.75, 0.5, 1.0, 0.9])).tolist()
    [0.5, -1.0, 0.0, -1.0]
    """
    gained, left = after - before, 1.0 - before
    share = np.divide(gained, left, out=np.sign(gained), where=left > 0)
    gain: FloatArray = np.clip(share, -1.0, 1.0)
    return gain


@dataclass(frozen=True, slots=True)
class MaskDecoder(Generic[Handle]):
    """A decoder that has looked at an image.

    Args:
        segmenter: Draws the masks.
        handle: What it made of the image.
        image: Its name, for errors.
    """

    segmenter: Segmenter[Handle]
    handle: Handle
    image: str

    @classmethod
    def of(cls, segmenter: Segmenter[Handle], picture: Picture, image: str) -> MaskDecoder[Handle]:
        """Look at an image.

        Args:
            segmenter: Looks.
            picture: (H, W, 3) uint8 RGB, as large as the frame of the goal.
            image: Its name.

        Raises:
            ModelError: If the segmenter fails.
        """
        try:
            return cls(segmenter, segmenter.encode(picture), image)
        except Exception as error:  # whatever a backend raises; a reward of 0 would hide it
            raise ModelError(f"image must be encoded, got: {error!r} ({image}).") from error

    def draw(
        self, answers: Sequence[Sequence[AnswerItem]], codec: Codec, size_wh: Size
    ) -> BoolArray:
        """Return the masks of the objects of answers about the image, by one call of the decoder.

        Prompts that several answers share, as samples of one question do, are decoded once.

        Args:
            answers: The items of each answer.
            codec: Decodes their cells.
            size_wh: Size of the image.

        Returns:
            (K, h, w) a mask for each object, answer by answer as `objects_of` lists them; nothing
            is in the mask of one without a prompt. h and w are the decoder's.

        Raises:
            ModelError: If the decoder fails or what it gives cannot be used.
        """
        wanted = [prompt for items in answers for prompt in prompts_of(items, codec, size_wh)]
        place = {prompt: i for i, prompt in enumerate(dict.fromkeys(filter(None, wanted)))}
        drawn = self._decode(list(place)) > self.segmenter.threshold
        masks = np.zeros((len(wanted), *drawn.shape[1:]), np.bool_)
        for mask, prompt in zip(masks, wanted, strict=True):
            if prompt is not None:
                mask[:] = drawn[place[prompt]]
        return masks

    def _decode(self, prompts: list[Prompt]) -> LogitArray:
        """Return (N, h, w) finite logits."""
        where = f"{self.image}, {len(prompts)} prompts"
        try:
            logits, _ = self.segmenter.decode(self.handle, prompts)
        except Exception as error:  # as above
            raise ModelError(f"masks must be decoded, got: {error!r} ({where}).") from error
        if logits.ndim != 3 or len(logits) != len(prompts):
            raise ModelError(
                f"logits must have shape ({len(prompts)}, h, w), got {logits.shape} ({where})."
            )
        if not np.isfinite(logits).all():
            bad = int(np.flatnonzero(~np.isfinite(logits).all(axis=(1, 2)))[0])
            raise ModelError(f"logits must be finite, got others for {prompts[bad]} ({where}).")
        return logits


def prompts_of(
    items: Sequence[AnswerItem], codec: Codec, size_wh: Size
) -> tuple[Prompt | None, ...]:
    """Return the prompt of each object of an answer, in the order of `object_parts`.

    Where all of an object is deleted there is nothing to ask for: None.

    Args:
        items: From `parse_answer`, with offsets or without.
        codec: Decodes their cells.
        size_wh: Size of the image.
    """
    return tuple(
        _prompt({kind: items[i] for kind, i in parts.items()}, codec, size_wh)
        for parts in object_parts(items)
    )


def object_parts(items: Sequence[AnswerItem]) -> list[dict[GeometryKind, int]]:
    """Return the items of each object of an answer by their kind, in the order of `objects_of`.

    An object is the ``<box>`` and the ``<seg>`` of one instance; a second of the same kind begins
    another object. Shapes of other kinds are none.
    """
    objects: list[dict[GeometryKind, int]] = []
    parts: dict[GeometryKind, int] = {}
    for i, item in enumerate(items):
        kind = item.geometry.kind
        if not item.same_instance:
            parts = {}
        if kind not in ("box", "seg") or item.geometry.words:
            continue
        if not parts or kind in parts:
            parts = {}
            objects.append(parts)
        parts[kind] = i
    return objects


def _prompt(parts: Mapping[GeometryKind, AnswerItem], codec: Codec, size_wh: Size) -> Prompt | None:
    shapes = {kind: codec.decode(item.geometry, size_wh) for kind, item in parts.items()}
    box, anchors = shapes.get("box"), shapes.get("seg")
    points = np.zeros((0, 2)) if anchors is None else anchors.vertices()
    if box is None and not len(points):
        return None
    corners = None if box is None else box.vertices().ravel()
    return Prompt(points, np.ones(len(points), np.bool_), corners)


def has_mask(instance: Instance) -> bool:
    """Tell whether the true mask of an instance is known: of a mere box it is not."""
    return isinstance(instance.geometry, Polygon)


def masks_apply(goal: Goal, settings: RewardSettings) -> bool:
    """Tell whether answers about a goal are rewarded by masks, if there is a decoder.

    That is where something with a true mask is to be answered by a box and mask anchors.
    """
    outlined = [one for one in goal.instances if has_mask(one) and not true_words(one)]
    return settings.regions == "seg" and bool(outlined)


def reward_masks(
    drawn: BoolArray,
    things: Sequence[Instance],
    matched: Matched,
    rivals: IntArray,
    size_wh: Size,
) -> FloatArray:
    """Return (N,) summed `mask_reward` of the pairs over max(P, G), in [0, 2].

    Things without a true mask, and what is matched with them, do not count; objects that are
    matched with nothing do.

    Args:
        drawn: (K, h, w) masks of the objects of N answers.
        things: At least one with a mask.
        matched: Who belongs to whom.
        rivals: (N,) number of shapes in each answer that count as wrong objects.
        size_wh: Size of the image.
    """
    masked = np.array([has_mask(thing) for thing in things], dtype=np.bool_)
    truth = truth_masks([thing for thing in things if has_mask(thing)], size_wh, mask_size(drawn))
    known = masked[matched.true]
    number = np.cumsum(masked) - 1
    pairs = np.stack([matched.pred[known], number[matched.true[known]]], axis=1)
    worth = mask_reward(matched_mask_iou(drawn, truth, pairs))
    num, answers = len(rivals), matched.answers
    total = np.bincount(answers[pairs[:, 0]], worth, num)
    counts = np.bincount(answers, minlength=num) + rivals
    counts -= np.bincount(answers[matched.pred[~known]], minlength=num)
    reward: FloatArray = total / np.maximum(counts, masked.sum())
    return reward


def mask_size(masks: BoolArray) -> Size:
    """Return width and height of masks (N, h, w)."""
    return masks.shape[2], masks.shape[1]


def truth_masks(instances: Sequence[Instance], size_wh: Size, mask_wh: Size) -> BoolArray:
    """Return (G, h, w) the masks of true instances, none of them empty.

    Args:
        instances: Boxes and polygons in pixels of the image.
        size_wh: Size of the image.
        mask_wh: Size of the decoder's masks.

    Raises:
        GeometryError: If an instance is neither, or lies outside the image.
    """
    masks = np.zeros((len(instances), *mask_wh[::-1]), np.bool_)
    for mask, instance in zip(masks, instances, strict=True):
        mask[:] = draw_mask(instance.geometry, size_wh, mask_wh)
    return masks


def matched_mask_iou(
    pred: npt.NDArray[np.bool_ | np.uint8],
    truth: npt.NDArray[np.bool_ | np.uint8],
    pairs: IntArray,
) -> FloatArray:
    """Return (M,) the IoU of matched masks.

    Args:
        pred: (P, h, w) bool, or uint8 with 0 outside.
        truth: (G, h, w) likewise; no matched one may be empty.
        pairs: (M, 2) index of the prediction and of the truth; M may be 0.

    Raises:
        GeometryError: If the masks differ in size or a true one is empty.

    >>> stripes = np.array([[[1, 1, 0, 0]], [[0, 1, 1, 1]]], np.uint8)
    >>> matched_mask_iou(stripes, stripes, np.array([[0, 0], [0, 1]])).tolist()
    [1.0, 0.25]
    """
    if pred.shape[1:] != truth.shape[1:]:
        raise GeometryError(
            f"masks must have one size, got {pred.shape[1:]} and {truth.shape[1:]}. Draw the "
            "truth in the decoder's size."
        )
    first, second = pred[pairs[:, 0]] != 0, truth[pairs[:, 1]] != 0
    if not second.any(axis=(1, 2)).all():
        bad = int(pairs[~second.any(axis=(1, 2)), 1][0])
        raise GeometryError(f"true mask must hold a pixel, got an empty one (instance {bad}).")
    inter, union = (first & second).sum(axis=(1, 2)), (first | second).sum(axis=(1, 2))
    iou: FloatArray = inter / union
    return iou
