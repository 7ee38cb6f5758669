"""COCO's matching of boxes, frame by frame, so that AP of resampled frames needs no second one.

The rule of cocodataset/cocoapi (cocoeval.py): in each class of a frame the 100 surest predictions,
surest first, take the free true box of the highest IoU at or above the threshold; boxes of another
area range, and crowds, only if no other is left, and then the prediction counts neither way. AP is
no function of sums over frames, but it is one of these matches and of how often each frame counts.
`score_ap` gives the figures themselves, by the code of faster-coco-eval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import BoolArray, FloatArray, IntArray
from drivegrid.metrics.average_precision import RECALLS, FrameBoxes, ap_figures
from drivegrid.metrics.boxes import box_iou

LEVELS = np.linspace(0.5, 0.95, 10)
AREAS = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])
"""Least and largest area of all, small, medium and large boxes, in square pixels."""
MAX_PREDICTIONS = 100
UNMATCHED = -1


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """The matches of one class in one frame; predictions by score, surest first.

    Args:
        pred: (P,) places among the frame's predictions.
        scores: (P,) confidences.
        true: (P,) place among the frame's true boxes of what was matched at IoU .5 and any area,
            else -1.
        iou: (P,) with that box; 0 without.
        hits: (4, 10, P) by area and IoU, whether the prediction takes a true box.
        ignored: (4, 10, P) whether it counts neither way.
        num_gt: (4,) true boxes of each area.
    """

    pred: IntArray
    scores: FloatArray
    true: IntArray
    iou: FloatArray
    hits: BoolArray
    ignored: BoolArray
    num_gt: FloatArray


def match_class(pred: FrameBoxes, gt: FrameBoxes, label: str) -> ClassMatches:
    """Match the boxes of one class in a frame."""
    mine = np.flatnonzero([name == label for name in pred.labels])
    true = np.flatnonzero([name == label for name in gt.labels])
    scores = np.asarray(pred.scores, np.float64)[mine]
    order = np.argsort(-scores, kind="stable")[:MAX_PREDICTIONS]
    mine, scores = mine[order], scores[order]
    crowd = np.asarray(gt.crowd, np.bool_)[true] if gt.crowd else np.zeros(len(true), np.bool_)
    iou = box_iou(pred.xyxy[mine], gt.xyxy[true])
    if crowd.any():  # how much of the prediction the crowd covers
        iou[:, crowd] = _covered(pred.xyxy[mine], gt.xyxy[true][crowd])
    areas = np.asarray(gt.areas, np.float64) if gt.areas else _area(gt.xyxy)
    sizes = _area(pred.xyxy[mine]), areas[true]
    hits = np.zeros((len(AREAS), len(LEVELS), len(mine)), np.bool_)
    ignored = np.zeros_like(hits)
    counted = np.zeros(len(AREAS))
    first = np.full(len(mine), UNMATCHED)
    for a, (low, high) in enumerate(AREAS):
        unwanted = crowd | (sizes[1] < low) | (sizes[1] > high)
        taken = _take(iou, unwanted, crowd)
        hits[a] = taken != UNMATCHED
        outside = (sizes[0] < low) | (sizes[0] > high)
        ignored[a] = np.where(hits[a], np.append(unwanted, False)[taken], outside)
        counted[a] = np.count_nonzero(~unwanted)
        first = taken[0] if a == 0 else first
    matched = first != UNMATCHED
    found = np.where(matched, np.append(true, UNMATCHED)[first], UNMATCHED)
    reached = np.zeros(len(mine))
    reached[matched] = iou[np.flatnonzero(matched), first[matched]]
    return ClassMatches(mine, scores, found, reached, hits, ignored, counted)


def _take(iou: FloatArray, unwanted: BoolArray, crowd: BoolArray) -> IntArray:
    """Return (10, P) which true box each prediction takes at each level, -1 for none."""
    taken: IntArray = np.full((len(LEVELS), len(iou)), UNMATCHED)
    free = np.ones((len(LEVELS), iou.shape[1]), np.bool_)
    at = np.minimum(LEVELS, 1 - 1e-10)[:, None]
    rows = np.arange(len(LEVELS))
    # Most predictions reach no true box: they need no look.
    for i in np.flatnonzero((iou >= LEVELS[0]).any(axis=1)):
        able = (iou[i] >= at) & free
        # A wanted box goes before any other; of equal ones the last wins, as in the source.
        rank = np.where(able, iou[i] + 2.0 * ~unwanted, -1.0)[:, ::-1]
        best = iou.shape[1] - 1 - rank.argmax(axis=1)
        found = able[rows, best]
        taken[found, i] = best[found]
        free[rows[found], best[found]] = crowd[best[found]]
    return taken


def _area(boxes: FloatArray) -> FloatArray:
    area: FloatArray = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return area


def _covered(pred: FloatArray, crowd: FloatArray) -> FloatArray:
    """Return (P, C) shares of the predictions inside each crowd."""
    low = np.maximum(pred[:, None, :2], crowd[None, :, :2])
    high = np.minimum(pred[:, None, 2:], crowd[None, :, 2:])
    inter = (high - low).clip(min=0).prod(axis=-1)
    area = _area(pred)[:, None]
    shares: FloatArray = np.divide(inter, area, out=np.zeros_like(inter), where=area > 0)
    return shares


@dataclass(frozen=True, slots=True)
class _Class:
    """The matches of one class in all frames, surest prediction first."""

    frame: IntArray
    true_positive: FloatArray
    false_positive: FloatArray
    num_gt: FloatArray


def weighted_ap(
    frames: Sequence[dict[str, ClassMatches]],
) -> Callable[[FloatArray], dict[str, float]]:
    """Return the function from how often each frame counts, (F,), to COCO's figures.

    Args:
        frames: (F,) matches of each class in each frame.
    """
    labels = sorted({label for frame in frames for label in frame})
    classes = [_joined([frame.get(label) for frame in frames]) for label in labels]

    def figures(weights: FloatArray) -> dict[str, float]:
        by_class = [_precision(one, weights) for one in classes]
        # (T, R, K, A), as the package gives them
        return ap_figures(np.stack(by_class, axis=2)) if by_class else ap_figures(_NOTHING)

    return figures


_NOTHING = np.full((len(LEVELS), len(RECALLS), 1, len(AREAS)), -1.0)


def _joined(frames: Sequence[ClassMatches | None]) -> _Class:
    known = [(i, one) for i, one in enumerate(frames) if one is not None]
    order = np.argsort(-np.concatenate([one.scores for _, one in known]), kind="stable")
    hits = np.concatenate([one.hits for _, one in known], axis=2)[..., order]
    counts = ~np.concatenate([one.ignored for _, one in known], axis=2)[..., order]
    num_gt = np.zeros((len(AREAS), len(frames)))
    num_gt[:, [i for i, _ in known]] = np.stack([one.num_gt for _, one in known], axis=1)
    frame = np.concatenate([np.full(len(one.scores), i) for i, one in known])[order]
    return _Class(frame, (hits & counts) * 1.0, (~hits & counts) * 1.0, num_gt)


def _precision(one: _Class, weights: FloatArray) -> FloatArray:
    """Return (T, R, A) the best precision at each recall or beyond; -1 without truth."""
    out: FloatArray = np.full((len(LEVELS), len(RECALLS), len(AREAS)), -1.0)
    num_gt = one.num_gt @ weights
    often = weights[one.frame]
    tp = np.cumsum(one.true_positive * often, axis=2)
    fp = np.cumsum(one.false_positive * often, axis=2)
    precision = tp / np.maximum(tp + fp, np.spacing(1.0))
    best = np.maximum.accumulate(precision[..., ::-1], axis=2)[..., ::-1]
    best = np.concatenate([best, np.zeros((*best.shape[:2], 1))], axis=2)
    for a in np.flatnonzero(num_gt > 0):
        for t in range(len(LEVELS)):
            places: npt.NDArray[np.int64] = np.searchsorted(tp[a, t] / num_gt[a], RECALLS)
            out[t, :, a] = best[a, t, places]
    return out
