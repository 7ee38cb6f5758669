"""Colour and texture of each class: what a real frame looks like, in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

COLUMNS = (
    "share", "R", "G", "B", "luma", "between", "within", "p1", "p99", "sat",
    "fine", "coarse", "edges",
)  # fmt: skip
"""What ``frame_statistics`` returns a class: share of the picture in %, mean R, G, B and luma;
``between`` is left to the caller (spread of mean luma over frames), ``within`` the spread of luma
inside the class, 1st and 99th percentile of luma, HSV saturation (0-255), mean local deviation in
5x5 windows (fine) and of the 5x5 means in 31x31 windows (coarse), and the share of pixels whose
gradient exceeds 20 grey levels a pixel, in %. Windows lie wholly inside the class."""

MIN_PIXELS = 200


def frame_statistics(
    image: npt.NDArray[np.uint8], segments: npt.NDArray[np.uint8], number: int
) -> npt.NDArray[np.float64]:
    """Return (number, len(COLUMNS)) statistics of one frame, nan where a class is hardly seen.

    Args:
        image: (H, W, 3) uint8 RGB.
        segments: (H, W) uint8 class of each pixel.
        number: Number of classes.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1]
    gradient = np.hypot(cv2.Sobel(luma, -1, 1, 0), cv2.Sobel(luma, -1, 0, 1)) / 8
    smooth = cv2.blur(luma, (5, 5))
    fine = _deviation(luma, 5)
    coarse = _deviation(smooth, 31)
    found = np.full((number, len(COLUMNS)), np.nan)
    for index in range(number):
        mask = segments == index
        if mask.sum() < MIN_PIXELS:
            continue
        inside, deep = (_eroded(mask, side) for side in (7, 35))
        values = luma[mask]
        found[index] = [
            100 * mask.mean(), *image[mask].mean(axis=0), values.mean(), np.nan, values.std(),
            *np.percentile(values, (1, 99)), saturation[mask].mean(), _mean(fine, inside),
            _mean(coarse, deep), 100 * _mean(gradient > 20, inside),
        ]  # fmt: skip
    return found


def _deviation(values: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
    mean = cv2.blur(values, (side, side))
    square = cv2.blur(values * values, (side, side))
    return np.sqrt(np.maximum(square - mean * mean, 0))


def _eroded(mask: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.bool_]:
    kernel = np.ones((side, side), np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderValue=0).astype(bool)


def _mean(values: npt.NDArray, mask: npt.NDArray[np.bool_]) -> float:
    return float(values[mask].mean()) if mask.sum() >= MIN_PIXELS else np.nan


def table(
    frames: Iterable[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]], names: Sequence[str]
) -> str:
    """Return the mean statistics of (image, segments) pairs as text, one class a row."""
    stack = np.stack([frame_statistics(image, seg, len(names)) for image, seg in frames])
    lines = [f"{'class':<12}{'frames':>7}" + "".join(f"{c:>8}" for c in COLUMNS)]
    for index, name in enumerate(names):
        rows = stack[:, index]
        rows = rows[~np.isnan(rows[:, 0])]
        if len(rows) == 0:
            continue
        means = [
            float(np.mean(c[~np.isnan(c)])) if (~np.isnan(c)).any() else np.nan for c in rows.T
        ]
        means[COLUMNS.index("between")] = float(rows[:, COLUMNS.index("luma")].std())
        lines.append(f"{name:<12}{len(rows):>7}" + "".join(f"{m:>8.1f}" for m in means))
    return "\n".join(lines)
