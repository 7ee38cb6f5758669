"""Thin lines of masks: what is left when pixels are taken away from both sides in turn."""

from __future__ import annotations

import numpy as np

from drivegrid.geometry import BoolArray


def thin(mask: BoolArray) -> BoolArray:
    """Return the mask thinned to lines of one pixel (Zhang and Suen, 1984).

    Args:
        mask: (H, W).

    What is connected stays connected; ends of lines stay about where they are. The work is done
    within the box around the mask's pixels.

    >>> bar = np.zeros((7, 9), bool)
    >>> bar[2:5, 1:8] = True
    >>> thin(bar).sum(axis=0).max()
    np.int64(1)
    """
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return mask.copy()
    part = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    inner = np.pad(mask[part], 1).astype(np.uint8)
    while True:
        before = int(inner.sum())
        for step in (0, 1):
            inner[1:-1, 1:-1][_removable(inner, step)] = 0
        if int(inner.sum()) == before:
            break
    out = np.zeros_like(mask)
    out[part] = inner[1:-1, 1:-1].astype(np.bool_)
    return out


def _removable(padded: np.typing.NDArray[np.uint8], step: int) -> BoolArray:
    """Return the pixels one sub-iteration takes away; step 0 south-east, 1 north-west."""
    around = [
        padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx]
        for dy, dx in ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
    ]
    north, _, east, _, south, _, west, _ = around
    count = sum(side.astype(np.int64) for side in around)
    turns = sum(
        ((here == 0) & (after == 1)).astype(np.int64)
        for here, after in zip(around, around[1:] + around[:1], strict=True)
    )
    corners = (
        (north & east & south, east & south & west),
        (north & east & west, north & south & west),
    )[step]
    edge = (corners[0] == 0) & (corners[1] == 0)
    found: BoolArray = (padded[1:-1, 1:-1] == 1) & (count >= 2) & (count <= 6) & (turns == 1) & edge
    return found
