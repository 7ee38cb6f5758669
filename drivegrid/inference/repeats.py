"""Answers that name one thing twice: the surer one stays, the other is a diagnostic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray
from drivegrid.inference.results import Found
from drivegrid.metrics.boxes import box_iou
from drivegrid.tokens.answer import Diagnostic

SAME_BOX_IOU = 0.7
"""Boxes of one label that overlap more are one thing; chosen on 60 rendered scenes by box F1."""


def drop_repeats(found: Sequence[Found]) -> tuple[tuple[Found, ...], tuple[Diagnostic, ...]]:
    """Return the instances without repeated boxes, in order, and a diagnostic for each repeat.

    Only boxes of one label compete; the more confident one is kept.
    """
    order = sorted(range(len(found)), key=lambda i: -(found[i].instance.confidence or 0.0))
    kept: list[int] = []
    repeats: list[int] = []
    for i in order:
        rivals = [found[k].instance for k in kept]
        (repeats if _is_repeat(found[i].instance, rivals) else kept).append(i)
    diagnostics = tuple(
        Diagnostic(
            "repeated",
            (0, 0),
            f"instance must be named once, got {found[i].instance.label} again (number {i}).",
        )
        for i in sorted(repeats)
    )
    return tuple(found[i] for i in sorted(kept)), diagnostics


def _is_repeat(instance: Instance, rivals: Sequence[Instance]) -> bool:
    if instance.geometry.kind != "box":
        return False
    same = [r for r in rivals if r.label == instance.label and r.geometry.kind == "box"]
    overlap = box_iou(_corners([instance]), _corners(same))
    return bool((overlap > SAME_BOX_IOU).any())


def _corners(instances: Sequence[Instance]) -> FloatArray:
    return np.array([i.geometry.vertices().ravel() for i in instances]).reshape(-1, 4)
