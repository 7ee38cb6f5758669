"""One-to-one matching and the counts that follow from it: used by every metric of a set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.optimize import linear_sum_assignment

from drivegrid.geometry import FloatArray

Match: TypeAlias = tuple[int, int, float]
"""(prediction index, truth index, weight) of one matched pair."""


def ratio(part: float, whole: float) -> float:
    """Return part / whole, and nan where the whole is 0: a score over nothing is no score.

    >>> ratio(1, 4), ratio(0, 0)
    (0.25, nan)
    """
    return part / whole if whole else float("nan")


def plain(value: float) -> float | None:
    """Return the value as JSON can hold it: None for nan.

    >>> plain(0.5), plain(float("nan"))
    (0.5, None)
    """
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives; they add up over frames.

    >>> (Counts(3, 1, 0) + Counts(0, 0, 2)).f1
    0.6666666666666666
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP); nan without predictions."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN); nan without truth."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), which is 2PR / (P + R); nan where all three are 0."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def as_dict(self) -> dict[str, float | None]:
        """Return counts and rates by name; a rate over nothing is None."""
        return {
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "precision": plain(self.precision),
            "recall": plain(self.recall),
            "f1": plain(self.f1),
        }


def total(counts: Sequence[Counts]) -> Counts:
    """Return the sum; no counts at all give zeros.

    >>> total([])
    Counts(tp=0, fp=0, fn=0)
    """
    return sum(counts, Counts())


def match_pairs(weights: FloatArray) -> tuple[Match, ...]:
    """Match rows to columns one to one so that the summed weight is largest (Hungarian).

    Args:
        weights: (P, G), row = prediction, column = truth; finite. A weight of 0 or less means
            "these two do not go together": such pairs are left out of the answer.

    Returns:
        (row, column, weight) of each pair, by row.

    >>> match_pairs(np.array([[0.9, 0.8], [0.8, 0.1]]))
    ((0, 1, 0.8), (1, 0, 0.8))
    >>> match_pairs(np.zeros((0, 3)))
    ()
    """
    gains = np.maximum(weights, 0.0)
    rows, cols = linear_sum_assignment(gains, maximize=True)
    return tuple(
        (int(row), int(col), float(weights[row, col]))
        for row, col in zip(rows, cols, strict=True)
        if weights[row, col] > 0
    )


def same_label(pred: Sequence[str], gt: Sequence[str]) -> FloatArray:
    """Return (P, G), 1 where the labels are equal and 0 elsewhere.

    >>> same_label(["cone"], ["cone", "car"]).tolist()
    [[1.0, 0.0]]
    """
    equal = [[float(a == b) for b in gt] for a in pred]
    return np.asarray(equal, dtype=np.float64).reshape(len(pred), len(gt))
