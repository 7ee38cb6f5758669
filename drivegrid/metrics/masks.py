"""Masks against masks: IoU, and the F-measure of their borders."""

from __future__ import annotations

import math

import cv2
import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray

BORDER_SHARE = 0.008
"""How far borders may lie apart, a share of the picture's diagonal (DAVIS, Perazzi et al. 2016)."""


def mask_iou(predicted: BoolArray, truth: BoolArray) -> float:
    """Return the IoU of two masks (H, W); 1 of two empty ones.

    Raises:
        GeometryError: If their sizes differ.

    >>> mask_iou(np.array([[True, True]]), np.array([[True, False]]))
    0.5
    """
    _check_sizes(predicted, truth)
    union = int((predicted | truth).sum())
    return float((predicted & truth).sum() / union) if union else 1.0


def boundary_f(predicted: BoolArray, truth: BoolArray) -> float:
    """Return the F-measure of borders in [0, 1] that may lie a little apart; 1 of two empty masks.

    Precision is the share of the predicted border within reach of the true one, recall the other
    way round. Reach is ``BORDER_SHARE`` of the diagonal, rounded up to whole pixels. (Source:
    Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
    CVPR 2016, section 5, whose bipartite matching is approximated by dilation as its authors' own
    code does.)

    Args:
        predicted: (H, W) flags.
        truth: (H, W) flags.

    Raises:
        GeometryError: If their sizes differ.
    """
    _check_sizes(predicted, truth)
    reach = math.ceil(BORDER_SHARE * math.hypot(*truth.shape))
    mine, theirs = border(predicted), border(truth)
    if not mine.any() or not theirs.any():
        return float(mine.any() == theirs.any())
    precision = (mine & _near(theirs, reach)).sum() / mine.sum()
    recall = (theirs & _near(mine, reach)).sum() / theirs.sum()
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def border(mask: BoolArray) -> BoolArray:
    """Return (H, W) the pixels of a mask that touch one outside by a side.

    The edge of the picture is no border: nobody drew it.

    >>> border(np.array([[True, True, True, False]])).astype(int).tolist()
    [[0, 0, 1, 0]]
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    edge: BoolArray = mask & (inner == 0)
    return edge


def _near(line: BoolArray, reach: int) -> BoolArray:
    """Return (H, W) pixels no farther than ``reach`` from a line."""
    away = cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near: BoolArray = away <= reach
    return near


def _check_sizes(one: BoolArray, other: BoolArray) -> None:
    if one.shape != other.shape or one.ndim != 2:
        raise GeometryError(f"masks must have one size (H, W), got {one.shape} and {other.shape}.")
