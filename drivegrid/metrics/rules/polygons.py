"""Polygons: gIoU and cIoU, all polygons of a label in a frame being one region."""

from __future__ import annotations

from collections.abc import Sequence

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray, Polygon
from drivegrid.metrics.evaluation import Evaluation, of_kind, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.regions import Overlap, RegionScore, union_overlap
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, over


def evaluate_polygons(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score all polygons, in all and by label."""
    del settings
    by_label: dict[str, RegionScore] = {}
    counted: list[dict[str, float]] = []
    for pred, gt in pairs.pairs.values():
        overlaps = label_overlaps(pred, gt)
        for label, overlap in overlaps.items():
            by_label[label] = by_label.get(label, RegionScore()) + RegionScore((overlap,))
        counted.append(
            {
                "iou": sum(overlap.iou for overlap in overlaps.values()),
                "n": len(overlaps),
                "intersection": sum(overlap.intersection for overlap in overlaps.values()),
                "union": sum(overlap.union for overlap in overlaps.values()),
            }
        )
    columns = ("iou", "n", "intersection", "union")
    tally = tally_of(tuple(pairs.pairs), counted, columns, _rates)
    per_label = {
        label: {key: value for key, value in score.as_dict().items() if key != "parameters"}
        for label, score in sorted(by_label.items())
    }
    figures = sum(by_label.values(), RegionScore()).as_dict() | {"per_label": per_label}
    figures["parameters"] |= {"rule": "polygons"}
    return Evaluation(figures, tally, worst="giou")


def label_overlaps(pred: Scene, gt: Scene) -> dict[str, Overlap]:
    """Return the overlap of the predicted and true region of each label in a frame."""
    sides = [[item for _, item in of_kind(scene, Polygon)] for scene in (pred, gt)]
    labels = dict.fromkeys(item.label for side in sides for item in side)
    return {
        label: joint_overlap(*([i for i in side if i.label == label] for side in sides))
        for label in labels
    }


def joint_overlap(pred: Sequence[Instance], gt: Sequence[Instance]) -> Overlap:
    """Return the overlap of the union of some polygons with that of others."""
    sides = [
        [item.geometry for item in side if isinstance(item.geometry, Polygon)]
        for side in (pred, gt)
    ]
    return union_overlap(sides[0], sides[1])


def _rates(sums: Sums) -> dict[str, FloatArray]:
    return {
        "giou": over(sums["iou"], sums["n"]),
        "ciou": over(sums["intersection"], sums["union"]),
    }
