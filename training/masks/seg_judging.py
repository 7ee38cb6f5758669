"""How well a segmenter draws held-out masks from one click and from a box."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from drivegrid.geometry import BoolArray, FloatArray
from drivegrid.masks.labelled import LabelledMasks, by_class
from drivegrid.masks.segmenter import LogitArray, Prompt, Segmenter
from drivegrid.masks.shapes import box_of, deepest_point, inside_of, overlap


def judge_segmenter(segmenter: Segmenter[Any], frames: Iterable[LabelledMasks]) -> dict[str, float]:
    """Return mean IoUs over all masks: of one click, of the best of its guesses, and of a box.

    ``iou`` is the mean of click and box; ``click/CLASS`` and ``box/CLASS`` are by class. Frames
    without masks count for nothing.

    Args:
        segmenter: What is judged.
        frames: Held-out pictures; at least one of them has a mask.
    """
    ious: dict[str, list[float]] = {"click": [], "best": [], "box": []}
    classes: list[str] = []
    for labelled in frames:
        truth = labelled.masks.unpack()
        handle = segmenter.encode(labelled.image)
        clicks = np.array([deepest_point(mask) for mask in truth]).reshape(-1, 2)
        guesses, _ = segmenter.candidates(handle, clicks)
        for drawn, true in zip(guesses, truth, strict=True):
            same = np.broadcast_to(true, (len(drawn), *true.shape))
            ious["best"].append(float(ious_of(drawn, same, segmenter.threshold).max()))
        asked = {
            "click": [Prompt(click[None], np.ones(1, np.bool_)) for click in clicks],
            "box": [Prompt(box=box_of(mask)) for mask in truth],
        }
        for way, prompts in asked.items():
            drawn, _ = segmenter.decode(handle, prompts)
            ious[way] += ious_of(drawn, truth, segmenter.threshold).tolist()
        classes += labelled.classes
    means = {name: float(np.mean(values)) for name, values in ious.items()}
    for name, places in by_class(classes).items():
        for way in ("click", "box"):
            means[f"{way}/{name}"] = float(np.mean([ious[way][i] for i in places]))
    return {"iou": (means["click"] + means["box"]) / 2, **means}


def ious_of(logits: LogitArray, truth: BoolArray, threshold: float) -> FloatArray:
    """Return (N,) IoUs of logits (N, h, w), brought to the size of the truth, (N, H, W)."""
    size_wh = truth.shape[2], truth.shape[1]
    pairs = zip(logits, truth, strict=True)
    return np.array([overlap(inside_of(drawn, threshold, size_wh), true) for drawn, true in pairs])
