"""Prompts for known masks, as users and GETok's anchors would give them."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np

from drivegrid.geometry import BoolArray, FloatArray
from drivegrid.masks.segmenter import Prompt
from drivegrid.masks.shapes import box_of
from drivegrid.tokens.grid import GridSpec

Shares: TypeAlias = tuple[float, float, float, float, float]
SKETCHING: Shares = (0.4, 0.25, 0.15, 0.1, 0.1)
"""Shares of lone points, boxes, anchors, clicks and masks; ours. SAM gives point and box alike."""
LOOKING: Shares = (0.25, 0.55, 0.12, 0.08, 0.0)
"""Shares for the closer look alone, which is asked by boxes first of all."""
BOX_NOISE, MOST_NOISE_PX = 0.1, 20.0
"""Deviation of a corner, a share of the side, and most pixels of it (SAM, appendix A)."""
MOST_POINTS, MOST_SHIFT_PX = 8, 3
LATTICE = GridSpec()


def draw_prompt(mask: BoolArray, rng: np.random.Generator, shares: Shares = SKETCHING) -> Prompt:
    """Draw a prompt for a mask, (H, W), not empty, of a kind that is drawn by its share."""
    kind = rng.choice(5, p=shares)
    match int(kind):
        case 0:
            return _points(_inside(mask, 1, rng))
        case 1:
            return Prompt(box=noisy_box(mask, rng))
        case 2:
            return _anchors(mask, rng)
        case 3:
            return _clicks(mask, rng)
        case _:
            return Prompt(mask=spoilt(mask, rng))


def _points(points: FloatArray, box: FloatArray | None = None) -> Prompt:
    return Prompt(points, np.ones(len(points), np.bool_), box)


def _inside(mask: BoolArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Return (count, 2) centres of pixels of a mask."""
    places = np.flatnonzero(mask)
    rows, cols = np.divmod(rng.choice(places, count), mask.shape[1])
    return np.stack([cols, rows], axis=1) + 0.5


def _anchors(mask: BoolArray, rng: np.random.Generator) -> Prompt:
    """Draw cells of the lattice whose centres lie in the mask, half of the time with a box."""
    height, width = mask.shape
    centers = LATTICE.centers_of(LATTICE.all_cells, (width, height))
    cols, rows = centers.astype(np.int64).T
    inside = centers[mask[rows, cols]]
    if not len(inside):
        inside = _inside(mask, 1, rng)
    count = int(rng.integers(1, MOST_POINTS + 1))
    chosen = rng.permutation(inside)[:count]
    return _points(chosen, noisy_box(mask, rng) if rng.random() < 0.5 else None)


def _clicks(mask: BoolArray, rng: np.random.Generator) -> Prompt:
    """Draw points inside and, close by, outside."""
    inside = _inside(mask, int(rng.integers(1, MOST_POINTS // 2 + 1)), rng)
    beside = cv2.dilate(mask.astype(np.uint8), np.ones((31, 31), np.uint8)).astype(np.bool_) & ~mask
    if not beside.any():
        return _points(inside)
    outside = _inside(beside, int(rng.integers(1, MOST_POINTS // 2 + 1)), rng)
    positive = np.arange(len(inside) + len(outside)) < len(inside)
    return Prompt(np.concatenate([inside, outside]), positive)


def noisy_box(mask: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Return the box of a mask as a hurried hand would draw it."""
    box = box_of(mask)
    sides = np.tile(box[2:] - box[:2], 2)
    noise = rng.normal(0, BOX_NOISE * sides).clip(-MOST_NOISE_PX, MOST_NOISE_PX)
    corners = (box + noise).reshape(2, 2).clip(0, mask.shape[::-1])
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def spoilt(mask: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Return a mask grown, shrunk or shifted, as a rough draft of it; never empty."""
    side = int(rng.integers(1, 4)) * 2 + 1
    change = cv2.dilate if rng.random() < 0.5 else cv2.erode
    changed = change(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(np.bool_)
    shift = rng.integers(-MOST_SHIFT_PX, MOST_SHIFT_PX + 1, size=2)
    # What leaves the picture on one side must not come back on the other.
    framed = np.roll(np.pad(changed, MOST_SHIFT_PX), tuple(shift.tolist()), axis=(0, 1))
    changed = framed[MOST_SHIFT_PX:-MOST_SHIFT_PX, MOST_SHIFT_PX:-MOST_SHIFT_PX]
    return changed if changed.any() else mask
