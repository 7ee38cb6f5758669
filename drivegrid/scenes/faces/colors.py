"""The main colour of a sign, measured on its picture."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.scenes.faces.face import UInt8Array, outline_mask

_CORE = 0.72
"""Share of the outline that counts as the field; what lies around it is the border."""

_MOST_BLACK = 0.55
_LEAST_FIELD = 0.36
_LEAST_RED = 0.08


def main_color(image: UInt8Array, shape: str) -> str:
    """Return the sign attribute ``color`` by the rules of the task ``sign_color``, in their order.

    Args:
        image: (side, side, 3) RGB square that stretches over the plate's [-1, 1]².
        shape: Value of the sign attribute ``shape``, ``other`` excepted.

    >>> from drivegrid.scenes.faces import face_image
    >>> main_color(face_image("eu stop", 64), "octagon")
    'red'
    """
    side = len(image)
    names = pixel_colors(image)
    core = outline_mask(shape, side, _CORE)
    border = outline_mask(shape, side) & ~core
    field = Counter(names[core].tolist())
    if field["black"] > _MOST_BLACK * core.sum():
        return "black"
    grounds = (name for name in field if name not in ("black", "gray"))
    ground = max(grounds, key=field.__getitem__, default="other")
    if field[ground] < _LEAST_FIELD * core.sum():
        return "other"
    is_rimmed = (names[border] == "red").mean() > _LEAST_RED
    return "red-white" if ground in ("white", "yellow") and is_rimmed else ground


def pixel_colors(image: UInt8Array) -> npt.NDArray[np.str_]:
    """Return (H, W) names of colours, pixel by pixel, from hue, saturation and brightness."""
    hue, saturation, value = np.moveaxis(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), 2, 0).astype(int)
    names = np.full(hue.shape, "other", dtype="<U6")
    names[(hue < 8) | (hue > 172)] = "red"
    names[(hue >= 8) & (hue < 18)] = "orange"
    names[(hue >= 8) & (hue < 18) & (value < 150)] = "brown"
    names[(hue >= 18) & (hue < 32)] = "yellow"
    names[(hue >= 35) & (hue < 88)] = "green"
    names[(hue >= 98) & (hue < 125) & (saturation > 120)] = "blue"
    names[(saturation < 60) & (value > 180)] = "white"
    names[(saturation < 60) & (value <= 180)] = "gray"
    names[value < 70] = "black"
    return names
