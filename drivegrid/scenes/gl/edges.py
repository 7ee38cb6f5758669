"""Smoother edges of things, after drawing."""

from __future__ import annotations

import cv2
import numpy as np

from drivegrid.scenes.gl.targets import NOBODY
from drivegrid.scenes.view import UInt8Array

_CONTRAST = 26
_AROUND = np.ones((3, 3), np.uint8)


def window_around(numbers: UInt8Array) -> tuple[slice, slice]:
    """Return the rows and columns with bodies and the two pixels around that ``soften`` reads."""
    x, y, width, height = cv2.boundingRect(cv2.bitwise_not(numbers))  # not NOBODY is 0
    return slice(max(y - 2, 0), y + height + 2), slice(max(x - 2, 0), x + width + 2)


def soften(image: UInt8Array, numbers: UInt8Array) -> None:
    """Average pixels at contrasts on and beside what stands, so that steps become slopes.

    The mean of an edge's place does not move.

    Args:
        image: (H, W, 3) uint8, changed in place.
        numbers: (H, W) uint8 of bodies; where there is none the painter has smoothed its edges.
    """
    contrast = cv2.morphologyEx(cv2.extractChannel(image, 1), cv2.MORPH_GRADIENT, _AROUND)
    edge = cv2.threshold(contrast, _CONTRAST, 255, cv2.THRESH_BINARY)[1]
    # The least number around is that of nobody only where no body is near.
    beside = cv2.threshold(cv2.erode(numbers, _AROUND), NOBODY - 1, 255, cv2.THRESH_BINARY_INV)[1]
    cv2.copyTo(cv2.GaussianBlur(image, (3, 3), 0), cv2.bitwise_and(edge, beside), image)
