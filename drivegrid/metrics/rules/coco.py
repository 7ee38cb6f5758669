"""COCO AP of boxes that have confidences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from drivegrid.data.formats.coco_annotations import is_crowd, scored_box
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray
from drivegrid.metrics.ap_matching import UNMATCHED, ClassMatches, match_class, weighted_ap
from drivegrid.metrics.average_precision import RECALLS, FrameBoxes, score_ap
from drivegrid.metrics.evaluation import Evaluation, MatchRow, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums


def evaluate_coco(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score boxes by COCO AP; a box without confidence counts as certain.

    A region that was read from COCO counts as the box of its annotation, and a true one is small,
    medium or large by its annotation's ``area``, as in COCO's own code.

    The rows are the matches at IoU .5; predictions that fall to a crowd, and crowds, have none.

    Raises:
        MissingExtraError: If the extra ``metrics`` is not installed.
    """
    del settings
    scored = [(_scored(pred), _scored(gt)) for pred, gt in pairs.pairs.values()]
    sides = [[_boxes(pair[i], is_truth=i == 1) for pair in scored] for i in (0, 1)]
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
        for name, sides_of, found in zip(pairs.pairs, scored, matched, strict=True)
        for row in _rows(name, sides_of, list(found.values()))
    )
    curves = {
        f"{label}, IoU .5": list(zip(RECALLS.tolist(), curve.tolist(), strict=True))
        for label, curve in score.curves.items()
    }
    return Evaluation(score.as_dict(), tally, rows, curves=curves, weighted=weighted_ap(matched))


def _rows(
    name: str, sides: tuple[list[_Scored], list[_Scored]], found: Sequence[ClassMatches]
) -> Iterator[MatchRow]:
    """Yield the matches of a frame at IoU .5."""
    pred, gt = sides
    true = {
        i: (j, iou)
        for one in found
        for i, j, iou in zip(one.pred.tolist(), one.true.tolist(), one.iou.tolist(), strict=True)
        if j != UNMATCHED
    }
    crowds = {j for j, one in enumerate(gt) if is_crowd(one.item)}
    for i, (place, item, _, _) in enumerate(pred):
        j, iou = true.get(i, (None, 0.0))
        if j not in crowds:
            at = None if j is None else gt[j].place
            yield MatchRow(name, item.label, place, at, iou, at is not None, item.confidence)
    met = {j for j, _ in true.values()}
    for j, (place, item, _, _) in enumerate(gt):
        if j not in met | crowds:
            yield MatchRow(name, item.label, None, place, 0.0, False, None)


class _Scored(NamedTuple):
    """An instance that the rule scores: where it stands in its scene, corners and area."""

    place: int
    item: Instance
    xyxy: list[float]
    area: float


def _scored(scene: Scene) -> list[_Scored]:
    found = (
        (i, item, scored_box(item, scene.frame.size_wh)) for i, item in enumerate(scene.instances)
    )
    return [_Scored(i, item, *box) for i, item, box in found if box is not None]


def _boxes(scored: Sequence[_Scored], *, is_truth: bool) -> FrameBoxes:
    return FrameBoxes(
        np.asarray([one.xyxy for one in scored], dtype=np.float64).reshape(-1, 4),
        [one.item.label for one in scored],
        [1.0 if one.item.confidence is None else one.item.confidence for one in scored],
        [is_crowd(one.item) for one in scored],
        [one.area for one in scored] if is_truth else (),
    )


def _no_rates(sums: Sums) -> dict[str, FloatArray]:
    del sums
    return {}
