"""How well masks survive being written and drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivegrid.masks.labelled import by_class
from drivegrid.masks.tokenizer import MaskTokenizer

from .corpus import load_masks
from .seg_judging import ious_of


def judge_tokenizer(tokenizer: MaskTokenizer, paths: Sequence[Path]) -> dict[str, float]:
    """Return the mean IoU over all masks as ``iou``, and over those of each class by its name.

    Args:
        tokenizer: What is judged.
        paths: Files of held-out pictures.
    """
    ious: list[float] = []
    classes: list[str] = []
    for path in paths:
        labelled = load_masks(path)
        truth = labelled.masks.unpack()
        codes = tokenizer.encode_all(labelled.image, truth)
        logits = tokenizer.decode_all(labelled.image, codes)
        ious += ious_of(logits, truth, tokenizer.threshold).tolist()
        classes += labelled.classes
    means = {name: float(np.mean([ious[i] for i in p])) for name, p in by_class(classes).items()}
    return {"iou": float(np.mean(ious)), **means}
