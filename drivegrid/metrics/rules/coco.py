"""COCO AP of boxes that have confidences."""

from __future__ import annotations

import numpy as np

from drivegrid.data.formats.coco_annotations import is_crowd
from drivegrid.data.scene import Scene
from drivegrid.geometry import Box, FloatArray
from drivegrid.metrics.average_precision import RECALLS, FrameBoxes, score_ap
from drivegrid.metrics.evaluation import Evaluation, of_kind, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums


def evaluate_coco(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score boxes by COCO AP; a box without confidence counts as certain.

    AP is no function of sums over frames, so it has no interval and no figure of single frames.

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
    curves = {
        f"{label}, IoU .5": list(zip(RECALLS.tolist(), curve.tolist(), strict=True))
        for label, curve in score.curves.items()
    }
    return Evaluation(score.as_dict(), tally, curves=curves)


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
