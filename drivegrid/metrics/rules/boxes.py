"""Boxes: Acc@0.5 and Acc@0.8, precision, recall and F1, matched within each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, FloatArray
from drivegrid.metrics.boxes import ACC_THRESHOLDS, BoxScore, match_boxes
from drivegrid.metrics.evaluation import (
    Evaluation,
    MatchRow,
    calibration_of,
    match_rows,
    of_kind,
    tally_of,
)
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, over

COLUMNS = ("num_pred", "num_gt", "iou", *(f"tp_{round(100 * t)}" for t in ACC_THRESHOLDS))
HIT = ACC_THRESHOLDS[0]


def evaluate_boxes(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score all boxes, in all and by label; a pair of IoU .5 or more is a hit."""
    del settings
    rows: list[MatchRow] = []
    counted: list[dict[str, float]] = []
    for name, (pred, gt) in pairs.pairs.items():
        sides = of_kind(pred, Box), of_kind(gt, Box)
        corners = [_corners([item for _, item in side]) for side in sides]
        labels = [[item.label for _, item in side] for side in sides]
        matches = match_boxes(corners[0], corners[1], labels[0], labels[1])
        ious = [iou for _, _, iou in matches]
        rows += match_rows(name, sides, matches, [iou >= HIT for iou in ious])
        tp = {f"tp_{round(100 * t)}": float(sum(i >= t for i in ious)) for t in ACC_THRESHOLDS}
        counted.append({"num_pred": len(sides[0]), "num_gt": len(sides[1]), "iou": sum(ious), **tp})
    tally = tally_of(tuple(pairs.pairs), counted, COLUMNS, _rates)
    found = tuple(rows)
    labels_met = sorted({row.label for row in found})
    per_label = {label: _score([r for r in found if r.label == label]) for label in labels_met}
    figures = _score(found).as_dict() | {
        "per_label": {
            label: {key: value for key, value in one.as_dict().items() if key != "parameters"}
            for label, one in per_label.items()
        }
    }
    return Evaluation({**figures, **calibration_of(found)}, tally, found, "f1_50")


def _corners(instances: Sequence[Instance]) -> FloatArray:
    rows = [item.geometry.vertices().ravel() for item in instances]
    return np.asarray(rows, dtype=np.float64).reshape(-1, 4)


def _score(rows: Sequence[MatchRow]) -> BoxScore:
    """Return the score of rows: of all, or of those of one label."""
    true = [row.overlap for row in rows if row.gt is not None]
    return BoxScore(tuple(true), sum(row.pred is not None for row in rows))


def _rates(sums: Sums) -> dict[str, FloatArray]:
    rates = {"mean_iou": over(sums["iou"], sums["num_gt"])}
    for threshold in ACC_THRESHOLDS:
        key = round(100 * threshold)
        tp = sums[f"tp_{key}"]
        rates |= {
            f"acc_{key}": over(tp, sums["num_gt"]),
            f"precision_{key}": over(tp, sums["num_pred"]),
            f"recall_{key}": over(tp, sums["num_gt"]),
            f"f1_{key}": over(2 * tp, sums["num_pred"] + sums["num_gt"]),
        }
    return rates
