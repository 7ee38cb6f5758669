"""Rewards of attributes that an answer states beside its shapes, such as the colour of a sign."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import BoolArray, FloatArray, Size, clip_points
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tasks.rewards.shapes import assign, equal_labels
from drivegrid.tokens.answer import AnswerItem, ParsedAnswer
from drivegrid.tokens.grid import GridSpec


def states_any(answer: ParsedAnswer) -> bool:
    """Tell whether an answer states an attribute of anything."""
    return any(item.attributes for item in answer.items)


def reward_attributes(
    parsed: Sequence[ParsedAnswer],
    instances: Sequence[Instance],
    grid: GridSpec,
    size_wh: Size,
    settings: RewardSettings,
) -> FloatArray:
    """Return (N,) F-measure over stated attributes, in [0, 1].

    An attribute is right if it is stated of a thing of the right label and kind whose middle lies
    within ``point_reach`` of the true one, which states the same. So leaving attributes out,
    making them up and stating them of what is not there all cost.

    Args:
        parsed: N answers.
        instances: (G,) what is there, with the attributes that the answer shall state.
        grid: Lattice of the answers.
        size_wh: Frame size in pixels.
        settings: How far a thing may lie from its place.
    """
    found = [(n, item) for n, answer in enumerate(parsed) for item in _things(answer)]
    things = [item for _, item in found]
    answers = np.array([number for number, _ in found], dtype=np.int64)
    told = np.bincount(answers, [len(item.attributes) for item in things], len(parsed))
    wanted = sum(len(one.attributes) for one in instances)
    apart = _distances(things, instances, grid, size_wh)
    nearness = np.maximum(1.0 - apart / settings.point_reach, 0.0)
    allowed = equal_labels([item.label for item in things], [i.label for i in instances])
    allowed &= _of_kind(things, instances) & (nearness > 0)
    pred, true = assign(nearness, allowed, answers)
    right = [
        len(things[k].attributes.items() & instances[g].attributes.items())
        for k, g in zip(pred.tolist(), true.tolist(), strict=True)
    ]
    both = np.bincount(answers[pred], right, len(parsed))
    worth: FloatArray = 2 * both / np.maximum(told + wanted, 1)
    return worth


def _things(answer: ParsedAnswer) -> list[AnswerItem]:
    """Return the first shape of each line: those of one line state the same.

    Where a mask lies that words tell is not known here.
    """
    return [i for i in answer.items if not i.same_instance and not i.geometry.words]


def _of_kind(things: Sequence[AnswerItem], instances: Sequence[Instance]) -> BoolArray:
    """Return (K, G) whether a shape is one that an instance is answered by."""
    by = {"poly": {"poly", "box", "seg"}}  # an outlined thing by its box and mask anchors, too
    wanted = [by.get(one.geometry.kind, {one.geometry.kind}) for one in instances]
    fits = [[item.geometry.kind in kinds for kinds in wanted] for item in things]
    return np.array(fits, dtype=np.bool_).reshape(len(things), len(instances))


def _distances(
    things: Sequence[AnswerItem], instances: Sequence[Instance], grid: GridSpec, size_wh: Size
) -> FloatArray:
    """Return (K, G) how far the middles of shapes lie apart, in widths of the frame."""
    shapes = [np.concatenate(item.geometry.cells) for item in things]
    mine = [_middle(grid.centers_of(cells, size_wh)) for cells in shapes]
    true = [_middle(clip_points(one.geometry.vertices(), size_wh)) for one in instances]
    gaps = np.reshape(mine, (-1, 1, 2)) - np.reshape(true, (1, -1, 2))
    apart: FloatArray = np.hypot(gaps[..., 0], gaps[..., 1]) / size_wh[0]
    return apart


def _middle(points: FloatArray) -> FloatArray:
    middle: FloatArray = (points.min(axis=0) + points.max(axis=0)) / 2
    return middle
