"""Reward of lane lines: overlap of bands, and no more anchors than it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, Geometry, IntArray, Size
from drivegrid.tasks.rewards.bands import band_iou, canvas_line, row_spans, true_spans
from drivegrid.tasks.rewards.settings import RewardSettings
from drivegrid.tasks.rewards.shapes import Shapes, assign, equal_labels
from drivegrid.tokens.codec import Codec


@dataclass(frozen=True, slots=True)
class TrueLines:
    """True lines, prepared once for all answers.

    Args:
        labels: (G,).
        spans: (G, R, 2) from `true_spans`.
        needed: (G,) number of anchors each is written in.
    """

    labels: tuple[str, ...]
    spans: FloatArray
    needed: IntArray

    @classmethod
    def of(cls, instances: Sequence[Instance], codec: Codec, size_wh: Size) -> TrueLines:
        """Return the lines of instances, at least one."""
        labels = tuple(instance.label for instance in instances)
        spans, cells = prepared_lines(tuple(i.geometry for i in instances), codec, size_wh)
        return cls(labels, spans, np.array([len(each) for each in cells], dtype=np.int64))


@lru_cache(maxsize=256)  # proposals and refinements of a question have the same goal
def prepared_lines(
    lines: tuple[Geometry, ...], codec: Codec, size_wh: Size
) -> tuple[FloatArray, tuple[IntArray, ...]]:
    """Return (G, R, 2) spans of true lines, and (N, 2) the cells that each is written in."""
    spans = true_spans([line.vertices() for line in lines], size_wh)
    return spans, tuple(codec.encode(line, size_wh).cells[0] for line in lines)


def lane_worth(iou: FloatArray, bonus: float) -> FloatArray:
    """Return what an IoU of lines is worth: partly itself, partly that it passes .5.

    The metric only counts IoU > .5. That alone gives a learner nothing to climb, and IoU alone
    does not care on which side of .5 a line comes to lie.

    >>> lane_worth(np.array([0.4, 0.6]), 0.5).tolist()
    [0.2, 0.8]
    """
    worth: FloatArray = (1.0 - bonus) * iou + bonus * (iou > 0.5)
    return worth


def reward_lines(
    shapes: Shapes, true: TrueLines, size_wh: Size, rivals: IntArray, settings: RewardSettings
) -> FloatArray:
    """Return (N,) twice the summed worth over predicted and true lines, less surplus anchors.

    Args:
        shapes: Lines of N answers.
        true: The lines asked for.
        size_wh: Frame size in pixels.
        rivals: (N,) number of shapes in each answer that count as wrong lines.
        settings: Bonus and prices.

    The sum is F1 of the metric, with worth in place of hits. Never below 0: no line is no better
    than a bad one, or a learner would stop trying.
    """
    num = len(rivals)
    spans = row_spans([canvas_line(line, size_wh) for line in shapes.vertices])
    iou = band_iou(spans[:, None], true.spans[None])
    pred, gt = assign(iou, equal_labels(shapes.labels, true.labels), shapes.answers)
    worth = lane_worth(iou[pred, gt], settings.lane_bonus)
    total = np.bincount(shapes.answers[pred], worth, num)
    counts = np.bincount(shapes.answers, minlength=num)
    # A line that belongs to no true one may have as many anchors as the longest.
    most = np.full(len(shapes.labels), true.needed.max())
    most[pred] = true.needed[gt]
    sizes = np.array([len(line) for line in shapes.vertices], dtype=np.int64)
    surplus = np.bincount(shapes.answers, np.maximum(sizes - most, 0), num)
    cost = settings.surplus_price * surplus / np.maximum(counts, 1)
    score = 2 * total / (counts + rivals + len(true.labels))
    reward: FloatArray = np.maximum(score - np.minimum(cost, settings.most_surplus), 0.0)
    return reward
