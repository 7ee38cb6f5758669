"""Points: whether they lie in the true box, or near the true point (pointing accuracy)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, Point
from drivegrid.metrics.evaluation import (
    Evaluation,
    MatchRow,
    calibration_of,
    match_rows,
    of_kind,
    tally_of,
)
from drivegrid.metrics.matching import same_label
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.points import RADIUS_PX, PointMatch, PointScore, match_points
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, over


def evaluate_points(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score all points within their label; ``extra["box_xyxy"]`` of the truth decides a hit."""
    del settings
    rows: list[MatchRow] = []
    counted: list[dict[str, float]] = []
    errors: list[float] = []
    for name, (pred, gt) in pairs.pairs.items():
        sides = of_kind(pred, Point), of_kind(gt, Point)
        found = _match([item for _, item in sides[0]], [item for _, item in sides[1]])
        matches = tuple((pair.pred, pair.gt, float(pair.hit)) for pair in found)
        rows += match_rows(name, sides, matches, [pair.hit for pair in found])
        errors += [pair.distance_px for pair in found]
        counted.append(
            {
                "num_pred": len(sides[0]),
                "num_gt": len(sides[1]),
                "hits": sum(pair.hit for pair in found),
                "pairs": len(found),
                "error_px": sum(pair.distance_px for pair in found),
            }
        )
    columns = ("num_pred", "num_gt", "hits", "pairs", "error_px")
    tally = tally_of(tuple(pairs.pairs), counted, columns, _rates)
    sums = {column: int(value) for column, value in tally.sums().items()}
    score = PointScore(tuple(errors), sums["hits"], sums["num_pred"], sums["num_gt"])
    taken = tuple(rows)
    return Evaluation({**score.as_dict(), **calibration_of(taken)}, tally, taken, "f1")


def _match(pred: Sequence[Instance], gt: Sequence[Instance]) -> tuple[PointMatch, ...]:
    places = [
        np.asarray([item.geometry.vertices()[0] for item in side]).reshape(-1, 2)
        for side in (pred, gt)
    ]
    held = [item.extra.get("box_xyxy") for item in gt]
    boxes = [None if box is None else np.asarray(box, dtype=np.float64) for box in held]
    allowed = same_label([item.label for item in pred], [item.label for item in gt])
    return match_points(places[0], places[1], boxes, allowed, radius_px=RADIUS_PX)


def _rates(sums: Sums) -> dict[str, FloatArray]:
    return {
        "hit": over(sums["hits"], sums["num_gt"]),
        "precision": over(sums["hits"], sums["num_pred"]),
        "f1": over(2 * sums["hits"], sums["num_pred"] + sums["num_gt"]),
        "mean_error_px": over(sums["error_px"], sums["pairs"]),
    }
