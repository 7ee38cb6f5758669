"""Matches of a rule as rows of the store, which say of each prediction and truth what became of it.

The rules match within a label, so they never say that a car was taken for a truck. Here a
prediction and a truth of different labels that both stayed alone and lie in the same place go into
one row. A pair that the rule does not count is told apart into its two sides; each keeps its
overlap. So the labels of a row are its cell of the confusion matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from drivegrid.dashboard.store.stored_scenes import StoredScene

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, FloatArray
from drivegrid.metrics.boxes import ACC_THRESHOLDS, box_iou
from drivegrid.metrics.evaluation import MatchRow
from drivegrid.metrics.matching import match_pairs
from drivegrid.metrics.points import RADIUS_PX

StoredRow: TypeAlias = dict[str, Any]
"""Columns of ``matches`` without the evaluation."""
Both: TypeAlias = tuple[StoredScene, StoredScene]


def stored_rows(
    rule: str, rows: Iterable[MatchRow], pairs: Mapping[int, Both]
) -> Iterator[StoredRow]:
    """Yield the rows to store, frame by frame.

    Args:
        rule: Name of the rule, which says whether a place is a box or a point.
        rows: What the rule matched, the rows of a frame together.
        pairs: Frame id to the scenes that were matched.
    """
    ids = {true.scene.frame.image: frame_id for frame_id, (_, true) in pairs.items()}
    for image, of_frame in groupby(rows, key=lambda row: row.frame):
        pair = pairs[ids[image]]
        told_apart = [part for row in of_frame for part in _parts(row)]
        for row in _with_wrong_labels(rule, told_apart, pair):
            yield {"frame_id": ids[image], **_columns(row, pair)}


def _parts(row: MatchRow) -> tuple[MatchRow, ...]:
    """Return a pair that counts as it is, and another one as its two sides."""
    if row.hit or row.pred is None or row.gt is None:
        return (row,)
    return replace(row, gt=None), replace(row, pred=None, confidence=None)


def _with_wrong_labels(rule: str, rows: Sequence[MatchRow], pair: Both) -> Iterator[MatchRow]:
    """Yield the rows; those of one place and different labels become one."""
    if rule not in ("boxes", "coco", "points"):
        yield from rows
        return
    preds, trues = (scene.scene.instances for scene in pair)
    alarms = [row for row in rows if row.gt is None]
    missed = [row for row in rows if row.pred is None]
    sides = [preds[row.pred] for row in alarms], [trues[row.gt] for row in missed]
    joined = match_pairs(_nearness(rule, *sides))
    for i, j, near in joined:
        row = alarms[i]
        overlap = 1.0 if rule == "points" else near
        yield MatchRow(row.frame, row.label, row.pred, missed[j].gt, overlap, False, row.confidence)
    used = {id(alarms[i]) for i, _, _ in joined} | {id(missed[j]) for _, j, _ in joined}
    yield from (row for row in rows if id(row) not in used)


def _nearness(rule: str, preds: Sequence[Instance], trues: Sequence[Instance]) -> FloatArray:
    """Return (P, G) how well things of different labels lie together; 0 where they do not."""
    corners = [_corners(side) for side in (preds, trues)]
    if rule == "points":
        distance = np.linalg.norm(corners[0][:, None, :2] - corners[1][None, :, :2], axis=-1)
        near = np.where(distance <= RADIUS_PX, 1 / (1 + distance), 0.0)
    else:
        iou = box_iou(*corners)
        near = np.where(iou >= ACC_THRESHOLDS[0], iou, 0.0)
    labels = [np.array([item.label for item in side], dtype=np.str_) for side in (preds, trues)]
    out: FloatArray = near * (labels[0][:, None] != labels[1][None])
    return out


def _corners(instances: Sequence[Instance]) -> FloatArray:
    """Return (N, 4) the boxes around things; both corners of a point are the point."""
    points = [item.geometry.vertices() for item in instances]
    rows = [np.concatenate([xy.min(axis=0), xy.max(axis=0)]) for xy in points]
    return np.asarray(rows, dtype=np.float64).reshape(-1, 4)


def _columns(row: MatchRow, pair: Both) -> StoredRow:
    pred, true = pair
    mine = None if row.pred is None else pred.scene.instances[row.pred]
    other = None if row.gt is None else true.scene.instances[row.gt]
    shown = other or mine
    return {
        "pred_number": None if row.pred is None else pred.numbers[row.pred],
        "true_number": None if row.gt is None else true.numbers[row.gt],
        "pred_label": None if mine is None else mine.label,
        "true_label": None if other is None else other.label,
        "overlap": float(row.overlap),
        "hit": bool(row.hit),
        "confidence": row.confidence,
        "area": None if shown is None else _area(shown),
    }


def _area(item: Instance) -> float | None:
    return float(item.geometry.wh.prod()) if isinstance(item.geometry, Box) else None
