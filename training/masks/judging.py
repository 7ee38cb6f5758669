"""How well masks survive being written and drawn again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from drivegrid.masks.labelled import LabelledMasks, by_class
from drivegrid.masks.tokenizer import MaskTokenizer

from .seg_judging import ious_of


def judge_tokenizer(tokenizer: MaskTokenizer, frames: Iterable[LabelledMasks]) -> dict[str, float]:
    """Return the mean IoU over all masks as ``iou``, and over those of each class by its name.

    Args:
        tokenizer: What is judged.
        frames: Held-out pictures; at least one of them has a mask.
    """
    ious: list[float] = []
    classes: list[str] = []
    for labelled in frames:
        truth = labelled.masks.unpack()
        codes = tokenizer.encode_all(labelled.image, truth)
        logits = tokenizer.decode_all(labelled.image, codes)
        ious += ious_of(logits, truth, tokenizer.threshold).tolist()
        classes += labelled.classes
    means = {name: float(np.mean([ious[i] for i in p])) for name, p in by_class(classes).items()}
    return {"iou": float(np.mean(ious)), **means}
