"""Boxes: IoU, Acc@0.5 and Acc@0.8, precision, recall and F1.

Two forms. Detection: predicted and true boxes of one label are matched one to one by summed IoU;
Acc@t is the share of true boxes whose match reaches t. Referring (REC): one box for each query,
nothing to match. Both count IoU >= t (GETok section 4.1 reports t = 0.5 and 0.8).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import FloatArray
from drivegrid.metrics.matching import Counts, Match, match_pairs, plain, ratio, same_label

ACC_THRESHOLDS = (0.5, 0.8)


def box_iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return (N, M) IoU of all pairs; a pair of empty boxes has IoU 0.

    Args:
        first: (N, 4) x_min, y_min, x_max, y_max in pixels; N may be 0.
        second: (M, 4) likewise.

    >>> box_iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]])).round(3).tolist()
    [[0.333]]
    """
    a, b = first.reshape(-1, 1, 4), second.reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    inter = sides.clip(min=0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (a, b)]
    union = areas[0] + areas[1] - inter
    iou: FloatArray = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return iou


@dataclass(frozen=True, slots=True)
class BoxScore:
    """Matched boxes of one or many frames; scores add up with ``+``.

    Args:
        ious: IoU of each true box with its match, 0 where it has none.
        num_pred: Number of predicted boxes.
    """

    ious: tuple[float, ...] = ()
    num_pred: int = 0

    def __add__(self, other: BoxScore) -> BoxScore:
        return BoxScore(self.ious + other.ious, self.num_pred + other.num_pred)

    @property
    def num_gt(self) -> int:
        """Number of true boxes."""
        return len(self.ious)

    @property
    def mean_iou(self) -> float:
        """Mean over true boxes of the IoU with their match; nan without true boxes."""
        return ratio(sum(self.ious), self.num_gt)

    def counts(self, threshold: float = 0.5) -> Counts:
        """Return TP, FP, FN; a pair counts from this IoU on."""
        tp = sum(iou >= threshold for iou in self.ious)
        return Counts(tp, self.num_pred - tp, self.num_gt - tp)

    def acc(self, threshold: float = 0.5) -> float:
        """Return the share of true boxes whose match reaches the IoU; nan without any."""
        return self.counts(threshold).recall

    def as_dict(self, thresholds: Iterable[float] = ACC_THRESHOLDS) -> dict[str, Any]:
        """Return Acc, precision, recall and F1 at each IoU, mean IoU, n and the parameters."""
        counts = {f"{round(100 * t)}": self.counts(t) for t in thresholds}
        return {
            **{f"acc_{t}": plain(c.recall) for t, c in counts.items()},
            **{f"precision_{t}": plain(c.precision) for t, c in counts.items()},
            **{f"recall_{t}": plain(c.recall) for t, c in counts.items()},
            **{f"f1_{t}": plain(c.f1) for t, c in counts.items()},
            "mean_iou": plain(self.mean_iou),
            "n": self.num_gt,
            "num_pred": self.num_pred,
            "parameters": {"rule": "boxes", "match": "one to one, same label, IoU >= threshold"},
        }


def match_boxes(
    pred: FloatArray,
    gt: FloatArray,
    pred_labels: Sequence[str] | None = None,
    gt_labels: Sequence[str] | None = None,
) -> tuple[Match, ...]:
    """Return the pairs of one frame; arguments as in :func:`score_boxes`.

    >>> match_boxes(np.array([[0.0, 0, 9, 9]]), np.array([[50.0, 0, 60, 9], [0.0, 0, 9, 9]]))
    ((0, 1, 1.0),)
    """
    weights = box_iou(pred, gt)
    if pred_labels is not None and gt_labels is not None:
        weights = weights * same_label(pred_labels, gt_labels)
    return match_pairs(weights)


def score_boxes(
    pred: FloatArray,
    gt: FloatArray,
    pred_labels: Sequence[str] | None = None,
    gt_labels: Sequence[str] | None = None,
) -> BoxScore:
    """Match the boxes of one frame one to one within each label.

    Args:
        pred: (P, 4) x_min, y_min, x_max, y_max in pixels.
        gt: (G, 4) likewise.
        pred_labels: (P,) labels; None where all boxes are of one label.
        gt_labels: (G,) likewise.

    >>> box = np.array([[0.0, 0, 10, 10]])
    >>> score_boxes(box, box, ["cone"], ["car"]).counts(0.5)
    Counts(tp=0, fp=1, fn=1)
    """
    pred, gt = pred.reshape(-1, 4), gt.reshape(-1, 4)
    ious = np.zeros(len(gt))
    for _, j, iou in match_boxes(pred, gt, pred_labels, gt_labels):
        ious[j] = iou
    return BoxScore(tuple(ious.tolist()), len(pred))


def score_referred(pred: Sequence[FloatArray | None], gt: FloatArray) -> BoxScore:
    """Score one box for each query (REC).

    Args:
        pred: (Q,) boxes (4,), or None where the answer holds no box: a miss, not a false alarm.
        gt: (Q, 4) the boxes asked for.

    Raises:
        GeometryError: If there are not as many answers as queries.

    >>> score_referred([np.array([0.0, 0, 4, 4]), None], np.array([[0.0, 0, 4, 4]] * 2)).acc(0.8)
    0.5
    """
    if len(pred) != len(gt):
        raise GeometryError(f"pred must have one entry a query, got {len(pred)} for {len(gt)}.")
    answered = [box for box in pred if box is not None]
    ious = tuple(
        0.0 if box is None else float(box_iou(box, truth)[0, 0])
        for box, truth in zip(pred, gt, strict=True)
    )
    return BoxScore(ious, len(answered))
