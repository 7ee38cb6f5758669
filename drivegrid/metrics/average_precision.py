"""COCO AP of boxes, by the code of faster-coco-eval.

IoU .50:.05:.95, 101 recall points, at most 100 boxes a frame, and areas below 32x32, up to 96x96
and above (cocodataset/cocoapi). Needs the extra ``metrics``.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from drivegrid.errors import MissingExtraError
from drivegrid.geometry import FloatArray
from drivegrid.metrics.matching import plain

_FIGURES = ("ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large")
RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class FrameBoxes:
    """The boxes of one frame.

    Args:
        xyxy: (N, 4) corners in pixels.
        labels: (N,) labels.
        scores: (N,) confidences; unused for the truth.
        crowd: (N,) whether a true box stands for a crowd, in which predictions are ignored; unused
            for predictions.
        areas: (N,) areas of true things in square pixels, which say if they are small; empty if
            they are those of the boxes.
    """

    xyxy: FloatArray
    labels: Sequence[str]
    scores: Sequence[float] = ()
    crowd: Sequence[bool] = ()
    areas: Sequence[float] = ()


@dataclass(frozen=True)
class ApScore:
    """COCO's figures in [0, 1]; nan where there is no truth.

    Args:
        figures: AP over all classes, by name.
        per_label: The same three first figures of each label.
        curves: (101,) precision at IoU .5 over `RECALLS` of each label.
        num_gt: Number of true boxes.
    """

    figures: dict[str, float]
    per_label: dict[str, dict[str, float]]
    curves: dict[str, FloatArray]
    num_gt: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, those of each label, n and the parameters."""
        return {
            **{name: plain(value) for name, value in self.figures.items()},
            "n": self.num_gt,
            "per_label": {
                label: {name: plain(value) for name, value in row.items()}
                for label, row in self.per_label.items()
            },
            "parameters": {
                "rule": "coco",
                "iou": "0.50:0.05:0.95",
                "max_detections": 100,
                "areas": "32x32, 96x96",
            },
        }


def score_ap(pred: Sequence[FrameBoxes], gt: Sequence[FrameBoxes]) -> ApScore:
    """Return the AP of the boxes of all frames.

    Args:
        pred: (F,) predictions, a frame each.
        gt: (F,) truth.

    Raises:
        MissingExtraError: If faster-coco-eval is not installed.
    """
    package = import_coco_eval()
    labels = sorted({label for side in (pred, gt) for frame in side for label in frame.labels})
    num_gt = sum(len(frame.labels) for frame in gt)
    nothing = dict.fromkeys(_FIGURES, float("nan"))
    if not num_gt:
        return ApScore(nothing, {}, {}, 0)
    ids = {label: i + 1 for i, label in enumerate(labels)}
    images = [{"id": i + 1, "width": 1, "height": 1} for i in range(len(gt))]
    categories = [{"id": class_id, "name": label} for label, class_id in ids.items()]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = package.COCO(
            {"images": images, "categories": categories, "annotations": _annotations(gt, ids)}
        )
        found = package.COCO(
            {"images": images, "categories": categories, "annotations": _annotations(pred, ids)}
        )
        evaluator = package.COCOeval_faster(truth, found, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
    # (IoU, recall, class, area, most boxes); -1 where there is no truth.
    precision = np.asarray(evaluator.eval["precision"], np.float64)[..., -1]
    return _score(precision, labels, num_gt)


def import_coco_eval() -> ModuleType:
    """Return faster_coco_eval.

    Raises:
        MissingExtraError: If it is absent.
    """
    try:
        import faster_coco_eval
    except ImportError as error:
        raise MissingExtraError("COCO AP", "faster-coco-eval", "metrics") from error
    package: ModuleType = faster_coco_eval
    return package


def _annotations(frames: Sequence[FrameBoxes], ids: dict[str, int]) -> list[dict[str, Any]]:
    """Return COCO annotations of frames numbered from 1."""
    out: list[dict[str, Any]] = []
    for i, frame in enumerate(frames):
        for j, (box, label) in enumerate(zip(frame.xyxy.tolist(), frame.labels, strict=True)):
            width, height = box[2] - box[0], box[3] - box[1]
            entry = {
                "id": len(out) + 1,
                "image_id": i + 1,
                "category_id": ids[label],
                "bbox": [box[0], box[1], width, height],
                "area": frame.areas[j] if frame.areas else width * height,
                "iscrowd": int(bool(frame.crowd) and frame.crowd[j]),
            }
            out.append(entry | ({"score": float(frame.scores[j])} if frame.scores else {}))
    return out


def ap_figures(precision: FloatArray) -> dict[str, float]:
    """Return COCO's six figures of (T, R, K, A) precision; nan where there is no truth.

    Args:
        precision: By IoU .50:.05:.95, `RECALLS`, class, and area: all, small, medium, large; -1
            where there is no truth.
    """
    named = {
        "ap": np.s_[:, :, :, 0],
        "ap_50": np.s_[:1, :, :, 0],
        "ap_75": np.s_[5:6, :, :, 0],
        "ap_small": np.s_[:, :, :, 1],
        "ap_medium": np.s_[:, :, :, 2],
        "ap_large": np.s_[:, :, :, 3],
    }
    return {name: _mean(precision[part]) for name, part in named.items()}


def _score(precision: FloatArray, labels: Sequence[str], num_gt: int) -> ApScore:
    per_label, curves = {}, {}
    for k, label in enumerate(labels):
        if (precision[:, :, k, 0] > -1).any():
            one = ap_figures(precision[:, :, k : k + 1])
            per_label[label] = {name: one[name] for name in _FIGURES[:3]}
            curves[label] = precision[0, :, k, 0]
    return ApScore(ap_figures(precision), per_label, curves, num_gt)


def _mean(precision: FloatArray) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")
