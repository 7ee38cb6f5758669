"""Whether confidences mean what they say, and what they are worth: ECE and precision by recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, FloatArray
from drivegrid.metrics.matching import plain

NUM_BINS = 15
"""Bins of equal width, as Guo et al. (2017) take them."""


@dataclass(frozen=True)
class Calibration:
    """Predictions by confidence.

    Args:
        edges: (B + 1,) ends of the bins; bin i holds confidences in (edges[i], edges[i + 1]], the
            first one also 0.
        counts: (B,) number of predictions.
        confidence: (B,) their mean confidence; nan in an empty bin.
        hit_rate: (B,) the share that was right; nan in an empty bin.
    """

    edges: FloatArray
    counts: FloatArray
    confidence: FloatArray
    hit_rate: FloatArray

    @property
    def ece(self) -> float:
        """Mean distance of hit rate and confidence, weighted by count; nan over nothing."""
        if not self.counts.sum():
            return float("nan")
        gaps = np.nan_to_num(np.abs(self.hit_rate - self.confidence))
        return float((gaps * self.counts).sum() / self.counts.sum())

    def as_dict(self) -> dict[str, Any]:
        """Return ECE, n, the bins and the parameters."""
        columns = zip(self.edges[1:], self.counts, self.confidence, self.hit_rate, strict=True)
        return {
            "ece": plain(self.ece),
            "n": int(self.counts.sum()),
            "bins": [
                {
                    "up_to": round(float(edge), 6),
                    "n": int(count),
                    "confidence": plain(confidence),
                    "hit_rate": plain(rate),
                }
                for edge, count, confidence, rate in columns
            ],
            "parameters": {"num_bins": len(self.counts)},
        }


def calibrate(
    confidences: Sequence[float], hits: Sequence[bool], num_bins: int = NUM_BINS
) -> Calibration:
    """Sort predictions into bins of confidence (expected calibration error; Guo et al., 2017).

    Args:
        confidences: (N,) in [0, 1].
        hits: (N,) whether each prediction was right.
        num_bins: Number of bins of equal width.

    Raises:
        GeometryError: If the two differ in number or a confidence lies outside [0, 1].

    >>> round(calibrate([0.9, 0.9, 0.3], [True, False, False]).ece, 4)
    0.3667
    """
    values, right = _checked(confidences, hits)
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    place = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, num_bins - 1)
    counts = np.bincount(place, minlength=num_bins).astype(np.float64)
    sums = [np.bincount(place, weights=side, minlength=num_bins) for side in (values, right)]
    empty = np.full(num_bins, np.nan)
    means = [np.divide(side, counts, out=empty.copy(), where=counts > 0) for side in sums]
    return Calibration(edges, counts, means[0], means[1])


def precision_by_recall(
    confidences: Sequence[float], hits: Sequence[bool], num_gt: int
) -> tuple[FloatArray, FloatArray]:
    """Return (K,) recall and (K,) precision of the predictions above each confidence that occurs.

    Args:
        confidences: (N,) in [0, 1].
        hits: (N,) whether each prediction found its truth; the matching stays as it is.
        num_gt: Number of truths.

    Raises:
        GeometryError: As `calibrate`.

    >>> recall, precision = precision_by_recall([0.9, 0.5, 0.5], [True, True, False], 4)
    >>> recall.tolist(), precision.round(3).tolist()
    ([0.25, 0.5], [1.0, 0.667])
    """
    values, right = _checked(confidences, hits)
    if not len(values) or not num_gt:
        return np.zeros(0), np.zeros(0)
    order = np.argsort(-values, kind="stable")
    found = np.cumsum(right[order])
    last = np.append(np.diff(values[order]) != 0, True)  # equal confidences go in together
    return found[last] / num_gt, (found / np.arange(1, len(values) + 1))[last]


def _checked(confidences: Sequence[float], hits: Sequence[bool]) -> tuple[FloatArray, BoolArray]:
    values, right = np.asarray(confidences, np.float64), np.asarray(hits, np.bool_)
    if len(values) != len(right):
        raise GeometryError(f"hits must be one a confidence, got {len(right)} for {len(values)}.")
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise GeometryError(
            f"confidences must lie in [0, 1], got {values.min()} to {values.max()}."
        )
    return values, right
