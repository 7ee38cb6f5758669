"""How well masks are read again from the first of their codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drivegrid.masks.himtok.tokenizer import HimTokenizer
from drivegrid.masks.labelled import by_class

from .corpus import load_masks
from .seg_judging import ious_of

PREFIXES = (1, 2, 4, 8, 16, 32)


def judge_prefixes(tokenizer: HimTokenizer, paths: Sequence[Path]) -> dict[str, float]:
    """Return mean IoUs over all masks.

    ``iou`` is that of all codes, ``iou/L`` of the first L, ``iou/CLASS`` of a class with all.

    Args:
        tokenizer: What is judged; writes all codes.
        paths: Files of held-out pictures.
    """
    ious: dict[int, list[float]] = {length: [] for length in PREFIXES}
    classes: list[str] = []
    for path in paths:
        labelled = load_masks(path)
        truth = labelled.masks.unpack()
        codes = tokenizer.encode_all(None, truth)
        for length, found in ious.items():
            logits = tokenizer.decode_all(None, [row[:length] for row in codes])
            found += ious_of(logits, truth, tokenizer.threshold).tolist()
        classes += labelled.classes
    full = ious[PREFIXES[-1]]
    means = {f"iou/{length}": float(np.mean(found)) for length, found in ious.items()}
    for name, places in by_class(classes).items():
        means[f"iou/{name}"] = float(np.mean([full[place] for place in places]))
    return {"iou": float(np.mean(full)), **means}
