"""Drivable area: mIoU over direct and alternative, by the BDD100K rule and with the background."""

from __future__ import annotations

from typing import Any

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.metrics.drivable import CLASSES, class_overlaps, drivable_mask
from drivegrid.metrics.evaluation import Evaluation, tally_of
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import Sums, mean_of, over

_FIELDS = ("both", "official", "strict", "true")


def evaluate_drivable(pairs: FramePairs, settings: Settings) -> Evaluation:
    """Score ``area/drivable/direct`` and ``.../alternative`` as masks."""
    del settings
    counted: list[dict[str, float]] = []
    for pred, gt in pairs.pairs.values():
        frame: dict[str, float] = {}
        for name, found in zip(
            CLASSES, class_overlaps(drivable_mask(pred), drivable_mask(gt)), strict=True
        ):
            frame |= {
                f"{name}.both": found.official.intersection,
                f"{name}.official": found.official.union,
                f"{name}.strict": found.strict.union,
                f"{name}.true": found.num_true,
            }
        counted.append(frame)
    columns = tuple(f"{name}.{field}" for name in CLASSES for field in _FIELDS)
    tally = tally_of(tuple(pairs.pairs), counted, columns, _rates)
    true = sum(column.any() for name, column in tally.columns.items() if name.endswith(".true"))
    figures: dict[str, Any] = {
        **tally.rates_of(),
        "n": len(counted) if true else 0,
        "parameters": {
            "rule": "drivable",
            "classes": list(CLASSES),
            "background": "ignored, as BDD100K does; counted in strict",
        },
    }
    return Evaluation(figures, tally, worst="miou")


def _rates(sums: Sums) -> dict[str, FloatArray]:
    """Return IoU of each class the truth has, and the means."""
    rates: dict[str, FloatArray] = {}
    for prefix, union in (("", "official"), ("strict_", "strict")):
        each = {
            name: np.where(
                sums[f"{name}.true"] > 0,
                over(sums[f"{name}.both"], sums[f"{name}.{union}"]),
                np.nan,
            )
            for name in CLASSES
        }
        rates[f"{prefix}miou"] = mean_of(list(each.values()))
        rates |= {f"{prefix}iou_{name}": rate for name, rate in each.items()}
    return rates
