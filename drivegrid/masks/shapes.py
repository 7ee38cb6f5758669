"""Where a mask lies, and the same mask at another size."""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.geometry import BoolArray, FloatArray, Size
from drivegrid.masks.segmenter import LogitArray


def box_of(mask: BoolArray) -> FloatArray:
    """Return (4,) x_min, y_min, x_max, y_max of the pixels of a mask that is not empty.

    >>> box_of(np.array([[False, True], [False, True]])).tolist()
    [1.0, 0.0, 2.0, 2.0]
    """
    cols, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([cols[0], rows[0], cols[-1] + 1, rows[-1] + 1], np.float64)


def deepest_point(mask: BoolArray) -> FloatArray:
    """Return (2,) the centre of the pixel that lies deepest in a mask that is not empty.

    The border of the picture counts as outside. Of equally deep pixels the first is taken.

    >>> deepest_point(np.array([[False, True]])).tolist()
    [1.5, 0.5]
    """
    framed = np.pad(mask, 1).astype(np.uint8)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return np.array([col + 0.5, row + 0.5])


def covered_shares(mask: BoolArray, size_wh: Size) -> LogitArray:
    """Return (h, w) float32 the share of each pixel of another size that a mask covers.

    >>> covered_shares(np.array([[True, False, True, True]]), (2, 1)).tolist()
    [[0.5, 1.0]]
    """
    shares = cv2.resize(mask.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
    return np.asarray(shares, np.float32)


def resized(mask: BoolArray, size_wh: Size) -> BoolArray:
    """Return a mask that is not empty at another size: pixels at least half of which it covers.

    Where that would be none, those that it covers most, so that nothing thin is lost.
    """
    if mask.shape == (size_wh[1], size_wh[0]):
        return mask
    shares = covered_shares(mask, size_wh)
    inside: BoolArray = shares >= min(0.5, float(shares.max()))
    return inside


def inside_of(logits: LogitArray, threshold: float, size_wh: Size) -> BoolArray:
    """Return (H, W) the pixels of a picture inside a mask, given its logits (h, w) at any size."""
    inside: BoolArray = cv2.resize(logits, size_wh, interpolation=cv2.INTER_LINEAR) > threshold
    return inside


def overlap(one: BoolArray, other: BoolArray) -> float:
    """Return the IoU of two masks of one size; 0 of two empty ones."""
    return float((one & other).sum() / max(1, (one | other).sum()))
