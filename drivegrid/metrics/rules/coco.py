"""COCO AP of boxes that have confidences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drivegrid.data.formats.coco_annotations import is_crowd
from drivegrid.data.scene import Scene
from drivegrid.geometry import Box, FloatArray
from drivegrid.metrics.ap_matching import UNMATCHED, ClassMatches, match_class, weighted_ap
from drivegrid.metrics.average_precision import RECALLS, FrameBoxes, score_ap
from drivegrid.metrics.evaluation import Evaluation, MatchRow, of_kind, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums


def evaluate_coco(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score boxes by COCO AP; a box without confidence counts as certain.

    The rows are the matches at IoU .5; predictions that fall to a crowd, and crowds, have none.

    Raises:
        MissingExtraError: If the extra ``metrics`` is not installed.
    """
    del settings
    sides = [[_boxes(pair[i]) for pair in pairs.pairs.values()] for i in (0, 1)]
    score = score_ap(sides[0], sides[1])
    counted: list[dict[str, float]] = [
        {"num_pred": len(pred.labels), "num_gt": len(gt.labels)}
        for pred, gt in zip(*sides, strict=True)
    ]
    tally = tally_of(tuple(pairs.pairs), counted, ("num_pred", "num_gt"), _no_rates)
    matched = [
        {label: match_class(pred, gt, label) for label in {*pred.labels, *gt.labels}}
        for pred, gt in zip(*sides, strict=True)
    ]
    rows = tuple(
        row
        for (name, scenes), found in zip(pairs.pairs.items(), matched, strict=True)
        for row in _rows(name, scenes, list(found.values()))
    )
    curves = {
        f"{label}, IoU .5": list(zip(RECALLS.tolist(), curve.tolist(), strict=True))
        for label, curve in score.curves.items()
    }
    return Evaluation(score.as_dict(), tally, rows, curves=curves, weighted=weighted_ap(matched))


def _rows(
    name: str, scenes: tuple[Scene, Scene], found: Sequence[ClassMatches]
) -> Iterator[MatchRow]:
    """Yield the matches of a frame at IoU .5."""
    pred, gt = (of_kind(scene, Box) for scene in scenes)
    true = {
        i: (j, iou)
        for one in found
        for i, j, iou in zip(one.pred.tolist(), one.true.tolist(), one.iou.tolist(), strict=True)
        if j != UNMATCHED
    }
    crowds = {j for j, (_, item) in enumerate(gt) if is_crowd(item)}
    for i, (place, item) in enumerate(pred):
        j, iou = true.get(i, (None, 0.0))
        if j not in crowds:
            at = None if j is None else gt[j][0]
            yield MatchRow(name, item.label, place, at, iou, at is not None, item.confidence)
    met = {j for j, _ in true.values()}
    for j, (place, item) in enumerate(gt):
        if j not in met | crowds:
            yield MatchRow(name, item.label, None, place, 0.0, False, None)


def _boxes(scene: Scene) -> FrameBoxes:
    items = [item for _, item in of_kind(scene, Box)]
    corners = [item.geometry.vertices().ravel() for item in items]
    return FrameBoxes(
        np.asarray(corners, dtype=np.float64).reshape(-1, 4),
        [item.label for item in items],
        [1.0 if item.confidence is None else item.confidence for item in items],
        [is_crowd(item) for item in items],
    )


def _no_rates(sums: Sums) -> dict[str, FloatArray]:
    del sums
    return {}
